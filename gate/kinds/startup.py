"""`startup`: the first answer, and the next ones."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from gate.kinds.forms import Whole
from gate.kinds.keys import Keys
from gate.kinds.kind import Kind, Turn
from gate.kinds.records import Expected, Key
from gate.kinds.values import Path, SomeSeconds, Statuses


@dataclass(frozen=True, slots=True)
class StartupProbe(Keys):
    """How long the first answer takes, a cold start where no instance is up, and those after it."""

    facts: ClassVar[Kind] = Kind(
        "startup",
        "How long the first answer takes, and those after it",
        "gate.probes.startup:ask",
        turn=Turn.COLD,
        once=True,
        long=True,
        rank=2,
    )

    path: Annotated[Path, Key("path and query on the candidate's own URL")]
    status: Annotated[Statuses, Expected("one status, or a list of those that will do")] = (200,)
    first_s: Annotated[SomeSeconds, Expected("limit for the first answer")] = 60.0
    warm_requests: Annotated[
        int,
        Whole(low=1, high=1000),
        Key("how many requests follow, one after the other, 1 to 1000"),
    ] = 5
    warm_s: Annotated[SomeSeconds, Expected("limit for each of the others")] = 2.0
