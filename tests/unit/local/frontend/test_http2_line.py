"""What a connection of HTTP/2 does with what the other side says, without a socket."""

import asyncio

from h2.config import H2Configuration
from h2.connection import H2Connection

from gate.local.frontend.http2.instance import InstanceLine
from gate.local.frontend.settings import FrontEndSettings


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self):
        super().__init__()
        self.written = b""

    def write(self, data):
        self.written += data

    def is_closing(self):
        return False

    def close(self):
        pass

    def get_extra_info(self, name, default=None):
        return default


async def test_what_is_to_be_sent_when_the_server_says_goodbye_is_sent():
    line, wire = InstanceLine(FrontEndSettings(), lambda: None), Wire()
    server = H2Connection(H2Configuration(client_side=False))
    line.connection_made(wire)
    server.initiate_connection()
    number = line.http2.get_next_available_stream_id()
    fields = ((":method", "POST"), (":path", "/"), (":scheme", "http"), (":authority", "a"))
    line.http2.send_headers(number, fields)
    line.flush()
    server.receive_data(wire.written)
    wire.written = b""
    line.http2.send_data(number, b"after")  # waits for the end of this turn of the loop
    server.close_connection(last_stream_id=number)
    line.data_received(server.data_to_send())
    line.flush()
    assert b"after" in wire.written
