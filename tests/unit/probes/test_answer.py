"""What users get at an address, from real sockets."""

import asyncio
import socket

import pytest

from gate.ports import UsersAnswer
from gate.probes.answer import LATE, users_answer
from tests.contract.probe_servers import tcp

DENIED = b"<title>403 Forbidden</title> Error: Forbidden Your client does not have permission"
NO_TLS = None


def says(status, body, head=b""):
    """A server with one answer, and what it was sent."""
    heard = []

    async def handler(reader, writer):
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 %b\r\n%bcontent-length: %d\r\n\r\n" % (status, head, len(body)))
        writer.write(body)
        await writer.drain()

    return handler, heard


async def answered(handler, headers=(), within_s=15.0):
    async with tcp(handler) as place:
        return await users_answer(f"http://{place}", headers, lambda: NO_TLS, within_s)


@pytest.mark.parametrize("status", [b"200 OK", b"404 Not Found", b"401 Unauthorized", b"500 No"])
async def test_whatever_the_container_says_is_an_answer(status):
    handler, heard = says(status, b"its own words")
    assert await answered(handler) == UsersAnswer()
    assert len(heard) == 1


async def test_where_no_container_answers_it_is_said_in_words():
    handler, heard = says(b"503 Service Unavailable", b"Service Unavailable")
    assert (await answered(handler)).instead == "HTTP 503, no container answered"
    assert len(heard) == 3


@pytest.mark.parametrize(
    ("status", "body", "head"),
    [
        (b"403 Forbidden", DENIED, b""),
        (
            b"401 Unauthorized",
            b"",
            b"www-authenticate: Bearer x=The access token could not be verified\r\n",
        ),
    ],
)
async def test_whoever_is_not_let_in_knows_nothing_of_the_container(status, body, head):
    handler, heard = says(status, body, head)
    seen = await answered(handler)
    assert (seen.instead, seen.refused) == ("", True)
    assert "the front end refused the caller" in seen.unknown
    assert len(heard) == 1


async def test_an_address_that_keeps_the_caller_out_is_no_answer():
    body = b"<title>Error 404 (Not Found)!!1</title>"
    seen = await answered(says(b"404 Not Found", body)[0])
    assert "knows no such address" in seen.unknown
    assert (seen.instead, seen.refused, seen.nowhere) == ("", False, True)


async def test_an_answer_of_iap_is_no_answer_of_the_container():
    seen = await answered(says(b"302 Found", b"", b"x-goog-iap-generated-response: true\r\n")[0])
    assert "HTTP 302, Identity-Aware Proxy" in seen.unknown
    assert (seen.instead, seen.refused) == ("", True)


async def test_a_token_goes_with_the_question():
    handler, heard = says(b"200 OK", b"")
    await answered(handler, (("X-Serverless-Authorization", "Bearer t"),))
    assert b"\r\nX-Serverless-Authorization: Bearer t\r\n" in heard[0]


async def test_what_comes_too_late_is_not_known():
    async def silent(reader, _writer):
        await reader.read()

    assert await answered(silent, within_s=0.05) == LATE


async def test_what_cannot_be_reached_is_not_known():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    seen = await asyncio.wait_for(users_answer(f"http://127.0.0.1:{port}", (), lambda: NO_TLS), 30)
    assert seen.unknown.startswith("it cannot be reached (")
