"""The websocket probe against servers that mean harm: it ends in time, in bounds, with a reason."""

import asyncio
import base64
import hashlib
import json
import struct
import tracemalloc
from dataclasses import replace

import pytest

from gate.core.evidence import Outcome, Symptom
from gate.core.expectations import Pattern
from gate.kinds.websocket import Await, WebSocketProbe
from tests.contract.probe_servers import TOKEN, answers, ask, tcp

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
WAIT = (Await(Pattern(json={"type": "pong"}), within_s=1),)
SPEC = WebSocketProbe("/ws", script=WAIT, open_within_s=1)


def frame(payload=b"", first=0x81, size=None):
    size = len(payload) if size is None else size
    if size < 126:
        return bytes([first, size]) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


async def shake(reader, writer):
    """A correct handshake."""
    head = await reader.readuntil(b"\r\n\r\n")
    key = next(
        line[19:] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
    )
    accept = base64.b64encode(hashlib.sha1(key.strip() + GUID).digest())
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
    await writer.drain()


def after_handshake(*parts, stay=True):
    async def handler(reader, writer):
        await shake(reader, writer)
        for part in parts:
            writer.write(part)
            await writer.drain()
        if stay:
            await asyncio.Event().wait()

    return handler


def endless(part, counter=None):
    async def handler(reader, writer):
        await shake(reader, writer)
        while True:
            writer.write(part)
            await writer.drain()
            if counter is not None:
                counter[0] += len(part)
            await asyncio.sleep(0)

    return handler


async def fails(handler, symptom, spec=SPEC, within_s=5.0):
    async with tcp(handler) as place:
        evidence = await asyncio.wait_for(ask(spec, place), within_s)
    assert [one.symptom for one in evidence.findings] == [symptom], evidence
    assert evidence.outcome is Outcome.FAILED
    assert len(evidence.excerpts) <= 20
    assert all(len(line) <= 500 for line in evidence.excerpts)
    assert all(line.isprintable() for line in evidence.excerpts)
    return evidence.findings[0]


# The handshake.

WRONG_ACCEPT = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: d3Jvbmc=\r\n\r\n"
)


async def test_a_handshake_that_is_never_answered_ends_in_time():
    spec = WebSocketProbe("/ws", connections=20, open_within_s=0.3)
    finding = await fails(answers(stay=True), Symptom.TIMEOUT, spec, within_s=2)
    assert finding.seen == "no answer to the handshake within 0.3 s"
    assert finding.count == 20


async def test_a_handshake_in_drops_ends_by_the_wall_clock():
    drops = [part for _ in range(100) for part in (b"HTTP/1.1 101 "[:1], 0.05)]
    await fails(
        answers(*drops), Symptom.TIMEOUT, WebSocketProbe("/", open_within_s=0.3), within_s=2
    )


