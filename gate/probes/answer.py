"""What users get at an address, asked once and cheaply: a rollback in a hurry pays for this."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from urllib.parse import urlsplit

import h11

from gate.http1.headers import values
from gate.http1.streams import Side, connect
from gate.ports import Headers, UsersAnswer
from gate.probes.frontend import FrontEndAnswer, recognise, telling

WITHIN_S = 15.0
"""How long it is waited for at most: a request waits for an instance for 10 s, or a little more."""
PAUSES_S = (0.3, 0.3)
PASSING_PAUSES_S = (*PAUSES_S, 0.7, 1.0, 2.0)
"""Between tries where the front end says that it has trouble of its own, as just after a move."""
TROUBLE = frozenset({429, 500, 502, 503, 504})
"""What the front end says where no container answers."""
REFUSED = frozenset({401, 403})
ANSWERED = UsersAnswer()
LATE = UsersAnswer(unknown="nothing came in time, which may be a start that takes long")


Context = Callable[[], ssl.SSLContext]


async def users_answer(
    url: str, headers: Headers, context: Context, within_s: float = WITHIN_S
) -> UsersAnswer:
    """What users get there.

    Args:
        url: base URL of the service.
        headers: what lets the caller in, where something must.
        context: makes the TLS context, where one is needed.
        within_s: for all of it.
    """
    seen = LATE
    try:
        async with asyncio.timeout(within_s):
            for tries in count():
                answer = await first_answer(url, headers, context)
                said = recognise(answer.status, answer.body, answer.told)
                seen = _meaning(answer.status, said)
                pauses = PASSING_PAUSES_S if said and said.busy else PAUSES_S
                if not seen.instead or tries >= len(pauses):
                    return seen
                await asyncio.sleep(pauses[tries])
    except TimeoutError:
        return seen
    except (OSError, ValueError, EOFError, h11.ProtocolError) as error:
        why = str(error) or type(error).__name__
        return seen if seen.instead else UsersAnswer(unknown=f"it cannot be reached ({why})")
    return seen


def _meaning(status: int, said: FrontEndAnswer | None) -> UsersAnswer:
    """What an answer means: the container's own is one, whatever it says."""
    if said is None:
        return ANSWERED
    words = f"HTTP {status}, {said.meaning}"
    if status in TROUBLE:
        return UsersAnswer(instead=words)
    return UsersAnswer(
        unknown=words,
        refused=said.iap or status in REFUSED,
        nowhere=said.unknown,
        iap=said.iap,
    )


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """What one request got.

    Attributes:
        status: of HTTP.
        body: its beginning.
        told: the headers by which the front end can be told.
    """

    status: int
    body: str
    told: str = ""


async def first_answer(url: str, headers: Headers, context: Context) -> FirstAnswer:
    """What GET / gets.

    Raises:
        OSError, EOFError: no connection, or it broke.
        h11.ProtocolError: what came is no HTTP.
    """
    parts = urlsplit(url)
    streams = await connect(url, context() if parts.scheme == "https" else None)
    try:
        side = Side(h11.CLIENT, streams)
        own = [("Host", parts.netloc), ("Accept", "*/*"), ("Connection", "close")]
        response = await side.ask("GET", "/", [*own, *headers])
        begun = await side.next()
        body = bytes(begun.data) if isinstance(begun, h11.Data) else b""
    finally:
        streams.break_off()
    told = telling(lambda name: ", ".join(values(response.headers, name)))
    return FirstAnswer(response.status_code, body.decode(errors="replace"), told)
