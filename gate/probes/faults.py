"""What any client may meet on its way to an answer, in the same words for all of them. Pure.

Libraries' exceptions are told by their classes' names, so that this imports no library.
"""

import errno
from http import HTTPStatus

from gate.core.evidence import Symptom
from gate.http1.packing import UnpackError, Why
from gate.probes.outcome import Fault

_HTTP = "an HTTP/1.1 answer"
_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
"""What a connection fails with when this machine has no room for one more."""
_UNSENDABLE = frozenset({"LocalProtocolError", "UnsupportedProtocol", "InvalidURL"})
_NO_ANSWER = frozenset({"RemoteProtocolError", "ClientResponseError"})  # h11 and httpcore; aiohttp
_ENDED = ("disconnected", "peer closed")
_ENDLESS = ("too long", "too many", "more than")
_UNPACKING = {
    Why.ENCODING: Symptom.HEADER,
    Why.TOO_LARGE: Symptom.TOO_LARGE,
    Why.BROKEN: Symptom.PROTOCOL,
}


def of_exception(error: Exception, *, asked: bool, expected: str = "a connection") -> Fault:
    """What a client's exception means; the one table for all of them.

    Args:
        error: as httpcore, aiohttp, h11 or asyncio raises it.
        asked: whether the request was on its way to whoever answers.
        expected: what should have been, where nobody was reached.
    """
    kinds = {kind.__name__ for kind in type(error).__mro__}
    told = getattr(error, "message", None)  # aiohttp's; it may be a whole head that was begun
    text = (told if isinstance(told, str) else "" if told else str(error)).partition("\n")[0]
    # what TLS refuses is both an OSError and a ValueError, and the other side's matter
    ours = isinstance(error, ValueError) and not isinstance(error, OSError) and not asked
    if isinstance(error, UnpackError):
        return Fault(_UNPACKING[error.why], error.seen, error.expected)
    if isinstance(error, OSError) and error.errno in _ROOM:
        return no_room(error)
    if ours or kinds & _UNSENDABLE:
        return unsendable(error)
    if kinds & _NO_ANSWER and not any(word in text for word in _ENDED):
        endless = any(word in text.lower() for word in _ENDLESS)
        return endless_headers(text) if endless else not_http(text)
    text = text or type(error).__name__
    return broken_off(text) if asked else unreached(text, expected)


def unreached(text: str, expected: str = "a connection") -> Fault:
    """The address was not reached, or TLS did not come about."""
    hint = "the address was not reached, so that the container has not spoken"
    return Fault(Symptom.CONNECT, f"no connection ({text})", expected, hint)


def broken_off(text: str, expected: str = "a whole answer") -> Fault:
    """The connection ended before the answer did."""
    return Fault(Symptom.ABNORMAL, f"the connection broke off ({text})", expected)


def not_http(text: str, expected: str = _HTTP) -> Fault:
    """Something came that no client can read."""
    return Fault(Symptom.PROTOCOL, f"bytes that are not HTTP ({text})", expected)


def endless_headers(text: str) -> Fault:
    """More headers came than any answer needs."""
    return Fault(Symptom.TOO_LARGE, f"headers without end ({text})", _HTTP)


def too_large(most: int) -> Fault:
    """A body of more bytes than are read."""
    return Fault(Symptom.TOO_LARGE, f"a body of more than {most} bytes", f"at most {most} bytes")


def no_room(error: OSError) -> Fault:
    """This machine cannot open one more connection: nobody else's fault."""
    return Fault(
        Symptom.CLIENT,
        f"our own side has no room for another connection ({error.strerror or error})",
        "a connection",
        "ask for fewer connections or at a lower rate, or allow more open files (ulimit -n)",
    )


def unsendable(error: Exception) -> Fault:
    """The client refuses to send it. Without the library's text: it may quote a header."""
    return Fault(
        Symptom.CLIENT,
        f"a request that cannot be sent ({type(error).__name__})",
        "a request that HTTP allows",
        "look at the probe's path, method and headers",
    )


def phrase(status: int) -> str:
    """A status with its usual name: 307 Temporary Redirect."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
