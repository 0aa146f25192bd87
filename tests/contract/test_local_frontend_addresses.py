"""The front end on real sockets: addresses, splits, and what it answers itself."""

import asyncio
from collections import Counter

import pytest

from gate.local.ports import Share
from tests.contract.local_front_end import A, B, polite
from tests.contract.local_wire import Wire, get, ok, within
from tests.fakes.local_data_plane import SERVICE

# Requests that are refused


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (get("/", "Content-Length: 3", "Transfer-Encoding: chunked"), 400),
        (b"GET / HTTP/1.1\nHost: 127.0.0.1\n\n\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (get("/" + "x" * 70_000), 431),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000, 431),
    ],
)  # fmt: skip
async def test_what_is_no_request_is_refused_and_never_reaches_an_instance(stand, raw, status):
    await stand.up(polite)
    wire = await stand.wire()
    await wire.send(raw)
    got, fields, body = await wire.answer()
    assert got == status
    assert fields["connection"] == "close"
    assert fields["server"] == "Google Frontend"
    assert b"<title>Error %d" % status in body
    assert await wire.is_over()
    assert stand.instance.accepted == 0
    assert stand.sink.lines == []


async def test_a_bad_chunk_is_400_and_the_instance_is_cut(stand):
    over = asyncio.Event()

    async def script(wire, n):
        await wire.head()
        await wire.rest()
        over.set()

    await stand.up(script)
    wire = await stand.wire()
    await wire.send(get("/", "Transfer-Encoding: chunked", method="POST") + b"5\r\nhello\r\n")
    await wire.send(b"zz\r\n")
    status, fields, _ = await wire.answer()
    assert status == 400
    assert fields["connection"] == "close"
    await within(over.wait())
    assert (await stand.logged()).http.status == 400


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
async def test_trace_and_connect_are_not_delivered(stand, method):
    await stand.up(polite)
    target = "/" if method == "TRACE" else "/x"
    status, _, _ = await stand.ask(get(target, method=method))
    assert status == 405
    assert stand.instance.accepted == 0
    assert stand.sink.lines == []


@pytest.mark.parametrize(
    "path", ["/healthz", "/healthz?x=1", "/%68ealthz", "/eventlog", "/_ah/start"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_a_reserved_path_is_googles_own_404_that_no_log_shows(stand, path, method):
    await stand.up(polite)
    wire = await stand.wire()
    await wire.send(get(path, "Connection: close", method=method))
    line, fields = await wire.head()
    assert line == "HTTP/1.1 404 Not Found"
    assert fields["content-type"] == "text/html; charset=UTF-8"
    assert fields["server"] == "Google Frontend"
    body = await wire.rest()
    assert (b"<title>Error 404 (Not Found)!!1</title>" in body) == (method != "HEAD")
    assert stand.places.taken == 0
    assert stand.sink.lines == []


@pytest.mark.parametrize(
    "path", ["/healthz/", "/readyz", "/health", "/HEALTHZ", "/eventlogs", "/_ah"]
)
async def test_its_neighbours_do_reach_the_container(stand, path):
    await stand.up(polite)
    status, _, body = await stand.ask(get(path))
    assert status == 200
    assert body.startswith(f"GET {path} ".encode())


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "localhost.evil"]
)
async def test_a_host_that_is_not_this_machine_is_not_found(stand, host):
    await stand.up(polite)
    status, _, _ = await stand.ask(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert status == 404
    assert stand.instance.accepted == 0


@pytest.mark.parametrize(
    "host", ["127.0.0.1:1", "localhost", "tag---backend.localhost:80", "[::1]:1"]
)
async def test_names_of_this_machine_are_found(stand, host):
    await stand.up(polite)
    status, _, _ = await stand.ask(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert status == 200


# Addresses and splits


async def test_an_address_without_a_route_answers_404(stand):
    await stand.up(polite)
    stand.front.route(SERVICE, None, ())
    status, fields, _ = await stand.ask(get())
    assert status == 404
    assert fields["content-type"].startswith("text/html")
    assert stand.sink.lines == []


async def test_each_tag_has_its_own_address(stand):
    async def other(wire, n):
        await wire.head()
        await wire.send(ok(b"other"))

    await stand.up(polite, other)
    stand.front.route(SERVICE, "candidate", (Share(B, 100),))
    url = await stand.front.open(SERVICE, "candidate")
    assert url != stand.url
    assert url.startswith("http://127.0.0.1:")
    assert await stand.front.open(SERVICE, "candidate") == url
    wire = await stand.wire(url)
    assert (await wire.ask(get()))[2] == b"other"
    assert (await stand.logged()).http.url == f"{url}/"


async def test_a_port_that_was_asked_for(stand):
    await stand.up(polite)
    await stand.front.shut(SERVICE, None)
    port = int(stand.url.rsplit(":", 1)[1])
    assert await stand.front.open(SERVICE, None, port) == stand.url


async def test_a_shut_address_takes_nothing_new_and_ends_what_is_under_way(stand):
    go = asyncio.Event()

    async def script(wire, n):
        await wire.head()
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        await go.wait()
        await wire.send(b"ok")

    await stand.up(script)
    wire = await stand.wire()
    await wire.send(get())
    await wire.head()
    await stand.front.shut(SERVICE, None)
    with pytest.raises(ConnectionRefusedError):
        await Wire.to(stand.url)
    go.set()
    assert await wire.read(2) == b"ok"


async def test_a_connection_of_a_shut_address_ends_with_its_request(stand):
    go, arrived = asyncio.Event(), asyncio.Event()

    async def script(wire, n):
        await wire.head()
        arrived.set()
        await go.wait()
        await wire.send(ok())

    await stand.up(script)
    wire = await stand.wire()
    await wire.send(get())
    await within(arrived.wait())
    await stand.front.shut(SERVICE, None)
    go.set()
    _, fields, _ = await wire.answer()
    assert fields["connection"] == "close"
    assert await wire.is_over()


async def test_90_to_10_over_1000_requests(stand):
    await stand.up(polite, polite, shares=(Share(A, 90), Share(B, 10)))
    wire = await stand.wire()
    for _ in range(1000):
        await wire.ask(get())
    seen = Counter(line.key for line in stand.sink.requests())
    assert 60 <= seen[B] <= 140
    assert seen[A] + seen[B] == 1000


async def test_traffic_moves_with_the_next_request_of_an_open_connection(stand):
    await stand.up(polite, polite)
    wire = await stand.wire()
    await wire.ask(get())
    stand.front.route(SERVICE, None, (Share(B, 100),))
    await wire.ask(get())
    assert [line.key for line in stand.sink.requests()] == [A, B]
