"""What users' own requests say of a step: on, back, or wait. Pure.

The candidate's share of 5xx and its latency are held beside stable's by the sequential test that
probes are repeated by (Wald's): it may be looked at after each request and keeps its error rates.
Never on without requests: the candidate's own must be there, as many as the policy asks for.
"""

import math
from dataclasses import dataclass
from enum import Enum

from gate.core.policy import MetricsRule
from gate.core.statistics import SprtResult, sequential, worse
from gate.core.user_requests import Counts, RequestCounts

ALPHA = 0.01
"""How often a candidate that is like stable is called worse."""
BY_CHANCE = 0.002
"""A difference from stable that chance makes more often is none, as long as stable has few."""
BETA = 0.05
"""How often one that is as much worse as the policy names is taken for one that is not."""
FLOOR = 0.005
"""A share of 5xx that anybody may have: where stable shows none, this is what stable's may be."""
SLOW_MORE = 0.1
"""So much larger a share of slow answers is called slower."""
FLOOR_S = 0.1
"""A smaller difference of latency is none, whatever the ratio."""
_MOST = 0.99
_MEASURED = 0.9
"""Of so many answers it must be known how long they took; the rest may be late in its series."""


class Word(Enum):
    """What follows from users' requests."""

    ON = "on"  # enough of them, and as good as stable's
    WORSE = "worse"  # the candidate answers them worse than stable
    UNSERVED = "unserved"  # Cloud Run's front end answers them in the candidate's place
    WAIT = "wait"  # too few, or they do not tell yet


@dataclass(frozen=True, slots=True)
class StepWord:
    """What users' requests say of a step, and why.

    Attributes:
        text: in one clause.
        more: how many more requests it would take if all of them were good; 0 where that is not
            what is missing.
        thin: whether it waits since there are fewer requests than the policy asks for.
    """

    word: Word
    text: str
    more: int = 0
    thin: bool = False


def judge_requests(counts: RequestCounts, rule: MetricsRule, least: int) -> StepWord:
    """What users' requests say of a step.

    A good answer turned into a bad one never turns anything into ON, nor WORSE into anything else.

    Args:
        counts: what was counted.
        rule: how much worse than stable's they may be.
        least: how many of the candidate's there must be, at least 1.
    """
    own, stable = counts.candidate, counts.beside
    errors, slowness = _errors(own, stable, rule), _slowness(own, stable, rule)
    told = beside(own, stable)
    if errors is SprtResult.HIGH:
        return StepWord(Word.WORSE, f"users get more 5xx than from stable: {told}")
    if slowness is SprtResult.HIGH:
        return StepWord(
            Word.WORSE, f"users wait longer than for stable: {_took(own, stable, rule)}"
        )
    if _unserved(own, stable, rule):
        asked = own.total + own.front_end
        text = f"Cloud Run's front end answered {own.front_end} of {asked} requests in its place"
        return StepWord(Word.UNSERVED, text)
    if own.total < max(least, 1):
        return StepWord(Word.WAIT, told, max(least, 1) - own.total, thin=True)
    if slowness is None:
        text = f"stable has too few requests to compare latency with: {told}"
        return StepWord(Word.WAIT, text)
    if (errors, slowness) != (SprtResult.LOW, SprtResult.LOW):
        return StepWord(Word.WAIT, f"requests do not tell yet: {told}", _more(own, stable, rule))
    return StepWord(Word.ON, told)


def beside(own: Counts, stable: Counts) -> str:
    """Both in words: `0 of 37 with 5xx (stable 1 of 700)`."""
    front_end = f", {own.front_end} by the front end" if own.front_end else ""
    return f"{own.bad} of {own.total} with 5xx{front_end} (stable {stable.bad} of {stable.total})"


def _rates(seldom: float, more: float) -> tuple[float, float]:
    low = min(max(seldom, FLOOR), _MOST - 0.01)
    return low, min(low + more, _MOST)


def _share(count: int, total: int) -> float:
    return count / total if total else 0.0


def _errors(own: Counts, stable: Counts, rule: MetricsRule) -> SprtResult:
    return _compared((own.bad, own.total), (stable.bad, stable.total), rule.errors_percent / 100)


def _compared(own: tuple[int, int], stable: tuple[int, int], more: float) -> SprtResult:
    """Whether something happens more often here than there; what stable's few show is no proof."""
    low, high = _rates(_share(*stable), more)
    found = sequential(*own, low=low, high=high, alpha=ALPHA, beta=BETA)
    if found is SprtResult.HIGH and stable[1]:
        chance = worse(own[1] - own[0], own[1], stable[1] - stable[0], stable[1])
        return SprtResult.HIGH if chance < BY_CHANCE else SprtResult.OPEN
    return found


