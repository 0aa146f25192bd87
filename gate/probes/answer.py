"""What users get at an address, asked once and cheaply: a rollback in a hurry pays for this."""

import asyncio
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

from gate.probes.frontend import recognise

WITHIN_S = 15.0
"""How long it is waited for at most: a request waits for an instance for 10 s, or a little more."""
TRIES = 3
PAUSE_S = 0.3
BYTES_MAX = 16_384
TROUBLE = frozenset({429, 500, 502, 503, 504})
"""What the front end says where no container answers."""


Context = Callable[[], ssl.SSLContext]


async def unanswered(url: str, context: Context, within_s: float = WITHIN_S) -> str:
    """What users get there in place of an answer, in words.

    Args:
        url: base URL of the service.
        context: makes the TLS context, where one is needed.
        within_s: for all of it.

    Returns:
        "" where a container answers, whatever it says; where the caller is not let in; and where
        nothing comes in time, which may be a start that takes long.
    """
    seen = ""
    try:
        async with asyncio.timeout(within_s):
            for _ in range(TRIES):
                seen = _words(*await _get(url, context))
                if not seen:
                    return ""
                await asyncio.sleep(PAUSE_S)
    except (OSError, ValueError, EOFError):  # also where the time is over
        return seen
    return seen


def _words(status: int, body: str) -> str:
    """What an answer of the front end means; "" for the container's own."""
    said = recognise(status, body) if status in TROUBLE else None
    return f"HTTP {status}, {said.meaning}" if said else ""


async def _get(url: str, context: Context) -> tuple[int, str]:
    """Status and the beginning of the body of GET /.

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
        lines = ("GET / HTTP/1.1", f"Host: {parts.netloc}", "Accept: */*", "Connection: close", "")
        writer.write("".join(f"{line}\r\n" for line in lines).encode("ascii"))
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        body = await reader.read(BYTES_MAX)
    finally:
        writer.close()
    return int(head.split(" ", 2)[1]), body.decode("utf-8", "replace")
