"""Whose credentials the gate has, as Google says: the name that rules for people go by."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from gate.cloud import credentials
from gate.cloud.status import scrub
from gate.errors import AccessError

TOKEN_INFO = "https://oauth2.googleapis.com/tokeninfo"  # noqa: S105 - an address
_METADATA = "default"
"""What a metadata server's credentials call their account until they have asked."""


async def principal(account: str = "", token_info: str = TOKEN_INFO) -> str:
    """The e-mail address of whoever the credentials belong to, "" where nobody tells.

    An access token is had first: a name that is only written in a file proves nothing.

    Args:
        account: a service account to impersonate, as credentials.acting_as has it.
        token_info: where Google says whose a token is.

    Raises:
        AccessError: there are no credentials, or none that work.
    """
    return await asyncio.to_thread(name_of, lambda: credentials.acting_as(account), token_info)


def name_of(found: Callable[[], Any], token_info: str) -> str:
    """As `principal`, of these credentials. Blocks.

    Raises:
        AccessError: as there.
    """
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - loaded by credentials

    try:
        mine = found()
        mine.before_request(credentials.transport(), "GET", token_info, {})
        name = getattr(mine, "service_account_email", "") or ""
        return str(name) if name not in {"", _METADATA} else _told(str(mine.token), token_info)
    except (GoogleAuthError, ValueError) as error:
        raise AccessError(
            f"credentials: nobody tells whose they are ({scrub(str(error))})"
        ) from None


def _told(token: str, token_info: str) -> str:
    """Whose a token is, by Google; it travels in the body, so that no log has it."""
    body = urlencode({"access_token": token})
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = credentials.transport()(token_info, "POST", body, kind)
    said = json.loads(answer.data) if answer.status == 200 else {}
    verified = str(said.get("email_verified", "true")).lower() == "true"
    return str(said.get("email", "")) if verified else ""
