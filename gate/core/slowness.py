"""Whether one answer is much slower than stable's, from a few that were asked in turns.

What a rate would measure, a few answers cannot: only a slowness that nobody can miss counts, in
each of the candidate's answers, and by more than a pause or a busy machine brings with it.
"""

from collections.abc import Sequence
from statistics import median

FLOOR_S = 0.3
"""A smaller difference is no slowness, whatever the ratio."""
TOLD_PERCENT = 400.0
"""So much slower than stable's is told, whether or not it is asked for."""
TRIES = 4
"""So many answers of each are looked at before it counts."""

Took = Sequence[tuple[float, float]]
"""How long answers took: the candidate's and stable's, in turns, in seconds."""


def slower(took: Took, percent: float) -> bool:
    """Whether even the candidate's fastest answer is so much slower than stable's usual one.

    Args:
        took: at least one pair; a time of 0 is one that nobody has measured.
        percent: how much slower it may be: 300 allows four times as long.
    """
    own_s, stable_s = min(one for one, _ in took), median(one for _, one in took)
    if min(min(pair) for pair in took) <= 0:
        return False
    return own_s - stable_s > FLOOR_S and own_s > stable_s * (1 + percent / 100)


def beside(took: Took) -> str:
    """How long both took, in words."""
    own_s, stable_s = min(one for one, _ in took), median(one for _, one in took)
    return f"{own_s * 1000:.0f} ms where stable takes {stable_s * 1000:.0f} ms"
