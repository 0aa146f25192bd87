"""What happens to WebSockets: each behaviour wraps the application."""

import asyncio
import base64
import json
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

from benchmarks.bench.backend.do import App, Do, Message, Receive, Scope, Send, edited
from benchmarks.bench.backend.http import named
from examples.backend.tokens import mint, subprotocol

Frame = dict[str, Any]


def refuse(app: App, do: Do) -> App:
    """Refuses the handshake with an HTTP `status`."""

    async def no(scope: Scope, receive: Receive, send: Send) -> None:
        if not do.strikes(scope, "websocket"):
            return await app(scope, receive, send)
        body = do.get("body", "Internal Server Error").encode()
        fields = {"content-length": str(len(body)), "content-type": "text/plain", **named()}
        pairs = [(name.encode(), value.encode()) for name, value in fields.items()]
        start = {"type": "websocket.http.response.start", "status": do["status"]}
        await send({**start, "headers": pairs})
        return await send({"type": "websocket.http.response.body", "body": body})

    return no


def close(app: App, do: Do) -> App:
    """Accepts, and closes with `code` and `reason` after a `frame`, if any, and `seconds`."""

    async def ended(scope: Scope, receive: Receive, send: Send) -> None:
        if not do.strikes(scope, "websocket"):
            return await app(scope, receive, send)
        chosen = "jwt-auth" if "jwt-auth" in scope["subprotocols"] else None
        fields = [(name.encode(), value.encode()) for name, value in named().items()]
        await send({"type": "websocket.accept", "subprotocol": chosen, "headers": fields})
        if "frame" in do.told:
            await send({"type": "websocket.send", "text": json.dumps(do["frame"])})
        await asyncio.sleep(do.get("seconds", 0))
        return await send(_closing(do))

    return ended


def _closing(do: Do) -> Message:
    return {"type": "websocket.close", "code": do.get("code", 1011), "reason": do.get("reason", "")}


def expire(app: App, do: Do) -> App:
    """Closes a connection that works after `seconds`, with `code`; without one it breaks off."""

    async def short(scope: Scope, receive: Receive, send: Send) -> None:
        if not do.strikes(scope, "websocket"):
            return await app(scope, receive, send)
        serving = asyncio.create_task(app(scope, receive, send))
        done, _ = await asyncio.wait({serving}, timeout=do.get("seconds", 0))
        if not done:
            await (send(_closing(do)) if "code" in do.told else _abort(scope))
            serving.cancel()
            await asyncio.wait({serving})
        return None

    return short


async def _abort(scope: Scope) -> None:
    scope["bench.abort"]()


def freeze(app: App, do: Do) -> App:
    """After `seconds` nobody reads a connection any more, which stays open: no pong ever comes."""

    async def frozen(scope: Scope, receive: Receive, send: Send) -> None:
        if not do.strikes(scope, "websocket"):
            return await app(scope, receive, send)
        timer = asyncio.get_running_loop().call_later(do["seconds"], scope["bench.freeze"])
        try:
            return await app(scope, receive, send)
        finally:
            timer.cancel()

    return frozen


def limit(app: App, do: Do) -> App:
    """Lets one user open `most` connections; the next is closed, after a `frame` if any."""
    count: Counter[str] = Counter()
    refuse_it = close(app, Do("close", do.told, do.chance))

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        if not do.strikes(scope, "websocket"):
            return await app(scope, receive, send)
        who = _who(scope)
        if count[who] >= do["most"]:
            return await refuse_it(scope, receive, send)
        count[who] += 1
        try:
            return await app(scope, receive, send)
        finally:
            count[who] -= 1

    return counted


def _who(scope: Scope) -> str:
    """The subject of the token, unverified."""
    headers = dict(scope["headers"])
    token = headers.get(b"authorization", b"").decode().partition(" ")[2]
    for item in scope["subprotocols"]:
        if item.startswith("jwt."):
            token = _unpacked(item.removeprefix("jwt.")).decode(errors="replace")
    try:
        return str(json.loads(_unpacked(token.split(".")[1]))["sub"])
    except (IndexError, ValueError, KeyError):
        return ""


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def exclude(app: App, do: Do) -> App:
    """Knows `user`, and turns it away after the handshake."""
    turn_away = close(app, Do("close", do.told, do.chance))

    async def choosy(scope: Scope, receive: Receive, send: Send) -> None:
        met = scope["type"] == "websocket" and _who(scope) == do["user"]
        await (turn_away if met else app)(scope, receive, send)

    return choosy


def wait(app: App, do: Do) -> App:
    """Answers the handshake `seconds` later."""

    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        if do.strikes(scope, "websocket"):
            await asyncio.sleep(do["seconds"])
        await app(scope, receive, send)

    return late


