"""`http` with a `rate`: how fast one path answers."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Self

from gate.core.percentiles import TAIL_MIN, tail_count
from gate.core.questions import Json
from gate.errors import ValueProblem
from gate.kinds.checks import Within
from gate.kinds.extras import Need
from gate.kinds.forms import AnyJson
from gate.kinds.http import METHODS, SAFE_METHODS
from gate.kinds.keys import Keys, Remark
from gate.kinds.kind import Control, Kind
from gate.kinds.records import Expected, Key
from gate.kinds.templates import Templated
from gate.kinds.values import (
    Limit,
    More,
    Path,
    Percent,
    Rate,
    RequestHeaders,
    Seconds,
    SomeSeconds,
    Statuses,
)

REQUESTS_MAX = 100_000
"""Most requests of one latency probe to one side: each is kept until it has been judged."""


@dataclass(frozen=True, slots=True)
class LatencyProbe(Keys):
    """How fast one path answers, asked at a fixed rate whether or not it answers (open loop).

    Percentiles are measured from the moment at which a request was due; None asks nothing. With a
    baseline, stable is asked as often in alternating blocks.
    """

    facts: ClassVar[Kind] = Kind(
        "latency",
        "One HTTP request at a rate, and how long its answers take",
        "gate.probes.latency.probe:ask",
        key="http",
        where="rate",
        elsewhere=(
            "has no meaning without a rate (expected http.rate)",
            "one answer has no percentiles: give e.g. rate: 20/s",
        ),
        control=Control.ITSELF,
        long=True,
        rank=5,
    )

    path: Annotated[Path, Key("path and query on the candidate's own URL")]
    method: Annotated[str, METHODS, Key("the HTTP method")] = "GET"
    headers: Annotated[RequestHeaders, Key("name to text; may hold templates")] = ()
    body: Annotated[Json, AnyJson(), Templated(), Key("as without a rate; may hold templates")] = (
        field(default=None, hash=False)
    )
    rate_per_s: Annotated[
        float,
        Rate(),
        Within(0.1, 10_000),
        Key(
            "how often it is asked, 0.1/s to 10000/s, whether or not answers come; needs the extra "
            "`latency`",
            absent="none",
        ),
    ] = 20.0
    for_s: Annotated[
        Seconds, Within(1, 3600), Key(f"how long, 1s to 1h; at most {REQUESTS_MAX} requests")
    ] = 10.0
    warm_up_s: Annotated[
        Seconds,
        Within(0, 600),
        Key("asked at this rate before that, reported apart and judged by nobody"),
    ] = 1.0
    timeout_s: Annotated[SomeSeconds, Key("counts from when a request was due")] = 10.0
    status: Annotated[Statuses, Expected("one status, or a list of those that will do")] = (200,)
    p50_s: Annotated[
        Limit, Expected("most that half of the answers may take; at most the timeout")
    ] = None
    p95_s: Annotated[Limit, Expected("most that 95 of 100 answers may take")] = None
    p99_s: Annotated[Limit, Expected("most that 99 of 100 answers may take")] = None
    slower_percent: Annotated[
        float | None,
        More(),
        Within(1, 10_000),
        Expected(
            "how much slower than stable's the same percentile may be: p95, unless only others "
            "have a limit. Needs `baseline: stable`",
            "slower_than_stable",
        ),
    ] = None
    errors_percent: Annotated[
        float,
        Percent(),
        Within(0, 99),
        Expected("share of the requests that may fail or get another status"),
    ] = 0.0

    def agree(self) -> None:
        """As Checked.agree."""
        requests = self.rate_per_s * (self.for_s + self.warm_up_s)
        if requests > REQUESTS_MAX:
            raise ValueProblem(
                "for",
                f"makes too many requests with its warm-up (got {requests:g} at this rate, "
                f"expected at most {REQUESTS_MAX})",
            )
        for percent, limit_s in self.limits:
            if limit_s > self.timeout_s:
                raise ValueProblem(
                    f"p{percent:g}",
                    f"is longer than a request may take at all (got {limit_s:g} s, "
                    f"expected at most the timeout, {self.timeout_s:g} s)",
                )

    @property
    def limits(self) -> tuple[tuple[float, float], ...]:
        """The percentiles that have a limit, each with its limit in seconds."""
        given = ((50.0, self.p50_s), (95.0, self.p95_s), (99.0, self.p99_s))
        return tuple((percent, limit_s) for percent, limit_s in given if limit_s is not None)

    @property
    def compared(self) -> float:
        """The percentile that is compared with stable's: p95 unless only others have a limit."""
        asked = [percent for percent, _ in self.limits]
        return 95.0 if not asked or 95.0 in asked else max(asked)

    @property
    def needs(self) -> Need:
        """As Keys.needs."""
        return Need("latency", ("aiohttp", "yarl", "numpy", "scipy"), "rate")

    @property
    def writes(self) -> bool:
        """As Keys.writes."""
        return self.method not in SAFE_METHODS

    @property
    def least_s(self) -> float:
        """As Keys.least_s."""
        return self.warm_up_s + self.for_s

    @property
    def held_s(self) -> float:
        """As Keys.held_s: its requests are short."""
        return 0.0

    def alone(self) -> Self:
        """Limits and errors go on being asked, but not how much slower than stable it is."""
        return replace(self, slower_percent=None)

    def remarks(self, *, stable: bool) -> Iterator[Remark]:
        """As Keys.remarks."""
        count = round(self.rate_per_s * self.for_s)
        if self.slower_percent is not None:
            place = "expect.slower_than_stable"
            if not stable:
                yield Remark(
                    place,
                    "has no stable to compare with, so that the probe never passes",
                    "set baseline: stable",
                )
            elif tail_count(count, self.compared) < TAIL_MIN:
                yield self._too_few(place, count, self.compared, TAIL_MIN)
        for percent, _ in self.limits:
            if tail_count(count, percent) < 1:
                yield self._too_few(f"expect.p{percent:g}", count, percent, 1)

    def _too_few(self, place: str, count: int, percent: float, beyond: int) -> Remark:
        least = round(beyond * 100 / (100 - percent))
        message = (
            f"{count} requests cannot tell (expected at least {least}): the probe never passes"
        )
        longer = f"{-(-least // self.rate_per_s):g}s"
        return Remark(place, message, f"ask longer or more often, e.g. for: {longer}")
