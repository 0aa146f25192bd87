"""The HTTP pages."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from examples.backend.state import SERVICE, VERSION, Backend
from examples.backend.tokens import AuthError, from_header, user_of


def _backend(request: Request) -> Backend:
    backend: Backend = request.app.state.backend
    return backend


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _base(request: Request) -> str:
    """The URL by which the client came: TLS ends before this process."""
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme).partition(",")[0]
    return f"{scheme}://{request.headers.get('host', 'localhost')}"


def _websocket(base: str) -> str:
    return base.replace("http", "ws", 1) + "/ws"


async def health(_: Request) -> Response:
    """A constant: it says that the process answers, and nothing of what it depends on."""
    body = {"status": "healthy", "service": SERVICE, "version": VERSION, "timestamp": time.time()}
    return JSONResponse(body, headers={"API-Version": "1.0"})


async def ready(request: Request) -> Response:
    """Whether the core database answers; the others are optional in this environment."""
    return JSONResponse(
        {
            "status": "ready",
            "service": SERVICE,
            "core_db": "connected",
            "clickhouse_db": "skipped_optional",
            "redis_db": "skipped_optional",
            "environment": _backend(request).environment,
            "timestamp": time.time(),
        }
    )


async def live(request: Request) -> Response:
    """Whether the process lives."""
    return JSONResponse(
        {
            "status": "healthy",
            "service": SERVICE,
            "version": VERSION,
            "timestamp": _now(),
            "environment": _backend(request).environment,
        }
    )


async def api_health(request: Request) -> Response:
    """Readiness in full, one check a dependency."""
    backend = _backend(request)
    checks = {
        name: {"status": "healthy", "connected": True, "response_time_ms": 1.0, "error": None}
        for name in ("postgresql", "redis", "clickhouse")
    }
    return JSONResponse(
        {
            "status": "healthy",
            "service": SERVICE,
            "version": VERSION,
            "environment": backend.environment,
            "timestamp": _now(),
            "uptime_seconds": round(backend.uptime_s(), 3),
            "checks": checks,
            "database_details": {"pool": "async", "connections": 1},
        }
    )


async def discovery(request: Request) -> Response:
    """Where the services are."""
    base = _base(request)
    entry = {
        "port": request.url.port or 443,
        "url": base,
        "api_url": f"{base}/api",
        "ws_url": _websocket(base),
        "timestamp": _now(),
    }
    services = dict.fromkeys(("backend", "frontend", "auth"), entry)
    registry_dir = _backend(request).release.registry_dir
    if registry_dir is not None:
        _keep(Path(registry_dir), services)
    return JSONResponse({"services": services, "timestamp": _now(), "available": True})


def _keep(folder: Path, services: dict[str, dict[str, object]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "services.json").write_text(json.dumps(services))


async def mcp_config(request: Request) -> Response:
    """How tools connect."""
    base = _base(request)
    client = {"mcpServers": {"chat": {"url": f"{base}/api/mcp", "transport": "http"}}}
    return JSONResponse(
        {
            "claude": client,
            "cursor": client,
            "mcp": {"version": VERSION, "endpoint": f"{base}/api/mcp"},
            "http": {"url": f"{base}/api"},
            "websocket": {"url": _websocket(base), "subprotocols": ["jwt-auth"]},
        }
    )


async def mcp_servers(_: Request) -> Response:
    """Which tool servers are connected."""
    server = {
        "name": "chat-mcp",
        "status": "connected",
        "version": VERSION,
        "capabilities": ["tools", "resources"],
    }
    return JSONResponse({"data": [server], "status": "success"})


async def openapi(request: Request) -> Response:
    """Which pages there are, from the routes themselves."""
    paths: dict[str, dict[str, object]] = {}
    for route in request.app.routes:
        if isinstance(route, Route) and route.include_in_schema:
            operations = paths.setdefault(route.path, {})
            for method in sorted((route.methods or set()) - {"HEAD"}):
                operations[method.lower()] = {"responses": {"200": {"description": "As usual"}}}
    info = {"title": SERVICE, "version": VERSION}
    return JSONResponse({"openapi": "3.1.0", "info": info, "paths": paths})


async def websocket_health(request: Request) -> Response:
    """The state of the chats, as this process counts them."""
    sessions = _backend(request).sessions
    rate = sessions.refused / sessions.total if sessions.total else 0.0
    return JSONResponse(
        {
            "status": "healthy",
            "service": SERVICE,
            "timestamp": _now(),
            "metrics": {
                "websocket": {
                    "active_connections": sessions.active,
                    "total_connections": sessions.total,
                    "error_rate": round(rate, 4),
                }
            },
            "errors": [],
            "e2e_testing": {"auth_bypass_active": False},
        }
    )


async def websocket_config(request: Request) -> Response:
    """What a client must know before it connects."""
    return JSONResponse(
        {
            "status": "healthy",
            "websocket": {
                "url": _websocket(_base(request)),
                "subprotocols": ["jwt-auth"],
                "heartbeat_interval": 30,
                "max_message_size": 8192,
            },
            "e2e_testing": {"auth_bypass_active": False},
        }
    )


async def for_users(request: Request) -> Response:
    """A list that only users may see; it is empty."""
    user = user_of(from_header(request.headers.get("authorization")), _backend(request).key)
    return JSONResponse({"data": [], "user_id": user, "status": "success"})


async def for_nobody(request: Request) -> Response:
    """A page that users may not see, and others may not even try."""
    user_of(from_header(request.headers.get("authorization")), _backend(request).key)
    return _problem(403, "forbidden", "This page is for administrators")


async def on_auth_error(_: Request, error: Exception) -> Response:
    """401 in JSON."""
    code = error.code if isinstance(error, AuthError) else "AUTH_ERROR"
    answer = _problem(401, code, str(error))
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


async def on_http_error(request: Request, error: Exception) -> Response:
    """404, 405 and their like in JSON."""
    status = getattr(error, "status_code", 500)
    message = f"{request.method} {request.url.path[:200]} is not offered"
    return _problem(status, "not_found" if status == 404 else "http_error", message)


async def on_crash(_: Request, error: Exception) -> Response:
    """500 in JSON; the server logs the exception."""
    return _problem(500, "internal_error", f"Internal Server Error ({type(error).__name__})")


def _problem(status: int, error: str, message: str) -> JSONResponse:
    return JSONResponse({"error": error, "message": message}, status_code=status)
