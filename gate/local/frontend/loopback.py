"""The traffic front end: one loopback address for a service and one for each of its tags."""

import asyncio
import random
from typing import Final

from gate.local.frontend.address import HOST, Address, FrontEndContext
from gate.local.frontend.client import ClientConnection
from gate.local.frontend.settings import FrontEndSettings
from gate.local.frontend.split import Split
from gate.local.frontend.upstream import UpstreamPool
from gate.local.ports import Access, Door, LogSink, Places, ServiceKey, Share

_BACKLOG: Final = 4096


class LoopbackFrontEnd:
    """Splits requests over revisions and passes HTTP/1.1 and WebSockets through (FrontEnd).

    Must be used inside a running event loop (uvloop, for speed).

    Args:
        places: where requests find an instance (ProcessInstances is one).
        sink: takes one line for each request.
        rng: draws the split; seed it to repeat a run.
        settings: times and sizes.
        door: decides who is let in; without one everybody is.
    """

    def __init__(
        self,
        places: Places,
        sink: LogSink,
        rng: random.Random,
        settings: FrontEndSettings | None = None,
        door: Door | None = None,
    ) -> None:
        self._settings = settings or FrontEndSettings()
        self._random = rng
        self._door = door
        self._access: dict[ServiceKey, Access] = {}
        pool = UpstreamPool(self._settings)
        self._context = FrontEndContext(places, pool, sink, self._settings)
        self._addresses: dict[tuple[ServiceKey, str | None], Address] = {}
        self._servers: dict[tuple[ServiceKey, str | None], asyncio.Server] = {}
        self._opening = asyncio.Lock()
        self._splits: dict[tuple[ServiceKey, str | None], Split] = {}

    async def open(self, service: ServiceKey, tag: str | None, port: int = 0) -> str:
        """As `FrontEnd.open`.

        Raises:
            OSError: the port is taken.
        """
        name = (service, tag)
        async with self._opening:
            if name in self._addresses:
                return self._addresses[name].url
            access = self._access.get(service, Access())
            address = Address("", self._splits.get(name), service, door=self._door, access=access)
            server = await asyncio.get_running_loop().create_server(
                lambda: ClientConnection(self._context, address), HOST, port, backlog=_BACKLOG
            )
            address.url = f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
            self._addresses[name] = address
            self._servers[name] = server
            return address.url

    def route(self, service: ServiceKey, tag: str | None, shares: tuple[Share, ...]) -> None:
        """As `FrontEnd.route`; no shares is no route. May come before `open`.

        Raises:
            ValueError: the weights cannot be a split.
        """
        name = (service, tag)
        if shares:
            self._splits[name] = Split(shares, self._random)
        else:
            self._splits.pop(name, None)
        address = self._addresses.get(name)
        if address is not None:
            address.split = self._splits.get(name)

    def admit(self, service: ServiceKey, access: Access) -> None:
        """As `FrontEnd.admit`. May come before `open`."""
        self._access[service] = access
        for (owner, _), address in self._addresses.items():
            if owner == service:
                address.access = access

    async def shut(self, service: ServiceKey, tag: str | None) -> None:
        """As `FrontEnd.shut`: requests under way and open WebSockets go on to their end."""
        name = (service, tag)
        self._splits.pop(name, None)
        address = self._addresses.pop(name, None)
        if address is not None:
            address.shut = True
            self._servers.pop(name).close()

    async def close(self) -> None:
        """As `FrontEnd.close`."""
        for service, tag in tuple(self._addresses):
            await self.shut(service, tag)
        for connection in tuple(self._context.connections):
            connection.cut()
        if self._context.connections:
            await self._context.empty.wait()
        self._context.close()
