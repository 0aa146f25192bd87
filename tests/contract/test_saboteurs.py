"""The proxy between real clients and real servers: transparent without a mutant, wrong with one."""

import asyncio
import contextlib
import gzip
import json
import resource

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus, NegotiationError

from gate.saboteurs import acts
from gate.saboteurs.acts import Family, Mutant, Place
from gate.saboteurs.edits import Edit, How
from gate.saboteurs.lesson import Lesson
from gate.saboteurs.saboteur import Saboteur
from gate.saboteurs.wire import Upstream
from tests.contract.probe_servers import answers, tcp

WITHIN_S = 5


def mutant(act, **place):
    return Mutant("m", Family.ANSWER, Place(**place), act, "")


@contextlib.asynccontextmanager
async def between(handler, act=None, lesson=None, **place):
    """The URL of a proxy in front of a raw HTTP server, and the proxy."""
    async with tcp(handler) as upstream:
        wrong = mutant(act, **place) if act is not None else None
        async with Saboteur(Upstream(f"http://{upstream}"), wrong, lesson) as saboteur:
            yield saboteur


@contextlib.asynccontextmanager
async def chatting(handler, act=None, lesson=None, **server):
    """A proxy in front of a WebSocket server."""
    async with serve(handler, "127.0.0.1", 0, compression=None, **server) as running:
        port = running.sockets[0].getsockname()[1]
        wrong = mutant(act) if act is not None else None
        async with Saboteur(Upstream(f"http://127.0.0.1:{port}"), wrong, lesson) as saboteur:
            yield saboteur


def socket_to(saboteur, **more):
    return connect("ws" + saboteur.url.removeprefix("http") + "/ws", compression=None, **more)


async def get(url, method="GET", **more):
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.request(method, url, timeout=WITHIN_S, **more)


