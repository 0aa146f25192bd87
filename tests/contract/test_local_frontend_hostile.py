"""The front end on real sockets: instances and clients that are cold, slow, gone or hostile."""

import asyncio

import pytest

from gate.local.frontend.settings import FrontEndSettings
from gate.local.ports import NoInstanceError
from tests.contract.local_front_end import A, polite
from tests.contract.local_wire import get, ok, until, until_still, within

# Instances that are cold, full, gone, slow or hostile


async def test_a_request_waits_for_a_cold_start(stand):
    await stand.up(polite)
    stand.places.cold = True
    wire = await stand.wire()
    await wire.send(get("/", "Content-Length: 4", method="POST") + b"bo")
    await wire.send(b"dy" + get("/ahead"))
    await asyncio.sleep(0)
    assert stand.instance.accepted == 0
    stand.places.cold = False
    stand.places.warm.set()
    assert (await wire.answer())[2].startswith(b"POST / ")
    assert (await wire.answer())[2].startswith(b"GET /ahead ")


async def test_a_long_body_waits_with_the_client_while_an_instance_starts(stand):
    async def script(wire, n):
        _, fields = await wire.head()
        await wire.send(ok(b"%d" % len(await wire.read(int(fields["content-length"])))))

    await stand.up(script)
    stand.places.cold = True
    size = 30_000_000
    wire = await stand.wire()
    await wire.send(get("/", f"Content-Length: {size}", method="POST"))
    sending = asyncio.ensure_future(wire.send(b"x" * size))
    done, _ = await asyncio.wait([sending], timeout=0.5)
    assert not done
    stand.places.warm.set()
    assert (await within(wire.answer()))[2] == b"%d" % size


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (429, "Rate exceeded."),
        (503, "The request was aborted because there was no available instance."),
    ],
)
async def test_no_instance(stand, status, text):
    await stand.up(polite)
    stand.places.refusal = NoInstanceError(status, text)
    wire = await stand.wire()
    got, fields, body = await wire.ask(get())
    assert (got, body.decode()) == (status, text)
    assert fields["server"] == "Google Frontend"
    assert "x-cloud-trace-context" in fields
    line = await stand.logged()
    assert line.http.status == status
    assert line.payload == "The request was aborted because there was no available instance."
    assert line.labels == {}
    stand.places.refusal = None
    assert (await wire.ask(get()))[0] == 200


async def test_a_client_that_gives_up_waiting_leaves_the_queue(stand):
    await stand.up(polite)
    stand.places.cold = True
    wire = await stand.wire()
    await wire.send(get())
    wire.close()
    assert (await stand.logged()).http.status == 499
    assert stand.places.taken == 0


MALFORMED = (
    b"The request failed because either the HTTP response was malformed "
    b"or connection to the instance had an error."
)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a chunk\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 10 + b"\0\r\n\r\n",
    ],
)
async def test_a_malformed_or_missing_response_is_503_with_cloud_runs_text(stand, raw):
    async def script(wire, n):
        await wire.head()
        await wire.send(raw)

    await stand.up(script)
    wire = await stand.wire()
    await wire.send(get())
    while (line := (await wire.head())[0]).endswith("100 Continue"):
        pass
    assert line == "HTTP/1.1 503 Service Unavailable"
    assert await wire.read(len(MALFORMED)) == MALFORMED
    line = await stand.logged()
    assert (line.http.status, line.severity) == (503, "ERROR")
    assert line.payload == MALFORMED.decode()


async def test_an_instance_that_does_not_listen_is_503(stand):
    await stand.up(polite)
    stand.places.ports[A] = 1
    assert (await stand.ask(get()))[0] == 503


