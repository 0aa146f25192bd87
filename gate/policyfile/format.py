"""A policy as a whole: all its keys, and which of them have a meaning together."""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass
from typing import Annotated, Any

from gate.core.control import Baseline
from gate.core.policy import Policy, ServiceName
from gate.errors import ValueProblem
from gate.kinds.forms import Whole
from gate.kinds.records import Key, Record, Slot, slots_from
from gate.kinds.templates import Reading
from gate.policyfile.canary import split_steps
from gate.policyfile.keys import KEYS
from gate.policyfile.service import SERVICE


@dataclass(frozen=True, slots=True)
class Top(Record):
    """All keys of a policy; what stands under `probes` is read apart."""

    def value(self, written: Any) -> Any:
        """As Record.value."""
        return split_steps(Record.value(self, written))

    def unfit(
        self, value: Any, given: Mapping[str, object], reading: Reading | None
    ) -> Iterator[ValueProblem]:
        """As Record.unfit."""
        del reading
        if "repeats" in given and value.get("baseline") is not Baseline.STABLE:
            yield ValueProblem(
                "repeats",
                "has no meaning without a baseline (expected baseline: stable)",
                "a failure is asked again of candidate and stable in turns; without stable, it "
                "stands",
            )
        if "metrics" in given and not any(value.get("requests", ())):
            yield ValueProblem(
                "metrics",
                "has no meaning unless a step asks for requests "
                "(expected traffic such as [{percent: 5, requests: 200}, 100])",
            )
        if "dwell" in given and len(value.get("traffic", (100,))) == 1:
            yield ValueProblem(
                "dwell",
                "has no meaning without steps (expected traffic such as [10, 100])",
                "leave it out, or give steps; `watch` is for the time after the last one",
            )


TOP = Top(
    "the policy",
    dict,
    (
        Slot(
            "version",
            Annotated[int, Whole(low=1, high=1)],
            Key("version of this format: `1`"),
            MISSING,
        ),
        Slot(
            "service",
            Annotated[ServiceName, SERVICE],
            Key("which Cloud Run service", absent="command line or environment"),
            ServiceName(),
        ),
        *slots_from(Policy, KEYS),
    ),
)
