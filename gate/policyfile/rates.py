"""The keys that make an http probe ask at a rate: a part of the one table that format is."""

import re
from dataclasses import dataclass
from decimal import Decimal

from gate.core.policy import Json
from gate.policyfile.problems import Problems
from gate.policyfile.records import Key
from gate.policyfile.shapes import Duration, Percent, refuse
from gate.policyfile.tree import Node, Scalar

_RATE = r"[0-9]{1,5}(?:\.[0-9]{1,3})?/(?:s|m)"
_MORE = r"[0-9]{1,5}(?:\.[0-9]{1,3})?%"
_SECONDS = {"s": 1, "m": 60}


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a second or a minute, read as so many a second: 50/s, 30/m."""

    says: str = "a rate such as 50/s or 30/m"

    def read(self, node: Node, problems: Problems) -> float:
        """As Shape.read."""
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise refuse(node, problems, self.says, f"give the unit, e.g. {value}/s")
        if not isinstance(value, str) or not re.fullmatch(_RATE, value):
            raise refuse(node, problems, self.says)
        number, _, unit = value.partition("/")
        return float(Decimal(number) / _SECONDS[unit])

    def schema(self) -> dict[str, Json]:
        """As Shape.schema."""
        return {"type": "string", "pattern": f"^(?:{_RATE})$"}


@dataclass(frozen=True, slots=True)
class More:
    """How much more than something else, which may be more than all of it: 20%, 250%."""

    says: str = "a percentage such as 20% or 250%"

    def read(self, node: Node, problems: Problems) -> float:
        """As Shape.read."""
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise refuse(node, problems, self.says, f"write {value}%")
        if not isinstance(value, str) or not re.fullmatch(_MORE, value):
            raise refuse(node, problems, self.says)
        return float(value[:-1])

    def schema(self) -> dict[str, Json]:
        """As Shape.schema."""
        return {"type": "string", "pattern": f"^(?:{_MORE})$"}


RATE = Key(
    "rate",
    Rate(),
    "Asks this often, whether or not answers come, and judges how long they take",
)
FOR = Key("for", Duration(), "How long it is asked at this rate. Default: 10s")
WARM_UP = Key(
    "warm_up", Duration(), "Asked at this rate before that and reported apart. Default: 1s"
)
ASKED = (RATE, FOR, WARM_UP)

P50 = Key("p50", Duration(), "Most that half of the answers may take")
P95 = Key("p95", Duration(), "Most that 95 of 100 answers may take")
P99 = Key("p99", Duration(), "Most that 99 of 100 answers may take")
SLOWER = Key(
    "slower_than_stable",
    More(),
    "How much slower than stable's the same percentile may be; needs a baseline",
)
ERRORS = Key(
    "errors", Percent(), "Share of the requests that may have no right answer. Default: 0%"
)
EXPECTED = (P50, P95, P99, SLOWER, ERRORS)