async def test_an_instance_that_ends_in_the_middle_of_a_body_ends_the_clients_connection(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        wire.reset()

    await stand.up(script)
    wire = await stand.wire()
    await wire.send(get())
    rest = await wire.rest()
    assert rest.endswith((b"\r\n\r\nhalf", b""))
    line = await stand.logged()
    assert line.http.status == 200
    assert "cut short" in line.payload


async def test_an_instance_that_resets_a_body_without_a_length(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await wire.read(1)
        wire.reset()

    await stand.up(script)
    wire = await stand.wire()
    await wire.send(get("/", "Content-Length: 1", method="POST"))
    await wire.head()
    await wire.send(b"x")
    assert await wire.rest() == b"half"
    assert "cut short" in (await stand.logged()).payload


async def test_a_connection_to_an_instance_rests_only_for_a_while(stand):
    ended = asyncio.Event()

    async def script(wire, n):
        await wire.head()
        await wire.send(ok())
        await wire.rest()
        ended.set()

    stand.settings = FrontEndSettings(upstream_idle_s=0.05)
    await stand.up(script)
    await stand.ask(get())
    await within(ended.wait())


async def test_bytes_after_the_response_are_not_the_next_response(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(ok(b"mine") + ok(b"smuggled"))
        await wire.head()
        await wire.send(ok(b"unreachable"))

    await stand.up(script)
    wire = await stand.wire()
    assert (await wire.ask(get()))[2] == b"mine"
    assert (await wire.ask(get()))[2] == b"mine"
    assert stand.instance.accepted == 2


async def test_bytes_that_nobody_asked_for_end_a_kept_connection(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(ok(b"%d" % n))
        await wire.send(ok(b"unasked"))
        await wire.rest()

    await stand.up(script)
    for n in (b"1", b"2", b"3"):
        wire = await stand.wire()
        assert (await wire.ask(get()))[2] == n


async def test_a_kept_connection_that_was_closed_is_replaced_for_a_request_that_may_be_repeated(
    stand,
):
    async def script(wire, n):
        await wire.head()
        await wire.send(ok(b"%d" % n))
        if n == 1:
            await wire.head()
            wire.reset()
        else:
            await polite(wire, n)

    await stand.up(script)
    wire = await stand.wire()
    assert (await wire.ask(get()))[2] == b"1"
    assert (await wire.ask(get()))[2] == b"2"


async def test_a_request_that_may_not_be_repeated_is_not(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(ok(b"%d" % n))
        await wire.head()
        wire.reset()

    await stand.up(script)
    wire = await stand.wire()
    await wire.ask(get())
    assert (await wire.ask(get(method="POST")))[0] == 503
    assert stand.instance.accepted == 1


async def test_a_request_that_has_had_some_answer_is_not_repeated(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(ok())
        await wire.head()
        await wire.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await wire.reader.read(1)

    await stand.up(script)
    wire = await stand.wire()
    await wire.ask(get())
    await wire.send(get())
    await wire.head()
    stand.instance.wires[0].reset()
    assert (await wire.answer())[0] == 503
    assert stand.instance.accepted == 1


async def test_the_request_timeout_is_504_and_cuts_the_instance(stand):
    over = asyncio.Event()

    async def script(wire, n):
        await wire.head()
        await wire.rest()
        over.set()

    await stand.up(script, timeout_s=2)
    wire = await stand.wire()
    status, _, body = await wire.ask(get())
    assert (status, body) == (504, b"upstream request timeout")
    await within(over.wait())
    line = await stand.logged()
    assert line.http.status == 504
    assert line.http.latency_s > 0.15
    assert (await wire.ask(get("/healthz")))[0] == 404


async def test_the_request_timeout_in_the_middle_of_a_body_ends_the_connection(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        await wire.rest()

    await stand.up(script, timeout_s=2)
    wire = await stand.wire()
    await wire.send(get())
    await wire.head()
    assert await wire.is_over()
    assert "cut short" in (await stand.logged()).payload


async def test_the_request_timeout_while_waiting_for_an_instance(stand):
    await stand.up(polite, timeout_s=0.1)
    stand.places.cold = True
    assert (await stand.ask(get()))[0] == 504


# Clients that are slow, gone or hostile


async def test_a_client_that_leaves_takes_its_request_along(stand):
    arrived, over = asyncio.Event(), asyncio.Event()

    async def script(wire, n):
        await wire.head()
        arrived.set()
        await wire.rest()
        over.set()

    await stand.up(script)
    wire = await stand.wire()
    await wire.send(get())
    await within(arrived.wait())
    wire.close()
    await within(over.wait())
    line = await stand.logged()
    assert (line.http.status, line.severity) == (499, "WARNING")


async def test_a_client_that_resets_takes_its_request_along(stand):
    over = asyncio.Event()

    async def script(wire, n):
        await wire.head()
        await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await wire.rest()
        over.set()

    await stand.up(script)
    wire = await stand.wire()
    await wire.send(get())
    await wire.head()
    wire.reset()
    await within(over.wait())
    assert (await stand.logged()).http.status == 200


async def test_a_client_that_does_not_read_stops_the_instance_and_not_the_memory(stand):
    stuck = asyncio.Event()
    sent = 0

    async def script(wire, n):
        nonlocal sent
        await wire.head()
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 500000000\r\n\r\n")
        while sent < 500_000_000:
            try:
                async with asyncio.timeout(0.5):
                    await wire.send(b"x" * 100_000)
            except TimeoutError:
                stuck.set()
                await wire.writer.drain()
            sent += 100_000

    stand.settings = FrontEndSettings(response_bytes=500_000_000)
    await stand.up(script)
    wire = await stand.wire(limit=1000)
    await wire.send(get())
    await within(stuck.wait())
    assert sent < 100_000_000
    before = sent
    for _ in range(300):
        await wire.read(100_000)
    assert sent > before


async def test_a_client_that_asks_ahead_and_reads_late_gets_every_answer(stand):
    answers, size = 60, 200_000

    async def script(wire, n):
        while True:
            await wire.head()
            await wire.send(ok(b"x" * size))

    await stand.up(script)
    wire = await stand.wire(limit=1000)
    await wire.send(get() * answers)
    await within(until_still(lambda: len(stand.sink.lines)))
    assert len(stand.sink.lines) < answers
    for _ in range(answers):
        assert len((await wire.answer())[2]) == size


async def test_an_instance_that_does_not_read_stops_the_client(stand):
    go = asyncio.Event()

    async def script(wire, n):
        _, fields = await wire.head()
        await go.wait()
        body = await wire.read(int(fields["content-length"]))
        await wire.send(ok(b"%d" % len(body)))

    await stand.up(script)
    size = 30_000_000
    wire = await stand.wire()
    await wire.send(get("/", f"Content-Length: {size}", method="POST"))
    sending = asyncio.ensure_future(wire.send(b"x" * size))
    done, _ = await asyncio.wait([sending], timeout=0.5)
    assert not done
    go.set()
    await within(sending)
    assert (await wire.answer())[2] == b"%d" % size


async def test_an_endless_trickle_of_a_head_ends(stand):
    stand.settings = FrontEndSettings(head_s=0.2)
    await stand.up(polite)
    wire = await stand.wire()

    async def trickle():
        await wire.send(b"GET / HTTP/1.1\r\n")
        while True:
            await wire.send(b"X")
            await asyncio.sleep(0.02)

    trickling = asyncio.ensure_future(trickle())
    assert (await wire.answer())[0] == 408
    assert await wire.is_over()
    trickling.cancel()


async def test_an_idle_connection_ends(stand):
    stand.settings = FrontEndSettings(idle_s=0.1)
    await stand.up(polite)
    wire = await stand.wire()
    assert await wire.is_over()


async def test_a_refused_client_that_goes_on_sending_sees_the_answer(stand):
    await stand.up(polite)
    wire = await stand.wire()
    await wire.send(b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n")
    for _ in range(20):
        await wire.send(b"x" * 10_000)
    assert (await wire.answer())[0] == 400


async def test_many_clients_that_connect_and_leave(stand):
    await stand.up(polite)
    wires = [await stand.wire() for _ in range(200)]
    for n, wire in enumerate(wires):
        await wire.send([b"", b"G", b"GET / HTTP/1.1\r\nHost:", get()[:-1]][n % 4])
    for n, wire in enumerate(wires):
        wire.reset() if n % 2 else wire.close()
    assert (await stand.ask(get()))[0] == 200
    await until(lambda: len(stand.front._context.connections) <= 1)
    assert stand.places.held == 0


async def test_close_cuts_everything(stand):
    async def script(wire, n):
        await wire.head()
        await wire.rest()

    await stand.up(script)
    wires = [await stand.wire() for _ in range(3)]
    await wires[0].send(get())
    await wires[1].send(b"GET")
    await within(stand.front.close())
    for wire in wires:
        assert await wire.is_over()
    assert stand.places.held == 0
