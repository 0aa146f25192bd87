"""A token that is renewed while a round is under way is what the next request brings."""

import re

import pytest
from websockets.asyncio.server import serve

from gate.kinds.http import HttpProbe
from gate.kinds.journey import JourneyProbe
from gate.kinds.latency import LatencyProbe
from gate.kinds.steps import Step
from gate.kinds.websocket import WebSocketProbe
from gate.ports import Target
from tests.contract.probe_servers import ask_all, tcp

NAME = "X-Serverless-Authorization"


class Renewed:
    """Headers that are renewed with each request that arrives."""

    def __init__(self):
        self.headers = [(NAME, "Bearer 1")]
        self.brought = []

    def heard(self, value):
        self.brought.append(value)
        self.headers[0] = (NAME, f"Bearer {len(self.brought) + 1}")

    async def answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heard(re.search(rf"(?i)\r\n{NAME}: (.*)\r\n", head)[1])
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()


@pytest.mark.parametrize(
    "specs",
    [
        (HttpProbe("/"), HttpProbe("/")),
        (JourneyProbe((Step("GET", "/a"), Step("GET", "/b"))),),
        (LatencyProbe("/", rate_per_s=20, for_s=1, warm_up_s=0.1, timeout_s=5),),
    ],
    ids=["http", "journey", "latency"],
)
async def test_over_http(specs):
    renewed = Renewed()
    async with tcp(renewed.answer) as place:
        await ask_all(specs, Target(f"http://{place}", headers=renewed.headers))
    assert renewed.brought[:1] == ["Bearer 1"]
    assert len(set(renewed.brought)) > 1


async def test_in_handshakes():
    renewed = Renewed()

    async def session(ws):
        await ws.wait_closed()

    def heard(_, request):
        renewed.heard(request.headers[NAME])

    async with serve(session, "127.0.0.1", 0, process_request=heard) as server:
        port = server.sockets[0].getsockname()[1]
        spec = WebSocketProbe("/ws", repeat=3)
        await ask_all([spec], Target(f"http://127.0.0.1:{port}", headers=renewed.headers))
    assert renewed.brought == ["Bearer 1", "Bearer 2", "Bearer 3"]
