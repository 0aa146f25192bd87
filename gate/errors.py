"""Every exception of the gate, with its exit code and its hint.

    GateError
     +-- UsageError (2) .............. wrong arguments, or a thing named that does not exist
     |    +-- PolicyError (2) ........ one or more mistakes in a policy, all of them at once
     +-- InfrastructureError (3) ..... Cloud Run, Logging or the network failed us
     |    +-- NotFoundError (2) ...... a thing named that does not exist
     |    +-- AccessError
     |    +-- ConflictError .......... somebody else changed the service since we read it
     |    +-- UnavailableError ....... retried and still failing; a write may have happened
     +-- IllegalEventError ........... a bug: an event that the rollout's phase does not expect

A failing probe is a value (core.evidence), never an exception: exceptions are for "the gate could
not do its work".
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple


class ExitCode(IntEnum):
    """What every command's exit status means."""

    DONE = 0
    REJECTED = 1
    USAGE = 2
    INFRASTRUCTURE = 3
    STUCK = 4
    HELD = 5
    INTERRUPTED = 130


class GateError(Exception):
    """The gate could not do its work.

    Args:
        message: `<where>: <what> (got X, expected Y)`.
        hint: what to do about it, or "".
    """

    exit_code = ExitCode.INFRASTRUCTURE

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(GateError):
    """The arguments are wrong, or name something that does not exist."""

    exit_code = ExitCode.USAGE


class Problem(NamedTuple):
    """One mistake in a file: `where` is file:line:column, or file, or a dotted path."""

    where: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"

    @property
    def explained(self) -> str:
        """The problem, and its hint on a line of its own."""
        return f"{self}\n  hint: {self.hint}" if self.hint else str(self)


class PolicyError(UsageError):
    """A policy that cannot be used; carries every problem that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(problem.explained for problem in problems))
        self.problems = tuple(problems)


class ValueProblem(ValueError):  # noqa: N818 - it becomes a Problem once its place is known
    """An impossible value in a policy; whoever read the file adds the place.

    Args:
        field: name of the field within its section, e.g. "timeout_s" or "traffic".
        message: what is wrong, with (got X, expected Y).
    """

    def __init__(self, field: str, message: str, hint: str = "") -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message
        self.hint = hint


class InfrastructureError(GateError):
    """Cloud Run, Cloud Logging or the network between us failed."""


class NotFoundError(InfrastructureError):
    """The named resource does not exist."""

    exit_code = ExitCode.USAGE


class AccessError(InfrastructureError):
    """The caller may not do this, or has no credentials."""


class ConflictError(InfrastructureError):
    """The service changed since it was read (HTTP 409 ABORTED): read again and decide again."""


class UnavailableError(InfrastructureError):
    """The API did not answer within its retries; a write may or may not have happened."""


class IllegalEventError(GateError):
    """An event that the rollout's phase does not expect. Changes nothing; always a bug."""
