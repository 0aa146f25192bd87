"""What a probe keeps of what the candidate says, whichever kind asks and whatever comes of it."""

import http as status
import json
from dataclasses import asdict

import pytest
from websockets.asyncio.server import serve

from gate.core.expectations import Pattern, Schema
from gate.core.policy import Bodies, Probe
from gate.core.redaction import Redactor
from gate.kinds.http import HttpProbe
from gate.kinds.soak import SoakProbe
from gate.kinds.startup import StartupProbe
from gate.kinds.websocket import Await, Send, WebSocketProbe
from gate.ports import Target
from gate.probes.runner import ProbeRunner
from tests.contract.probe_servers import SystemClock, http, tcp

PERSON = "carol@example.com"
SESSION = "s3ss10n0fc4r0l"
BODY = {"email": PERSON, "session_id": SESSION, "n": 42}
STRICT = Schema("s.json", {"type": "object", "properties": {"email": {"const": "nobody"}}})
HTTP = {
    "passes": HttpProbe("/"),
    "another value": HttpProbe("/", answer=Pattern(json={"email": "nobody"})),
    "schema": HttpProbe("/", answer=Pattern(schema=STRICT)),
    "status": HttpProbe("/", status=(204,)),
    "startup": StartupProbe("/", status=(204,)),
}
TALK = (Await(Pattern(json={"email": "nobody"}), within_s=0.3),)
WS = {
    "another value": WebSocketProbe("/", script=TALK),
    "schema": WebSocketProbe("/", script=(Await(Pattern(schema=STRICT), within_s=0.3),)),
    "never": WebSocketProbe(
        "/",
        script=(Await(Pattern(json={"x": 1}), never=Pattern(json={"n": 42}), within_s=1),),
    ),
    "sent": WebSocketProbe("/", script=(Send({"a": 1}), *TALK)),
    "error frame": WebSocketProbe("/error", script=(Await(Pattern(json={"x": 1}), within_s=1),)),
    "refused": WebSocketProbe("/refuse"),
    "soak": SoakProbe("/error", for_s=1),
}


async def kept(probe, place, bodies):
    runner = ProbeRunner({}, None, SystemClock(), Redactor({}), arrival_within_s=0)
    target = Target(f"http://{place}")
    (evidence,) = await runner.run([Probe("p", probe, bodies=bodies)], target, lambda _: None)
    shown = asdict(evidence)
    del shown["shape"]
    return evidence, json.dumps(shown, default=str)


def assert_kept(text, bodies):
    assert SESSION not in text
    assert (PERSON in text) == (bodies is Bodies.EXCERPT)
    assert "\ue000" not in text
    assert "ue00" not in text


@pytest.mark.parametrize("bodies", Bodies)
@pytest.mark.parametrize("name", HTTP)
async def test_of_an_http_answer(name, bodies):
    async with tcp(http(json.dumps(BODY).encode())) as place:
        evidence, text = await kept(HTTP[name], place, bodies)
    assert evidence.passed is (name == "passes")
    assert_kept(text, bodies)
    if bodies is Bodies.SHAPE and name != "startup":
        assert any('"n":number' in line for line in evidence.excerpts)


async def talk(ws):
    if ws.request.path == "/error":
        await ws.send(json.dumps({"type": "error", "error": PERSON}))
        await ws.close(1011, "no")
        return
    await ws.send(json.dumps(BODY))
    await ws.wait_closed()


def refuse(connection, request):
    if request.path == "/refuse":
        return connection.respond(status.HTTPStatus(403), json.dumps(BODY))
    return None


@pytest.mark.parametrize("bodies", Bodies)
@pytest.mark.parametrize("name", WS)
async def test_of_frames(name, bodies):
    async with serve(talk, "127.0.0.1", 0, process_request=refuse) as server:
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        evidence, text = await kept(WS[name], place, bodies)
    assert not evidence.passed
    assert_kept(text, bodies)
