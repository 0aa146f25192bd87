"""Application default credentials, for the real APIs only: importing google-auth takes its time."""

import asyncio
import urllib.request
from collections.abc import Mapping
from email.message import Message
from functools import cache
from http.client import HTTPException

import google.auth
import google.auth.credentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
from google.auth.transport import Request, Response

from gate.cloud.failure import Code, Failure
from gate.cloud.tls import trust

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_TIMEOUT_S = 10.0


class _Heard(Response):
    """An answer, as google-auth wants it."""

    def __init__(self, status: int, headers: Message, data: bytes) -> None:
        self._status, self._headers, self._data = status, headers, data

    @property
    def status(self) -> int:
        return self._status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._headers  # type: ignore[return-value]  # names in any case, as it needs

    @property
    def data(self) -> bytes:
        return self._data


class Transport(Request):
    """How google-auth asks for tokens: over the standard library, since requests takes 350 ms.

    Heeds the environment's proxies. Follows no redirection, since none belongs there.
    """

    def __init__(self) -> None:
        self._opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(context=trust()),
            urllib.request.UnknownHandler(),
        ):
            self._opener.add_handler(handler)

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: object,
    ) -> Response:
        """One request.

        Raises:
            TransportError: there was no answer.
        """
        data = body.encode() if isinstance(body, str) else body
        request = urllib.request.Request(  # noqa: S310 - the opener knows http and https only
            url, data=data, headers=dict(headers or {}), method=method
        )
        try:
            with self._opener.open(request, timeout=timeout or _TIMEOUT_S) as answer:
                return _Heard(answer.status, answer.headers, answer.read())
        except (OSError, HTTPException) as error:
            raise TransportError(error) from error  # type: ignore[no-untyped-call]


@cache
def default_credentials() -> tuple[google.auth.credentials.Credentials, Transport]:
    """Application default credentials, and how they ask for tokens. Blocks.

    Raises:
        GoogleAuthError: there are none.
    """
    transport = Transport()
    credentials, _ = google.auth.default(scopes=_SCOPES, request=transport)
    return credentials, transport


async def token_headers(url: str) -> list[tuple[str, str]]:
    """Headers that say who calls, with an access token that is still good for a while.

    Raises:
        Failure: there is none: UNAUTHENTICATED where that will not pass by itself.
    """
    return await asyncio.to_thread(_token_headers, url)


def _token_headers(url: str) -> list[tuple[str, str]]:
    headers: dict[str, str] = {}
    try:
        credentials, transport = default_credentials()
        credentials.before_request(transport, "GET", url, headers)  # type: ignore[no-untyped-call]
    except DefaultCredentialsError as error:
        raise Failure(Code.UNAUTHENTICATED, f"no credentials: {error}", sent=False) from None
    except GoogleAuthError as error:
        passes = error.retryable or isinstance(error, TransportError)
        code = Code.UNAVAILABLE if passes else Code.UNAUTHENTICATED
        raise Failure(code, f"no access token: {error}", sent=False) from None
    return list(headers.items())
