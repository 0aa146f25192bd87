"""Strikes calls, whatever their wire: lost, refused, repeated, late, held, forestalled by people.

A struck call is carried out in a task of its own: what has left a client arrives, also when the
client dies meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, cast

from gate.local.faults.board import Strike, Switchboard
from gate.local.faults.rules import CALLS, Fault, Rule

_RESET: Final = "recvmsg:Connection reset by peer"
_QUOTA: Final = (
    "Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute per "
    "region' of service 'run.googleapis.com'."
)
_DENIED: Final = 7
_STALE: Final = "Conflict for resource: version '1' was specified but current version is '2'."
PERMISSIONS: Final = {
    "CreateService": "run.services.create",
    "GetService": "run.services.get",
    "ListServices": "run.services.list",
    "UpdateService": "run.services.update",
    "DeleteService": "run.services.delete",
    "GetRevision": "run.revisions.get",
    "ListRevisions": "run.revisions.list",
    "DeleteRevision": "run.revisions.delete",
    "GetIamPolicy": "run.services.getIamPolicy",
    "SetIamPolicy": "run.services.setIamPolicy",
    "WriteLogEntries": "logging.logEntries.create",
    "ListLogEntries": "logging.logEntries.list",
    "AccessSecretVersion": "secretmanager.versions.access",
    "SignJwt": "iam.serviceAccounts.signJwt",
    "GenerateIdToken": "iam.serviceAccounts.getOpenIdToken",
}
"""What each call needs (run/docs/reference/iam/permissions, logging/docs/access-control)."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that ends without an answer of its own.

    Attributes:
        number: the canonical code's (google.rpc.Code).
        text: what clients show.
        lost: the connection is cut instead.
    """

    number: int
    text: str
    lost: bool = False


_LOST: Final = Refusal(14, _RESET, lost=True)
_REFUSALS: Final = {
    Fault.DROP_REQUEST: _LOST,
    Fault.UNAVAILABLE: Refusal(14, "The service is unavailable."),
    Fault.EXHAUSTED: Refusal(8, _QUOTA),
    Fault.CONFLICT: Refusal(10, _STALE),
}


class Strikes:
    """Does to calls what the switchboard says.

    Args:
        board: what is switched on.
        interfere: moves traffic as a person would.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        board: Switchboard,
        interfere: Callable[[Rule], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._board = board
        self._interfere = interfere
        self._sleep = sleep
        self._tasks: set[asyncio.Task[object]] = set()

    def __bool__(self) -> bool:
        """Tells whether anything is switched on: if not, calls may be left alone."""
        return bool(self._board)

    async def outcome(
        self, method: str, text: bytes, carry_out: Callable[[], Awaitable[T]]
    ) -> T | Refusal:
        """Lets a call happen as the rules have it.

        Args:
            method: its short name.
            text: what rules look for: the request, with the full name of what it is about.
            carry_out: carries it out and gives its answer; may be called twice.
        """
        needed = PERMISSIONS.get(method, "")
        if needed in self._board.denied:
            return Refusal(
                _DENIED, f"Permission '{needed}' denied on resource (or it may not exist)."
            )
        strike = self._board.strike(CALLS, method, text)
        if strike is None:
            return await carry_out()
        struck = _Struck(strike, carry_out, self._interfere, self._sleep)
        task = asyncio.get_running_loop().create_task(struck.outcome())
        self._tasks.add(cast("asyncio.Task[object]", task))
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Ends every call that is still being carried out."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class _Struck(Generic[T]):
    """One call that a rule has struck."""

    strike: Strike
    carry_out: Callable[[], Awaitable[T]]
    interfere: Callable[[Rule], None]
    sleep: Callable[[float], Awaitable[None]]

    async def outcome(self) -> T | Refusal:
        rule = self.strike.rule
        if rule.do in _REFUSALS:
            return _REFUSALS[rule.do]
        if rule.do is Fault.HOLD and not await self.strike.held():
            return _LOST
        if rule.do is Fault.DELAY:
            await self.sleep(rule.seconds)
        if rule.do is Fault.INTERFERE:
            self.interfere(rule)
        answer = await self.carry_out()
        if rule.do is Fault.REPEAT:
            await self.carry_out()
        if rule.do is Fault.LATE_REPLY:
            await self.sleep(rule.seconds)
        lost = rule.do is Fault.DROP_REPLY
        if rule.do is Fault.HOLD_REPLY:
            lost = not await self.strike.held()
        return _LOST if lost else answer
