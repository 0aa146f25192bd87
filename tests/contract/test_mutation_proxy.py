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

from gate.mutation import faults
from gate.mutation.edits import Edit, How
from gate.mutation.faults import Family, Mutant, Place
from gate.mutation.proxy import MutatingProxy
from gate.mutation.service_profile import ServiceProfile
from gate.mutation.wire import Upstream
from tests.contract.local_wire import until
from tests.contract.probe_servers import answers, tcp

WITHIN_S = 5


def mutant(fault, **place):
    return Mutant("m", Family.ANSWER, Place(**place), fault, "")


@contextlib.asynccontextmanager
async def between(handler, fault=None, profile=None, **place):
    """The URL of a proxy in front of a raw HTTP server, and the proxy."""
    async with tcp(handler) as upstream:
        wrong = [mutant(fault, **place)] if fault is not None else []
        async with MutatingProxy(Upstream(f"http://{upstream}"), *wrong, profile=profile) as proxy:
            yield proxy


@contextlib.asynccontextmanager
async def chatting(handler, fault=None, profile=None, **server):
    """A proxy in front of a WebSocket server."""
    async with serve(handler, "127.0.0.1", 0, compression=None, **server) as running:
        port = running.sockets[0].getsockname()[1]
        wrong = [mutant(fault)] if fault is not None else []
        async with MutatingProxy(
            Upstream(f"http://127.0.0.1:{port}"), *wrong, profile=profile
        ) as proxy:
            yield proxy


