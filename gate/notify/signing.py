"""Signs what is sent, as Standard Webhooks has it (https://www.standardwebhooks.com)."""

import base64
import binascii
import hashlib
import hmac
from datetime import datetime

_PREFIX = "whsec_"
KEY_MIN_BYTES = 24
"""Shorter keys are refused, as that specification has it."""


class UnusableKeyError(ValueError):
    """A secret that nothing can be signed with; its value is in no message."""


def key_of(secret: str) -> bytes:
    """The key in a secret: base64, with or without `whsec_` before it.

    Raises:
        UnusableKeyError: it is no base64, or too short.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise UnusableKeyError("its secret is no base64") from None
    if len(key) < KEY_MIN_BYTES:
        raise UnusableKeyError(f"its secret has fewer than {KEY_MIN_BYTES} bytes")
    return key


def signed(key: bytes, message_id: str, at: datetime, content: bytes) -> dict[str, str]:
    """The headers that prove who sends this, and when.

    Args:
        key: of `key_of`.
        message_id: the same for each try.
        at: time of this try.
        content: the body.
    """
    timestamp = str(int(at.timestamp()))
    told = b".".join((message_id.encode(), timestamp.encode(), content))
    mark = base64.b64encode(hmac.new(key, told, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{mark}",
    }
