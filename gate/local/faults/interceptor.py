"""Strikes calls over gRPC."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

import grpc

from gate.local.faults.strikes import Refusal, Strikes

if TYPE_CHECKING:  # generic in their stubs only
    Context = grpc.aio.ServicerContext[Any, Any]
    Handler = grpc.RpcMethodHandler[Any, Any]
    Interceptor = grpc.aio.ServerInterceptor[Any, Any]
    Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[Handler]]
else:
    Interceptor = grpc.aio.ServerInterceptor

_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


@dataclass(frozen=True, slots=True)
class _Abort:
    """An answer of the handler that is an error."""

    code: grpc.StatusCode
    text: str
    metadata: tuple[tuple[str, bytes | str], ...] = ()


class FaultInterceptor(Interceptor):
    """Does to calls over gRPC what rules say.

    Args:
        strikes: the rules, and what they do.
    """

    def __init__(self, strikes: Strikes) -> None:
        self._strikes = strikes

    async def intercept_service(
        self, continuation: "Continuation", handler_call_details: grpc.HandlerCallDetails
    ) -> "Handler":
        """As grpc.aio.ServerInterceptor: leaves calls alone while nothing is switched on."""
        handler = await continuation(handler_call_details)
        unary = getattr(handler, "unary_unary", None)  # no handler at all: no such method
        if not self._strikes or unary is None:
            return handler
        method = str(handler_call_details.method).rpartition("/")[2]

        async def call(raw: bytes, context: "Context") -> bytes:
            carry_out = _Call(handler, raw, context).carried_out
            outcome = await self._strikes.outcome(method, raw, carry_out)
            if isinstance(outcome, Refusal):
                await context.abort(_CODES[outcome.number], outcome.text)
            if isinstance(outcome, _Abort):
                await context.abort(outcome.code, outcome.text, outcome.metadata)
            assert isinstance(outcome, bytes)
            return outcome

        return grpc.unary_unary_rpc_method_handler(call)


class _Aborted(Exception):  # noqa: N818 - carries an answer, is no error
    def __init__(self, answer: _Abort) -> None:
        super().__init__(answer.text)
        self.answer = answer


class _Call:
    """A call that can be carried out, also twice, also after its client has gone."""

    def __init__(self, handler: "Handler", raw: bytes, context: "Context") -> None:
        self._handler = handler
        self._raw = raw
        self._stage = _Stage(context)

    async def carried_out(self) -> bytes | _Abort:
        """The serialized answer, or how the call was refused."""
        handler: Any = self._handler
        try:
            request = handler.request_deserializer(self._raw)
            answer = await handler.unary_unary(request, self._stage)
            return bytes(handler.response_serializer(answer))
        except _Aborted as aborted:
            return aborted.answer


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
        raise _Aborted(_Abort(code, details, tuple(trailing_metadata)))
