"""`gate probe --url` as a process, against servers that mean harm: it ends soon, within bounds.

What the probes say of each is held in tests/contract; here that the process survives: exit code,
one clear finding, time and memory.
"""

import asyncio
import base64
import hashlib
import resource
import struct

import pytest

from tests.contract.probe_servers import answers, http, tcp
from tests.e2e.stage import Running, environment

MEMORY_BYTES = 512 << 20  # of data: a frame of 100 MB must not be kept, nor a stream without end
HTTP = "version: 1\nprobes:\n  it: {http: {path: /, timeout: 2s}}\n"
WEBSOCKET = """\
version: 1
probes:
  it:
    websocket:
      path: /ws
      open_within: 2s
      script: [{expect: {json: {type: welcome}, within: 2s}}]
"""


async def probe(folder, policy, handler):
    """What `gate probe` says of a server, with little memory to say it in."""
    path = folder / "policy.yaml"
    path.write_text(policy)
    async with tcp(handler) as place:
        running = Running(("probe", "--policy", path, "--url", f"http://{place}"), environment())
        pid = running.process.pid
        resource.prlimit(pid, resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
        return (await asyncio.to_thread(running.end)).clean()


async def shake(reader, writer):
    """A correct handshake."""
    head = await reader.readuntil(b"\r\n\r\n")
    (key,) = (
        line.partition(b":")[2].strip()
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"sec-websocket-key:")
    )
    accept = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(accept) + b"\r\n\r\n"
    )
    await writer.drain()


def sends(*parts, for_ever=False):
    """Shakes hands, then sends parts, once or until the other side has had enough."""

    async def handler(reader, writer):
        await shake(reader, writer)
        while True:
            for part in parts:
                writer.write(part)
                await writer.drain()
            if not for_ever:
                await reader.read()
                return

    return handler


FRAME_OF_100_MB = struct.pack("!BBQ", 0x81, 127, 100 << 20)
MEGABYTE = bytes(1 << 20)


@pytest.mark.parametrize(
    ("handler", "finding"),
    [
        pytest.param(sends(b"\xff\x00 no frame at all " * 9), "protocol: got", id="garbage"),
        pytest.param(
            sends(FRAME_OF_100_MB, *([MEGABYTE] * 100)), "too large: got", id="a frame of 100 MB"
        ),
        pytest.param(
            sends(b"\x81\x02{}" * 1000, for_ever=True), "expected: {", id="a stream without end"
        ),
        pytest.param(answers(stay=True), "no answer to the handshake within 2 s", id="silence"),
    ],
)
async def test_a_websocket_server_that_means_harm_is_a_failed_probe(tmp_path, handler, finding):
    done = await probe(tmp_path, WEBSOCKET, handler)
    assert (done.code, done.err) == (1, "")
    assert finding in done.out
    assert "0 of 1 probe passed" in done.out


TRICKLE = [part for _ in range(1000) for part in (b"x", 0.1)]
REDIRECT = http(b"", "302 Found", b"location: /again\r\n")


@pytest.mark.parametrize(
    ("handler", "finding"),
    [
        pytest.param(
            answers(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", *TRICKLE),
            "timeout: got",
            id="a byte now and then",
        ),
        pytest.param(answers(*TRICKLE), "timeout: got", id="a head without end"),
        pytest.param(REDIRECT, "redirect: got 302 Found", id="redirects for ever"),
    ],
)
async def test_an_http_server_that_means_harm_is_a_failed_probe(tmp_path, handler, finding):
    done = await probe(tmp_path, HTTP, handler)
    assert (done.code, done.err) == (1, "")
    assert finding in done.out


async def test_a_redirect_is_asked_once_and_never_followed(tmp_path):
    asked = []

    async def handler(reader, writer):
        asked.append(1)
        await REDIRECT(reader, writer)

    await probe(tmp_path, HTTP, handler)
    assert len(asked) == 1


async def test_nothing_that_a_server_says_acts_on_a_terminal(tmp_path):
    body = b'{"\x1b[2J": "\x1b]0;owned\x07", "\xe2\x80\xae": "\\u001b[31m"}'
    done = await probe(tmp_path, HTTP, http(body, "500 \x1b[31mOops"))
    assert done.code in {1, 5}
    assert not {"\x1b", "\x07", "\u202e"} & set(done.out)
