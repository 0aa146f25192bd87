"""The WebSocket: who is it, a welcome, and an answer to every message."""

import asyncio
import json
import logging
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable

from starlette.websockets import WebSocket, WebSocketDisconnect

from examples.backend import agent, frames
from examples.backend.log import fields
from examples.backend.sessions import Session, TooManySessionsError
from examples.backend.state import Backend
from examples.backend.tokens import AuthError, from_header, from_subprotocols, user_of

SUBPROTOCOL = "jwt-auth"
MESSAGES_A_MINUTE = 100
MAX_UNROUTABLE = 5
MAX_ID_CHARS = 128
log = logging.getLogger("backend.chat")


async def chat(websocket: WebSocket) -> None:
    """Serves one connection from the handshake to the close."""
    backend: Backend = websocket.app.state.backend
    offered = websocket.scope["subprotocols"]
    await websocket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
    try:
        token = from_header(websocket.headers.get("authorization")) or from_subprotocols(offered)
        user = user_of(token, backend.key)
        session = backend.sessions.open(user, secrets.token_hex(8))
    except AuthError as error:
        log.warning("WebSocket authentication failed: %s", error, extra=fields(code=error.code))
        hint = "Send a token as bearer or in the subprotocol jwt.<base64url>"
        await _refuse(
            websocket, frames.error(error.code, str(error), hint), 1008, "SSOT Auth failed"
        )
        return
    except TooManySessionsError as error:
        log.error("Factory SSOT validation failed: %s", error)  # noqa: TRY400 - expected, no trace
        frame = frames.error("FACTORY_INIT_FAILED", str(error), "Close other connections")
        await _refuse(websocket, frame, 1011, "Factory SSOT validation failed")
        return
    try:
        await Conversation(websocket, backend, session).hold()
    finally:
        backend.sessions.close(session)


async def _refuse(websocket: WebSocket, frame: frames.Frame, code: int, reason: str) -> None:
    try:
        await websocket.send_json(frame)
        await websocket.close(code, reason)
    except (WebSocketDisconnect, RuntimeError):
        return  # the client was quicker


class Conversation:
    """One connection of a user that is known."""

    def __init__(self, websocket: WebSocket, backend: Backend, session: Session) -> None:
        self._websocket = websocket
        self._backend = backend
        self._session = session
        self._heard = time.monotonic()
        self._recent: deque[float] = deque(maxlen=MESSAGES_A_MINUTE)
        self._unroutable = 0
        self._routes: dict[str, Callable[[frames.Frame], Awaitable[None]]] = {
            "ping": self._on_ping,
            "pong": self._on_pong,
            "heartbeat": self._on_heartbeat,
            "message": self._on_message,
            "user_message": self._on_message,
            "chat": self._on_message,
            "start_agent": self._on_start_agent,
            "execute_agent": self._on_start_agent,
        }

    async def hold(self) -> None:
        """Welcomes the user and answers until one side ends it."""
        user, connection_id = self._session.user, self._session.connection_id
        log.info("chat opened", extra=fields(user_id=user, connection_id=connection_id))
        form = self._backend.release.welcome
        beating = asyncio.create_task(self._beat())
        try:
            welcome = frames.welcome(form, user, connection_id, self._about())
            await self._websocket.send_json(welcome)
            await self._answer_until_closed()
        except (WebSocketDisconnect, RuntimeError):
            pass  # the client left; Starlette raises the latter for a send after that
        finally:
            beating.cancel()
            log.info("chat closed", extra=fields(user_id=user, connection_id=connection_id))

    async def _answer_until_closed(self) -> None:
        while self._unroutable < MAX_UNROUTABLE:
            received = await self._websocket.receive()
            if received["type"] == "websocket.disconnect":
                return
            text = received.get("text")
            size = len(text.encode()) if text else len(received.get("bytes") or b"")
            if size <= frames.MAX_MESSAGE_BYTES:  # a longer one is passed over in silence
                await self._route(text)
        await self._websocket.close(1008, "Too many messages that cannot be routed")

    async def _route(self, text: str | None) -> None:
        self._heard = now = time.monotonic()
        if len(self._recent) == MESSAGES_A_MINUTE and now - self._recent[0] < 60:
            await self._complain("RATE_LIMITED", "More than 100 messages in a minute", "Slow down")
            return
        self._recent.append(now)
        message = _parsed(text)
        route = self._routes.get(str(message.get("type"))) if message else None
        if message is None or route is None:
            self._unroutable += 1
            await self._complain(
                "FORMAT_ERROR", "The message cannot be routed", 'Send {"type": "message", ...}'
            )
            return
        self._unroutable = 0
        await route(message)

    async def _on_ping(self, _: frames.Frame) -> None:
        await self._websocket.send_json(frames.pong(self._session.user))

    async def _on_pong(self, _: frames.Frame) -> None:
        """A pong needs no answer: that it was heard is what matters."""

    async def _on_heartbeat(self, _: frames.Frame) -> None:
        await self._websocket.send_json(frames.heartbeat_ack())

    async def _on_message(self, message: frames.Frame) -> None:
        await self._run_agent(message.get("content"), message.get("thread_id"))

    async def _on_start_agent(self, message: frames.Frame) -> None:
        payload = message.get("payload")
        query = payload.get("query") if isinstance(payload, dict) else None
        await self._run_agent(query, message.get("thread_id"))

    async def _run_agent(self, content: object, thread_id: object) -> None:
        if not isinstance(content, str) or not content.strip():
            await self._complain("FORMAT_ERROR", "The message has no content", "Send some text")
            return
        given = isinstance(thread_id, str) and 0 < len(thread_id) <= MAX_ID_CHARS
        thread = str(thread_id) if given else f"thread_{secrets.token_hex(8)}"
        async for event in agent.run(self._session.user, thread, content):
            await self._websocket.send_json(event)

    async def _complain(self, code: str, message: str, suggestion: str) -> None:
        await self._websocket.send_json(frames.error(code, message, suggestion))

    def _about(self) -> frames.Frame:
        """What the welcome says of the server."""
        config = {
            "heartbeat_interval": int(self._backend.heartbeat_s),
            "max_message_size": frames.MAX_MESSAGE_BYTES,
        }
        return {"environment": self._backend.environment, "config": config}

    async def _beat(self) -> None:
        """Sends a JSON ping now and then; ends a chat in which nothing comes back."""
        interval_s = self._backend.heartbeat_s
        while True:
            await asyncio.sleep(interval_s)
            try:
                if time.monotonic() - self._heard > 4 * interval_s:
                    await self._websocket.close(1001, "Heartbeat timeout")
                    return
                await self._websocket.send_json(frames.ping())
            except (WebSocketDisconnect, RuntimeError):
                return


def _parsed(text: str | None) -> frames.Frame | None:
    try:
        message = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None
