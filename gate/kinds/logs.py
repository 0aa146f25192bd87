"""`logs`: what the candidate wrote, and its request log."""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Self

from gate.core.severity import Severity
from gate.errors import ValueProblem
from gate.kinds.checks import NotEmpty, Within
from gate.kinds.collections import ListOf
from gate.kinds.forms import Choice
from gate.kinds.keys import Keys
from gate.kinds.kind import Control, Kind, LeadsTo, Turn
from gate.kinds.records import Checked, Expected, Key, Record, slots_of
from gate.kinds.values import Name, Seconds


@dataclass(frozen=True, slots=True)
class Severities(Choice):
    """A severity by its name; the lowest matches everything and cannot be asked for."""

    words: tuple[str, ...] = tuple(one.name for one in Severity if one is not Severity.DEFAULT)

    def value(self, written: object) -> Severity:
        """As Form.value."""
        return Severity[str(written)]


@dataclass(frozen=True, slots=True)
class LogPattern(Checked):
    """Matches an entry of at least this severity that contains this text (either may be open)."""

    severity: Annotated[Severity | None, Severities(), Key("this severity or worse")] = None
    text: Annotated[Name, Key("text that the entry contains")] = ""

    def agree(self) -> None:
        """As Checked.agree."""
        if self.severity is None and not self.text:
            raise ValueProblem("none", "matches every entry (expected severity or text)")


PATTERN = Record("log pattern", LogPattern, slots_of(LogPattern), some_of=("severity", "text"))


@dataclass(frozen=True, slots=True)
class LogsProbe(Keys):
    """Reads the candidate's own logs since the rollout began; none may match.

    `settle_s` allows for ingestion: Cloud Logging promises no delay, so entries are read again
    until this much time has passed since the last probe ended.
    """

    facts: ClassVar[Kind] = Kind(
        "logs",
        "The candidate's own logs",
        "gate.probes.logs:ask",
        leads_to=LeadsTo.LOGS,
        turn=Turn.LAST,
        control=Control.AFTER_FAILURE,
        past_proxy="it reads logs, which do not pass the proxy",
    )

    none: Annotated[
        tuple[LogPattern, ...],
        ListOf(item=Annotated[LogPattern, PATTERN]),
        NotEmpty("at least one pattern"),
        Expected("patterns of which no entry may match any"),
    ]
    settle_s: Annotated[
        Seconds,
        Within(0, 600),
        Key("how long to go on reading, since logs arrive late; at most 10m"),
    ] = 15.0
    within: Annotated[
        str, Choice(words=("rollout",)), Key("which entries: those since the rollout began")
    ] = "rollout"

    @property
    def asked(self) -> str:
        """As Keys.asked."""
        return "its logs"

    @property
    def least_s(self) -> float:
        """As Keys.least_s."""
        return self.settle_s

    def of_stable(self) -> Self:
        """Its logs once, after `arrival_s`, not over and over."""
        return replace(self, settle_s=0.0)

    @property
    def arrival_s(self) -> float:
        """How long what stable has just been asked may take to arrive in its logs.

        The last question was put to the candidate first: its entries may be there, stable's not.
        """
        return self.settle_s
