"""The soak probe against a real WebSocket server: what keeps a connection, and what ends it."""

import asyncio
import contextlib
import http
import json

import pytest
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from gate.core.evidence import Outcome, Symptom
from gate.core.policy import IdentityRule
from gate.kinds.soak import SoakProbe
from gate.kinds.websocket import WebSocketProbe
from tests.contract.probe_servers import TOKEN, ask, tcp

SHORT = SoakProbe("/ws", for_s=1.2, ping_every_s=0.3)


@contextlib.asynccontextmanager
async def serving(script, **options):
    async def session(ws):
        with contextlib.suppress(ConnectionClosed):
            await script(ws)

    options = {"ping_interval": None, **options}
    async with serve(session, "127.0.0.1", 0, **options) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def stay(ws):
    async for _ in ws:
        pass


def only(evidence, symptom):
    assert [one.symptom for one in evidence.findings] == [symptom], evidence
    return evidence.findings[0]


async def test_a_connection_that_stays_open_and_answers_pings_is_a_pass():
    closes = []

    async def script(ws):
        await stay(ws)
        closes.append(ws.close_code)

    async with serving(script) as place:
        evidence = await ask(SHORT, place)
    assert evidence.passed, evidence
    assert evidence.kind == "soak"
    assert evidence.asked == "WebSocket /ws, held for 1.2 s"
    assert evidence.seen.startswith("open for 1.2 s; 4 pings answered in ")
    assert evidence.duration_s >= 1.2
    assert closes == [1000]


async def test_the_servers_own_pings_are_answered_and_counted():
    async def script(ws):
        await ws.send(json.dumps({"type": "ping"}))
        assert json.loads(await ws.recv()) == {"type": "pong"}
        for _ in range(2):
            await (await ws.ping())
        await stay(ws)

    async with serving(script) as place:
        enough = await ask(SoakProbe("/ws", for_s=1, server_pings=3), place)
        more = await ask(SoakProbe("/ws", for_s=1, server_pings=4), place)
    assert enough.passed, enough
    assert "3 of the server's own answered" in enough.seen
    assert more.outcome is Outcome.FAILED
    finding = only(more, Symptom.SEQUENCE)
    assert (finding.seen, finding.expected) == ("3 pings of the server in 1 s", "at least 4")


@pytest.mark.parametrize("code", [1000, 1001, 1011, 4003])
async def test_a_close_before_the_end_fails_with_its_code_and_the_time(code):
    async def script(ws):
        await asyncio.sleep(0.4)
        await ws.send(json.dumps({"type": "error", "error_code": "HEARTBEAT"}))
        await ws.close(code, "heartbeat timeout")

    async with serving(script) as place:
        evidence = await ask(SHORT, place)
    assert evidence.outcome is Outcome.FAILED
    finding = only(evidence, Symptom.CLOSED)
    assert finding.seen.startswith(f'{code} "heartbeat timeout" after an error frame (HEARTBEAT)')
    assert finding.seen.endswith("s of 1.2 s")


async def test_a_connection_that_breaks_off_fails_without_a_close_frame():
    async def script(ws):
        await asyncio.sleep(0.3)
        ws.transport.abort()

    async with serving(script) as place:
        evidence = await ask(SHORT, place)
    assert "1006, no close frame" in only(evidence, Symptom.ABNORMAL).seen


def accepting(frames=b"", then=None):
    """A server of bare bytes: accepts, sends frames, and answers nothing."""

    async def handler(reader, writer):
        server = ServerProtocol()
        server.receive_data(await reader.readuntil(b"\r\n\r\n"))
        (request,) = server.events_received()
        server.send_response(server.accept(request))
        writer.write(b"".join(server.data_to_send()) + frames)
        if then is not None:
            await then(writer)
        await reader.read(-1)

    return handler


async def test_a_ping_that_is_not_answered_fails_although_the_connection_is_open():
    async with tcp(accepting()) as place:
        evidence = await ask(SHORT, place)
    assert evidence.outcome is Outcome.FAILED
    assert only(evidence, Symptom.TIMEOUT).seen.startswith("no pong within 0.3 s")