async def raw(url, request):
    """Everything that comes back, byte for byte."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    async with asyncio.timeout(WITHIN_S):
        answer = await reader.read()
    writer.close()
    return answer


GREETING = (
    b"HTTP/1.1 201 Made\r\nX-Odd-Case: 1\r\nset-cookie: a=1\r\nSet-Cookie: b=2\r\n"
    b"content-type: text/x\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc"
)


async def test_an_answer_passes_byte_for_byte():
    async with between(answers(GREETING)) as saboteur:
        answer = await raw(saboteur.url, b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n")
    head = answer.lower()
    for line in (b"x-odd-case: 1", b"set-cookie: a=1", b"set-cookie: b=2", b"content-type: text/x"):
        assert line in head
    assert answer.startswith(b"HTTP/1.1 201 Made\r\n")
    assert answer.endswith(b"\r\n\r\nabc")
    assert saboteur.strikes == 0


async def test_a_request_passes_with_its_body_and_only_another_host():
    seen = {}

    async def echo(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        seen["head"] = head
        seen["place"] = "{}:{}".format(*writer.get_extra_info("sockname"))
        seen["body"] = await reader.readexactly(70_000)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with between(echo) as saboteur:
        body = bytes(range(250)) * 280
        answer = await get(
            f"{saboteur.url}/a?b=%20", "POST", content=body, headers={"X-Own": "é".encode()}
        )
    assert answer.status_code == 204
    assert seen["body"] == body
    head = seen["head"].decode("latin-1")
    assert head.startswith("POST /a?b=%20 HTTP/1.1\r\n")
    assert "X-Own: Ã©" in head
    hosts = [line for line in head.splitlines() if line.lower().startswith("host:")]
    assert hosts == [f"Host: {seen['place']}"]


async def test_chunks_heads_and_encodings_pass():
    packed = gzip.compress(b"hello" * 100)
    body = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed)
    async with between(answers(body + packed)) as saboteur:
        answer = await get(saboteur.url)
        assert (answer.headers["content-encoding"], answer.content) == ("gzip", b"hello" * 100)
    chunked = (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    async with between(answers(chunked)) as saboteur:
        assert (await get(saboteur.url)).content == b"abcde"
    async with between(answers(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")) as saboteur:
        answer = await get(saboteur.url, "HEAD")
        assert (answer.headers["content-length"], answer.content) == ("9", b"")


async def test_an_answer_streams_and_an_endless_one_needs_no_memory():
    async def endless(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
            await writer.drain()

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for act in (None, acts.Blank()):
        async with (
            between(endless, act, Lesson()) as saboteur,
            httpx.AsyncClient(trust_env=False) as client,
            client.stream("GET", saboteur.url) as answer,
        ):
            got = 0
            async for piece in answer.aiter_raw():
                got += len(piece)
                if got > 60 << 20:
                    break
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60 << 10  # KiB


@pytest.mark.parametrize(
    "broken", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab", b""]
)
async def test_a_broken_answer_stays_a_broken_answer(broken):
    async with between(answers(broken)) as saboteur:
        with pytest.raises(httpx.TransportError):
            await get(saboteur.url)


@pytest.mark.parametrize(
    "sent",
    [b"\x00\x01\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nx: " + b"y" * (1 << 18)],
)
async def test_hostile_clients_do_no_harm(sent):
    async with between(answers(GREETING)) as saboteur:
        with contextlib.suppress(OSError):
            await raw(saboteur.url, sent)
        assert (await get(saboteur.url)).status_code == 201


JSON = b'{"status": "ok", "n": {"deep": [1]}}'
OK = (
    b"HTTP/1.1 200 OK\r\nx-rev: r1\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n%s"
)


def json_server():
    return answers(OK % (len(JSON), JSON))


@pytest.mark.parametrize(
    ("act", "status", "body"),
    [
        (acts.Status(503), 503, None),
        (acts.Redirect(), 307, b""),
        (acts.Blank(), 200, b""),
        (acts.Wrapped("data"), 200, {"data": json.loads(JSON)}),
        (acts.Field(Edit(("status",), How.DROPPED)), 200, {"n": {"deep": [1]}}),
    ],
)
async def test_an_answer_is_wrong_in_one_way_and_still_the_revisions(act, status, body):
    async with between(json_server(), act) as saboteur:
        answer = await get(f"{saboteur.url}/a")
    assert (answer.status_code, answer.headers["x-rev"]) == (status, "r1")
    if body is not None:
        assert (answer.content if isinstance(body, bytes) else answer.json()) == body
    assert saboteur.strikes == 1


async def test_only_its_place_is_struck():
    async with between(json_server(), acts.Status(500), path="/a", method="GET") as saboteur:
        assert (await get(f"{saboteur.url}/b")).status_code == 200
        assert (await get(f"{saboteur.url}/a", "POST")).status_code == 200
        assert saboteur.strikes == 0
        assert (await get(f"{saboteur.url}/a?q=1")).status_code == 500
        assert saboteur.strikes == 1


async def test_dead_lines():
    async with between(json_server(), acts.Refused()) as saboteur:
        with pytest.raises(httpx.ConnectError):
            await get(saboteur.url)
    async with between(json_server(), acts.Silent()) as saboteur:
        with pytest.raises(httpx.ReadTimeout):
            await short(saboteur.url)
    async with between(json_server(), acts.Garbled()) as saboteur:
        with pytest.raises(httpx.RemoteProtocolError):
            await get(saboteur.url)
    async with between(json_server(), acts.CutOff()) as saboteur:
        with pytest.raises(httpx.RemoteProtocolError, match="peer closed"):
            await get(saboteur.url)
    async with between(json_server(), acts.Late(0.3)) as saboteur:
        began = asyncio.get_running_loop().time()
        assert (await get(saboteur.url)).json() == json.loads(JSON)
        assert asyncio.get_running_loop().time() - began >= 0.3


async def short(url):
    async with httpx.AsyncClient(trust_env=False, timeout=0.3) as client:
        return await client.get(url)


# WebSocket


async def chat(websocket):
    await websocket.send('{"type": "welcome"}')
    async for message in websocket:
        await websocket.send(json.dumps({"type": "echo", "of": message}))


async def heard(websocket, count):
    async with asyncio.timeout(WITHIN_S):
        return [await websocket.recv() for _ in range(count)]


async def closed(websocket):
    async with asyncio.timeout(WITHIN_S):
        await websocket.wait_closed()
    return websocket.close_code


async def test_a_session_passes_with_its_subprotocol_headers_and_close():
    def named(connection, request, response):
        response.headers["X-Rev"] = "r1"

    options = {"subprotocols": ["b", "a"], "process_response": named}
    lesson = Lesson()
    async with chatting(chat, lesson=lesson, **options) as saboteur:
        async with socket_to(saboteur, subprotocols=["a", "b"]) as websocket:
            assert websocket.subprotocol in {"a", "b"}
            assert websocket.response.headers["x-rev"] == "r1"
            await websocket.send("x" * 60_000)
            first, second = await heard(websocket, 2)
            assert (first, json.loads(second)["of"]) == ('{"type": "welcome"}', "x" * 60_000)
            await (await websocket.ping())
            await websocket.close(1000, "bye")
        assert websocket.close_code == 1000
    known = lesson.sockets["/ws"]
    assert (known.opened, known.offered, known.most_said, known.asked) == (1, 2, 2, 1)
    assert set(known.samples) == {"welcome", "echo"}
    assert 0 < known.longest_s < WITHIN_S
    assert (known.dismissed, saboteur.strikes) == (0, 0)


@pytest.mark.parametrize("code", [1000, 1008, 1011, 4001])
async def test_the_servers_close_passes_and_is_learned(code):
    async def leave(websocket):
        await websocket.close(code, "no")

    lesson = Lesson()
    async with chatting(leave, lesson=lesson) as saboteur, socket_to(saboteur) as websocket:
        assert await closed(websocket) == code
        assert websocket.close_reason == "no"
    assert lesson.sockets["/ws"].dismissed == (code in (1008, 4001))


async def test_a_refused_handshake_passes_as_http():
    def refuse(connection, request):
        return connection.respond(403, "no\n")

    lesson = Lesson()
    async with chatting(chat, lesson=lesson, process_request=refuse) as saboteur:
        with pytest.raises(InvalidStatus) as refused:
            await socket_to(saboteur)
        assert refused.value.response.status_code == 403
        assert refused.value.response.body == b"no\n"
    assert lesson.sockets["/ws"].denied == 1


@pytest.mark.parametrize(
    ("act", "messages", "code"),
    [
        (acts.Ended(1000), 0, 1000),
        (acts.Ended(1011, 1), 1, 1011),
        (acts.Ended(1005), 0, 1005),
        (acts.Ended(1006), 0, 1006),
        (acts.Ended(1006, 1), 1, 1006),
        (acts.Ended(1011, error=True), 1, 1011),
    ],
)
async def test_a_session_is_ended(act, messages, code):
    async with chatting(chat, act) as saboteur, socket_to(saboteur) as websocket:
        assert len(await heard(websocket, messages)) == messages
        assert await closed(websocket) == code
    assert saboteur.strikes


async def test_a_mute_session_stays_open_and_answers_pings():
    async with chatting(chat, acts.Muted()) as saboteur, socket_to(saboteur) as websocket:
        async with asyncio.timeout(WITHIN_S):
            await (await websocket.ping())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await websocket.recv()


async def test_a_session_is_broken_off_after_a_while_and_not_before():
    async with chatting(chat, acts.Dying(0.3)) as saboteur, socket_to(saboteur) as websocket:
        began = asyncio.get_running_loop().time()
        assert await heard(websocket, 1) == ['{"type": "welcome"}']
        assert await closed(websocket) == 1006
        assert asyncio.get_running_loop().time() - began >= 0.25


async def test_a_frozen_session_stays_open_and_answers_nothing():
    frozen = acts.Muted(frozen=True)
    async with chatting(chat, frozen) as saboteur:
        async with socket_to(saboteur, close_timeout=0.2) as websocket:
            pong = await websocket.ping()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await pong
        assert saboteur.strikes == 2  # the welcome and the pong


async def test_only_the_nth_session_together_is_broken():
    async with chatting(chat, acts.Crowded(3)) as saboteur:
        two = [await socket_to(saboteur), await socket_to(saboteur)]
        for websocket in two:
            assert len(await heard(websocket, 1)) == 1
        assert saboteur.strikes == 0
        third = await socket_to(saboteur)
        assert await closed(third) == 1011
        for websocket in two:
            await websocket.close()
        async with asyncio.timeout(WITHIN_S):
            while True:  # once the others have left, the next one is let be
                async with socket_to(saboteur) as websocket:
                    if await heard(websocket, 1) == ['{"type": "welcome"}']:
                        break


async def test_from_the_nth_session_on_each_is_broken():
    async with chatting(chat, acts.Worn(3)) as saboteur:
        codes = []
        for _ in range(4):
            async with socket_to(saboteur) as websocket:
                await heard(websocket, 1)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await websocket.wait_closed()
            codes.append(websocket.close_code)
        assert codes == [1000, 1000, 1011, 1011]


async def test_messages_reach_another_session():
    async with chatting(chat, acts.Crossed(instead=True)) as saboteur:
        one, other = await socket_to(saboteur), await socket_to(saboteur)
        await one.send("mine")
        async with asyncio.timeout(WITHIN_S):
            while '"mine"' not in await other.recv():
                pass
        await one.close()
        await other.close()


async def test_a_stranger_is_let_in_whether_refused_before_or_after():
    def refuse(connection, request):
        return connection.respond(401, "no\n")

    act = acts.Welcomed('{"type": "welcome"}')
    async with chatting(chat, act, process_request=refuse) as saboteur:
        async with socket_to(saboteur, subprotocols=["a"]) as websocket:
            assert await heard(websocket, 1) == ['{"type": "welcome"}']
            await leave(websocket)
        assert saboteur.strikes == 1

    async def dismiss(websocket):
        await websocket.close(1008, "no")

    async with chatting(dismiss, act) as saboteur, socket_to(saboteur) as websocket:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await websocket.recv()
        await leave(websocket)
        assert saboteur.strikes == 1


async def leave(websocket):
    """Closes, which must be answered."""
    async with asyncio.timeout(WITHIN_S):
        await websocket.close()
    assert websocket.close_code == 1000


@pytest.mark.parametrize(
    ("choice", "selected"),
    [(acts.Choice.NONE, None), (acts.Choice.OTHER, "a"), (acts.Choice.UNKNOWN, "")],
)
async def test_another_subprotocol_is_selected(choice, selected):
    def pick(connection, offered):
        return "b"

    act = acts.Subprotocol(choice)
    async with chatting(chat, act, subprotocols=["b"], select_subprotocol=pick) as saboteur:
        if choice is acts.Choice.UNKNOWN:
            with pytest.raises(NegotiationError):
                await socket_to(saboteur, subprotocols=["a", "b"])
        else:
            async with socket_to(saboteur, subprotocols=["a", "b"]) as websocket:
                assert websocket.subprotocol == selected
        assert saboteur.strikes


async def test_a_handshake_is_denied_or_never_answered():
    async with chatting(chat, acts.Denied(503)) as saboteur:
        with pytest.raises(InvalidStatus):
            await socket_to(saboteur)
    async with chatting(chat, acts.Garbled()) as saboteur:
        with pytest.raises(InvalidMessage):
            await socket_to(saboteur)


async def test_fragments_are_put_together_before_they_are_changed():
    async def slowly(websocket):
        await websocket.send(['{"type": ', '"welcome", ', '"n": 1}'])
        await websocket.wait_closed()

    act = acts.MessageField("welcome", Edit(("n",), How.DROPPED))
    async with chatting(slowly, act) as saboteur, socket_to(saboteur) as websocket:
        assert json.loads((await heard(websocket, 1))[0]) == {"type": "welcome"}


async def test_a_service_that_goes_away_in_a_session_is_gone_for_the_probe_too():
    async def abort(websocket):
        websocket.transport.abort()

    for act in (None, acts.Doubled()):
        async with chatting(abort, act) as saboteur, socket_to(saboteur) as websocket:
            with pytest.raises(ConnectionClosed):
                await heard(websocket, 1)
            assert websocket.close_code == 1006


async def test_it_leaves_nothing_behind():
    async with chatting(chat) as saboteur:
        websocket = await socket_to(saboteur)
        url = saboteur.url
    assert await closed(websocket) == 1006
    with pytest.raises(httpx.ConnectError):
        await get(url)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not [task for task in others if "saboteur" in repr(task)]
