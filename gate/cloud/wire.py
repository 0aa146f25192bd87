"""Calls an API over REST: JSON out and in, bounded and jittered retries, errors as gate.errors."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    wait_exponential,
    wait_random,
)

from gate.cloud.channel import Place
from gate.cloud.closing import Closing
from gate.cloud.documents import Document
from gate.cloud.failure import RETRIED, Failure
from gate.cloud.http import Answer, Client, Headers, connect_plainly
from gate.cloud.status import (
    Call,
    doubtful,
    refusal,
    refused_with,
    scrub,
    unreachable,
    unreadable,
)

EMULATOR_BUDGET_S = 2.0
"""How long an emulator's address may refuse connections: it may just be restarting."""

SILENCE_S = 1.5
"""How long a call may take before it is said what is waited for."""


@dataclass(frozen=True, slots=True)
class Media:
    """What is sent as it is, where that is no JSON.

    Attributes:
        type: its media type, e.g. `text/markdown; charset=utf-8`.
    """

    content: bytes
    type: str


@dataclass(frozen=True, slots=True)
class Query:
    """What to call.

    Attributes:
        method: GET, POST or PUT.
        path: from the first slash, with everything in it that needs it quoted (see `path_of`).
        subject: what the call is about, for messages.
        body: what to send: a JSON object, or anything else.
        timeout_s: how long one try may take.
        writes: whether it changes anything.
    """

    method: str
    path: str
    subject: str
    body: Document | Media | None = None
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


class Asker(Protocol):
    """What sends requests; gate.cloud.http.Client is one."""

    async def ask(
        self, method: str, target: str, headers: Headers, body: bytes, *, timeout_s: float
    ) -> Answer:
        """One request and its answer.

        Raises:
            Failure: there is none.
        """
        ...

    def close(self) -> None:
        """Gives up what it holds."""
        ...


def open_client(place: Place) -> Asker:
    """Connects with its first request: plainly to an emulator, else by TLS."""
    address = place.address
    if place.emulated:
        return Client(lambda: connect_plainly(address))
    from gate.cloud.tls import connect_securely  # noqa: PLC0415 - not for an emulator

    return Client(lambda: connect_securely(address))


async def identify(place: Place, url: str) -> Headers:
    """Headers that say who calls: with an access token, but for an emulator."""
    if place.emulated:
        return []
    from gate.cloud.credentials import token_headers  # noqa: PLC0415 - not for an emulator

    return await token_headers(url)


def identify_as(account: str) -> Callable[[Place, str], Awaitable[Headers]]:
    """As `identify`, with an access token of a service account that the caller impersonates.

    Args:
        account: its email, with those that stand between, comma-separated, before it; "" for none.
    """

    async def headers(place: Place, url: str) -> Headers:
        if place.emulated or not account:
            return await identify(place, url)
        from gate.cloud.credentials import token_headers  # noqa: PLC0415 - not for an emulator

        return await token_headers(url, account)

    return headers


@dataclass(frozen=True, slots=True)
class Ways:
    """How a wire reaches the world.

    Attributes:
        sleep: waits between tries.
        client: sends requests to a place.
        identify: headers that say who calls a URL of a place.
        say: hears what a call waits for, once a call.
        silence_s: after how long it does.
        dated: hears the date of each answer as it comes, by the clock of whoever sent it.
    """

    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    client: Callable[[Place], Asker] = open_client
    identify: Callable[[Place, str], Awaitable[Headers]] = identify
    say: Callable[[str], None] | None = None
    silence_s: float = SILENCE_S
    dated: Callable[[str], None] | None = None


def path_of(template: str, **names: str) -> str:
    """A path with names in it, each quoted so that it stays one part of the path."""
    return template.format(**{key: quote(name, safe="") for key, name in names.items()})


