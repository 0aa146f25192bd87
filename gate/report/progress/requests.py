"""What users' own requests say of a step while it lasts."""

from gate.core.canary import Word
from gate.core.state import Rollout, StepCount
from gate.report.lines import Line, Tone
from gate.report.requests import TEXT_MAX, TONES
from gate.report.safe import safe
from gate.report.words import many


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
        self._waited: set[tuple[int, bool]] = set()

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
        tone = TONES[one.said.word.value] if one.said.word is not Word.WAIT else Tone.FAINT
        return [Line(step_text(one), tone, indent=2), *waits]

    def _waits(self, rollout: Rollout, one: StepCount) -> list[Line]:
        """What is missing, once it would be over but for that; before there is any count, too."""
        over = rollout.at is not None and rollout.at >= rollout.limit_at
        begun = one.counts is not None and one.counts.until > one.counts.since
        if not one.thin or not over or (one.percent, begun) in self._waited:
            return []
        self._waited.add((one.percent, begun))
        return [Line(safe(one.thin, TEXT_MAX), Tone.UNSURE, indent=2)]
