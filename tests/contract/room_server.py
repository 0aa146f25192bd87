"""A small room server on real sockets, which can be told its fault.

Rooms are in the query (`/chat?room=a&name=ann`). It greets, tells the others who comes and goes,
gives latecomers the history, and passes on what is said to all of a room or, with `to`, to one.
"""

import asyncio
import contextlib
import json
from collections import defaultdict
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

FAULTS = (
    "to nobody",
    "to everybody",
    "private to the room",
    "no history",
    "history of others",
    "nobody is told who joins",
    "nobody is told who leaves",
    "joins told everywhere",
    "twice",
    "swapped",
    "kicked",
    "old rooms",
)


class Rooms:
    """The server.

    Attributes:
        fault: one of FAULTS, "" for none.
        paths: the paths of all handshakes.
        names: of the revisions that take the connections, the last one for ever; () for nameless.
    """

    def __init__(self, fault="", names=()):
        self.names = list(names)
        assert not fault or fault in FAULTS
        self.fault = fault
        self.rooms = defaultdict(dict)
        self.history = defaultdict(list)
        self.paths = []
        self.kept = None

    @contextlib.asynccontextmanager
    async def serving(self, **options):
        async with serve(self.session, "127.0.0.1", 0, **options) as server:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def session(self, ws):
        self.paths.append(ws.request.path)
        query = parse_qs(urlsplit(ws.request.path).query)
        room, name = query["room"][0], query.get("name", ["somebody"])[0]
        with contextlib.suppress(ConnectionClosed):
            await self.welcome(ws, room)
            if self.fault != "nobody is told who joins":
                await self.tell(self.present("joins", room), {"type": "joined", "name": name})
            self.rooms[room][ws] = name
            try:
                async for text in ws:
                    await self.heard(ws, room, name, json.loads(text))
            finally:
                del self.rooms[room][ws]
        if self.fault != "nobody is told who leaves":
            await self.tell(self.present("", room), {"type": "left", "name": name})

    def present(self, what, room):
        everywhere = self.fault == "joins told everywhere" and what == "joins"
        return [ws for one in self.rooms if everywhere or one == room for ws in self.rooms[one]]

    async def welcome(self, ws, room):
        named = {"revision": self.names[0]} if self.names else {}
        del self.names[: len(self.names) > 1]
        await ws.send(json.dumps({"type": "welcome", "room": room, **named}))
        items = [] if self.fault == "no history" else self.history.get(room, [])
        if self.fault == "history of others":
            items = [one for items in self.history.values() for one in items]
        await ws.send(json.dumps({"type": "history", "items": items}))
        if self.fault == "old rooms" and self.history:
            first = next(iter(self.history.values()))
            await ws.send(json.dumps({"type": "said", **first[0]}))

    async def heard(self, ws, room, name, message):
        told = {"type": "said", "from": name, "text": message["text"]}
        if message.get("to"):
            private = [one for one, other in self.rooms[room].items() if other == message["to"]]
            leaks = self.fault == "private to the room"
            await self.tell([*self.rooms[room]] if leaks else private, told)
            return
        if message["text"].startswith("kick"):
            for one in [*self.rooms[room]]:
                if one is not ws:
                    await one.close(4003, "kicked")
        self.history[room].append({"text": message["text"]})
        others = [one for one in self.rooms if one != room]
        rooms = [room, *others] if self.fault == "to everybody" else [room]
        await self.pass_on([one for where in rooms for one in self.rooms[where]], ws, told)

    async def pass_on(self, whom, ws, told):
        if self.fault == "to nobody":
            whom = [ws]
        if self.fault == "kicked":
            for one in whom:
                if one is not ws:
                    await one.close(1011, "room failed")
        if self.fault == "swapped" and self.kept is None:
            self.kept = told
            return
        await self.tell(whom, told)
        if self.fault == "twice":
            await self.tell(whom, told)
        if self.fault == "swapped":
            kept, self.kept = self.kept, None
            await self.tell(whom, kept)

    async def tell(self, whom, message):
        await asyncio.gather(*(ws.send(json.dumps(message)) for ws in whom), return_exceptions=True)
