"""`routes`: what the API offers, beside what stable's does."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

from gate.kinds.collections import ListOf
from gate.kinds.forms import Text
from gate.kinds.keys import Keys, Remark
from gate.kinds.kind import Control, Kind
from gate.kinds.records import Expected, Key
from gate.kinds.values import Path, SomeSeconds

ROUTE = Text(
    "a route such as GET /items/{id}",
    r"(?:GET|PUT|POST|DELETE|OPTIONS|HEAD|PATCH|TRACE) /[!-~]*",
)
Routes = Annotated[tuple[str, ...], ListOf(item=Annotated[str, ROUTE])]


@dataclass(frozen=True, slots=True)
class RoutesProbe(Keys):
    """The candidate's OpenAPI document against stable's: no route or method may be lost."""

    facts: ClassVar[Kind] = Kind(
        "routes",
        "The routes in the candidate's OpenAPI document beside those in stable's",
        "gate.probes.routes.probe:ask",
        once=True,
        compares=True,
        control=Control.ITSELF,
        rank=1,
    )

    path: Annotated[
        Path,
        Key("where the document is, in JSON (OpenAPI 3 or Swagger 2.0), at most 4 MiB"),
    ] = "/openapi.json"
    removed: Annotated[Routes, Expected("routes that may be gone, as `GET /path`")] = ()
    changed: Annotated[
        Routes, Expected("routes that may ask for more than stable's do, or promise less")
    ] = ()
    timeout_s: Annotated[SomeSeconds, Key("limit for each of the two requests")] = 10.0

    def remarks(self, *, stable: bool) -> Iterator[Remark]:
        """As Keys.remarks."""
        if not stable:
            yield Remark(
                "routes",
                "asks stable, which only happens with a baseline: it is always inconclusive",
                "add baseline: stable",
            )
