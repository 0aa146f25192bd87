"""A client's connection and its instance's, between transports that only remember."""

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from gate.local.frontend.address import Address, FrontEndContext
from gate.local.frontend.client import ClientConnection
from gate.local.frontend.settings import FrontEndSettings
from gate.local.frontend.split import Split
from gate.local.frontend.upstream import UpstreamConnection, UpstreamPool
from gate.local.ports import Share
from tests.fakes.local_data_plane import FakePlaces, ListSink, revision

KEY = revision()


class Transport:
    """Remembers what was written; tells its protocol about the end like a real one, later."""

    def __init__(self, protocol):
        self.protocol = protocol
        self.written = b""
        self.closing = False
        self.reading = True

    def write(self, data):
        assert not self.closing
        self.written += data

    def write_eof(self):
        assert not self.closing

    def is_closing(self):
        return self.closing

    def close(self):
        if not self.closing:
            self.closing = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    abort = close

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True

    def get_extra_info(self, name):
        return ("127.0.0.1", 1)


class Pool(UpstreamPool):
    """A pool whose connections lead nowhere."""

    def __init__(self, settings):
        super().__init__(settings)
        self.made = []

    async def connect(self, lease):
        connection = UpstreamConnection(self._settings, self._all.discard)
        connection.connection_made(Transport(connection))
        self._all.add(connection)
        self.made.append(connection)
        return connection


class Stage:
    """One client, and whatever connections to the instance it comes to need."""

    def __init__(self):
        self.places = FakePlaces({KEY: 1})
        self.sink = ListSink()
        self.pool = Pool(FrontEndSettings())
        self.context = FrontEndContext(self.places, self.pool, self.sink, FrontEndSettings())
        split = Split((Share(KEY, 100),), random.Random(1))
        self.client = ClientConnection(self.context, Address("http://127.0.0.1:1", split))
        self.wire = Transport(self.client)
        self.client.connection_made(self.wire)

    def busy(self):
        """The connections that a request is using."""
        return [each for each in self.pool.made if not each.transport.closing]

    async def do(self, what, data=b""):
        if what == "client" and self.wire.reading and not self.wire.closing:
            self.client.data_received(data)
        elif what == "instance":
            for each in self.busy()[-1:]:
                if each.transport.reading:
                    each.data_received(data)
        elif what == "client ends" and not self.wire.closing:
            if not self.client.eof_received():
                self.wire.close()
        elif what == "instance ends":
            for each in self.busy()[-1:]:
                if not each.eof_received():
                    each.transport.close()
        elif what == "client clogs" and not self.wire.closing:
            self.client.pause_writing()
        elif what == "client drains" and not self.wire.closing:
            self.client.resume_writing()
        elif what == "time is up" and not self.wire.closing:
            self.client._expired()
        for _ in range(3):
            await asyncio.sleep(0)

    async def end(self):
        self.wire.close()
        for _ in range(3):
            await asyncio.sleep(0)
        self.pool.close()


FROM_CLIENT = [
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HT",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"hello",
    b"\r\n",
]
FROM_INSTANCE = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 2",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"hello",
    b"\xff\r\n\r\n",
]
EVENTS = st.one_of(
    st.tuples(st.just("client"), st.sampled_from(FROM_CLIENT)),
    st.tuples(st.just("instance"), st.sampled_from(FROM_INSTANCE)),
    st.tuples(
        st.sampled_from(
            ["client ends", "instance ends", "client clogs", "client drains", "time is up"]
        ),
        st.just(b""),
    ),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(EVENTS, max_size=25))
def test_whatever_happens_in_whatever_order_nothing_breaks_and_nothing_is_kept(events):
    async def play():
        stage = Stage()
        for what, data in events:
            await stage.do(what, data)
            assert stage.places.held in {0, 1}
        await stage.end()
        assert stage.places.held == 0
        assert not stage.context.connections
        assert len(stage.sink.lines) == stage.places.taken
        assert stage.client._task is None
        assert stage.client._deadline._timer is None

    asyncio.run(play())


async def test_a_request_and_its_answer():
    stage = Stage()
    await stage.do("client", FROM_CLIENT[0])
    (instance,) = stage.pool.made
    assert instance.transport.written.startswith(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
    await stage.do("instance", FROM_INSTANCE[0] + b"hello")
    assert stage.wire.written.startswith(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n")
    assert stage.wire.written.endswith(b"\r\n\r\nhello")
    await stage.do("client", FROM_CLIENT[0])
    assert stage.pool.made == [instance]
    await stage.end()


async def test_time_is_up_for_a_client_that_does_not_read_what_was_meant_to_be_the_last():
    stage = Stage()
    await stage.do("client", b"GET / HTTP/1.1\r\n\r\n")
    assert not stage.wire.closing
    await stage.do("time is up")
    assert stage.wire.closing
    await stage.end()
