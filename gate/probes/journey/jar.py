"""The cookies of one journey, as a browser keeps them: by the standard library's rules.

A cookie for another domain is not kept, and none is sent to another host: no other is ever asked.
"""

from collections.abc import Iterator, Mapping, Sequence
from email.message import Message
from http import cookiejar
from http.client import HTTPResponse
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import cast
from urllib.parse import urlsplit
from urllib.request import Request

from gate.probes.web.exchange import Answer

COOKIES_MAX = 300
"""More cookies are not kept: browsers keep 180 of one site or so (RFC 6265, 6.1)."""
_SECURE = ("https", "wss")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Jar:
    """Cookies of one host.

    Args:
        url: the only base URL that is ever asked.
    """

    def __init__(self, url: str) -> None:
        host = urlsplit(url).hostname or ""
        trusted = host in _LOOPBACK or host.endswith(".localhost")  # as browsers have it
        policy = DefaultCookiePolicy(secure_protocols=(*_SECURE, "http") if trusted else _SECURE)
        self._cookies = CookieJar(policy)

    def take(self, url: str, answer: Answer) -> None:
        """Keeps what an answer sets, changes or ends."""
        given = [value for name, value in answer.headers if name == "set-cookie"]
        if len(self) + len(given) <= COOKIES_MAX:
            head = cast("HTTPResponse", _Head([_readable(value) for value in given]))
            self._cookies.extract_cookies(head, Request(url))  # noqa: S310 - opens nothing

    def header(self, url: str) -> str:
        """What is sent as Cookie, "" for nothing."""
        request = Request(url)  # noqa: S310 - as above
        self._cookies.add_cookie_header(request)
        return str(request.get_header("Cookie", ""))

    @property
    def values(self) -> Mapping[str, str]:
        """Every cookie by its name; of several, the last."""
        return dict(self._all())

    def _all(self) -> Iterator[tuple[str, str]]:
        for cookie in self._cookies:
            if cookie.value:
                yield cookie.name, cookie.value

    def __len__(self) -> int:
        return len(list(self._cookies))


def _readable(given: str) -> str:
    """A cookie without a date that nobody can read: for browsers, it has none (RFC 6265, 5.2.1).

    The library would lose all cookies of the answer by it, and print a traceback.
    """
    first, *attributes = given.split(";")
    return ";".join([first, *(one for one in attributes if _is_well_formed(one))])


def _is_well_formed(attribute: str) -> bool:
    name, _, value = attribute.partition("=")
    if name.strip().lower() != "expires":
        return True
    try:
        said = value.strip().strip('"')
        return cookiejar.http2time(said) is not None  # type: ignore[attr-defined]
    except (ValueError, OverflowError):
        return False


class _Head:
    """The cookies of an answer, as the standard library reads them."""

    def __init__(self, given: Sequence[str]) -> None:
        self._head = Message()
        for value in given:
            self._head["Set-Cookie"] = value

    def info(self) -> Message:
        return self._head
