"""The positive control: every question is asked of stable, too, in the same minutes.

Candidate and stable take turns. A failure of the candidate is asked again, of both, until a
sequential test knows whether it is broken or fails by chance; a pass is never asked again.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gate.core.answers import NO_ANSWER, in_words, worse
from gate.core.attribution import sprt_result
from gate.core.control import Contract, Repeats
from gate.core.evidence import STABLE, Asked, Evidence, Finding, Outcome, Repeat, Symptom
from gate.core.policy import Probe
from gate.core.shapes import Shape, broken, together, uncalled, unlike, unreadable
from gate.core.slowness import TOLD_PERCENT, TRIES, Took, slowest
from gate.core.statistics import SprtResult
from gate.kinds.keys import keys_of
from gate.ports import Clock
from gate.probes.words import LINES_MAX, TEXT_MAX

AGAIN_WITHIN_S = 120.0
"""So long a failed probe may be asked again, its first try included, whatever the test knows."""
ALONE_WITHIN_S = 10.0
"""So long at most a failure under users' traffic is asked again before they are moved."""
BREAKS_MAX = 5
"""Most differences from stable's shape that are told."""

PATH_MAX = 100
UNEXPLAINED = (
    "stable passes the same suite, and nothing that was asked here was answered worse than there: "
    "nobody knows whose fault it is"
)
_NOTHING = frozenset({Symptom.NO_EVIDENCE, Symptom.TESTS})

Ask = Callable[[], Awaitable[Evidence]]
Again = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Sides:
    """Who is asked: the candidate, and stable.

    Attributes:
        own: asks the candidate.
        control: asks stable.
        again: told how often the question was asked before, each time that it is asked again.
    """

    own: Ask
    control: Ask
    again: Again


@dataclass(frozen=True, slots=True)
class Limits:
    """How long failures may be asked again.

    Attributes:
        rule: the test; None asks once.
        until: when the rollout ends whatever happens, None for never.
        pause_s: between two tries where nobody is a control.
    """

    rule: Repeats | None
    clock: Clock
    until: datetime | None = None
    pause_s: float = 1.0

    def allow(self, tries: Sequence[tuple[Evidence, Evidence]], began: datetime) -> bool:
        """Whether there is time, and the test allows it, to ask both once more."""
        if self.rule is None or len(tries) > self.rule.at_most:
            return False
        now = self.clock.now()
        took = (now - began) / len(tries)
        if (now - began + took).total_seconds() > AGAIN_WITHIN_S:
            return False
        return self.until is None or now + took * 1.5 < self.until


async def ask_both(probe: Probe, sides: Sides, limits: Limits) -> tuple[Evidence, Evidence]:
    """What the candidate and stable show; a failure is asked again, of both in turns.

    Args:
        probe: the question.
        sides: who is asked.
        limits: how often at most.

    Returns:
        The first evidence of each, with what every try came to where there were several.
    """
    began = limits.clock.now()
    tries: list[tuple[Evidence, Evidence]] = []
    while True:
        tries.append((await sides.own(), await sides.control()))
        seen = _compared(probe, tries)
        if seen[0].outcome is not Outcome.FAILED or not limits.allow(tries, began):
            break
        if (
            limits.rule
            and sprt_result([one.tried for one in seen], limits.rule) is not SprtResult.OPEN
        ):
            break
        sides.again(len(tries))
    own, control = _told(seen, tries)
    if len(tries) == 1 and own.passed and control.passed:
        return await _timed(probe, sides, limits, (own, control))
    return own, control