class Wire(Closing):
    """One API over kept connections. Opens with the first call; close it, or use `async with`.

    Args:
        place: which API, and where.
        patience: how long failures that may pass are borne.
        ways: how it reaches the world.
    """

    def __init__(
        self, place: Place, patience: Patience | None = None, ways: Ways | None = None
    ) -> None:
        self.place = place
        self._patience = patience or Patience()
        self._ways = ways or Ways()
        self._client: Asker | None = None

    async def close(self) -> None:
        """As Closing.close."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def call(self, query: Query) -> Document:
        """Calls, again where that can help and does no harm; its answer is a JSON object.

        Doing a write twice must equal doing it once, or be refused.

        Raises:
            NotFoundError, AccessError, ConflictError, UnavailableError, InfrastructureError: as in
                gate.errors; never anything else.
        """
        call = Call(self.place, query.subject, query.writes)
        tries = _Tries(call, self._patience)
        media = _media(query.body)

        async def once() -> Answer:
            return await self._once(query, media)

        notice = self._notice(tries, query.timeout_s)
        try:
            answer = await tries.run(once, self._ways.sleep)
        except Failure as failure:
            raise refusal(failure, call, tries.count, in_doubt=tries.in_doubt) from None
        finally:
            if notice is not None:
                notice.cancel()
        document = _document(answer.body)
        if document is None:
            raise unreadable(call, len(answer.body))
        return document

    async def _once(self, query: Query, media: Media) -> Answer:
        url = f"https://{self.place.host}{query.path}"
        headers = [("Host", self.place.host), ("User-Agent", "cloud-run-gate"), *_form(media)]
        headers += await self._ways.identify(self.place, url)
        if self._client is None:
            self._client = self._ways.client(self.place)
        answer = await self._client.ask(
            query.method, query.path, headers, media.content, timeout_s=query.timeout_s
        )
        if self._ways.dated is not None:
            self._ways.dated(answer.date)
        if not 200 <= answer.status < 300:
            raise refused_with(answer.status, _document(answer.body), answer.body)
        return answer

    def _notice(self, tries: "_Tries", timeout_s: float) -> asyncio.TimerHandle | None:
        say = self._ways.say
        if say is None:
            return None
        longest_s = self._patience.budget_s + timeout_s
        title = self.place.api.title

        def now() -> None:
            say(f"waiting for {title}: {scrub(tries.last)}, up to {longest_s:.0f} s")

        return asyncio.get_running_loop().call_later(self._ways.silence_s, now)


class _Tries:
    """One call's tries: how many, whether to go on, and whether one of them is in doubt."""

    def __init__(self, call: Call, patience: Patience) -> None:
        self.call = call
        self.count = 0
        self.in_doubt = False
        self.last = "no answer yet"
        self._patience = patience

    async def run(
        self,
        once: Callable[[], Awaitable[Answer]],
        sleep: Callable[[float], Awaitable[None]],
    ) -> Answer:
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
        if not isinstance(error, Failure):
            return False
        self.in_doubt |= doubtful(error, self.call)
        self.last = error.text
        return error.code in RETRIED

    def _time_is_up(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        gone = isinstance(error, Failure) and unreachable(error, self.call.place)
        budget_s = EMULATOR_BUDGET_S if gone else self._patience.budget_s
        spent_s = max(state.seconds_since_start or 0.0, state.idle_for)
        return spent_s + state.upcoming_sleep > min(budget_s, self._patience.budget_s)


def _media(body: Document | Media | None) -> Media:
    if isinstance(body, Media):
        return body
    return Media(b"" if body is None else json.dumps(body).encode(), "application/json")


def _form(media: Media) -> Headers:
    if not media.content:
        return []
    return [("Content-Type", media.type), ("Content-Length", str(len(media.content)))]


def _document(raw: bytes) -> Document | None:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


class OverWire(Closing):
    """An adapter that has one wire of its own."""

    _wire: Wire

    async def close(self) -> None:
        """As Closing.close."""
        await self._wire.close()
