"""A WebSocket server that is never the bottleneck: bytes in, ready-made bytes out, no frame parser.

Each session: 101 with a subprotocol and a welcome in one write, one answer to the first frame, the
close frame echoed. Run as a program it prints the port it listens on and serves until it is killed.
"""

import asyncio
import base64
import hashlib
import json
import struct
import sys

import uvloop

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MASKED = 0x80
CLOSE = 0x88


def frame(payload: bytes, first: int = 0x81) -> bytes:
    """An unmasked frame with a payload below 64 KiB."""
    if len(payload) < 126:
        return bytes([first, len(payload)]) + payload
    return bytes([first, 126]) + struct.pack("!H", len(payload)) + payload


WELCOME = frame(
    json.dumps(
        {
            "type": "system_message",
            "data": {"event": "connection_established", "connection_ready": True},
            "timestamp": 1757364000.0,
        }
    ).encode()
)
PONG = frame(b'{"type":"pong","timestamp":1757364000.5}')
NORMAL = frame(struct.pack("!H", 1000), CLOSE)


class Session(asyncio.Protocol):
    """One connection: a head first, then masked frames of fewer than 126 bytes."""

    def __init__(self) -> None:
        self.buffer = b""
        self.upgraded = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.upgraded:
            head, found, self.buffer = self.buffer.partition(b"\r\n\r\n")
            if not found:
                self.buffer = head
                return
            self.upgraded = True
            self.transport.write(upgrade(head))
        while len(self.buffer) >= 6:
            size = 6 + (self.buffer[1] & 0x7F)
            if len(self.buffer) < size:
                return
            first, self.buffer = self.buffer[0], self.buffer[size:]
            if first == CLOSE:
                self.transport.write(NORMAL)
                self.transport.close()
                return
            self.transport.write(PONG)


def upgrade(head: bytes) -> bytes:
    """The answer to a handshake: 101, the first subprotocol offered, and the welcome."""
    lower = head.lower()
    at = lower.index(b"sec-websocket-key:") + 18
    key = head[at : head.index(b"\r\n", at) if b"\r\n" in head[at:] else len(head)].strip()
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    at = lower.find(b"sec-websocket-protocol:")
    offered = b""
    if at >= 0:
        line = head[at + 23 :].split(b"\r\n", 1)[0]
        offered = b"Sec-WebSocket-Protocol: " + line.split(b",", 1)[0].strip() + b"\r\n"
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n" + offered + b"\r\n" + WELCOME
    )


async def main() -> None:
    """Serves until killed, or until standard input ends (the benchmark has gone)."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Session, "127.0.0.1", 0, backlog=8192)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main())
