"""Sample traffic: what users would ask a candidate that has some, alike for every rule that counts.

`REQUESTS` requests in a mix drawn from the seed, some at once, each user one after the other. A
WebSocket is one request, as in Cloud Run's metrics: 101, or the status of its refusal.
"""

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException

from examples.backend.tokens import subprotocol

REQUESTS = 120
USERS = 8
TIMEOUT_S = 3.0
MIXES = {
    "backend": {
        "/api/messages": 30,
        "/ws": 20,
        "/api/health": 10,
        "/api/discovery/services": 15,
        "/api/mcp/config": 15,
        "/api/mcp/servers": 15,
        "/health": 15,
    },
    "shop": {
        "/": 30,
        "/products": 20,
        "/products?page=2": 10,
        "/products/3": 20,
        "/search?q=product": 10,
        "/login": 10,
        "/account": 5,
        "/static/style.css": 30,
    },
    "notes": {
        "/status": 10,
        "/api/notes": 40,
        "/api/notes?page=2": 15,
        "/api/notes?q=note": 15,
        "/api/me": 10,
    },
    "rooms": {"/": 10, "/rooms": 20, "/chat": 40},
}
"""Path to weight, by service."""
SOCKETS = frozenset({"/ws", "/chat"})


@dataclass(frozen=True)
class Sample:
    """One request: its status (0: none came), and how long it took.

    `latency_s` is None for WebSockets, which last as long as people talk.
    """

    path: str
    status: int
    latency_s: float | None


async def sample(
    url: str, tokens: Mapping[str, str], seed: str, service: str = "backend"
) -> list[Sample]:
    """Sends a service's traffic to a URL; what came of each request."""
    chance = random.Random(seed)
    mix = MIXES[service]
    paths = chance.choices(list(mix), list(mix.values()), k=REQUESTS)
    parts = [paths[index::USERS] for index in range(USERS)]
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(url, timeout=timeout) as client:
        if service == "notes":
            tokens = {user: await _login(client, user, tokens[user]) for user in tokens}
        users = [list(tokens.values())[index % len(tokens)] for index in range(USERS)]
        done = await asyncio.gather(*map(_user, [client] * USERS, [url] * USERS, parts, users))
    return [each for samples in done for each in samples]


async def _login(client: aiohttp.ClientSession, user: str, password: str) -> str:
    """The access token, "" where none comes."""
    try:
        async with client.post("/api/login", json={"user": user, "password": password}) as answer:
            return str((await answer.json()).get("access_token", ""))
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return ""


async def _user(
    client: aiohttp.ClientSession, url: str, paths: list[str], token: str
) -> list[Sample]:
    samples: list[Sample] = []
    for path in paths:
        if sum(each.status == 0 for each in samples) >= 3:
            samples.append(Sample(path, 0, None))  # a user who has waited so often has left
        elif path in SOCKETS:
            samples.append(await _talk(url, path, token))
        else:
            samples.append(await _get(client, path, token))
    return samples


async def _get(client: aiohttp.ClientSession, path: str, token: str) -> Sample:
    began = time.monotonic()
    asking = {"headers": {"Authorization": f"Bearer {token}"}, "allow_redirects": False}
    try:
        async with client.get(path, **asking) as answer:
            await answer.read()
            status = answer.status
    except (aiohttp.ClientError, TimeoutError):
        status = 0
    return Sample(path, status, time.monotonic() - began)


async def _talk(url: str, path: str, token: str) -> Sample:
    address = url.replace("http", "ws", 1).rstrip("/") + path
    who: dict[str, Any] = {"subprotocols": ["jwt-auth", subprotocol(token)]}
    if path != "/ws":
        who = {"additional_headers": {"Authorization": f"Bearer {token}"}}
    status = 101
    try:
        async with asyncio.timeout(TIMEOUT_S):
            async with connect(address, **who, proxy=None, compression=None) as ws:
                await ws.recv()
                await ws.send('{"type": "ping"}')
                await ws.recv()
    except InvalidStatus as error:
        status = error.response.status_code
    except (InvalidHandshake, OSError):
        status = 0
    except (WebSocketException, TimeoutError):
        pass  # after the handshake: a 101 in the metrics, whatever users saw
    return Sample(path, status, None)