async def test_a_pong_to_something_else_is_no_answer():
    async def unasked(writer):
        for _ in range(20):
            writer.write(Frame(Opcode.PONG, b"hello").serialize(mask=False))
            await asyncio.sleep(0.05)

    async with tcp(accepting(then=unasked)) as place:
        evidence = await ask(SHORT, place)
    only(evidence, Symptom.TIMEOUT)


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.TEXT])
async def test_a_flood_ends(opcode):
    many = Frame(opcode, b'{"type":"ping"}').serialize(mask=False) * 2000

    async def flood(writer):
        while True:
            writer.write(many)
            await writer.drain()

    async with tcp(accepting(then=flood)) as place:
        evidence = await ask(SoakProbe("/ws", for_s=20), place)
    assert evidence.outcome is Outcome.FAILED
    only(evidence, Symptom.TOO_LARGE)
    assert evidence.duration_s < 15
    assert len(evidence.excerpts) <= 20


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_a_refused_handshake_fails(status):
    def refuse(connection, request):
        return connection.respond(http.HTTPStatus(status), "no")

    async with serving(stay, process_request=refuse) as place:
        evidence = await ask(SHORT, place)
    assert evidence.outcome is Outcome.FAILED
    assert str(status) in only(evidence, Symptom.REFUSED).seen


async def test_an_address_that_is_not_reached_says_nothing_of_the_candidate():
    async with tcp(accepting()) as place:
        pass
    evidence = await ask(SHORT, place)
    assert evidence.outcome is Outcome.INCONCLUSIVE
    only(evidence, Symptom.CONNECT)


async def test_the_handshake_is_what_the_policy_says_and_nothing_of_it_leaks():
    heads = []

    def note(connection, request):
        heads.append(dict(request.headers.raw_items()))

    spec = SoakProbe(
        "/ws",
        for_s=1,
        subprotocols=("jwt-auth", "jwt.${alice|base64url}"),
        headers=(("X-User", "${alice}"),),
    )
    options = {"process_request": note, "subprotocols": ["jwt-auth"]}
    async with serving(stay, **options) as place:
        evidence = await ask(spec, place)
    assert evidence.passed, evidence
    assert heads[0]["X-User"] == TOKEN
    assert heads[0]["Sec-WebSocket-Protocol"].startswith("jwt-auth, jwt.")
    assert TOKEN not in repr(evidence)


@pytest.mark.parametrize("kind", [WebSocketProbe, SoakProbe])
@pytest.mark.parametrize(
    ("wanted", "selects", "right"),
    [
        ("", "v1", True),
        ("", None, False),
        ("none", None, True),
        ("none", "v1", False),
        ("any", None, True),
        ("any", "v2", True),
        ("v1", "v1", True),
        ("v1", "v2", False),
        ("v1", None, False),
    ],
)
async def test_one_of_the_subprotocols_offered_must_be_selected_unless_the_policy_says_otherwise(
    kind, wanted, selects, right
):
    short = {"for_s": 1.0} if kind is SoakProbe else {}
    spec = kind("/ws", subprotocols=("v1", "v2"), subprotocol=wanted, **short)
    async with serving(stay, select_subprotocol=lambda *_: selects) as place:
        evidence = await ask(spec, place)
    assert evidence.passed is right, evidence
    if not right:
        finding = only(evidence, Symptom.SUBPROTOCOL)
        assert evidence.outcome is Outcome.FAILED
        assert ("browsers close" in finding.hint) is (not wanted)


async def test_where_none_is_offered_none_need_be_selected():
    async with serving(stay, select_subprotocol=lambda *_: None) as place:
        assert (await ask(SoakProbe("/ws", for_s=1), place)).passed


async def test_another_revisions_connection_is_no_evidence():
    def named(connection, request, response):
        response.headers["x-revision"] = "backend-00001-old"

    rule = IdentityRule("x-revision")
    async with serving(stay, process_response=named) as place:
        evidence = await ask(SHORT, place, revision="backend-00002-new", identity=rule)
        right = await ask(SHORT, place, revision="backend-00001-old", identity=rule)
    assert evidence.outcome is Outcome.INCONCLUSIVE
    only(evidence, Symptom.IDENTITY)
    assert (right.passed, right.answered_by) == (True, "backend-00001-old")