@pytest.mark.parametrize(
    ("answer", "symptom"),
    [
        (b"\0\1\2\3\n\n\n\n", Symptom.PROTOCOL),
        (b"SSH-2.0-OpenSSH_9.6\r\n", Symptom.PROTOCOL),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", Symptom.PROTOCOL),
        (WRONG_ACCEPT, Symptom.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000, Symptom.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 10_000, Symptom.TOO_LARGE),
        (b"x" * 1_000_000, Symptom.TOO_LARGE),
        (b"HTTP/1.1 500 Internal Server Error\r\n\r\nhalf a story", Symptom.REFUSED),
        (b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno", Symptom.REFUSED),
        (b"", Symptom.ABNORMAL),
        (b"HTTP/1.1 101 Swi", Symptom.ABNORMAL),
    ],
)
async def test_an_answer_that_is_no_handshake_is_classified(answer, symptom):
    await fails(answers(answer), symptom)


async def test_a_refusal_whose_body_never_ends_still_has_its_status():
    answer = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 99\r\n\r\nshort"
    spec = WebSocketProbe("/", open_within_s=0.3)
    finding = await fails(answers(answer, stay=True), Symptom.REFUSED, spec)
    assert finding.seen == "503 Service Unavailable, its body without end"


async def test_a_refusal_with_a_huge_body_is_bounded():
    answer = b"HTTP/1.1 500 Oops\r\n\r\n" + b"x" * (8 << 20)
    await fails(answers(answer), Symptom.TOO_LARGE)


async def test_a_reset_during_the_handshake_is_the_candidates():
    async def handler(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    await fails(handler, Symptom.ABNORMAL)


# Frames.


@pytest.mark.parametrize(
    "bad",
    [
        b"\xff" * 64,
        frame(b"hello", first=0xC1),  # a compressed frame, though no compression was offered
        bytes([0x81, 0x85]) + b"maskhello",  # a masked frame from a server
        frame(b"x", first=0x80),  # a continuation of nothing
        frame(b"x" * 126, first=0x89),  # a ping above 125 bytes
        frame(b"\x03", first=0x88),  # half a close code
        frame(struct.pack("!H", 1006), first=0x88),  # a code that no frame may carry
        frame(b"\xff\xfe not utf-8"),
    ],
)
async def test_bytes_that_are_no_frames_are_a_protocol_failure(bad):
    await fails(after_handshake(bad), Symptom.PROTOCOL)


async def test_a_hundred_megabytes_in_one_frame_are_refused_from_their_head_on():
    sent = [0]

    async def handler(reader, writer):
        await shake(reader, writer)
        writer.write(frame(size=100 << 20))
        for _ in range(1600):
            writer.write(b"x" * 65536)
            await writer.drain()
            sent[0] += 65536

    finding = await fails(handler, Symptom.TOO_LARGE)
    assert "too large" in finding.seen
    assert sent[0] < 50 << 20


async def test_fragments_without_end_are_too_large():
    part = frame(b"x" * 65536, first=0x00)
    await fails(after_handshake(frame(b"x", first=0x01), part * 40), Symptom.TOO_LARGE)


async def test_empty_fragments_without_end_are_counted():
    empty = frame(first=0x00)
    await fails(after_handshake(frame(b"x", first=0x01), empty * 20_000), Symptom.TOO_LARGE)


@pytest.mark.parametrize("payload", [b"", b"x" * 20_000, json.dumps({"type": "ping"}).encode()])
async def test_a_stream_without_end_ends_and_takes_no_memory(payload):
    tracemalloc.start()
    try:
        async with tcp(endless(frame(payload) * 20)) as place:
            spec = WebSocketProbe("/", script=WAIT, connections=3)
            evidence = await asyncio.wait_for(ask(spec, place), 20)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert evidence.outcome is Outcome.FAILED
    assert {one.symptom for one in evidence.findings} <= {
        Symptom.TOO_LARGE,
        Symptom.TIMEOUT,
        Symptom.BODY,
    }
    assert peak < 64 << 20


async def test_a_stream_while_held_open_ends_too():
    spec = WebSocketProbe("/", hold_s=0.2)
    async with tcp(endless(frame(b'{"type":"ping"}') * 20)) as place:
        evidence = await asyncio.wait_for(ask(spec, place), 20)
    assert evidence.duration_s < 10


async def test_pings_without_end_end():
    patient = replace(SPEC, script=(replace(WAIT[0], within_s=100),))  # frames decide, not time
    await fails(endless(frame(b"x", first=0x89) * 50), Symptom.TOO_LARGE, patient, within_s=110)


async def test_json_that_would_break_a_reader_is_only_a_text():
    deep = b"[" * 100_000
    finding = await fails(after_handshake(frame(deep), frame(b'{"a":NaN}')), Symptom.BODY)
    assert len(finding.seen) <= 240


# How it ends.


async def test_an_end_without_a_close_frame_is_1006():
    finding = await fails(after_handshake(stay=False), Symptom.ABNORMAL)
    assert finding.seen.startswith("1006, no close frame")


async def test_an_end_in_the_middle_of_a_frame_is_1006():
    await fails(after_handshake(frame(b"abc", size=100), stay=False), Symptom.ABNORMAL)


async def test_a_close_without_a_code_is_1005():
    finding = await fails(after_handshake(frame(first=0x88)), Symptom.CLOSED)
    assert finding.seen.startswith("1005")


async def test_what_a_server_writes_is_harmless_and_without_secrets():
    reason = b"\x1b[31mred\x07 " + TOKEN[:70].encode()
    long = json.dumps({"type": "error", "message": "x" * 430 + TOKEN}).encode()
    close = frame(struct.pack("!H", 1011) + reason, first=0x88)
    async with tcp(
        after_handshake(frame(b"\x1b]0;owned\x07 " + TOKEN.encode()), frame(long), close)
    ) as place:
        evidence = await ask(SPEC, place)
    everything = repr(evidence) + "".join(evidence.excerpts)
    assert "\x1b" not in everything
    assert TOKEN[:12] not in everything
    assert "\\x1b[31mred" in evidence.findings[0].seen
    assert evidence.findings[0].symptom is Symptom.CLOSED
