"""Hears what a WebSocket says unasked, and after one thing was said to it. Judges nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from gate.core.recording import Asked, Heard, Sample, Socket
from gate.core.template import NONCE, parse
from gate.kinds.websocket import WebSocketProbe
from gate.probes.inquiry import Run
from gate.probes.sockets.classify import How, Refusal
from gate.probes.sockets.connection import Connection
from gate.probes.sockets.handshake import Handshake
from gate.probes.sockets.message import Message
from gate.probes.sockets.opening import Opening
from gate.probes.words import TEXT_MAX

SESSIONS = 2
QUIET_S = 1.0
"""After so long without a message, no more are expected to come unasked."""
LISTEN_S = 4.0
"""Longest time to listen, however much comes."""
MESSAGES_MAX = 20
_CLOSE_WITHIN_S = 2.0
OPEN_WITHIN_S = 5.0


async def hear(
    spec: WebSocketProbe, run: Run, asked: Asked, sample: Callable[[str], Sample]
) -> Socket:
    """Opens sessions one after the other, as the spec says and, where that differs, as a stranger.

    Args:
        spec: path, subprotocols and headers.
        run: what probes share.
        asked: its users, and what is said once.
        sample: makes a message fit to keep.

    Raises:
        CannotAskError: the handshake cannot be rendered.
    """
    sessions = await _several(spec, run, asked, sample)
    strangers: tuple[Heard, ...] = ()
    if spec.subprotocols or spec.headers:
        stranger = replace(spec, subprotocols=(), headers=())
        nobody = replace(asked, say="", users=())
        strangers = await _several(stranger, run, nobody, sample)
    return Socket(spec.path, sessions, strangers)


async def _several(
    spec: WebSocketProbe, run: Run, asked: Asked, sample: Callable[[str], Sample]
) -> tuple[Heard, ...]:
    """One session after the other, of each user in turn, up to the first that says nothing."""
    heard: list[Heard] = []
    while len(heard) < SESSIONS and not (heard and heard[-1].fault and not heard[-1].refused):
        user = asked.users[len(heard) % len(asked.users)] if asked.users else ""
        heard.append(await _heard(spec, run, asked.say, sample, user))
    return tuple(heard)


async def _heard(
    spec: WebSocketProbe, run: Run, say: str, sample: Callable[[str], Sample], user: str
) -> Heard:
    opening = Opening(spec, run)
    values = run.values(run.nonces.new(), user)
    handshake = Handshake(opening, run, values, OPEN_WITHIN_S)
    tries = [handshake.connection(arrived, unnoted)]

    def again(_: Refusal) -> Connection:
        tries.append(handshake.connection(arrived, unnoted))
        return tries[-1]

    loop = asyncio.get_running_loop()
    began_s = loop.time()
    try:
        refusal = await handshake.shake(tries[0], again)
        connection = tries[-1]
        headers = _headers(connection, run)
        if refusal is not None:
            seen = run.words.line(refusal.fault.seen, TEXT_MAX)
            status = 0 if refusal.front_end or refusal.status == 101 else refusal.status
            return Heard(refused=status, headers=headers, fault=seen)
        selected = opening.as_written(connection.subprotocol, values)
        said = Heard(subprotocol=selected, headers=headers, opened_s=loop.time() - began_s)
        nonce = values[NONCE]

        def fresh(text: str) -> Sample:
            return sample(text.replace(nonce, f"${{{NONCE}}}"))

        return await _talk(connection, said, parse(say).render(values), fresh)
    finally:
        tries[-1].abort()


def arrived(text: str) -> Message:
    """A message as it came."""
    return Message(text, text)


def unnoted(mark: str, text: str) -> None:
    """Frames are not kept: messages are."""


async def _talk(
    connection: Connection, said: Heard, say: str, sample: Callable[[str], Sample]
) -> Heard:
    connection.begin_phase()
    messages = tuple(map(sample, await listen(connection)))
    replies: tuple[Sample, ...] = ()
    if say and connection.open:
        connection.begin_phase()
        connection.send(say)
        replies = tuple(map(sample, await listen(connection)))
    said = replace(said, messages=messages, replies=replies)
    ending = connection.ending
    if ending is not None:
        refused = ending.code if ending.how is How.CLOSED else 0
        return replace(said, refused=refused, fault=f"ended by itself ({ending.code})")
    connection.begin_phase(keep=False)
    connection.close()
    await asyncio.wait([connection.over], timeout=_CLOSE_WITHIN_S)
    closed = connection.ending
    code = closed.code if closed is not None and closed.how is How.CLOSED else 0
    return replace(said, close_code=code)


async def listen(connection: Connection) -> list[str]:
    """What has come in this phase, and what comes until it is quiet."""
    loop = asyncio.get_running_loop()
    texts: list[str] = []
    ends_s = loop.time() + LISTEN_S
    while len(texts) < MESSAGES_MAX:
        message = await connection.take(min(loop.time() + QUIET_S, ends_s))
        if message is None:
            break
        texts.append(message.text)
    return texts


def _headers(connection: Connection, run: Run) -> tuple[tuple[str, str], ...]:
    response = connection.response
    if response is None:
        return ()
    found = ((name.lower(), value) for name, value in response.headers.raw_items())
    return tuple((name, value) for name, value in found if run.words.line(value, 8192) == value)
