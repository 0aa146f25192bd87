"""The keys of canary steps that count users' own requests, and how these are counted."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from gate.core.policy import REQUESTS_MAX, Json, MetricsRule
from gate.core.user_requests import Source
from gate.kinds.forms import Whole, one_of, refusal
from gate.kinds.records import Key, Record, slots_from
from gate.kinds.two_forms import TwoForms, by_type
from gate.kinds.values import More, Percent

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of `traffic`."""

    percent: int
    requests: int = 0


_PERCENT = Whole(low=1, high=100)
STEP = Record(
    "step",
    Step,
    slots_from(
        Step,
        {
            "percent": Annotated[
                int, _PERCENT, Key("of the traffic that the candidate gets at this step")
            ],
            "requests": Annotated[
                int,
                Whole(low=1, high=REQUESTS_MAX),
                Key(
                    "least number of users' own requests to the candidate before this step counts; "
                    "of the last step, before the watch ends",
                    absent="none",
                ),
            ],
        },
    ),
)
METRICS = Record(
    "metrics",
    MetricsRule,
    slots_from(
        MetricsRule,
        {
            "source": Annotated[
                Source,
                one_of(Source),
                Key(
                    "where users' requests are counted: `logs`, the front end's request log "
                    "(seconds old), or `monitoring`, Cloud Monitoring (3 to 4 minutes old; the "
                    "gate asks no probes while it counts there)"
                ),
            ],
            "errors_percent": Annotated[
                float,
                Percent(),
                Key(
                    "how many more of 100 requests to the candidate than to stable may be answered "
                    "with 5xx, 0.5% to 50%"
                ),
            ],
            "slower_percent": Annotated[
                float,
                More(),
                Key(
                    "how much longer than stable's the candidate's latency may be, 10% to 10000%; "
                    "less than 100 ms is no difference",
                    "slower_than_stable",
                ),
            ],
            "percentile": Annotated[
                int,
                Whole(low=50, high=99),
                Key("which percentile of the latency is compared, 50 to 99"),
            ],
        },
    ),
)


@dataclass(frozen=True, slots=True)
class StepForm(TwoForms):
    """A percent alone, or with what else is asked of the step."""

    says: str = "a whole number, 1 to 100, or a mapping with percent, requests"

    def text(self, value: Any) -> Json:
        """As Form.text."""
        return value  # type: ignore[no-any-return]

    def __get_pydantic_core_schema__(
        self, source: object, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """As pydantic asks for it."""
        from pydantic_core import core_schema  # noqa: PLC0415

        del source

        def read(given: object, check: Any) -> object:
            if isinstance(given, bool) or not isinstance(given, int | float | dict):
                raise refusal(self.expected(given))
            found = check(given)
            return found if isinstance(found, Step) else Step(found)

        mapping = handler.generate_schema(Annotated[object, STEP])
        either = by_type(dict, mapping, handler.generate_schema(Annotated[int, _PERCENT]))
        return core_schema.no_info_wrap_validator_function(read, either)


def split_steps(given: dict[str, Any]) -> dict[str, Any]:
    """What the file says of steps as the policy has it: percents, and requests beside them."""
    steps: tuple[Step, ...] = given.get("traffic", ())
    if not steps:
        return given
    requests = tuple(step.requests for step in steps)
    told = {"requests": requests} if any(requests) else {}
    return {**given, "traffic": tuple(step.percent for step in steps), **told}
