"""A front end before scripted instances, for tests on real sockets."""

import random
from contextlib import AsyncExitStack, asynccontextmanager

from gate.local.frontend.loopback import LoopbackFrontEnd
from gate.local.frontend.settings import FrontEndSettings
from gate.local.ports import Share
from tests.contract.local_wire import Wire, ok, scripted, within
from tests.fakes.local_data_plane import SERVICE, FakePlaces, ListSink, revision

A, B = revision("backend-00001-abc"), revision("backend-00002-def")


class Stand:
    """A front end before scripted instances."""

    def __init__(self):
        self.stack = AsyncExitStack()
        self.places = FakePlaces({})
        self.sink = ListSink()
        self.service = SERVICE
        self.settings = FrontEndSettings(linger_s=10)

    async def up(self, script, other=None, timeout_s=30.0, shares=None):
        self.instance = await self.stack.enter_async_context(scripted(script))
        self.places.ports[A] = self.instance.port
        if other is not None:
            self.other = await self.stack.enter_async_context(scripted(other))
            self.places.ports[B] = self.other.port
        self.front = LoopbackFrontEnd(self.places, self.sink, random.Random(5), self.settings)
        self.front.route(SERVICE, None, shares or (Share(A, 100, timeout_s),))
        self.url = await self.front.open(SERVICE, None)
        return self

    async def wire(self, url=None, **options):
        wire = await Wire.to(url or self.url, **options)
        self.stack.callback(wire.close)
        return wire

    async def ask(self, request):
        return await (await self.wire()).ask(request)

    async def logged(self):
        """The request log's first line; there is no other, and no place is held any more."""
        await self.sink.until(lambda line: line.http is not None)
        await self.places.until_free()
        (line,) = self.sink.requests()
        return line


@asynccontextmanager
async def standing():
    """A Stand that is taken down at the end, with every place given back."""
    stand = Stand()
    yield stand
    await within(stand.front.close())
    assert stand.places.held == 0
    await stand.stack.aclose()


async def polite(wire, n):
    """Answers every request with the head it got, so that tests can look at it."""
    while True:
        line, fields = await wire.head()
        if "content-length" in fields:
            await wire.read(int(fields["content-length"]))
        seen = "\n".join([line, *(f"{name}: {value}" for name, value in fields)])
        await wire.send(ok(seen.encode(), b"X-Connection: %d" % n))
