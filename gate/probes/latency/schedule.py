"""When each request is due, and to whom: all of it is known before the first one is sent.

Candidate and stable are asked in blocks that alternate, a pair of blocks after the other, which of
the two comes first in a pair being drawn; so whatever changes while they are asked (other load on
the way, the hour, our own machine) meets both alike.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from gate.kinds.latency import LatencyProbe

PAIRS = 20
"""Into so many blocks each side's requests are divided, where there are as many requests."""
OWN_RATE_PER_S = 20.0
"""So often the instrument asks itself while it asks others."""
WARM_UP = -1
"""Due.block of the requests that come before the blocks."""


class Side(Enum):
    """Who is asked."""

    CANDIDATE = "candidate"
    STABLE = "stable"
    OWN = "our own server"


@dataclass(frozen=True, slots=True)
class Due:
    """One request: seconds after the beginning, the block that it belongs to, who is asked."""

    at_s: float
    block: int
    side: Side


@dataclass(frozen=True, slots=True)
class Schedule:
    """All requests of one measurement.

    Attributes:
        dues: by time.
        blocks: how many each side has.
        block_s: how long one is, about.
        ends_s: when the last block ends.
    """

    dues: tuple[Due, ...]
    blocks: int
    block_s: float
    ends_s: float


def schedule(spec: LatencyProbe, sides: tuple[Side, ...], seed: int) -> Schedule:
    """Plans a measurement.

    Args:
        spec: how often and how long each side is asked.
        sides: one, or the two that are compared.
        seed: decides which side comes first in each pair of blocks.
    """
    gap_s = 1 / spec.rate_per_s
    warm_up = round(spec.rate_per_s * spec.warm_up_s)
    count = max(1, round(spec.rate_per_s * spec.for_s))
    blocks = min(PAIRS, count)
    dues = [
        Due((number + order / len(sides)) * gap_s, WARM_UP, side)
        for order, side in enumerate(sides)
        for number in range(warm_up)
    ]
    now_s = warm_up * gap_s
    drawn = random.Random(seed)  # noqa: S311 - an order, no secret
    for block in range(blocks):
        size = count * (block + 1) // blocks - count * block // blocks
        for side in drawn.sample(sides, len(sides)):
            dues += [Due(now_s + (number + 0.5) * gap_s, block, side) for number in range(size)]
            now_s += size * gap_s
    dues += _own(now_s, gap_s)
    dues.sort(key=lambda due: due.at_s)
    return Schedule(tuple(dues), blocks, count / blocks * gap_s, now_s)


def _own(until_s: float, gap_s: float) -> Iterator[Due]:
    """Our own requests, each in the middle between two measured ones where these come as often."""
    for number in range(int(until_s * OWN_RATE_PER_S)):
        at_s = (number + 0.25) / OWN_RATE_PER_S
        often = gap_s * OWN_RATE_PER_S <= 1
        yield Due(round(at_s / gap_s) * gap_s if often else at_s, 0, Side.OWN)
