"""What is wrong with a stream as a whole: its kind, and how Cloud Run cuts it."""

from dataclasses import replace

from gate.core.evidence import Symptom
from gate.errors import InfrastructureError
from gate.probes.inquiry import Run
from gate.probes.outcome import Fault
from gate.probes.stream.timing import Timing
from gate.probes.web.exchange import Answer

CUT = b"upstream request timeout"
"""What the front end says where the request timeout is over."""
_EARLY_S = 0.5
_LONG_S = 30.0
_UNKNOWN = (
    "Cloud Run ends every request at the revision's request timeout (5 m unless set, 60 m at "
    "most); if it came sooner, look for a crash, and for proxies that give up on quiet streams"
)
_KNOWN = (
    "clients must come back with Last-Event-ID and be served from there; or raise the revision's "
    "request timeout (60 m at most)"
)


def wrong_type(answer: Answer, wanted: tuple[str, ...]) -> Fault | None:
    """The fault of an answer of another media type; None where it has one of these.

    Args:
        answer: as far as its head.
        wanted: those that will do, none for any.
    """
    written = answer.header("content-type") or ""
    if not wanted or written.partition(";")[0].strip().lower() in wanted:
        return None
    seen = f"content-type: {written}" if written else "no header content-type"
    return Fault(Symptom.HEADER, seen, f"content-type: {wanted[0]}")


async def broken_off(run: Run, fault: Fault, rest: bytes, timing: Timing, now_s: float) -> Fault:
    """The fault of a stream whose connection broke off; says so where Cloud Run did it.

    Args:
        run: whose configuration tells the request timeout.
        fault: what the client saw.
        rest: what had come of an event that is not whole.
        timing: of the stream.
        now_s: when it broke off.
    """
    lasted_s = now_s - timing.asked_s
    if fault.symptom is not Symptom.ABNORMAL:
        return replace(fault, seen=f"{fault.seen}, after {timing}")
    timeout_s = await _request_timeout_s(run)
    if CUT in rest or (timeout_s is not None and lasted_s >= timeout_s - _EARLY_S):
        return _cut(timeout_s or lasted_s, timing, fault.expected)
    hint = _UNKNOWN if timeout_s is None and lasted_s >= _LONG_S else ""
    return replace(fault, seen=f"{fault.seen} after {lasted_s:.1f} s: {timing}", hint=hint)


def _cut(timeout_s: float, timing: Timing, expected: str) -> Fault:
    seen = f"cut by Cloud Run at the request timeout ({timeout_s:.3g} s): {timing}"
    return Fault(Symptom.ABNORMAL, seen, expected, _KNOWN)


async def ended_by_front_end(run: Run, rest: bytes, timing: Timing) -> Fault | None:
    """The fault of a stream whose last words are the front end's; None where they are not."""
    if CUT not in rest:
        return None
    timeout_s = await _request_timeout_s(run)
    lasted_s = (timing.ended_s or 0.0) + timing.began_s - timing.asked_s
    return _cut(timeout_s or lasted_s, timing, "a whole answer")


async def _request_timeout_s(run: Run) -> float | None:
    """The revision's request timeout; None where nobody knows it."""
    if run.configurations is None or not run.target.revision:
        return None
    try:
        fields = (await run.configurations.of(run.target.revision)).fields
        return float(fields.get("timeout_s", ""))
    except (InfrastructureError, ValueError):
        return None
