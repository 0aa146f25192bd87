"""What a request without a right answer says, and of whom."""

from gate.core.evidence import Symptom
from gate.probes.outcome import Fault


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
