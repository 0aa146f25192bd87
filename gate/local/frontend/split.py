"""Which revision takes the next request."""

import random
from bisect import bisect_right
from itertools import accumulate

from gate.local.ports import Share


class Split:
    """Draws a revision for each request, by weight.

    Args:
        shares: at least one with a weight; a lone share takes everything.
        rng: draws.

    Attributes:
        sticky: a revision among them has session affinity.

    Raises:
        ValueError: a weight is negative, or none is above 0.
    """

    __slots__ = ("_ends", "_random", "_shares", "sticky")

    def __init__(self, shares: tuple[Share, ...], rng: random.Random) -> None:
        if any(share.percent < 0 for share in shares):
            raise ValueError("split: weights (got a negative one, expected 0 to 100)")
        weighted = tuple(share for share in shares if share.percent) or shares[:1]
        if not weighted or (len(shares) > 1 and not weighted[0].percent):
            raise ValueError("split: weights (got none above 0, expected a sum of 100)")
        self._shares = weighted
        self._ends = tuple(accumulate(share.percent for share in weighted))
        self._random = rng.random
        self.sticky = any(share.affinity for share in weighted)

    def pick(self) -> Share:
        """The share that takes this request."""
        if len(self._shares) == 1:
            return self._shares[0]
        return self._shares[bisect_right(self._ends, self._random() * self._ends[-1])]

    def again(self, revision: str) -> Share | None:
        """The share of this revision, if it still has traffic and keeps its clients."""
        for share in self._shares:
            if share.affinity and share.revision.revision == revision:
                return share
        return None
