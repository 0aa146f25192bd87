"""Break glass: rules for people that somebody sets aside, with a reason and for a while."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gate.core.texts import moment_text
from gate.errors import ValueProblem

RULES = ("stop", "allow", "freeze", "proof", "require_signed", "approve")
"""What can be set aside. The lease and the guard against lost writes are no rules: never those."""
LONGEST_S = 24 * 3600.0
"""For how long at most, in seconds."""


@dataclass(frozen=True, slots=True)
class Override:
    """Rules that whoever asks wants set aside.

    Attributes:
        rules: which, of RULES.
        until: from when on it is none any more.
    """

    rules: tuple[str, ...]
    until: datetime

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.rules).difference(RULES)):
            raise ValueProblem(
                "override",
                f"there is no such rule (got {', '.join(unknown)}, expected some of "
                f"{', '.join(RULES)})",
            )

    def lapsed(self, at: datetime) -> str:
        """Why it is none any more, "" while it is one."""
        return f"the override has expired at {moment_text(self.until)}" if at >= self.until else ""


def override(rules: tuple[str, ...], at: datetime, for_s: float) -> Override:
    """An override that begins now.

    Raises:
        ValueProblem: there is no such rule, or it would last for too long.
    """
    if not 0 < for_s <= LONGEST_S:
        most = f"expected more than 0 s and at most {LONGEST_S / 3600:g} h"
        raise ValueProblem("expires", f"is out of range (got {for_s:g} s, {most})")
    return Override(tuple(dict.fromkeys(rules)), at + timedelta(seconds=for_s))