async def _timed(
    probe: Probe, sides: Sides, limits: Limits, first: tuple[Evidence, Evidence]
) -> tuple[Evidence, Evidence]:
    """A pass that is much slower than stable's is asked again: it counts if it stays so.

    One slow answer may be chance, and is never more than told.
    """
    own, control = first
    began, tries, took = limits.clock.now(), [first], [_took(*first)]
    allowed = keys_of(probe).slower_at_most_percent
    percent = TOLD_PERCENT if allowed is None else allowed
    while slowest(took, percent) and len(tries) < TRIES and limits.allow(tries, began):
        sides.again(len(tries))
        tries.append((await sides.own(), await sides.control()))
        if not (tries[-1][0].passed and tries[-1][1].passed):
            return first
        took.append(_took(*tries[-1]))
    if (slow := slowest(took, percent)) is None:
        return first
    told = str(slow)
    if allowed is None or len(tries) < TRIES:
        return _told_apart(own, [told]), control
    finding = Finding(Symptom.SLOW, f"at most {allowed:g}% slower than stable's", told)
    own = replace(
        own,
        outcome=Outcome.FAILED,
        findings=(finding,),
        seen=f"slower than stable: {told} ({len(tries)} of {len(tries)} times)",
        right_times=0,
        repeats=(Repeat.WRONG,) * len(tries),
    )
    return own, replace(control, repeats=(Repeat.RIGHT,) * len(tries))


def _took(own: Evidence, control: Evidence) -> tuple[Took, Took]:
    return dict(own.took), dict(control.took)


async def ask_alone(
    ask: Ask, limits: Limits, again: Again, ends: Callable[[], datetime]
) -> Evidence:
    """What the candidate shows where it has users and nobody is a control.

    What the front end says in its place is asked again until the candidate answers; a failure until
    the sequential test knows whether it is broken or failed by chance. Both for a short time only,
    so that users do not stay on a broken one for longer.

    Args:
        ask: asks it.
        limits: how often at most.
        again: told how often it was asked before, each time that it is asked again.
        ends: when nothing is asked again any more; asked once something is to be.

    Returns:
        The first evidence that was the candidate's, with what every try of it came to.
    """
    clock = limits.clock
    began, times = clock.now(), 0
    tries: list[Evidence] = []
    while True:
        seen, times = await ask(), times + 1
        if tries or not _in_its_place(seen):
            tries.append(seen)
        if _known(tries, limits) or not _time_left(limits, (clock.now() - began) / times, ends()):
            break
        again(times)
        await clock.sleep(limits.pause_s)
    if len(tries) < 2:
        return tries[0] if tries else seen
    return replace(tries[0], repeats=tuple(one.tried for one in tries))


def alone_pause_s(share: int) -> float:
    """Seconds between two tries: what passes by itself is given the time to.

    Args:
        share: percent of the answers that are the candidate's: the fewer, the more are asked for.
    """
    return max(share / 100, 0.05)


def _in_its_place(seen: Evidence) -> bool:
    """Whether the front end answered, or nobody was reached: the candidate has not spoken."""
    leading = seen.findings[0].symptom if seen.findings else None
    silent = leading in {Symptom.PLATFORM, Symptom.CONNECT}
    return seen.outcome is Outcome.INCONCLUSIVE and silent


def _known(tries: Sequence[Evidence], limits: Limits) -> bool:
    """Whether asking again can tell nothing more."""
    if not tries:
        return False
    if tries[0].outcome is not Outcome.FAILED or limits.rule is None:
        return True
    if len(tries) > limits.rule.at_most:
        return True
    return sprt_result([one.tried for one in tries], limits.rule) is not SprtResult.OPEN


def _time_left(limits: Limits, took: timedelta, ends: datetime) -> bool:
    """Whether one more try ends in time, if it takes as long as those before it."""
    done = limits.clock.now() + timedelta(seconds=limits.pause_s) + took
    return done <= ends and (limits.until is None or done < limits.until)


def stands(seen: Evidence) -> bool:
    """Whether it failed at each of several tries."""
    failed = seen.outcome is Outcome.FAILED and len(seen.repeats) > 1
    return failed and Repeat.RIGHT not in seen.repeats