def _unserved(own: Counts, stable: Counts, rule: MetricsRule) -> bool:
    """Whether users get no answer of the candidate's more often than of stable's."""
    asked, there = own.total + own.front_end, stable.total + stable.front_end
    more = rule.errors_percent / 100
    seen = _compared((own.front_end, asked), (stable.front_end, there), more)
    return seen is SprtResult.HIGH


def _slowness(own: Counts, stable: Counts, rule: MetricsRule) -> SprtResult | None:
    """Whether more of its answers are slow than may be; None where stable says not what slow is."""
    limit_s = slow_s(stable, rule)
    if limit_s is None:
        return None
    beyond = (100 - rule.percentile) / 100
    slow, total = own.took.above(limit_s), own.took.total
    measurable = own.total - own.classes[0]  # how long a WebSocket is held says nothing
    if not measurable and own.total:
        return SprtResult.LOW
    there = (stable.took.above(limit_s), stable.took.total)
    low = max(beyond, FLOOR)
    found = sequential(slow, total, low=low, high=low + SLOW_MORE, alpha=ALPHA, beta=BETA)
    if found is SprtResult.HIGH:
        chance = worse(total - slow, total, there[1] - there[0], there[1])
        return SprtResult.HIGH if chance < BY_CHANCE else SprtResult.OPEN
    return found if total >= measurable * _MEASURED else SprtResult.OPEN


def slow_s(stable: Counts, rule: MetricsRule) -> float | None:
    """What counts as slow beside stable, in seconds; None where stable has too few answers."""
    if stable.took.total * (100 - rule.percentile) < 100:
        return None
    usual_s = stable.took.percentile(rule.percentile)
    return None if usual_s is None else max(usual_s * rule.slower, usual_s + FLOOR_S)


def _took(own: Counts, stable: Counts, rule: MetricsRule) -> str:
    here, there = (one.took.percentile(rule.percentile) or 0.0 for one in (own, stable))
    name = f"p{rule.percentile:g}"
    slow = own.took.above(slow_s(stable, rule) or math.inf)
    return (
        f"{name} {here * 1000:.0f} ms where stable's is {there * 1000:.0f} ms "
        f"({slow} of {own.took.total} answers slower than may be)"
    )


def _more(own: Counts, stable: Counts, rule: MetricsRule) -> int:
    """How many good answers more it would take until nothing speaks against it; 0 where none would.

    The test is linear in them: what is missing is divided by what one of them adds.
    """
    low, high = _rates(_share(stable.bad, stable.total), rule.errors_percent / 100)
    needed = _good_needed(own.bad, own.total, low, high)
    limit_s = slow_s(stable, rule)
    if limit_s is not None and own.took.total:
        low = max((100 - rule.percentile) / 100, FLOOR)
        slow = own.took.above(limit_s)
        needed = max(needed, _good_needed(slow, own.took.total, low, low + SLOW_MORE))
    return needed


def least_telling(rule: MetricsRule) -> int:
    """How few good requests tell at best, beside a stable that shows nothing bad."""
    low, high = _rates(0.0, rule.errors_percent / 100)
    beyond = max((100 - rule.percentile) / 100, FLOOR)
    return max(_good_needed(0, 0, low, high), _good_needed(0, 0, beyond, beyond + SLOW_MORE))


def _good_needed(bad: int, trials: int, low: float, high: float) -> int:
    good = math.log((1 - high) / (1 - low))
    ratio = bad * math.log(high / low) + (trials - bad) * good
    return max(math.ceil((math.log(BETA / (1 - ALPHA)) - ratio) / good), 0)


def chance_of_notice(requests: int, rate: float, rule: MetricsRule, stable: int = 0) -> float:
    """The chance that a candidate which answers at this rate with 5xx is called worse.

    Exact, by the same words as above, where stable shows no 5xx.

    Args:
        requests: of the candidate, looked at one after the other.
        rate: share of its answers that are 5xx, 0 to 1.
        rule: as the policy has it.
        stable: how many requests stable had; 0 for many.
    """
    beside_it = Counts((0, stable or 100_000, 0, 0, 0))
    still, noticed = {0: 1.0}, 0.0
    for trials in range(1, requests + 1):
        after: dict[int, float] = {}
        for bad, chance in still.items():
            for count, part in ((bad, 1 - rate), (bad + 1, rate)):
                after[count] = after.get(count, 0.0) + chance * part
        still = {}
        for bad, chance in after.items():
            own = Counts((0, trials - bad, 0, 0, bad))
            if _errors(own, beside_it, rule) is SprtResult.HIGH:
                noticed += chance
            elif chance > 1e-12:
                still[bad] = chance
    return noticed
