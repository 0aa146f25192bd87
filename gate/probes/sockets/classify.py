"""How a connection was refused or ended, as faults. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from websockets.exceptions import (
    InvalidHandshake,
    InvalidMessage,
    InvalidStatus,
    NegotiationError,
    SecurityError,
)
from websockets.http11 import Response

from gate.core.evidence import Symptom
from gate.core.policy import Json
from gate.kinds.values import ANY_SELECTED, NONE_SELECTED
from gate.probes import faults, redirect
from gate.probes.frontend import FrontEndAnswer, recognise, telling
from gate.probes.hosts import host_fault, refuses_host
from gate.probes.identity import Doubt, Identity
from gate.probes.outcome import Fault, as_early
from gate.probes.quoting import quoted
from gate.probes.readiness import not_yet

LET_IN = "a WebSocket"
_HTTP = b"HTTP/1.1 "
_UNTOLD = "not kept"
_NONE = "none selected"


class How(Enum):
    """How an open connection ended."""

    CLOSED = "closed"  # a close frame came
    BROKEN = "broken off"  # no close frame came
    GARBLED = "garbled"  # bytes that are not WebSocket
    TOO_LARGE = "too large"  # a message, or the number of frames


@dataclass(frozen=True, slots=True)
class Ending:
    """How an open connection ended.

    Attributes:
        code: the close frame's code, 1005 for one without, 1006 where no frame came.
        reason: the close frame's reason, or what broke.
        ours: whether we had begun to close.
    """

    how: How
    code: int = 1006
    reason: str = ""
    ours: bool = False

    def __str__(self) -> str:
        if self.how is How.CLOSED:
            return f'{self.code} "{self.reason}"' if self.reason else str(self.code)
        if self.how is How.BROKEN:
            return f"1006, no close frame{f' ({self.reason})' if self.reason else ''}"
        return self.reason


@dataclass(frozen=True, slots=True)
class Refusal:
    """A handshake that did not end in a WebSocket.

    Attributes:
        status: the HTTP status, 0 where none came.
        front_end: what the front end said in the container's place, None if it said nothing.
        doubt: why its answer is no evidence, None if it is.
    """

    fault: Fault
    status: int = 0
    front_end: FrontEndAnswer | None = None
    doubt: Doubt | None = None


_SYMPTOMS = {
    How.CLOSED: Symptom.CLOSED,
    How.BROKEN: Symptom.ABNORMAL,
    How.GARBLED: Symptom.PROTOCOL,
    How.TOO_LARGE: Symptom.TOO_LARGE,
}


def ended(ending: Ending, during: str, error: str, expected: str) -> Fault:
    """A connection that ended when it should not have.

    Args:
        ending: how.
        during: what was going on, e.g. `while waiting for schemas/welcome.json`.
        error: what the last error frame said before, "" without one.
        expected: what should have been.
    """
    after = f" after an error frame ({quoted(error, _UNTOLD)})" if error else ""
    return Fault(_SYMPTOMS[ending.how], f"{ending}{after} {during}".rstrip(), expected)


def error_label(value: Json) -> str:
    """What an error frame calls its error, "" for any other message.

    Known forms: a type that says error, and `error` or `error_code` as keys.
    """
    if not isinstance(value, dict):
        return ""
    kind, error = value.get("type"), value.get("error")
    inner = error if isinstance(error, dict) else {}
    if not (error or "error_code" in value or (isinstance(kind, str) and "error" in kind)):
        return ""
    named = value.get("error_code") or inner.get("code") or inner.get("message")
    return str(named or (error if isinstance(error, str) else kind) or "error")


def no_answer(status: int, text: str) -> Refusal:
    """A handshake that was not answered to the end in time.

    Args:
        status: what the beginning of an answer says, 0 where there is none.
        text: what was waited for, e.g. `no answer within 10 s`.
    """
    if status and status != 101:
        seen = f"{faults.phrase(status)}, its body without end"
        return Refusal(Fault(Symptom.REFUSED, seen, LET_IN), status)
    return Refusal(Fault(Symptom.TIMEOUT, text, LET_IN))


def unreached(text: str) -> Refusal:
    """A handshake that could not be begun."""
    return Refusal(faults.unreached(text, LET_IN))


def broken_off(text: str) -> Refusal:
    """A handshake whose connection ended before an answer."""
    return Refusal(Fault(Symptom.ABNORMAL, f"no answer, {text}", LET_IN))


def attributed(
    refusal: Refusal | None, name: str, identity: Identity, *, answered: bool
) -> Refusal | None:
    """The outcome of a handshake, or why it is no evidence: nobody knows who gave it, or another.

    Args:
        refusal: what the handshake alone says, None for a WebSocket.
        name: the revision that its answer names, "" for none.
        identity: whose answers count; asks for a header.
        answered: whether there is an answer that could name one.
    """
    if refusal is not None and (not answered or refusal.front_end):
        return replace(refusal, fault=identity.unanswered(refusal.fault))
    wrong = refusal.fault if refusal else None
    doubt = identity.doubt(name, wrong.seen if wrong else LET_IN, wrong)
    at_its_host = wrong is not None and wrong.symptom is Symptom.HOST
    if doubt is None or (at_its_host and not doubt.other):
        return refusal
    fault = doubt.fault if doubt.other else as_early(doubt.fault, wrong)
    return Refusal(fault, refusal.status if refusal else 101, doubt=doubt)


def refused(
    error: Exception,
    response: Response | None,
    url: str,
    *,
    offered: bool,
    head: bytes,
    named: bool = False,
) -> Refusal:
    """A handshake that was answered with something else than a WebSocket.

    Args:
        error: what the library made of it.
        response: the answer, None where it is not HTTP.
        url: what was asked, as http(s).
        offered: whether subprotocols were offered.
        head: the first bytes of what came.
        named: whether the answer names a revision, so that it cannot be the front end's.
    """
    match error:
        case InvalidStatus():
            return _status(error.response, url, named=named)
        case NegotiationError():
            return Refusal(_negotiation(error, response, offered=offered), 101)
        case InvalidMessage():
            return Refusal(_garbled(error.__cause__ or error, head))
        case SecurityError():
            return Refusal(_garbled(error, head))
        case InvalidHandshake():
            seen = f"an answer that switches to no WebSocket ({error})"
            return Refusal(Fault(Symptom.PROTOCOL, seen, LET_IN), 101)
        case _:
            return Refusal(Fault(Symptom.CLIENT, f"{type(error).__name__}: {error}", LET_IN))


def host_refused(error: Exception) -> Refusal | None:
    """A handshake at a host name that the application does not know; None for any other end."""
    if not isinstance(error, InvalidStatus):
        return None
    status = error.response.status_code
    body = bytes(error.response.body or b"").decode(errors="replace")
    if not refuses_host(status, body):
        return None
    return Refusal(host_fault(faults.phrase(status), LET_IN), status)


def _status(response: Response, url: str, *, named: bool) -> Refusal:
    status = response.status_code
    body = bytes(response.body or b"").decode(errors="replace")
    told = telling(lambda name: ", ".join(response.headers.get_all(name)))
    if not named and (front_end := recognise(status, body, told)):
        return Refusal(front_end.fault(faults.phrase(status), LET_IN), status, front_end)
    if 300 <= status < 400:
        location = ", ".join(response.headers.get_all("Location"))
        return Refusal(redirect.fault(url, faults.phrase(status), location, LET_IN), status)
    seen = faults.phrase(status) + (quoted(f", {body}") if body.strip() else "")
    later, date = (", ".join(response.headers.get_all(name)) for name in ("Retry-After", "Date"))
    early = not_yet(status, body, later, date)
    return Refusal(Fault(Symptom.REFUSED, seen, LET_IN, not_yet=early), status)


def _negotiation(error: NegotiationError, response: Response | None, *, offered: bool) -> Fault:
    """The server chose what was not offered: a fault of its own, unless we offered nothing."""
    headers = response.headers if response else None
    if headers is not None and headers.get_all("Sec-WebSocket-Extensions"):
        return Fault(Symptom.PROTOCOL, f"an extension that was not offered ({error})", LET_IN)
    chosen = ", ".join(headers.get_all("Sec-WebSocket-Protocol")) if headers is not None else ""
    if offered:
        return Fault(
            Symptom.SUBPROTOCOL, f"{chosen}, which was not offered", "one of those offered"
        )
    return Fault(
        Symptom.CLIENT,
        f"the server selects {chosen}, the probe offers no subprotocol",
        "a probe that offers what the server selects",
        "offer it under `subprotocols`",
    )


def wrong_selection(selected: str, wanted: str, offered: Sequence[str]) -> Fault | None:
    """What is wrong with the subprotocol of a connection that was let in.

    Args:
        selected: the one that the server has selected, "" for none.
        wanted: one of those offered, `none`, `any`, or "" for one of them, whichever.
        offered: those offered.
    """
    if selected == wanted and wanted:
        return None
    if wanted and wanted not in (NONE_SELECTED, ANY_SELECTED):
        return Fault(Symptom.SUBPROTOCOL, selected or _NONE, wanted)
    if wanted == NONE_SELECTED and selected:
        return Fault(Symptom.SUBPROTOCOL, f"{selected} selected", "none selected")
    if wanted or selected or not offered:
        return None
    return Fault(
        Symptom.SUBPROTOCOL,
        f"{_NONE}, although {' and '.join(offered)} were offered",
        "one of those offered",
        "browsers close such a connection (WHATWG WebSockets); where no browser connects, "
        "say expect: {subprotocol: none}",
    )


def _garbled(cause: BaseException, head: bytes) -> Fault:
    begun = head[: len(_HTTP)]
    if isinstance(cause, EOFError) and _HTTP.startswith(begun):
        return Fault(Symptom.ABNORMAL, f"no whole answer ({cause})", LET_IN)
    if isinstance(cause, SecurityError):
        return Fault(Symptom.TOO_LARGE, f"an answer without end ({cause})", LET_IN)
    return faults.not_http(str(cause), LET_IN)
