"""What users get at an address, asked once and cheaply: a rollback in a hurry pays for this."""

import asyncio
import ssl
from collections.abc import Callable
from itertools import count
from urllib.parse import urlsplit

from gate.ports import Headers, UsersAnswer
from gate.probes.frontend import recognise

WITHIN_S = 15.0
"""How long it is waited for at most: a request waits for an instance for 10 s, or a little more."""
PAUSES_S = (0.3, 0.3)
PASSING_PAUSES_S = (*PAUSES_S, 0.7, 1.0, 2.0)
"""Between tries where the front end says that it has trouble of its own, as just after a move."""
BYTES_MAX = 16_384
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
                answer = await _get(url, headers, context)
                seen, said = _meaning(*answer), recognise(*answer)
                pauses = PASSING_PAUSES_S if said and said.busy else PAUSES_S
                if not seen.instead or tries >= len(pauses):
                    return seen
                await asyncio.sleep(pauses[tries])
    except TimeoutError:
        return seen
    except (OSError, ValueError, EOFError) as error:
        return seen if seen.instead else UsersAnswer(unknown=f"it cannot be reached ({error})")
    return seen


def _meaning(status: int, body: str, authenticate: str) -> UsersAnswer:
    """What an answer means: the container's own is one, whatever it says."""
    said = recognise(status, body, authenticate)
    if said is None:
        return ANSWERED
    words = f"HTTP {status}, {said.meaning}"
    if status in TROUBLE:
        return UsersAnswer(instead=words)
    return UsersAnswer(unknown=words, refused=status in REFUSED)


async def _get(url: str, headers: Headers, context: Context) -> tuple[int, str, str]:
    """Status, the beginning of the body and the WWW-Authenticate header of GET /.

    Raises:
        OSError: no connection, or it broke.
        ValueError: what came is no HTTP.
    """
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    tls = context() if secure else None
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=tls)
    try:
        own = (f"Host: {parts.netloc}", "Accept: */*", "Connection: close")
        more = (f"{name}: {value}" for name, value in headers)
        lines = ("GET / HTTP/1.1", *own, *more, "")
        writer.write("".join(f"{line}\r\n" for line in lines).encode("ascii"))
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        body = await reader.read(BYTES_MAX)
    finally:
        writer.close()
    fields = (line.partition(":") for line in head.split("\r\n"))
    asked = [value.strip() for name, _, value in fields if name.lower() == "www-authenticate"]
    return int(head.split(" ", 2)[1]), body.decode("utf-8", "replace"), ", ".join(asked)
