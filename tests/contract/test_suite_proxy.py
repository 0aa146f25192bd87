"""The recording proxy by itself: what passes it unchanged, and what it writes down."""

import asyncio
import contextlib
import ssl

import httpx
import pytest

from gate.ports import Target
from gate.probes.headers import Trace
from gate.probes.identity import Identity
from gate.probes.suite.proxy import Proxy
from gate.probes.suite.record import NOBODY, Record
from gate.probes.suite.upstream import Upstream
from tests.contract.probe_servers import answers, http, tcp

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@contextlib.asynccontextmanager
async def proxied(handler, headers=()):
    """A proxy in front of a server; gives its URL, what it has seen, and the server's URL."""
    async with tcp(handler) as place:
        target = Target(f"http://{place}", headers=headers)
        upstream = Upstream(target, Identity(), ssl.create_default_context, Trace())
        record = Record()
        async with upstream, Proxy(upstream, record) as proxy:
            yield f"http://{proxy.place}", record.of(NOBODY), target.url


async def echo(reader, writer):
    """Answers with the request's own head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    body = b""
    if b"transfer-encoding: chunked" in head.lower():
        body = await reader.readuntil(b"0\r\n\r\n")
    elif b"content-length" in head.lower():
        size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        body = await reader.readexactly(size)
    whole = head + body
    writer.write(b"HTTP/1.1 200 Fine\r\ncontent-length: %d\r\n\r\n%s" % (len(whole), whole))
    await writer.drain()


async def test_requests_arrive_as_they_were_sent():
    async def pieces():
        yield b"one"
        yield b"two"

    own_token = {"X-Serverless-Authorization": "Bearer b"}
    given = (("X-Serverless-Authorization", "Bearer a"),)
    async with proxied(echo, given) as (url, seen, there), httpx.AsyncClient() as client:
        plain = await client.post(f"{url}/a%2Fb?c=%20", content=b"x" * 200_000)
        chunks = await client.put(f"{url}/", content=pieces())
        own = await client.get(url, headers={"Origin": url, **own_token})
    assert plain.text.startswith("POST /a%2Fb?c=%20 HTTP/1.1\r\n")
    assert f"Host: {there.removeprefix('http://')}\r\n" in plain.text
    assert plain.text.endswith("x" * 200_000)
    assert "\r\nX-Serverless-Authorization: Bearer a\r\n" in plain.text
    assert "traceparent: 00-" in plain.text
    assert chunks.text.endswith("6\r\nonetwo\r\n0\r\n\r\n")
    assert f"Origin: {there}\r\n" in own.text
    assert "Bearer b" in own.text
    assert "Bearer a" not in own.text
    assert (seen.answers, dict(seen.statuses)) == (3, {200: 3})
    assert seen.lines == ["POST /a%2Fb 200", "PUT / 200", "GET / 200"]


async def test_a_token_that_is_renewed_meanwhile_goes_with_the_next_request():
    headers = [("X-Serverless-Authorization", "Bearer a")]
    async with proxied(echo, headers) as (url, _, _), httpx.AsyncClient() as client:
        assert "Bearer a" in (await client.get(url)).text
        headers[0] = ("X-Serverless-Authorization", "Bearer b")
        assert "Bearer b" in (await client.get(url)).text


@pytest.mark.parametrize(
    ("handler", "method", "status", "body"),
    [
        (http(b"hello"), "GET", 200, b"hello"),
        (answers(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"), "HEAD", 200, b""),
        (answers(b"HTTP/1.1 204 No Content\r\n\r\n"), "DELETE", 204, b""),
        (answers(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n"), "GET", 304, b""),
        (answers(CHUNKED + b"3\r\nabc\r\n", b"0\r\n\r\n"), "GET", 200, b"abc"),
        (answers(b"HTTP/1.0 200 OK\r\n\r\nuntil the end"), "GET", 200, b"until the end"),
        (answers(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 599 Odd\r\ncontent-length: 0\r\n\r\n"),
         "POST", 599, b""),
    ],
    ids=["length", "head", "204", "304", "chunked", "http 1.0", "100 and 599"],
)  # fmt: skip
async def test_answers_arrive_as_they_were_given(handler, method, status, body):
    async with proxied(handler) as (url, seen, _), httpx.AsyncClient() as client:
        for _ in range(2):  # the suite's own connection is kept
            answer = await client.request(method, url)
            assert (answer.status_code, answer.content) == (status, body)
    assert seen.statuses == {status: 2}
    assert not seen.broken


async def test_redirects_within_the_candidate_come_back_and_others_do_not():
    moved = ["/b", "{there}/b", "{there}", "{there}@evil.example/b", "https://example.com/b"]

    async def handler(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        location = moved[0].format(there=there).encode()
        moved.append(moved.pop(0))
        writer.write(b"HTTP/1.1 307 T\r\ncontent-length: 0\r\nlocation: %s\r\n\r\n" % location)

    async with proxied(handler) as (url, _, there), httpx.AsyncClient() as client:
        found = [(await client.get(url)).headers["location"] for _ in moved]
    assert found == ["/b", f"{url}/b", url, f"{there}@evil.example/b", "https://example.com/b"]


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (answers(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"), "an answer that broke off"),
        (answers(CHUNKED + b"3\r\nabc\r\n"), "an answer that broke off"),
        (answers(b"SSH-2.0-OpenSSH\r\n\r\n"), "no answer ("),
        (answers(), "no answer ("),
        (answers(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100_000), "no answer ("),
    ],
    ids=["short", "short chunks", "no http", "nothing", "endless head"],
)
async def test_what_breaks_off_breaks_off_here_too(handler, said):
    async with proxied(handler) as (url, seen, _), httpx.AsyncClient() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(url)
    assert seen.answers == 0
    assert next(iter(seen.broken)).startswith(said)


async def test_a_stream_counts_although_it_never_ends():
    async with proxied(answers(CHUNKED + b"3\r\nabc\r\n", stay=True)) as (url, seen, _):
        async with httpx.AsyncClient() as client, client.stream("GET", url) as answer:
            assert await anext(answer.aiter_raw()) == b"abc"
        async with asyncio.timeout(5):
            while not seen.answers:  # noqa: ASYNC110 - until the proxy has noticed
                await asyncio.sleep(0.01)
    assert not seen.broken


async def test_whoever_does_not_wait_has_seen_no_answer():
    async with proxied(answers(stay=True)) as (url, seen, _):
        async with httpx.AsyncClient(timeout=0.2) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.get(url)
        async with asyncio.timeout(5):
            while not seen.broken:  # noqa: ASYNC110 - until the proxy has noticed
                await asyncio.sleep(0.01)
    assert dict(seen.broken) == {"no answer before the test gave up": 1}
    assert not seen.asked


async def test_what_the_front_end_says_is_not_the_candidates_answer():
    gone = http(b"<title>Error 404 (Not Found)!!1</title>", "404 Not Found", b"")
    async with proxied(gone) as (url, seen, _), httpx.AsyncClient() as client:
        assert (await client.get(url)).status_code == 404
    assert (seen.answers, seen.unreached.total()) == (0, 1)
    own = http(b'{"detail": "Not Found"}', "404 Not Found")
    async with proxied(own) as (url, seen, _), httpx.AsyncClient() as client:
        assert (await client.get(url)).status_code == 404
    assert (seen.answers, seen.unreached.total()) == (1, 0)


async def test_it_is_no_open_proxy():
    async with proxied(http()) as (url, seen, there), httpx.AsyncClient(proxy=url) as client:
        assert (await client.get(there)).status_code == 403
        with pytest.raises(httpx.ProxyError):
            await client.get("https://example.com")
    assert seen.exchanges == 0
