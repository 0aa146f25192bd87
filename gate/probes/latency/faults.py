"""What a request without a right answer says, and of whom."""

import errno

import aiohttp

from gate.core.evidence import Symptom
from gate.probes.faults import broken_off, endless_headers, not_http, unreached, unsendable
from gate.probes.outcome import Fault

_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
"""What a connection fails with when this machine has no room for one more."""


class TooLargeError(Exception):
    """A body beyond the bounds."""


def late(timeout_s: float, *, asked: bool) -> Fault:
    """Of a request that was not answered to the end in time, counted from when it was due."""
    expected = f"an answer within {timeout_s:g} s"
    if asked:
        return Fault(Symptom.TIMEOUT, f"no whole answer within {timeout_s:g} s", expected)
    return Fault(Symptom.CONNECT, f"no connection within {timeout_s:g} s", expected)


def crowded(timeout_s: float, connections: int) -> Fault:
    """Of a request that was never sent, since so many before it were not answered."""
    return Fault(
        Symptom.TIMEOUT,
        f"no answer within {timeout_s:g} s to those before it, on all {connections} connections",
        f"an answer within {timeout_s:g} s",
    )


def broken(error: Exception, *, asked: bool) -> Fault:
    """Of an exchange that an exception ended.

    Args:
        error: what the client raised.
        asked: whether the request was on its way to whoever answers.
    """
    if isinstance(error, TooLargeError):
        return Fault(Symptom.TOO_LARGE, str(error), "a body within the bounds")
    if isinstance(error, OSError) and error.errno in _OURS:
        return Fault(
            Symptom.CLIENT,
            f"our own side has no room for another connection ({error.strerror})",
            "a connection",
            "ask at a lower rate, or allow this process more open files (ulimit -n)",
        )
    # what TLS refuses is both an OSError and a ValueError, and the other side's matter
    if isinstance(error, ValueError) and not isinstance(error, OSError) and not asked:
        return unsendable(error)
    return _answer(error) if asked else unreached(str(error) or type(error).__name__)


def _answer(error: Exception) -> Fault:
    if isinstance(error, aiohttp.ClientResponseError):
        told = error.message.partition("\n")[0]
        if "more than" in told or "too long" in told.lower() or "Too many" in told:
            return endless_headers(told)
        return not_http(told)
    return broken_off(type(error).__name__)


def twice() -> Fault:
    """Of an answer that came only when the request was sent again, over another connection.

    HTTP allows it (RFC 9110, 9.2.2) and the client does so by itself; but connections here are
    never idle long enough for a server to close them by right.
    """
    return Fault(
        Symptom.ABNORMAL,
        "the connection broke off, and an answer came when it was asked once more",
        "a whole answer to the first request",
    )
