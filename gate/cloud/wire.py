"""Calls an API over gRPC: one channel, bounded and jittered retries, errors as gate.errors."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    wait_exponential,
    wait_random,
)

from gate.cloud.channel import Place, open_channel
from gate.cloud.status import (
    RETRIED,
    Call,
    doubtful,
    no_credentials,
    refusal,
    unreachable,
    unreadable,
)

Q = TypeVar("Q")
A = TypeVar("A")

EMULATOR_BUDGET_S = 2.0
"""How long an emulator's address may refuse connections: it may just be restarting."""


@dataclass(frozen=True, slots=True)
class Method(Generic[Q, A]):
    """One method of an API.

    Attributes:
        path: `/package.Service/Method`.
        timeout_s: how long one try may take.
        writes: whether it changes anything.
    """

    path: str
    encode: Callable[[Q], bytes]
    decode: Callable[[bytes], A]
    timeout_s: float = 10.0
    writes: bool = False


@dataclass(frozen=True, slots=True)
class Patience:
    """How long failures that may pass are borne.

    Attributes:
        budget_s: no new try begins later than this after the first began.
        first_wait_s: the wait after the first try; doubles up to `max_wait_s`, with jitter.
    """

    budget_s: float = 20.0
    first_wait_s: float = 0.25
    max_wait_s: float = 5.0


class Wire:
    """One channel to one API. Opens with the first call; close it, or use `async with`.

    Args:
        place: which API, and where.
        patience: how long failures that may pass are borne.
        sleep: waits between tries.
        connect: opens the channel.
    """

    def __init__(
        self,
        place: Place,
        patience: Patience | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        connect: Callable[[Place], Awaitable[grpc.aio.Channel]] = open_channel,
    ) -> None:
        self.place = place
        self._patience = patience or Patience()
        self._sleep = sleep
        self._connect = connect
        self._channel: grpc.aio.Channel | None = None
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the channel; calls in flight are cancelled."""
        if self._channel is not None:
            channel, self._channel = self._channel, None
            await channel.close(grace=None)

    async def call(
        self,
        method: Method[Q, A],
        request: Q,
        *,
        subject: str,
        routing: tuple[tuple[str, str], ...] = (),
        repeatable: bool = True,
    ) -> A:
        """Calls a method, again where that can help and does no harm.

        Args:
            method: what to call.
            request: its request message.
            subject: what the call is about, for messages.
            routing: metadata that routes the call.
            repeatable: whether doing a write twice equals doing it once or is refused.

        Raises:
            NotFoundError, AccessError, ConflictError, UnavailableError, InfrastructureError: as in
                gate.errors; never anything else.
        """
        call = Call(self.place, subject, method.writes)
        tries = _Tries(call, self._patience, repeatable=repeatable)
        payload = method.encode(request)
        try:
            channel = await self._open()
            # Bytes in, bytes out: what cannot be decoded grpc would log and hand over as None.
            ask = channel.unary_unary(
                method.path, request_serializer=bytes, response_deserializer=bytes
            )

            async def once() -> bytes:
                answer: bytes = await ask(payload, timeout=method.timeout_s, metadata=routing)
                return answer

            answer = await tries.run(once, self._sleep)
        except grpc.aio.AioRpcError as error:
            raise refusal(error, call, tries.count, in_doubt=tries.in_doubt) from None
        try:
            return method.decode(answer)
        except DecodeError:
            raise unreadable(call, len(answer)) from None

    async def _open(self) -> grpc.aio.Channel:
        async with self._opening:
            if self._channel is None:
                self._channel = await self._connect(self.place)
            return self._channel


class _Tries:
    """One call's tries: how many, whether to go on, and whether one of them is in doubt."""

    def __init__(self, call: Call, patience: Patience, *, repeatable: bool) -> None:
        self.call = call
        self.count = 0
        self.in_doubt = False
        self._patience = patience
        self._repeatable = repeatable

    async def run(
        self, once: Callable[[], Awaitable[A]], sleep: Callable[[float], Awaitable[None]]
    ) -> A:
        """Tries until it works, cannot work, or time is up; raises the last failure."""
        patience, first_s = self._patience, self._patience.first_wait_s
        retrying = AsyncRetrying(
            sleep=sleep,
            retry=retry_if_exception(self._may_pass),
            wait=wait_exponential(first_s, max=patience.max_wait_s - first_s)
            + wait_random(0, first_s),
            stop=self._time_is_up,
            before=self._begin,
            reraise=True,
        )
        return await retrying(once)

    def _begin(self, _: RetryCallState) -> None:
        self.count += 1

    def _may_pass(self, error: BaseException) -> bool:
        if not isinstance(error, grpc.aio.AioRpcError) or no_credentials(error):
            return False
        unclear = doubtful(error, self.call)
        self.in_doubt |= unclear
        return error.code() in RETRIED and (self._repeatable or not unclear)

    def _time_is_up(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        gone = isinstance(error, grpc.aio.AioRpcError) and unreachable(error, self.call.place)
        budget_s = EMULATOR_BUDGET_S if gone else self._patience.budget_s
        spent_s = max(state.seconds_since_start or 0.0, state.idle_for)
        return spent_s + state.upcoming_sleep > min(budget_s, self._patience.budget_s)
