"""What any client may meet on its way to an answer, in the same words for all of them. Pure."""

from http import HTTPStatus

from gate.core.evidence import Symptom
from gate.probes.outcome import Fault

_HTTP = "an HTTP/1.1 answer"


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
