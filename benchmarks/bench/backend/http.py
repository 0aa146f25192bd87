"""What happens to requests: each behaviour wraps the application."""

import asyncio
import json
import logging
import os
from collections.abc import Callable
from typing import Any

from benchmarks.bench.backend.do import App, Do, Message, Receive, Scope, Send, edited

log = logging.getLogger("backend.bench")


async def respond(send: Send, status: int, body: Any, headers: dict[str, str]) -> None:
    """Answers a request, with the revision's name as every answer of the backend has it."""
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    kind = "text/plain" if isinstance(body, str) else "application/json"
    fields = {"content-type": kind, "content-length": str(len(raw)), **named(), **headers}
    pairs = [(name.lower().encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": raw})


def named() -> dict[str, str]:
    return {"x-revision": os.environ.get("K_REVISION", "local")}


def answer(app: App, do: Do) -> App:
    """Another answer: `status`, `body` (JSON, or text), `headers`, after `seconds`."""

    async def instead(scope: Scope, receive: Receive, send: Send) -> None:
        if not do.strikes(scope):
            return await app(scope, receive, send)
        await asyncio.sleep(do.get("seconds", 0))
        return await respond(send, do["status"], do.get("body", {}), do.get("headers", {}))

    return instead


def redirect(app: App, do: Do) -> App:
    """The route `path` has a slash now: 307 to it, over http:// since TLS ended before."""
    path = do["path"]

    async def led_away(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == f"{path}/":
            return await app({**scope, "path": path}, receive, send)
        if not do.strikes(scope):
            return await app(scope, receive, send)
        host = dict(scope["headers"]).get(b"host", b"").decode()
        return await respond(send, 307, "", {"location": f"http://{host}{path}/"})

    return led_away


def delay(app: App, do: Do) -> App:
    """Answers `seconds` later, `jitter` more at most."""

    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        if do.strikes(scope):
            await asyncio.sleep(do["seconds"] + do.chance.random() * do.get("jitter", 0))
        await app(scope, receive, send)

    return late


def hang(app: App, do: Do) -> App:
    """Takes the request and never answers."""

    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        if not do.strikes(scope):
            return await app(scope, receive, send)
        while (await receive())["type"] != "http.disconnect":
            pass
        return None

    return silent


def cut(app: App, do: Do) -> App:
    """Breaks the connection off without an answer; Cloud Run's front end answers 503."""

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        if not do.strikes(scope):
            return await app(scope, receive, send)
        scope["bench.abort"]()
        return None

    return broken


def edit(app: App, do: Do) -> App:
    """Changes the JSON of the answer, its `status`, and its `headers`."""

    async def other(scope: Scope, receive: Receive, send: Send) -> None:
        if not do.strikes(scope):
            return await app(scope, receive, send)
        started: Message = {}
        body = b""

        async def collect(message: Message) -> None:
            nonlocal body
            if message["type"] == "http.response.start":
                started.update(message)
            else:
                body += message.get("body", b"")

        await app(scope, receive, collect)
        kept = {name.decode(): value.decode() for name, value in started["headers"]}
        kept.pop("content-length", None)
        status = do.get("status", started["status"])
        changed = edited(json.loads(body), do)
        return await respond(send, status, changed, {**kept, **do.get("headers", {})})

    return other


def truncate(app: App, do: Do) -> App:
    """Promises the whole answer, sends half of it, and breaks off."""

    async def half(scope: Scope, receive: Receive, send: Send) -> None:
        if not do.strikes(scope):
            return await app(scope, receive, send)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.body":
                body = message.get("body", b"")
                await send({**message, "body": body[: len(body) // 2], "more_body": True})
                await asyncio.sleep(0.02)
                scope["bench.abort"]()
            else:
                await send(message)

        return await app(scope, receive, sending)

    return half


def write(app: App, do: Do) -> App:
    """Writes a line to the log, `times` times, and answers as ever."""

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        if do.strikes(scope, do.get("of", "http")):
            for _ in range(do.get("times", 1)):
                log.log(logging.getLevelName(do.get("severity", "ERROR")), "%s", do["text"])
        await app(scope, receive, send)

    return noting


def crash(app: App, do: Do) -> App:
    """The whole container dies of a request."""

    async def dying(scope: Scope, receive: Receive, send: Send) -> None:
        if do.strikes(scope, do.get("of", "http")):
            os._exit(do.get("code", 1))
        await app(scope, receive, send)

    return dying


def need(app: App, do: Do) -> App:
    """Another answer wherever the variable `name` is not set."""
    return app if os.environ.get(do["name"]) else answer(app, do)


def slam(app: App, do: Do) -> App:
    """Does not see the header `name`, as if a proxy took it away."""
    name = do["name"].lower().encode()

    async def blind(scope: Scope, receive: Receive, send: Send) -> None:
        if "headers" in scope and do.strikes(scope, scope["type"]):
            scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != name]}
        await app(scope, receive, send)

    return blind


def impostor(app: App, do: Do) -> App:
    """Puts another revision's name on its answers."""

    async def other(scope: Scope, receive: Receive, send: Send) -> None:
        async def renamed(message: Message) -> None:
            if "headers" in message:
                kept = [pair for pair in message["headers"] if pair[0] != b"x-revision"]
                message["headers"] = [*kept, (b"x-revision", do["revision"].encode())]
            await send(message)

        await app(scope, receive, renamed if do.strikes(scope, scope["type"]) else send)

    return other


HTTP: dict[str, Callable[[App, Do], App]] = {
    "answer": answer,
    "redirect": redirect,
    "delay": delay,
    "hang": hang,
    "cut": cut,
    "edit": edit,
    "truncate": truncate,
    "log": write,
    "crash": crash,
    "need": need,
    "no-header": slam,
    "impostor": impostor,
}
