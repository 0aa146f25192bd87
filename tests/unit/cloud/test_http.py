"""One exchange after the other, over streams that a test writes."""

import asyncio
import socket

import pytest

from gate.cloud.failure import Code, Failure
from gate.cloud.http import Client

HEADERS = [("Host", "x")]


class Transport:
    def __init__(self):
        self.aborted = False

    def abort(self):
        self.aborted = True


class Writer:
    """What an exchange needs of asyncio.StreamWriter."""

    def __init__(self):
        self.sent = b""
        self.transport = Transport()

    def write(self, data):
        self.sent += data

    async def drain(self):
        pass

    def is_closing(self):
        return self.transport.aborted


class Server:
    """Opens connections whose answers are known before."""

    def __init__(self, *answers, stays=True):
        self.answers = list(answers)
        self.stays = stays
        self.writers = []
        self.readers = []

    async def connect(self):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        reader, writer = asyncio.StreamReader(), Writer()
        reader.feed_data(answer)
        if not self.stays:
            reader.feed_eof()
        self.readers.append(reader)
        self.writers.append(writer)
        return reader, writer


def answer(body=b"{}", more=b""):
    return b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (more, len(body), body)


async def ask(client, body=b"", timeout_s=5.0):
    headers = [*HEADERS, ("Content-Length", str(len(body)))] if body else HEADERS
    return await client.ask("PUT" if body else "GET", "/x", headers, body, timeout_s=timeout_s)


async def test_what_is_sent_and_heard():
    server = Server(answer(b'{"a": 1}'))
    found = await ask(Client(server.connect), b"hello")
    assert (found.status, found.body) == (200, b'{"a": 1}')
    (writer,) = server.writers
    assert writer.sent == b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"


async def test_the_date_of_an_answer_comes_along():
    server = Server(answer(more=b"DATE: Thu, 01 Jan 2026 12:00:00 GMT\r\n"))
    assert (await ask(Client(server.connect))).date == "Thu, 01 Jan 2026 12:00:00 GMT"
    assert (await ask(Client(Server(answer()).connect))).date == ""


async def test_an_answer_in_pieces():
    server = Server(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    assert (await ask(Client(server.connect))).body == b"abcde"


async def test_a_connection_is_kept_for_the_next_request():
    server = Server(answer())
    client = Client(server.connect)
    await ask(client)
    server.readers[0].feed_data(answer(b"2"))
    assert (await ask(client)).body == b"2"
    assert len(server.writers) == 1
    client.close()
    assert server.writers[0].transport.aborted


@pytest.mark.parametrize("more", [b"Connection: close\r\n", b""])
async def test_a_connection_that_is_closed_is_not_kept(more):
    server = Server(answer(more=more), answer(b"2"), stays=bool(more))
    client = Client(server.connect)
    await ask(client)
    assert (await ask(client)).body == b"2"
    assert len(server.writers) == 2


@pytest.mark.parametrize(
    ("reply", "stays", "code", "text"),
    [
        (b"", False, Code.UNAVAILABLE, "connection closed without an answer"),
        (answer(b"{}")[:-1], False, Code.UNAVAILABLE, "connection closed without an answer"),
        (b"SSH-2.0-x\r\n\r\n", True, Code.UNKNOWN, "what came is no HTTP"),
        (b"", True, Code.DEADLINE_EXCEEDED, "no answer within 0 s"),
    ],
)
async def test_what_was_sent_and_not_answered_may_have_happened(reply, stays, code, text):
    server = Server(reply, stays=stays)
    with pytest.raises(Failure, match=text) as caught:
        await ask(Client(server.connect), timeout_s=0 if code is Code.DEADLINE_EXCEEDED else 5)
    assert (caught.value.code, caught.value.unclear) == (code, True)
    assert server.writers[0].transport.aborted


@pytest.mark.parametrize(
    ("error", "nobody"),
    [
        (ConnectionRefusedError(111, "refused"), "connection refused"),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed"), "connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "no such host"),
        (UnicodeError("label too long"), "no such host"),
        (OSError(101, "Network is unreachable"), ""),
        (TimeoutError(), ""),
    ],
)
async def test_what_was_never_sent_has_not_happened(error, nobody):
    with pytest.raises(Failure) as caught:
        await ask(Client(Server(error).connect))
    failure = caught.value
    assert (failure.code, failure.unclear, failure.nobody) == (Code.UNAVAILABLE, False, nobody)


async def test_a_request_that_is_cancelled_gives_its_connection_up():
    server = Server(b"")
    task = asyncio.ensure_future(ask(Client(server.connect)))
    while not server.writers:  # noqa: ASYNC110 - a step of the loop, not a time
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert server.writers[0].transport.aborted


async def test_an_answer_without_end_is_left():
    reader, writer = asyncio.StreamReader(), Writer()
    reader.feed_data(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * (65 << 20))

    async def connect():
        return reader, writer

    with pytest.raises(Failure, match="more than"):
        await ask(Client(connect))
