"""What users' own requests said of the steps of a rollout: while it runs, and of its record."""

from collections.abc import Iterator

from gate.core.canary import Word
from gate.core.state import Rollout, StepCount
from gate.report.fields import Entry, child, children, number, text
from gate.report.lines import Line, Tone
from gate.report.safe import safe
from gate.report.words import many

TEXT_MAX = 600
_TONES = {
    Word.ON.value: Tone.GOOD,
    Word.WORSE.value: Tone.BAD,
    Word.UNSERVED.value: Tone.BAD,
    Word.WAIT.value: Tone.UNSURE,
}


def step_text(one: StepCount) -> str:
    """How far a step is: `step 5 %: 37 of 200 requests, 0 5xx (stable 1 of 700)`."""
    if one.counts is None:
        return f"step {one.percent} %: users' requests {safe(one.said.text, 300)}"
    own, stable = one.counts.candidate, one.counts.beside
    asked = f"{own.total} of {one.least} requests" if own.total < one.least else _many(own.total)
    front_end = f", {own.front_end} by the front end" if own.front_end else ""
    beside = f"(stable {stable.bad} of {stable.total})"
    return f"step {one.percent} %: {asked}, {own.bad} 5xx{front_end} {beside}"


def _many(count: int) -> str:
    return many(count, "request")


class RequestMessages:
    """Turns counts of users' requests into lines: each quarter of what is asked for, and news."""

    def __init__(self) -> None:
        self._told: object = None
        self._waited: set[int] = set()

    def counted(self, rollout: Rollout) -> list[Line]:
        """Lines once they were counted again; none where nothing is new."""
        one = rollout.counted[-1]
        waits = self._waits(rollout, one)
        own = one.counts.candidate if one.counts else None
        quarter = min(4 * own.total // max(one.least, 1), 4) if own else -1
        news = (one.percent, one.said.word, quarter, own and (own.bad > 0, own.front_end > 0))
        if news == self._told:
            return waits
        self._told = news
        tone = _TONES[one.said.word.value] if one.said.word is not Word.WAIT else Tone.FAINT
        return [Line(step_text(one), tone, indent=2), *waits]

    def _waits(self, rollout: Rollout, one: StepCount) -> list[Line]:
        """What is missing, once for each step, as soon as it would be over but for that."""
        over = rollout.at is not None and rollout.at >= rollout.limit_at
        if not one.thin or not over or one.percent in self._waited:
            return []
        self._waited.add(one.percent)
        return [Line(safe(one.thin, TEXT_MAX), Tone.UNSURE, indent=2)]


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
        yield Line(told, _TONES.get(text(one, "word"), Tone.UNSURE))
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
