"""What stable showed beside the candidate, whose fault it is, and what the tries came to."""

from collections.abc import Iterator, Sequence

from gate.core.attribution import Attribution, advice, control_of
from gate.core.evidence import STABLE, Evidence, Repeat
from gate.report.lines import Line, Tone
from gate.report.safe import safe
from gate.report.words import duration, outcome_of

SHOWN_MAX = 60


def own(evidence: Sequence[Evidence]) -> list[Evidence]:
    """What was seen at the candidate; a control is no evidence of its own."""
    return [item for item in evidence if not item.control]


def blamed(word: str, attribution: str) -> str:
    """An outcome's word, with whose fault it is where that is known: `FAILED (regression)`."""
    return f"{word} ({safe(attribution, 30)})" if attribution else word


def beside(seen: str, stable: str) -> str:
    """What the candidate showed, and what stable did, for one cell of a table."""
    return f"{seen}; {STABLE}: {safe(stable, SHOWN_MAX)}" if stable else seen


def control_text(item: Evidence, evidence: Sequence[Evidence]) -> str:
    """What stable showed where the candidate did not pass, "" where that is not known."""
    control = None if item.passed or item.address else control_of(item.probe, evidence)
    return "" if control is None else f"{outcome_of(control)}, {control.seen}"


def tries_text(tries: Sequence[str], of_stable: Sequence[str] = ()) -> str:
    """How many of a probe's tries failed: `3 of 3 failed; of stable's 0 of 3`."""
    if len(tries) < 2:
        return ""
    text = f"{_failed(tries)} of {len(tries)} failed"
    if silent := tries.count(Repeat.SILENT.value):
        text += f", {silent} of them without an answer"
    return f"{text}; of stable's {_failed(of_stable)} of {len(of_stable)}" if of_stable else text


def _failed(tries: Sequence[str]) -> int:
    return sum(one != Repeat.RIGHT.value for one in tries)


def fault_lines(item: Evidence, evidence: Sequence[Evidence]) -> Iterator[Line]:
    """Whose fault it is, and with a control what stable showed and how many tries failed."""
    control = None if item.address else control_of(item.probe, evidence)
    fault = item.attribution
    if fault is None or (control is None and fault is Attribution.UNKNOWN):
        return
    told = advice(item, fault) if control else ""
    yield Line(f"fault: {fault.value}" + (f" ({told})" if told else ""), indent=4)
    if control is None:
        return
    word, took = outcome_of(control), duration(control.duration_s)
    yield Line(f"{STABLE}: {word} in {took}: {safe(control.seen)}", Tone.FAINT, indent=4)
    tries = [one.value for one in item.repeats], [one.value for one in control.repeats]
    if text := tries_text(*tries):
        yield Line(f"tries: {text}", indent=4)