def _compared(probe: Probe, tries: Sequence[tuple[Evidence, Evidence]]) -> list[Evidence]:
    """What the candidate showed each time; a pass in a shape that breaks stable's clients fails.

    What differs between stable's own answers is no promise.
    """
    promised = together(control.shape for _, control in tries if control.passed)
    if promised is None or probe.contract is Contract.DECLARED:
        return [own for own, _ in tries]
    return [_against(own, promised) for own, _ in tries]


def _against(own: Evidence, promised: Shape) -> Evidence:
    if not own.passed or own.shape is None:
        return own
    breaks = [(Symptom.SCHEMA, *one) for one in broken(own.shape, promised)]
    breaks += [(Symptom.BODY, *one) for one in unreadable(own.shape, promised)]
    breaks += [(Symptom.FORBIDDEN, *one) for one in uncalled(own.shape, promised)]
    if not breaks:
        return _told_apart(own, unlike(own.shape, promised))
    findings = tuple(
        Finding(symptom, f"{was}, as stable has it", now)
        for symptom, now, was in breaks[:BREAKS_MAX]
    )
    more = f" (and {len(breaks) - 1} more)" if len(breaks) > 1 else ""
    uncalled_for = breaks[0][0] is Symptom.FORBIDDEN
    what = "stable does not send" if uncalled_for else "another shape than stable's:"
    return replace(
        own,
        outcome=Outcome.FAILED,
        findings=findings,
        seen=f"{what} {breaks[0][1]}{more}",
        right_times=0,
    )


def _told_apart(own: Evidence, differences: Sequence[str]) -> Evidence:
    """A pass that says in what its page is unlike stable's, which may be meant so."""
    if not differences:
        return own
    lines = tuple(f"= unlike stable's: {one}" for one in differences[:BREAKS_MAX])
    more = f" (and {len(differences) - 1} more)" if len(differences) > 1 else ""
    seen = f"unlike stable's: {differences[0]}{more}; {own.seen}"[:TEXT_MAX]
    return replace(own, seen=seen, excerpts=(*lines, *own.excerpts)[:LINES_MAX])


def _told(
    seen: Sequence[Evidence], tries: Sequence[tuple[Evidence, Evidence]]
) -> tuple[Evidence, Evidence]:
    own, control = seen[0], tries[0][1]
    shape = together(one.shape for _, one in tries)
    control = replace(control, address=STABLE, shape=shape)
    if len(tries) == 1:
        return own, control
    own = replace(own, repeats=tuple(one.tried for one in seen))
    return own, replace(control, repeats=tuple(one.tried for _, one in tries))


def blamed(own: Evidence, control: Evidence) -> Evidence:
    """A suite that shows nothing here and passes at stable: by what it was answered, if that tells.

    Where a place outside of the tests that count was answered worse than stable answers it, the
    candidate has failed; else nobody knows why its tests do not run.
    """
    whole = control.passed and control.tests
    unclear = whole and own.outcome is Outcome.INCONCLUSIVE and own.findings
    if not unclear or own.findings[0].symptom not in _NOTHING:
        return own
    found = [_worse(*one) for one in worse(own.answers, control.answers)]
    if not found:
        first = own.findings[0]
        hint = "; ".join(filter(None, (first.hint, UNEXPLAINED)))
        return replace(own, findings=(replace(first, hint=hint), *own.findings[1:]))
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return replace(
        own,
        outcome=Outcome.FAILED,
        findings=(*found[:BREAKS_MAX], *own.findings),
        seen=f"{found[0].seen}{more}; {own.seen}",
    )


def _worse(asked: Asked, here: int, there: int) -> Finding:
    what = f"{'WS' if asked.websocket else asked.method} {asked.path[:PATH_MAX]}"
    seen = f"{in_words(here)} to {what}, outside of its tests"
    symptom = Symptom.ABNORMAL if here == NO_ANSWER else Symptom.STATUS
    return Finding(symptom, f"{in_words(there)}, as stable answers", seen)


def settled(own: Evidence, control: Evidence, probe: Probe) -> bool:
    """Whether this alone rejects the candidate: then other failures need not be asked again."""
    return probe.required and stands(own) and control.passed
