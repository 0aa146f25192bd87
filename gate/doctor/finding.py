"""One thing that was looked at: how it is, and the one command that mends it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from gate.core.policy import Json
from gate.errors import ExitCode


class Result(Enum):
    """How something is."""

    OK = "ok"
    WARNING = "warning"  # holds no rollout, and is better known
    UNKNOWN = "unknown"  # nobody can tell, so that it may hold one
    PROBLEM = "problem"  # holds every rollout, or misleads it


_WORST_FIRST = (Result.PROBLEM, Result.UNKNOWN, Result.WARNING, Result.OK)
_WORDS = {
    Result.PROBLEM: ("problem", "problems"),
    Result.UNKNOWN: ("unknown", "unknown"),
    Result.WARNING: ("warning", "warnings"),
    Result.OK: ("ok", "ok"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found.

    Attributes:
        check: what was looked at, one word or two that stay.
        result: how it is.
        where: the thing that it is about, by its name.
        what: what is so, in one clause.
        hint: what to do, or why, "" where there is nothing to do.
        command: a whole command that mends it, or leads on; "" where there is none.
    """

    check: str
    result: Result
    where: str
    what: str
    hint: str = ""
    command: str = ""


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The same findings, problems first; those that are alike stay in their order."""
    return tuple(sorted(findings, key=lambda one: _WORST_FIRST.index(one.result)))


def exit_code(findings: Iterable[Finding]) -> ExitCode:
    """HELD where something would hold a rollout or is not known; nothing found at all is that."""
    results = {one.result for one in findings}
    well = results and results <= {Result.OK, Result.WARNING}
    return ExitCode.DONE if well else ExitCode.HELD


def summary(findings: Sequence[Finding]) -> str:
    """All in one line: `2 problems, 1 warning, 11 ok: a rollout would be held`."""
    counts = [(sum(one.result is result for one in findings), result) for result in _WORST_FIRST]
    parts = [f"{count} {_WORDS[result][count != 1]}" for count, result in counts if count]
    ends = {ExitCode.DONE: "nothing found that holds a rollout"}
    end = ends.get(exit_code(findings), "this may hold a rollout")
    return f"{', '.join(parts) or 'nothing was looked at'}: {end}"


def document(findings: Sequence[Finding]) -> dict[str, Json]:
    """For machines: the findings as they come, and the sum of them."""
    listed: list[Json] = [
        {
            "check": one.check,
            "result": one.result.value,
            "where": one.where,
            "what": one.what,
            "hint": one.hint,
            "command": one.command,
        }
        for one in findings
    ]
    return {
        "findings": listed,
        "summary": summary(findings),
        "exit_code": int(exit_code(findings)),
    }
