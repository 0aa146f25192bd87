"""Session affinity: a cookie leads a client back to the instance that it had.

For revisions with session_affinity. It lives 30 days, goes before the split of the traffic, and is
best effort: an instance that is gone or full is another one's turn
(https://cloud.google.com/run/docs/configuring/session-affinity). The cookie's name is the one that
clients of Cloud Run see; it is not documented.
"""

import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final

from gate.local.ports import Lease

_COOKIE: Final = re.compile(rb"(?:^|[;,][ \t]*)GAESA=([A-Za-z0-9_=-]{1,512})")
_LIFE_S: Final = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Session:
    """Where a client was before: the short name of a revision, and the id of an instance."""

    revision: str
    instance_id: str


def session_of(found: Mapping[bytes, bytes]) -> Session | None:
    """The session that a request goes on with; None when it has none that can be read.

    Args:
        found: lower-case names and values of its fields.
    """
    cookie = _COOKIE.search(found.get(b"cookie", b""))
    if cookie is None:
        return None
    try:
        revision, _, instance_id = urlsafe_b64decode(cookie[1]).decode().partition(" ")
    except (Error, UnicodeDecodeError):
        return None
    return Session(revision, instance_id)


def session_field(lease: Lease) -> bytes:
    """The header line that gives a client its session."""
    value = urlsafe_b64encode(f"{lease.key.revision} {lease.instance_id}".encode())
    expires = formatdate(time.time() + _LIFE_S, usegmt=True).encode()
    return b"Set-Cookie: GAESA=%b; expires=%b; path=/\r\n" % (value, expires)