def socket_to(proxy, **more):
    return connect("ws" + proxy.url.removeprefix("http") + "/ws", compression=None, **more)


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
    async with between(answers(GREETING)) as proxy:
        answer = await raw(proxy.url, b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n")
    head = answer.lower()
    for line in (b"x-odd-case: 1", b"set-cookie: a=1", b"set-cookie: b=2", b"content-type: text/x"):
        assert line in head
    assert answer.startswith(b"HTTP/1.1 201 Made\r\n")
    assert answer.endswith(b"\r\n\r\nabc")
    assert proxy.strikes == 0


async def test_a_request_passes_with_its_body_and_only_another_host():
    seen = {}

    async def echo(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        seen["head"] = head
        seen["place"] = "{}:{}".format(*writer.get_extra_info("sockname"))
        seen["body"] = await reader.readexactly(70_000)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with between(echo) as proxy:
        body = bytes(range(250)) * 280
        answer = await get(
            f"{proxy.url}/a?b=%20", "POST", content=body, headers={"X-Own": "é".encode()}
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
    async with between(answers(body + packed)) as proxy:
        answer = await get(proxy.url)
        assert (answer.headers["content-encoding"], answer.content) == ("gzip", b"hello" * 100)
    chunked = (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    async with between(answers(chunked)) as proxy:
        assert (await get(proxy.url)).content == b"abcde"
    async with between(answers(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")) as proxy:
        answer = await get(proxy.url, "HEAD")
        assert (answer.headers["content-length"], answer.content) == ("9", b"")


async def test_an_answer_streams_and_an_endless_one_needs_no_memory():
    async def endless(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
            await writer.drain()

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for fault in (None, faults.Blank()):
        async with (
            between(endless, fault, ServiceProfile()) as proxy,
            httpx.AsyncClient(trust_env=False) as client,
            client.stream("GET", proxy.url) as answer,
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
    async with between(answers(broken)) as proxy:
        with pytest.raises(httpx.TransportError):
            await get(proxy.url)


@pytest.mark.parametrize(
    "sent",
    [b"\x00\x01\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nx: " + b"y" * (1 << 18)],
)
async def test_hostile_clients_do_no_harm(sent):
    async with between(answers(GREETING)) as proxy:
        with contextlib.suppress(OSError):
            await raw(proxy.url, sent)
        assert (await get(proxy.url)).status_code == 201


JSON = b'{"status": "ok", "n": {"deep": [1]}}'
OK = (
    b"HTTP/1.1 200 OK\r\nx-rev: r1\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n%s"
)


def json_server():
    return answers(OK % (len(JSON), JSON))


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        (faults.Status(503), 503, None),
        (faults.Redirect(), 307, b""),
        (faults.Blank(), 200, b""),
        (faults.Wrapped("data"), 200, {"data": json.loads(JSON)}),
        (faults.Field(Edit(("status",), How.DROPPED)), 200, {"n": {"deep": [1]}}),
    ],
)
async def test_an_answer_is_wrong_in_one_way_and_still_the_revisions(fault, status, body):
    async with between(json_server(), fault) as proxy:
        answer = await get(f"{proxy.url}/a")
    assert (answer.status_code, answer.headers["x-rev"]) == (status, "r1")
    if body is not None:
        assert (answer.content if isinstance(body, bytes) else answer.json()) == body
    assert proxy.strikes == 1


async def test_only_its_place_is_struck():
    async with between(json_server(), faults.Status(500), path="/a", method="GET") as proxy:
        assert (await get(f"{proxy.url}/b")).status_code == 200
        assert (await get(f"{proxy.url}/a", "POST")).status_code == 200
        assert proxy.strikes == 0
        assert (await get(f"{proxy.url}/a?q=1")).status_code == 500
        assert proxy.strikes == 1


async def test_dead_lines():
    async with between(json_server(), faults.Refused()) as proxy:
        with pytest.raises(httpx.ConnectError):
            await get(proxy.url)
    async with between(json_server(), faults.Silent()) as proxy:
        with pytest.raises(httpx.ReadTimeout):
            await short(proxy.url)
    async with between(json_server(), faults.Garbled()) as proxy:
        with pytest.raises(httpx.RemoteProtocolError):
            await get(proxy.url)
    async with between(json_server(), faults.CutOff()) as proxy:
        with pytest.raises(httpx.RemoteProtocolError, match="peer closed"):
            await get(proxy.url)
    async with between(json_server(), faults.Late(0.3)) as proxy:
        began = asyncio.get_running_loop().time()
        assert (await get(proxy.url)).json() == json.loads(JSON)
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
    profile = ServiceProfile()
    async with chatting(chat, profile=profile, **options) as proxy:
        async with socket_to(proxy, subprotocols=["a", "b"]) as websocket:
            assert websocket.subprotocol in {"a", "b"}
            assert websocket.response.headers["x-rev"] == "r1"
            await websocket.send("x" * 60_000)
            first, second = await heard(websocket, 2)
            assert (first, json.loads(second)["of"]) == ('{"type": "welcome"}', "x" * 60_000)
            await (await websocket.ping())
            await websocket.close(1000, "bye")
        assert websocket.close_code == 1000
    known = profile.sockets["/ws"]
    assert (known.opened, known.offered, known.most_said, known.asked) == (1, 2, 2, 1)
    assert set(known.samples) == {"welcome", "echo"}
    assert 0 < known.longest_s < WITHIN_S
    assert (known.dismissed, proxy.strikes) == (0, 0)


@pytest.mark.parametrize("code", [1000, 1008, 1011, 4001])
async def test_the_servers_close_passes_and_is_learned(code):
    async def leave(websocket):
        await websocket.close(code, "no")

    profile = ServiceProfile()
    async with chatting(leave, profile=profile) as proxy, socket_to(proxy) as websocket:
        assert await closed(websocket) == code
        assert websocket.close_reason == "no"
    assert profile.sockets["/ws"].dismissed == (code in (1008, 4001))


async def test_a_refused_handshake_passes_as_http():
    def refuse(connection, request):
        return connection.respond(403, "no\n")

    profile = ServiceProfile()
    async with chatting(chat, profile=profile, process_request=refuse) as proxy:
        with pytest.raises(InvalidStatus) as refused:
            await socket_to(proxy)
        assert refused.value.response.status_code == 403
        assert refused.value.response.body == b"no\n"
    assert profile.sockets["/ws"].denied == 1


@pytest.mark.parametrize(
    ("fault", "messages", "code"),
    [
        (faults.Ended(1000), 0, 1000),
        (faults.Ended(1011, 1), 1, 1011),
        (faults.Ended(1005), 0, 1005),
        (faults.Ended(1006), 0, 1006),
        (faults.Ended(1006, 1), 1, 1006),
        (faults.Ended(1011, error=True), 1, 1011),
    ],
)
async def test_a_session_is_ended(fault, messages, code):
    async with chatting(chat, fault) as proxy, socket_to(proxy) as websocket:
        assert len(await heard(websocket, messages)) == messages
        assert await closed(websocket) == code
    assert proxy.strikes


async def test_a_mute_session_stays_open_and_answers_pings():
    async with chatting(chat, faults.Muted()) as proxy, socket_to(proxy) as websocket:
        async with asyncio.timeout(WITHIN_S):
            await (await websocket.ping())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await websocket.recv()


async def test_a_session_is_broken_off_after_a_while_and_not_before():
    async with chatting(chat, faults.Dying(0.3)) as proxy, socket_to(proxy) as websocket:
        began = asyncio.get_running_loop().time()
        assert await heard(websocket, 1) == ['{"type": "welcome"}']
        assert await closed(websocket) == 1006
        assert asyncio.get_running_loop().time() - began >= 0.25


async def test_a_frozen_session_stays_open_and_answers_nothing():
    frozen = faults.Muted(frozen=True)
    async with chatting(chat, frozen) as proxy, socket_to(proxy, close_timeout=0.2) as websocket:
        pong = await websocket.ping()
        await until(lambda: proxy.strikes == 2)  # the welcome and the pong
        assert not pong.done()


async def test_only_the_nth_session_together_is_broken():
    async with chatting(chat, faults.Crowded(3)) as proxy:
        two = [await socket_to(proxy), await socket_to(proxy)]
        for websocket in two:
            assert len(await heard(websocket, 1)) == 1
        assert proxy.strikes == 0
        third = await socket_to(proxy)
        assert await closed(third) == 1011
        for websocket in two:
            await websocket.close()
        async with asyncio.timeout(WITHIN_S):
            while True:  # once the others have left, the next one is let be
                async with socket_to(proxy) as websocket:
                    if await heard(websocket, 1) == ['{"type": "welcome"}']:
                        break


async def test_from_the_nth_session_on_each_is_broken():
    async with chatting(chat, faults.Worn(3)) as proxy:
        codes = []
        for _ in range(4):
            async with socket_to(proxy) as websocket:
                await heard(websocket, 1)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await websocket.wait_closed()
            codes.append(websocket.close_code)
        assert codes == [1000, 1000, 1011, 1011]


async def test_messages_reach_another_session():
    async with chatting(chat, faults.Crossed(instead=True)) as proxy:
        one, other = await socket_to(proxy), await socket_to(proxy)
        await one.send("mine")
        async with asyncio.timeout(WITHIN_S):
            while '"mine"' not in await other.recv():
                pass
        await one.close()
        await other.close()


async def test_a_stranger_is_let_in_whether_refused_before_or_after():
    def refuse(connection, request):
        return connection.respond(401, "no\n")

    fault = faults.Welcomed('{"type": "welcome"}')
    async with chatting(chat, fault, process_request=refuse) as proxy:
        async with socket_to(proxy, subprotocols=["a"]) as websocket:
            assert await heard(websocket, 1) == ['{"type": "welcome"}']
            await leave(websocket)
        assert proxy.strikes == 1

    async def dismiss(websocket):
        await websocket.close(1008, "no")

    async with chatting(dismiss, fault) as proxy, socket_to(proxy) as websocket:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await websocket.recv()
        await leave(websocket)
        assert proxy.strikes == 1


async def leave(websocket):
    """Closes, which must be answered."""
    async with asyncio.timeout(WITHIN_S):
        await websocket.close()
    assert websocket.close_code == 1000


@pytest.mark.parametrize(
    ("choice", "selected"),
    [(faults.Choice.NONE, None), (faults.Choice.OTHER, "a"), (faults.Choice.UNKNOWN, "")],
)
async def test_another_subprotocol_is_selected(choice, selected):
    def pick(connection, offered):
        return "b"

    fault = faults.Subprotocol(choice)
    async with chatting(chat, fault, subprotocols=["b"], select_subprotocol=pick) as proxy:
        if choice is faults.Choice.UNKNOWN:
            with pytest.raises(NegotiationError):
                await socket_to(proxy, subprotocols=["a", "b"])
        else:
            async with socket_to(proxy, subprotocols=["a", "b"]) as websocket:
                assert websocket.subprotocol == selected
        assert proxy.strikes


async def test_a_handshake_is_denied_or_never_answered():
    async with chatting(chat, faults.Denied(503)) as proxy:
        with pytest.raises(InvalidStatus):
            await socket_to(proxy)
    async with chatting(chat, faults.Garbled()) as proxy:
        with pytest.raises(InvalidMessage):
            await socket_to(proxy)


async def test_fragments_are_put_together_before_they_are_changed():
    async def slowly(websocket):
        await websocket.send(['{"type": ', '"welcome", ', '"n": 1}'])
        await websocket.wait_closed()

    fault = faults.MessageField("welcome", Edit(("n",), How.DROPPED))
    async with chatting(slowly, fault) as proxy, socket_to(proxy) as websocket:
        assert json.loads((await heard(websocket, 1))[0]) == {"type": "welcome"}


async def test_a_service_that_goes_away_in_a_session_is_gone_for_the_probe_too():
    async def abort(websocket):
        websocket.transport.abort()

    for fault in (None, faults.Doubled()):
        async with chatting(abort, fault) as proxy, socket_to(proxy) as websocket:
            with pytest.raises(ConnectionClosed):
                await heard(websocket, 1)
            assert websocket.close_code == 1006


async def test_it_leaves_nothing_behind():
    async with chatting(chat) as proxy:
        websocket = await socket_to(proxy)
        url = proxy.url
    assert await closed(websocket) == 1006
    with pytest.raises(httpx.ConnectError):
        await get(url)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not [task for task in others if "proxy" in repr(task)]


async def test_several_faults_strike_each_at_its_own_place():
    async with tcp(answers(GREETING)) as place:
        wrong = [
            Mutant(f"m{path}", Family.ANSWER, Place(path), faults.Status(status), "")
            for path, status in (("/a", 500), ("/b", 404))
        ]
        async with MutatingProxy(Upstream(f"http://{place}"), *wrong) as proxy:
            statuses = [(await get(proxy.url + path)).status_code for path in ("/a", "/c")]
            assert (statuses, proxy.struck_by) == ([500, 201], {"m/a"})
            assert (await get(f"{proxy.url}/b")).status_code == 404
            assert proxy.struck_by == {"m/a", "m/b"}
