"""Application default credentials, for the real APIs only: importing google-auth takes its time."""

import asyncio
import urllib.request
from collections.abc import Callable, Mapping
from email.message import Message
from functools import cache
from http.client import HTTPException

import google.auth
import google.auth.credentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
from google.auth.transport import Request, Response

from gate.cloud.failure import Code, Failure
from gate.cloud.tls import trust

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
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
def transport() -> Transport:
    """The one that all share: to read which authorities TLS trusts takes its time."""
    return Transport()


@cache
def default() -> google.auth.credentials.Credentials:
    """The application default credentials. Blocks: it may ask the metadata server.

    Raises:
        GoogleAuthError: there are none.
    """
    credentials, _ = google.auth.default(scopes=SCOPES, request=transport())
    return credentials


@cache
def acting_as(account: str) -> google.auth.credentials.Credentials:
    """Credentials of a service account that the default ones may impersonate; "" for those.

    Args:
        account: its email, with those that stand between, comma-separated, before it.

    Raises:
        GoogleAuthError: there are no default credentials.
    """
    if not account:
        return default()
    from google.auth import impersonated_credentials  # noqa: PLC0415 - only to impersonate

    delegates, principal = chain(account)
    return impersonated_credentials.Credentials(  # type: ignore[no-untyped-call]
        default(), principal, list(SCOPES), delegates=list(delegates)
    )


def chain(account: str) -> tuple[tuple[str, ...], str]:
    """Those that stand between and the account itself, of emails with commas between them."""
    *delegates, principal = (one.strip() for one in account.split(","))
    return tuple(delegates), principal


async def token_headers(url: str, account: str = "") -> list[tuple[str, str]]:
    """Headers that say who calls, with an access token that is still good for a while.

    Args:
        url: what is called.
        account: as `acting_as`.

    Raises:
        Failure: there is none: UNAUTHENTICATED where that will not pass by itself.
    """
    return await asyncio.to_thread(headers_of, lambda: acting_as(account), url)


def headers_of(
    found: Callable[[], google.auth.credentials.Credentials], url: str
) -> list[tuple[str, str]]:
    """As `token_headers`, of these credentials. Blocks."""
    headers: dict[str, str] = {}
    try:
        found().before_request(transport(), "GET", url, headers)  # type: ignore[no-untyped-call]
    except DefaultCredentialsError as error:
        raise Failure(Code.UNAUTHENTICATED, f"no credentials: {error}", sent=False) from None
    except GoogleAuthError as error:
        passes = error.retryable or isinstance(error, TransportError)
        code = Code.UNAVAILABLE if passes else Code.UNAUTHENTICATED
        raise Failure(code, f"no access token: {error}", sent=False) from None
    return list(headers.items())
