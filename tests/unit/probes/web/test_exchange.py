"""What is sent for an address, over a real socket."""

import asyncio

import pytest

from gate.probes.web.exchange import Request, exchange


async def sent(host, rest, method="GET", headers=()):
    """The request line and the headers of one question."""
    heads = []

    async def handler(reader, writer):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(handler, host.strip("[]"), 0) as server:
        port = server.sockets[0].getsockname()[1]
        await exchange(Request(method, f"http://{host}:{port}{rest}", headers), 10.0, None)
    line, *fields = heads[0].decode().rstrip().replace(f":{port}", ":PORT").split("\r\n")
    return line, fields


@pytest.mark.parametrize(
    ("rest", "target"),
    [
        ("", "/"),
        ("?a=1#b", "/?a=1"),
        ("/a%2Fb/../c;d?e=%20{f}|[g]", "/a%2Fb/../c;d?e=%20{f}|[g]"),
        ("/é {x}?ü=100%", "/%C3%A9%20%7Bx%7D?%C3%BC=100%25"),
    ],
)
async def test_a_path_is_sent_as_it_is_written_but_for_what_http_cannot_carry(rest, target):
    line, _ = await sent("127.0.0.1", rest)
    assert line == f"GET {target} HTTP/1.1"


async def test_the_host_is_the_address_unless_a_header_names_another():
    assert (await sent("[::1]", "/"))[1] == ["Host: [::1]:PORT"]
    assert (await sent("localhost", "/"))[1] == ["Host: localhost:PORT"]
    assert (await sent("127.0.0.1", "/", headers=(("host", "a.example"),)))[1] == [
        "host: a.example"
    ]


async def test_an_empty_body_has_a_length_where_one_is_expected():
    assert "Content-Length: 0" in (await sent("127.0.0.1", "/", "POST"))[1]
    assert "Content-Length: 0" not in (await sent("127.0.0.1", "/", "DELETE"))[1]
