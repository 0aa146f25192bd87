"""A transport of our own, and the server's side of a handshake: no socket, every byte by hand."""

import asyncio

from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from gate.core.redaction import Redactor
from gate.kinds.websocket import WebSocketProbe
from gate.ports import Target
from gate.probes.inquiry import Nonces, Run
from gate.probes.sockets.connection import Connection
from gate.probes.sockets.message import Message
from gate.probes.sockets.opening import Opening
from gate.probes.words import Words
from tests.fakes.clock import START, FakeClock


class Wire(asyncio.Transport):
    """Takes what is written and can be told to stop."""

    def __init__(self):
        super().__init__()
        self.written = b""
        self.closed = self.paused = False

    def write(self, data):
        assert not self.closed
        self.written += data

    def is_closing(self):
        return self.closed

    def close(self):
        self.closed = True

    abort = close

    def pause_reading(self):
        self.paused = True

    def resume_reading(self):
        self.paused = False


def text(payload, fin=True, opcode=Opcode.TEXT):
    data = payload.encode() if isinstance(payload, str) else payload
    return Frame(opcode, data, fin=fin).serialize(mask=False)


def close(code, reason=""):
    return Frame(Opcode.CLOSE, Close(code, reason).serialize()).serialize(mask=False)


class Peer:
    """A connection, its wire, and the server's side of the handshake."""

    def __init__(self):
        run = Run(
            Target("http://x"), {}, Nonces(), Words(Redactor({})), FakeClock(), None, None, START
        )
        ws, request = Opening(WebSocketProbe("/ws", ("v1",)), run).handshake(run.values("n1"))
        self.notes = []
        self.heard = []
        self.connection = Connection(
            ws, request, self.arrived, lambda *note: self.notes.append(note)
        )
        self.wire = Wire()
        self.connection.connection_made(self.wire)
        self.request = self.wire.written
        self.wire.written = b""

    def arrived(self, message):
        self.heard.append(message)
        return Message(message, message)

    def accepted(self):
        """The bytes of a correct answer to the handshake."""
        server = ServerProtocol(subprotocols=["v1"])
        server.receive_data(self.request)
        (request,) = server.events_received()
        assert isinstance(request, Request)
        server.send_response(server.accept(request))
        return b"".join(server.data_to_send())

    def open(self):
        self.connection.data_received(self.accepted())
        assert self.connection.open
        return self.connection

    def sent(self):
        """The frames that were sent since the handshake."""
        server = ServerProtocol(state=1)
        server.receive_data(self.wire.written)
        return [(frame.opcode, bytes(frame.data)) for frame in server.events_received()]
