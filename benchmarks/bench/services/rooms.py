"""Rooms to talk in, over WebSockets: what one says is heard in that room, and nowhere else."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from benchmarks.bench.services.faults import Faults
from examples.backend.tokens import AuthError, from_header, user_of

FAULTS = frozenset(
    {
        "others-hear-nothing", "sender-hears-nothing", "heard-in-other-rooms",
        "whisper-for-everybody", "whisper-is-lost", "joining-is-not-told", "leaving-is-not-told",
        "no-history", "history-of-all-rooms", "said-twice", "said-in-pairs-swapped",
        "third-one-dropped", "wrong-name", "heard-late", "strangers-let-in", "rooms-not-listed",
        "first-one-forgotten", "members-not-told",
        "another-field", "another-welcome", "a-little-later", "members-in-another-order",
    }
)  # fmt: skip
HISTORY = 20
PAGE = (
    "<!doctype html><html><head><title>Rooms</title></head><body><h1>Rooms</h1>"
    '<div id="rooms"></div></body></html>'
)


@dataclass
class Member:
    """One connection."""

    name: str
    socket: WebSocket
    behind: dict[str, Any] | None = None


@dataclass
class Room:
    """Who is in it, and what was said last."""

    members: list[Member] = field(default_factory=list)
    said: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=HISTORY))
    number: int = 0


class Rooms:
    """The rooms of one instance."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._rooms: dict[str, Room] = {"lobby": Room(), "help": Room()}

    async def page(self, _: Request) -> Response:
        """A page for people."""
        return HTMLResponse(PAGE)

    async def listed(self, _: Request) -> Response:
        """The rooms that are always there."""
        names = [] if "rooms-not-listed" in self._faults else ["lobby", "help"]
        return JSONResponse({"rooms": [{"name": name} for name in names]})

    async def talk(self, socket: WebSocket) -> None:
        """One connection, from its welcome to its end."""
        name = self._name(socket)
        if not name:
            await socket.send_denial_response(JSONResponse({"error": "sign in first"}, 401))
            return
        await socket.accept()
        room = self._rooms.setdefault(socket.query_params.get("room", "lobby"), Room())
        member = Member(name, socket)
        await self._enter(room, member, socket.query_params.get("room", "lobby"))
        try:
            while True:
                await self._heard(room, member, await socket.receive_json())
        except (WebSocketDisconnect, ValueError, RuntimeError):
            pass
        finally:
            await self._leave(room, member)

    def _name(self, socket: WebSocket) -> str:
        try:
            user = user_of(from_header(socket.headers.get("authorization")), self._faults.key)
        except AuthError:
            user = "guest" if "strangers-let-in" in self._faults else ""
        alias = socket.query_params.get("as", "")
        return f"{user}/{alias}" if user and alias else user

    async def _enter(self, room: Room, member: Member, called: str) -> None:
        names = [one.name for one in room.members]
        said = [*room.said]
        if "history-of-all-rooms" in self._faults:
            said = [one for each in self._rooms.values() for one in each.said]
        if "no-history" in self._faults:
            said = []
        if "members-in-another-order" in self._faults:
            names.reverse()
        welcome = {
            "type": "welcome",
            "room": called,
            "you": member.name,
            "members": [] if "members-not-told" in self._faults else names,
            "history": said,
            "text": "Hi!" if "another-welcome" in self._faults else "Welcome.",
        }
        await _send(member, welcome)
        if "joining-is-not-told" not in self._faults:
            await self._tell(room.members, {"type": "joined", "who": member.name})
        room.members.append(member)
        if "third-one-dropped" in self._faults and len(room.members) > 2:
            await member.socket.close(1011)

    async def _leave(self, room: Room, member: Member) -> None:
        room.members.remove(member)
        if "leaving-is-not-told" not in self._faults:
            await self._tell(room.members, {"type": "left", "who": member.name})

    async def _heard(self, room: Room, member: Member, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "say":
                await self._say(room, member, str(message.get("text", "")))
            case "whisper":
                await self._whisper(room, member, message)
            case "ping":
                await _send(member, {"type": "pong"})
            case _:
                await _send(member, {"type": "error", "text": "say, whisper or ping"})

    async def _say(self, room: Room, member: Member, text: str) -> None:
        room.number += 1
        name = "system" if "wrong-name" in self._faults else member.name
        told: dict[str, Any] = {"type": "said", "from": name, "text": text, "n": room.number}
        if "another-field" in self._faults:
            told["mentions"] = []
        room.said.append(told)
        if "heard-late" in self._faults:
            await asyncio.sleep(3)
        if "a-little-later" in self._faults:
            await asyncio.sleep(0.15)
        to = self._hearers(room, member)
        if "said-in-pairs-swapped" in self._faults:
            await self._swapped(to, told)
            return
        await self._tell(to, told)
        if "said-twice" in self._faults:
            await self._tell(to, told)

    def _hearers(self, room: Room, member: Member) -> list[Member]:
        to = [*room.members]
        if "heard-in-other-rooms" in self._faults:
            to = [one for each in self._rooms.values() for one in each.members]
        if "others-hear-nothing" in self._faults:
            to = [member]
        if "sender-hears-nothing" in self._faults:
            to = [one for one in to if one is not member]
        if "first-one-forgotten" in self._faults:
            to = [one for one in to if one is not room.members[0] or len(room.members) == 1]
        return to

    async def _swapped(self, to: list[Member], told: dict[str, Any]) -> None:
        """Each second message comes before the one it follows."""
        for one in to:
            if one.behind is None and told["n"] % 2:
                one.behind = told
            else:
                await _send(one, told)
                if one.behind is not None:
                    await _send(one, one.behind)
                    one.behind = None

    async def _whisper(self, room: Room, member: Member, message: dict[str, Any]) -> None:
        told = {"type": "whispered", "from": member.name, "text": str(message.get("text", ""))}
        to = [one for one in room.members if one.name == message.get("to")]
        if "whisper-for-everybody" in self._faults:
            to = [one for one in room.members if one is not member]
        if "whisper-is-lost" in self._faults:
            to = []
        await self._tell(to, told)

    async def _tell(self, to: list[Member], message: dict[str, Any]) -> None:
        for one in [*to]:
            await _send(one, message)


async def _send(member: Member, message: dict[str, Any]) -> None:
    try:
        await member.socket.send_json(message)
    except (WebSocketDisconnect, RuntimeError):
        return  # it has gone; its own connection notices


def build(faults: Faults) -> Starlette:
    """The application."""
    rooms = Rooms(faults)
    return Starlette(
        routes=[
            Route("/", rooms.page),
            Route("/rooms", rooms.listed),
            WebSocketRoute("/chat", rooms.talk),
        ]
    )
