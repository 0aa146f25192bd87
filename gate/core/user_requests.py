"""Users' own requests as they were counted: by revision, class of answer, and time it took.

Values only; what follows from them is in core.canary.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
"""The classes of answers, in the order in which they are counted."""
SERVER_ERROR = "5xx"
MONITORING_LAG_S = 180.0
"""What Cloud Monitoring shows of a minute is complete once that ended so long ago."""
MONITORING_PERIOD_S = 60.0
"""One point of a series."""


class Source(Enum):
    """Where users' requests are counted."""

    LOGS = "logs"  # the front end's request log: seconds old, without the gate's own requests
    MONITORING = "monitoring"  # Cloud Monitoring: minutes old, every request


@dataclass(frozen=True, slots=True)
class Distribution:
    """How long answers took, in buckets: a percentile is as exact as they are fine.

    Attributes:
        bounds_s: what the buckets end at, rising; whatever is longer is in one more bucket.
        counts: how many answers are in each, one more than there are bounds; () for none at all.
    """

    bounds_s: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()

    @classmethod
    def of(cls, took_s: Iterable[float]) -> "Distribution":
        """The distribution of measured times, in buckets that are 5 % wide."""
        counts = [0] * (len(_FINE_S) + 1)
        for one in took_s:
            counts[_bucket(one)] += 1
        return cls(_FINE_S, tuple(counts)) if any(counts) else cls()

    @property
    def total(self) -> int:
        """How many answers were measured."""
        return sum(self.counts)

    def above(self, limit_s: float) -> int:
        """How many took longer: within a bucket they are taken to be spread evenly."""
        found = 0.0
        for low, high, count in self.buckets():
            if low >= limit_s:
                found += count
            elif high > limit_s:
                found += count * (high - limit_s) / (high - low) if math.isfinite(high) else count
        return round(found)

    def percentile(self, percent: float) -> float | None:
        """The time within which so many of 100 were answered; None where nothing was measured."""
        wanted = self.total * percent / 100
        seen = 0
        for low, high, count in self.buckets():
            if count and seen + count >= wanted:
                part = (wanted - seen) / count
                return low + (high - low) * part if math.isfinite(high) else low
            seen += count
        return None

    def plus(self, other: "Distribution") -> "Distribution":
        """Both together; one with other bounds is put into these by where its buckets end."""
        if not self.counts or not other.counts:
            return self if self.counts else other
        counts = list(self.counts)
        for number, (_, high, count) in enumerate(other.buckets()):
            same = self.bounds_s == other.bounds_s
            counts[number if same else _place(self.bounds_s, high)] += count
        return Distribution(self.bounds_s, tuple(counts))

    def buckets(self) -> Iterable[tuple[float, float, int]]:
        """Where each begins and ends, and how many answers are in it."""
        edges = (0.0, *self.bounds_s, math.inf)
        return zip(edges, edges[1:], self.counts, strict=False)


_FINE_S = tuple(0.001 * 1.05**step for step in range(312))
"""1 ms to an hour, the longest that Cloud Run lets a request take."""


def _bucket(took_s: float) -> int:
    if took_s <= _FINE_S[0]:
        return 0
    return min(math.ceil(math.log(took_s / _FINE_S[0]) / math.log(1.05)), len(_FINE_S))


def _place(bounds_s: Sequence[float], value: float) -> int:
    return next((n for n, bound in enumerate(bounds_s) if value <= bound), len(bounds_s))


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests to one revision, or to several together.

    Attributes:
        classes: how many were answered with 1xx, 2xx, 3xx, 4xx and 5xx by the container.
        front_end: how many 429 and 5xx Cloud Run's front end gave in its place, as far as the
            source tells them apart; they are in no class.
        took: how long answers took, without WebSockets and without those of the front end.
    """

    classes: tuple[int, ...] = (0,) * len(CLASSES)
    front_end: int = 0
    took: Distribution = field(default_factory=Distribution)

    @property
    def total(self) -> int:
        """How many the container answered."""
        return sum(self.classes)

    @property
    def bad(self) -> int:
        """How many of them it answered with 5xx."""
        return self.classes[CLASSES.index(SERVER_ERROR)]

    def plus(self, other: "Counts") -> "Counts":
        """Both together."""
        classes = tuple(a + b for a, b in zip(self.classes, other.classes, strict=True))
        return Counts(classes, self.front_end + other.front_end, self.took.plus(other.took))


@dataclass(frozen=True, slots=True)
class RequestCounts:
    """What was counted of one step.

    Attributes:
        candidate: requests to the candidate.
        stable: requests to each revision that is stable, by name; one without any may be missing.
        since: from when on the candidate's were counted.
        until: up to when everything is counted.
        partial: what is known to be missing, in words; "" for nothing.
    """

    candidate: Counts
    stable: tuple[tuple[str, Counts], ...]
    since: datetime
    until: datetime
    partial: str = ""

    @property
    def beside(self) -> Counts:
        """Stable as a whole."""
        whole = Counts()
        for _, counts in self.stable:
            whole = whole.plus(counts)
        return whole
