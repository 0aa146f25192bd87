"""A client of HTTP/2 for tests: asks over one connection, and sees every event."""

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
from h2.settings import SettingCodes

from tests.contract.local_wire import within


@dataclass
class Answer:
    """What has come of one request."""

    status: int = 0
    fields: list = field(default_factory=list)
    body: bytes = b""
    trailers: dict = field(default_factory=dict)
    ended: bool = False
    reset: int | None = None

    def all(self, name):
        return [value for key, value in self.fields if key == name]


class Http2Wire:
    """One connection; `window` bytes are let in for each stream before the test reads on."""

    def __init__(self, reader, writer, window):
        self.reader, self.writer = reader, writer
        self.reads_on = window is None
        config = h2.config.H2Configuration(client_side=True, header_encoding="latin-1")
        self.http2 = h2.connection.H2Connection(config)
        self.http2.initiate_connection()
        if window is not None:
            self.http2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.answers = {}
        self.ended = asyncio.Event()
        self._changed = asyncio.Event()

    async def ask(self, path, *fields, method="GET", body=None, ends=True):
        """Sends a request; returns the number of its stream."""
        number = self.http2.get_next_available_stream_id()
        self.answers[number] = Answer()
        head = [
            (":method", method),
            (":scheme", "http"),
            (":authority", "127.0.0.1"),
            (":path", path),
            *fields,
        ]
        self.http2.send_headers(number, head, end_stream=body is None and ends)
        if body is not None:
            self.http2.send_data(number, body, end_stream=ends)
        await self.flush()
        return number

    async def send(self, number, data):
        """Sends bytes as fast as the other side lets them in."""
        at = 0
        while at < len(data):
            window = self.http2.local_flow_control_window(number)
            size = min(window, self.http2.max_outbound_frame_size, len(data) - at)
            if size <= 0:
                self._changed.clear()
                await self._changed.wait()
                continue
            self.http2.send_data(number, data[at : at + size])
            at += size
            await self.flush()

    async def whole(self, number):
        """The answer, once there is no more of it."""
        return await self.until(number, lambda answer: answer.ended or answer.reset is not None)

    async def until(self, number, wanted):
        answer = self.answers[number]
        while not wanted(answer) and not self.ended.is_set():
            self._changed.clear()
            await within(self._changed.wait())
        return answer

    async def flush(self):
        self.writer.write(self.http2.data_to_send())
        await self.writer.drain()

    async def read(self):
        while data := await self.reader.read(65536):
            for event in self.http2.receive_data(data):
                self._hear(event)
            await self.flush()
            self._changed.set()
        self.ended.set()
        self._changed.set()

    def _hear(self, event):
        answer = self.answers.get(getattr(event, "stream_id", None))
        match event:
            case h2.events.ResponseReceived():
                fields = dict(event.headers)
                answer.status, answer.fields = int(fields[":status"]), event.headers
            case h2.events.DataReceived():
                answer.body += event.data
                if self.reads_on and event.flow_controlled_length:
                    self.http2.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id
                    )
            case h2.events.TrailersReceived():
                answer.trailers = dict(event.headers)
            case h2.events.StreamEnded():
                answer.ended = True
            case h2.events.StreamReset():
                answer.reset = int(event.error_code)
            case _:
                pass


@asynccontextmanager
async def http2(url, window=None):
    host, port = re.fullmatch(r"http://(.+):(\d+)", url).groups()
    wire = Http2Wire(*await asyncio.open_connection(host, int(port)), window)
    await wire.flush()
    reading = asyncio.create_task(wire.read())
    try:
        yield wire
    finally:
        reading.cancel()
        wire.writer.transport.abort()
