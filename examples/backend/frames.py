"""The JSON that goes over the WebSocket."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from examples.backend.releases import Welcome

MAX_MESSAGE_BYTES = 8192
AGENT_EVENTS = (
    "agent_started",
    "agent_thinking",
    "tool_executing",
    "tool_completed",
    "agent_completed",
)
Frame = dict[str, object]


def welcome(form: Welcome, user: str, connection_id: str, about: Mapping[str, object]) -> Frame:
    """The first frame of a chat, in the form that the release has."""
    if form is Welcome.CONNECTION_ESTABLISHED:
        return {
            "type": "connection_established",
            "mode": "main",
            "user_id": f"{user[:8]}...",
            "connection_id": f"main_{connection_id}",
            "golden_path_events": list(AGENT_EVENTS),
            "features": {"heartbeat": True, "agents": True},
            "timestamp": datetime.now(UTC).isoformat(),
        }
    data = {
        "event": "connection_established",
        "connection_id": f"ws_{connection_id}",
        "user_id": user,
        "server_time": datetime.now(UTC).isoformat(),
        "connection_ready": True,
        **about,
        "startup_complete": True,
        "factory_pattern_enabled": True,
    }
    return {
        "type": "system_message",
        "data": data,
        "timestamp": time.time(),
        "server_id": None,
        "correlation_id": None,
    }


def ping() -> Frame:
    """The server's heartbeat; a client answers with a JSON pong."""
    return {"type": "ping", "timestamp": time.time()}


def pong(user: str) -> Frame:
    """The answer to a client's JSON ping."""
    now = time.time()
    return {"type": "pong", "data": {"timestamp": now, "user_id": user}, "timestamp": now}


def heartbeat_ack() -> Frame:
    """The answer to a client's heartbeat."""
    return {"type": "heartbeat_ack", "timestamp": time.time()}


def agent_event(name: str, user: str, thread_id: str, **more: object) -> Frame:
    """One step of an agent's run."""
    return {
        "type": name,
        "event": name,
        "user_id": user,
        "thread_id": thread_id,
        "timestamp": time.time(),
        **more,
    }


def error(code: str, message: str, suggestion: str) -> Frame:
    """What went wrong, before a close or on a chat that goes on."""
    return {
        "type": "error_message",
        "error_code": code,
        "error_message": message,
        "details": {},
        "timestamp": time.time(),
        "recovery_suggestions": [suggestion],
    }
