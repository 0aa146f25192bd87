"""What users' own requests said of the steps of a rollout, by its record."""

from collections.abc import Iterator

from gate.core.canary import Word
from gate.report.fields import Entry, child, children, number, text
from gate.report.lines import Line, Tone
from gate.report.safe import safe
from gate.report.words import many

TEXT_MAX = 600
TONES = {
    Word.ON.value: Tone.GOOD,
    Word.WORSE.value: Tone.BAD,
    Word.UNSERVED.value: Tone.BAD,
    Word.WAIT.value: Tone.UNSURE,
}
"""By the word that follows from them."""


def requests_lines(outcome: Entry) -> Iterator[Line]:
    """What users' requests said, step by step.

    Args:
        outcome: of the ledger; older ones have nothing of this.
    """
    for one in children(outcome, "user_requests"):
        sides = {text(side, "role"): side for side in children(one, "revisions")}
        stable = [side for side in children(one, "revisions") if text(side, "role") == "stable"]
        own = sides.get("candidate", {})
        percent = number(one, "percent") or 0
        told = f"users' requests at {percent} %: "
        if not own:
            told += safe(text(one, "text"), TEXT_MAX)
        else:
            told += f"{_side(own)}; stable {_together(stable)}"
        yield Line(told, TONES.get(text(one, "word"), Tone.UNSURE))
        if missing := text(one, "missing"):
            yield Line(safe(missing, TEXT_MAX), Tone.UNSURE, indent=2)


def _side(side: Entry) -> str:
    total, bad = number(side, "requests") or 0, number(child(side, "by_class"), "5xx") or 0
    took = child(side, "latency_ms")
    latency = "".join(f", {safe(name)} {number(took, name)} ms" for name in took)
    front_end = number(side, "front_end") or 0
    more = f", {front_end} by the front end" if front_end else ""
    return f"{many(total, 'request')}, {bad} with 5xx{more}{latency}"


def _together(sides: list[Entry]) -> str:
    if len(sides) == 1:
        return _side(sides[0])
    total = sum(number(one, "requests") or 0 for one in sides)
    bad = sum(number(child(one, "by_class"), "5xx") or 0 for one in sides)
    return f"{many(total, 'request')}, {bad} with 5xx"
