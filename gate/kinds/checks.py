"""What a value must be beyond its form: bounds of a number, a path on the candidate.

A check stands in `Annotated` types, too, and holds for values however they are made: from a file,
where its refusal gets a place, or by hand, where it is a ValueProblem.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gate.core import checks
from gate.errors import ValueProblem
from gate.kinds.forms import noted

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


class Check(ABC):
    """Refuses some values of a form."""

    __slots__ = ()

    @abstractmethod
    def refuse(self, key: str, value: Any) -> None:
        """Refuses it, if it must.

        Raises:
            ValueProblem: with the key.
        """

    def __get_pydantic_core_schema__(
        self, source: object, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """As pydantic asks for it."""
        from pydantic_core import core_schema  # noqa: PLC0415

        def check(value: object) -> object:
            noted(lambda one: self.refuse("", one), value)
            return value

        return core_schema.no_info_after_validator_function(check, handler(source))


@dataclass(frozen=True, slots=True)
class Within(Check):
    """A number between two, or a duration of so many seconds."""

    low: float
    high: float

    def refuse(self, key: str, value: Any) -> None:
        """As Check.refuse."""
        if value is not None:
            checks.within(key, value, self.low, self.high)


@dataclass(frozen=True, slots=True)
class MoreThan0(Check):
    """A duration that is more than none."""

    def refuse(self, key: str, value: Any) -> None:
        """As Check.refuse."""
        if value is not None:
            checks.more_than_0(key, value)


@dataclass(frozen=True, slots=True)
class CanFail(Check):
    """A share that is more than none: with 0 % nothing could fail."""

    def refuse(self, key: str, value: Any) -> None:
        """As Check.refuse."""
        if value == 0:
            raise ValueProblem(key, "cannot fail (got 0%, expected more than 0%)")


@dataclass(frozen=True, slots=True)
class OnCandidate(Check):
    """A path that reaches the candidate's container."""

    def refuse(self, key: str, value: Any) -> None:
        """As Check.refuse."""
        del key
        if value is not None:
            checks.path_on_candidate(value)


@dataclass(frozen=True, slots=True)
class NotEmpty(Check):
    """At least one."""

    what: str

    def refuse(self, key: str, value: Any) -> None:
        """As Check.refuse."""
        if not value:
            raise ValueProblem(key, f"is empty (expected {self.what})")


@dataclass(frozen=True, slots=True)
class OwnHeaders(Check):
    """Headers without those that a probe writes itself."""

    def refuse(self, key: str, value: Any) -> None:
        """As Check.refuse."""
        del key
        checks.own_headers(value)
