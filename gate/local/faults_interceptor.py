"""Strikes calls over gRPC: lost requests, lost replies, refusals, repetitions, delays, people.

A struck call is carried out in a task of its own: what has left a client arrives, also when the
client dies meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

import grpc

from gate.local.faults_board import Strike, Switchboard
from gate.local.faults_rules import CALLS, Fault, Rule

if TYPE_CHECKING:  # generic in their stubs only
    Context = grpc.aio.ServicerContext[Any, Any]
    Handler = grpc.RpcMethodHandler[Any, Any]
    Interceptor = grpc.aio.ServerInterceptor[Any, Any]
    Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[Handler]]
else:
    Interceptor = grpc.aio.ServerInterceptor

RESET: Final = "recvmsg:Connection reset by peer"
_QUOTA: Final = (
    "Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute per "
    "region' of service 'run.googleapis.com'."
)
_STALE: Final = "Conflict for resource: version '1' was specified but current version is '2'."


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that ends without an answer."""

    code: grpc.StatusCode
    text: str
    metadata: tuple[tuple[str, bytes | str], ...] = ()


_REFUSALS: Final = {
    Fault.DROP_REQUEST: Refusal(grpc.StatusCode.UNAVAILABLE, RESET),
    Fault.UNAVAILABLE: Refusal(grpc.StatusCode.UNAVAILABLE, "The service is unavailable."),
    Fault.EXHAUSTED: Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, _QUOTA),
    Fault.CONFLICT: Refusal(grpc.StatusCode.ABORTED, _STALE),
}
_LOST: Final = _REFUSALS[Fault.DROP_REQUEST]


class FaultInterceptor(Interceptor):
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
        self._tasks: set[asyncio.Task[bytes | Refusal]] = set()

    async def intercept_service(
        self, continuation: "Continuation", handler_call_details: grpc.HandlerCallDetails
    ) -> "Handler":
        """As grpc.aio.ServerInterceptor: leaves calls alone while nothing is switched on."""
        handler = await continuation(handler_call_details)
        unary = getattr(handler, "unary_unary", None)  # no handler at all: no such method
        if not self._board or unary is None:
            return handler
        method = str(handler_call_details.method).rpartition("/")[2]

        async def call(raw: bytes, context: "Context") -> bytes:
            strike = self._board.strike(CALLS, method, raw)
            outcome = await self._outcome(strike, _Call(handler, raw, context))
            if isinstance(outcome, Refusal):
                await context.abort(outcome.code, outcome.text, outcome.metadata)
            assert isinstance(outcome, bytes)
            return outcome

        return grpc.unary_unary_rpc_method_handler(call)

    async def close(self) -> None:
        """Ends every call that is still being carried out."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _outcome(self, strike: Strike | None, call: "_Call") -> bytes | Refusal:
        if strike is None:
            return await call.carried_out()
        task = asyncio.get_running_loop().create_task(self._struck(strike, call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def _struck(self, strike: Strike, call: "_Call") -> bytes | Refusal:
        rule = strike.rule
        if rule.do in _REFUSALS:
            return _REFUSALS[rule.do]
        if rule.do is Fault.HOLD and not await strike.held():
            return _LOST
        if rule.do is Fault.DELAY:
            await self._sleep(rule.seconds)
        if rule.do is Fault.INTERFERE:
            self._interfere(rule)
        outcome = await call.carried_out()
        if rule.do is Fault.REPEAT:
            await call.carried_out()
        if rule.do is Fault.LATE_REPLY:
            await self._sleep(rule.seconds)
        lost = rule.do is Fault.DROP_REPLY
        if rule.do is Fault.HOLD_REPLY:
            lost = not await strike.held()
        return _LOST if lost else outcome


class _Refused(Exception):  # noqa: N818 - carries an answer, is no error
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


class _Call:
    """A call that can be carried out, also twice, also after its client has gone."""

    def __init__(self, handler: "Handler", raw: bytes, context: "Context") -> None:
        self._handler = handler
        self._raw = raw
        self._stage = _Stage(context)

    async def carried_out(self) -> bytes | Refusal:
        """The serialized answer, or how the call was refused."""
        handler: Any = self._handler
        try:
            request = handler.request_deserializer(self._raw)
            answer = await handler.unary_unary(request, self._stage)
            return bytes(handler.response_serializer(answer))
        except _Refused as refused:
            return refused.refusal


class _Stage:
    """What a handler sees of its call: who asks, how long they wait, how to refuse them."""

    def __init__(self, context: "Context") -> None:
        self._metadata = context.invocation_metadata()
        self._left_s = context.time_remaining()

    def invocation_metadata(self) -> Any:
        """As the servicer context."""
        return self._metadata

    def time_remaining(self) -> float | None:
        """As the servicer context, when the call came."""
        return self._left_s

    async def abort(
        self,
        code: grpc.StatusCode,
        details: str = "",
        trailing_metadata: tuple[tuple[str, bytes | str], ...] = (),
    ) -> NoReturn:
        """As the servicer context, but nothing is sent yet."""
        raise _Refused(Refusal(code, details, tuple(trailing_metadata)))
