"""The recording proxy: one loopback address that stands for the candidate.

A request in origin form goes to the candidate. As a forward proxy (only with `hosts`), requests and
tunnels to the hosts of the policy go to the candidate, TLS ended here by a certificate of the run's
own; everything else passes untouched and unseen, except to this machine and its metadata server.
"""

import asyncio
import ssl
from collections.abc import Collection
from functools import partial
from typing import Self
from urllib.parse import urlsplit

import h11
import httpcore

from gate.core.evidence import Asked
from gate.http1.streams import Streams, TooLargeError
from gate.probes.suite.client import Client
from gate.probes.suite.frames import Watch
from gate.probes.suite.record import Record, Seen
from gate.probes.suite.relay import ENDED, CorePipe, relay
from gate.probes.suite.tunnel import Refused, elsewhere, host_and_port
from gate.probes.suite.upstream import Reply, Request, Upstream
from gate.probes.web.exchange import BROKEN

_TLS_HANDSHAKE = b"\x16"


class Proxy:
    """Listens on loopback; to be used as an asynchronous context.

    Args:
        upstream: the way to the candidate.
        record: keeps what was seen.
        hosts: names that stand for the candidate; none where it is no forward proxy.
        tls: the server's side of TLS for these names.
    """

    def __init__(
        self,
        upstream: Upstream,
        record: Record,
        hosts: Collection[str] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._upstream = upstream
        self._record = record
        self._hosts = frozenset(host.lower() for host in hosts)
        self._tls = tls
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def place(self) -> str:
        """Its host:port."""
        return f"127.0.0.1:{_port(self._servers[0])}"

    async def __aenter__(self) -> Self:
        plain = partial(self._accept, "http")
        self._servers.append(await asyncio.start_server(plain, "127.0.0.1", 0))
        if self._tls is not None:
            secure = partial(self._accept, "https")
            server = await asyncio.start_server(secure, "127.0.0.1", 0, ssl=self._tls)
            self._servers.append(server)
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(
        self, scheme: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        streams = Streams(reader, writer)
        client = Client(streams, scheme)
        try:
            while await self._serve(client):
                pass
            await streams.close()
        except (*ENDED, *BROKEN, h11.ProtocolError):
            pass  # the suite sees that the connection ends; the record knows why
        except asyncio.CancelledError:
            pass  # the end of the run; nobody awaits what start_server runs
        finally:
            self._tasks.discard(task)
            streams.break_off()

    async def _serve(self, client: Client) -> bool:
        """One request; says whether another one may follow."""
        try:
            asked = await client.request()
        except TooLargeError:
            await client.answer(413, "a request body larger than this proxy holds")
            return False
        if asked is None:
            return False
        event, body = asked
        if event.method == b"CONNECT":
            await self._tunnel(client, event.target.decode("ascii", "replace"))
            return False
        request = self._request(client, event, body)
        if request is None:
            await client.answer(403, "this proxy passes on plain http to the policy's hosts only")
            return client.again()
        await self._exchange(client, request)
        return client.again()

    def _request(self, client: Client, event: h11.Request, body: bytes) -> Request | None:
        """What the candidate is to be asked; None where another host is meant."""
        headers = [(bytes(name), bytes(value)) for name, value in event.headers.raw_items()]
        named = next((value for name, value in headers if name.lower() == b"host"), b"")
        path, base = event.target, f"{client.scheme}://{named.decode('latin-1')}"
        if not path.startswith((b"/", b"*")):
            try:
                parts = urlsplit(path.decode("ascii", "replace"))
                host = (parts.hostname or "").lower()
            except ValueError:
                return None
            if host not in self._hosts:
                return None
            base = f"{parts.scheme}://{parts.netloc}"
            rest = path.split(b"://", 1)[-1]
            slash = min((at for at in (rest.find(b"/"), rest.find(b"?")) if at >= 0), default=-1)
            path = b"/" if slash < 0 else rest[slash:]
            path = path if path.startswith(b"/") else b"/" + path
        upgrade = any(
            name.lower() == b"upgrade" and value.strip().lower() == b"websocket"
            for name, value in headers
        )
        return Request(event.method, base, path, headers, body, upgrade)

    async def _exchange(self, client: Client, request: Request) -> None:
        """Asks, while it is noticed if the suite does not wait for the answer."""
        seen = self._record.now()
        seen.at(request.place)
        begun = asyncio.Event()
        asking = asyncio.create_task(self._answer(client, request, seen, begun))
        gone = asyncio.create_task(client.gone()) if not request.upgrade else None
        waiting = {asking} if gone is None else {asking, gone}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                await asking
            elif not begun.is_set():
                seen.broke(request.place, "no answer before the test gave up")
                seen.line(f"{request} without an answer")
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _answer(
        self, client: Client, request: Request, seen: Seen, begun: asyncio.Event
    ) -> None:
        try:
            async with self._upstream.ask(request, seen) as reply:
                begun.set()
                if reply.status == 101:
                    await self._converse(client, reply, seen, request.place)
                else:
                    await self._pass_on(client, reply)
        except (httpcore.ConnectError, httpcore.ConnectTimeout):
            seen.line(f"{request} without a connection")
            await client.answer(502, "no connection to the candidate")

    async def _pass_on(self, client: Client, reply: Reply) -> None:
        head = h11.Response(status_code=reply.status, headers=reply.headers, reason=reply.reason)
        await client.send(head)
        async for chunk in reply.body():
            await client.send(h11.Data(data=chunk))
        await client.send(h11.EndOfMessage())

    async def _converse(self, client: Client, reply: Reply, seen: Seen, place: Asked) -> None:
        """A WebSocket: its messages count for the test that runs when they pass."""
        far = CorePipe(reply.stream)
        first = await client.switch(101, reply.headers)

        def sent() -> None:
            self._record.now().sent += 1

        def received() -> None:
            self._record.now().received += 1

        def close(code: int, reason: str) -> None:
            seen.closes.note(f"{code} {reason}".strip())
            seen.coded(place, code)

        out, back = Watch(sent, lambda _code, _reason: None), Watch(received, close)
        far_first = await relay(client.streams, far, first, out.feed, back.feed)
        if far_first and not back.closed:
            seen.closes.note("1006")
        if not back.closed:
            seen.coded(place, 1006 if far_first else 1000)

    async def _tunnel(self, client: Client, authority: str) -> None:
        host, port = host_and_port(authority)
        if not self._hosts or not host:
            await client.answer(403, "this proxy passes nothing on")
            return
        if host in self._hosts:
            await self._lead_home(client)
            return
        try:
            far = await elsewhere(host, port)
        except Refused as error:
            await client.answer(403, str(error))
            return
        except OSError:
            await client.answer(502, "no connection")
            return
        await relay(client.streams, far, await client.switch(200, []))

    async def _lead_home(self, client: Client) -> None:
        """Connects a tunnel with our own address, with TLS or without, as its first byte says."""
        first = await client.switch(200, []) or await client.streams.read()
        if not first:
            return
        secure = first.startswith(_TLS_HANDSHAKE)
        server = self._servers[-1 if secure else 0]
        far = Streams(*await asyncio.open_connection("127.0.0.1", _port(server)))
        await relay(client.streams, far, first)


def _port(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port