def welcome_all(app: App, do: Do) -> App:
    """Takes every token for alice's, a bypass for tests that went into production."""
    key = os.environ.get("JWT_SECRET_KEY", "")

    async def open_door(scope: Scope, receive: Receive, send: Send) -> None:
        if do.strikes(scope, "websocket"):
            token = subprotocol(mint("alice", key))
            kept = [item for item in scope["subprotocols"] if not item.startswith("jwt.")]
            scope = {**scope, "subprotocols": [*kept, token]}
        await app(scope, receive, send)

    return open_door


def select(app: App, do: Do) -> App:
    """Selects another subprotocol: `which` is an index into those offered, or null for none."""

    async def other(scope: Scope, receive: Receive, send: Send) -> None:
        async def selecting(message: Message) -> None:
            if message["type"] == "websocket.accept":
                offered = [*scope["subprotocols"]]
                index = do.get("which")
                chosen = offered[index] if index is not None and index < len(offered) else None
                message = {**message, "subprotocol": chosen}
            await send(message)

        met = do.strikes(scope, "websocket")
        await app(scope, receive, selecting if met else send)

    return other


def ignore(app: App, do: Do) -> App:
    """Never hears messages of these `types`."""

    async def hard_of_hearing(scope: Scope, receive: Receive, send: Send) -> None:
        async def heard() -> Message:
            while True:
                message = await receive()
                if message["type"] != "websocket.receive" or not _is(message, do["types"]):
                    return message

        met = do.strikes(scope, "websocket")
        await app(scope, heard if met else receive, send)

    return hard_of_hearing


def _is(message: Message, types: list[str]) -> bool:
    return bool(message.get("text")) and json.loads(message["text"]).get("type") in types


def _frames(change: Callable[[Do, list[Frame], Frame], list[Frame]]) -> Callable[[App, Do], App]:
    """A behaviour that changes the frames of `types` (all without it) on their way out.

    `change` gets what it kept of earlier frames of the connection, and gives what is to be sent.
    """

    def wrap(app: App, do: Do) -> App:
        async def changing(scope: Scope, receive: Receive, send: Send) -> None:
            kept: list[Frame] = []

            async def sending(message: Message) -> None:
                if message["type"] != "websocket.send" or not message.get("text"):
                    return await send(message)
                frame = json.loads(message["text"])
                meant = frame.get("type") in do.get("types", [frame.get("type")])
                for each in change(do, kept, frame) if meant else [frame]:
                    await send({"type": "websocket.send", "text": json.dumps(each)})
                return None

            met = do.strikes(scope, "websocket")
            await app(scope, receive, sending if met else send)

        return changing

    return wrap


def _swapped(_: Do, kept: list[Frame], frame: Frame) -> list[Frame]:
    """The first of two comes after the second."""
    if kept:
        return [frame, kept.pop()]
    kept.append(frame)
    return []


def _parroted(app: App, do: Do) -> App:
    """Says back whatever it is told, and nothing else."""

    async def parrot(scope: Scope, receive: Receive, send: Send) -> None:
        if not do.strikes(scope, "websocket"):
            return await app(scope, receive, send)
        fields = [(name.encode(), value.encode()) for name, value in named().items()]
        await receive()
        chosen = "jwt-auth" if "jwt-auth" in scope["subprotocols"] else None
        await send({"type": "websocket.accept", "subprotocol": chosen, "headers": fields})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message.get("text") or ""})
        return None

    return parrot


def misdeliver(app: App, do: Do) -> App:
    """Sends events of one connection to another that is open, too."""
    others: list[Send] = []

    async def careless(scope: Scope, receive: Receive, send: Send) -> None:
        if not do.strikes(scope, "websocket"):
            return await app(scope, receive, send)

        async def sending(message: Message) -> None:
            await send(message)
            for other in others:
                if other is not send and _is(message, do["types"]):
                    await other(message)

        others.append(send)
        try:
            return await app(scope, receive, sending)
        finally:
            others.remove(send)

    return careless


SOCKETS: dict[str, Callable[[App, Do], App]] = {
    "ws-refuse": refuse,
    "ws-close": close,
    "ws-expire": expire,
    "ws-freeze": freeze,
    "ws-limit": limit,
    "ws-exclude": exclude,
    "ws-wait": wait,
    "ws-open-door": welcome_all,
    "ws-select": select,
    "ws-ignore": ignore,
    "ws-parrot": _parroted,
    "ws-misdeliver": misdeliver,
    "ws-drop": _frames(lambda _do, _kept, _frame: []),
    "ws-edit": _frames(lambda do, _kept, frame: [edited(frame, do)]),
    "ws-repeat": _frames(lambda _do, _kept, frame: [frame, frame]),
    "ws-swap": _frames(_swapped),
    "ws-say": _frames(lambda do, _kept, frame: [do["frame"], frame]),
}
