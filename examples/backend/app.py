"""Puts the backend together, and puts the revision's name on every answer."""

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from examples.backend import log, pages
from examples.backend.chat import chat
from examples.backend.state import Backend
from examples.backend.tokens import AuthError

_FOR_USERS = ("messages", "threads", "conversations", "chat", "agents")
_FOR_NOBODY = ("admin", "users", "config", "internal")
_ANSWERS = {"http.response.start", "websocket.accept", "websocket.http.response.start"}


def build(backend: Backend) -> ASGIApp:
    """Gives the application of one instance."""
    app = Starlette(
        routes=_routes(backend),
        exception_handlers={
            AuthError: pages.on_auth_error,
            HTTPException: pages.on_http_error,
            Exception: pages.on_crash,
        },
    )
    app.state.backend = backend
    return Identified(app, backend.revision)


def _routes(backend: Backend) -> list[BaseRoute]:
    health = ["GET", "HEAD", "OPTIONS"]
    return [
        Route("/health", pages.health, methods=health),
        Route("/health/", pages.health, methods=health),
        Route("/health/ready", pages.ready),
        Route("/health/live", pages.live),
        Route(backend.release.api_health_path, pages.api_health),
        Route("/api/discovery/services", pages.discovery),
        Route("/api/mcp/config", pages.mcp_config),
        Route("/api/mcp/servers", pages.mcp_servers),
        Route("/api/agents/execute", pages.for_users, methods=["POST"]),
        *(Route(f"/api/{name}", pages.for_users, methods=["GET", "POST"]) for name in _FOR_USERS),
        *(Route(f"/api/{name}", pages.for_nobody, methods=["GET", "POST"]) for name in _FOR_NOBODY),
        Route("/ws/health", pages.websocket_health),
        Route("/ws/config", pages.websocket_config),
        Route("/openapi.json", pages.openapi, include_in_schema=False),
        WebSocketRoute("/ws", chat),
        WebSocketRoute("/{path:path}", _no_chat_here),
    ]


async def _no_chat_here(websocket: WebSocket) -> None:
    answer = JSONResponse({"error": "not_found", "message": "No WebSocket here"}, status_code=404)
    await websocket.send_denial_response(answer)


class Identified:
    """Adds x-revision to every answer, the handshake's included, and notes the request's trace."""

    def __init__(self, app: ASGIApp, revision: str) -> None:
        self._app = app
        self._revision = revision

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        log.current.set(log.trace_of(headers))  # stays for what the server logs of this request

        async def identified(message: Message) -> None:
            if message["type"] in _ANSWERS:
                message.setdefault("headers", [])
                MutableHeaders(raw=message["headers"])["x-revision"] = self._revision
            await send(message)

        await self._app(scope, receive, identified)
