"""Whether answers are much slower than stable's, from a few that were asked in turns.

What a rate would measure, a few answers cannot: only a slowness that nobody can miss counts, in
each of the candidate's answers, and by more than a pause or a busy machine brings with it.
"""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

FLOOR_S = 0.3
"""A smaller difference is no slowness, whatever the ratio."""
TOLD_PERCENT = 400.0
"""So much slower than stable's is told, whether or not it is asked for."""
TRIES = 4
"""So many answers of each are looked at before it counts."""

Took = Mapping[str, float]
"""How long answers took, in seconds, by what they answer ("" where there is one)."""


class Slow(NamedTuple):
    """One answer that is slower than stable's.

    Attributes:
        own_s: the candidate's fastest.
        stable_s: stable's usual one.
        place: what it answers, "" where there is one.
    """

    own_s: float
    stable_s: float
    place: str

    def __str__(self) -> str:
        times = f"{self.own_s * 1000:.0f} ms where stable takes {self.stable_s * 1000:.0f} ms"
        return f"{self.place}: {times}" if self.place else times


def slowest(tries: Sequence[tuple[Took, Took]], percent: float) -> Slow | None:
    """Of the answers whose fastest one is so much slower than stable's usual one, the slowest.

    Args:
        tries: the candidate's and stable's, in turns; at least one.
        percent: how much slower an answer may be: 300 allows four times as long.

    Returns:
        None where no answer is, or none was measured each time.
    """
    places = set.intersection(*({*one} for pair in tries for one in pair))
    found = (_at(place, tries) for place in sorted(places))
    slow = (one for one in found if one.stable_s > 0 and _slower(one, percent))
    return max(slow, default=None)


def _at(place: str, tries: Sequence[tuple[Took, Took]]) -> Slow:
    own = min(own[place] for own, _ in tries)
    return Slow(own, median(stable[place] for _, stable in tries), place)


def _slower(one: Slow, percent: float) -> bool:
    more_s = one.own_s - one.stable_s
    return more_s > FLOOR_S and more_s > one.stable_s * percent / 100
