from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.local.frontend.heads import (
    HeadBuffer,
    HeadError,
    _request_fields,
    _response_head,
    parse_request,
    parse_response,
)

PLAIN = (
    b"GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:80\r\nUser-Agent: probe\r\n"
    b"X-Own: 1\r\nx-own: 2\r\n\r\n"
)


def request(*fields, line=b"POST /x HTTP/1.1", host=b"Host: 127.0.0.1"):
    return parse_request(b"\r\n".join([line, *([host] if host else []), *fields, b"", b""]))


def response(*fields, line=b"HTTP/1.1 200 OK"):
    return parse_response(b"\r\n".join([line, *fields, b"", b""]))


def refused(*fields, **more):
    with pytest.raises(HeadError) as caught:
        request(*fields, **more)
    return caught.value.status


def test_a_request_is_read_and_its_own_fields_forwarded_as_they_came():
    head = parse_request(PLAIN)
    assert (head.method, head.target, head.minor) == (b"GET", b"/a?b=c", 1)
    assert head.fields == (b"Host: 127.0.0.1:80\r\nUser-Agent: probe\r\nX-Own: 1\r\nx-own: 2\r\n")
    assert head.found == {b"host": b"127.0.0.1:80", b"user-agent": b"probe"}
    assert (head.length, head.keep_alive, head.upgrade) == (0, True, b"")


def test_a_request_without_any_field():
    head = parse_request(b"GET / HTTP/1.0\r\n\r\n")
    assert (head.fields, head.keep_alive) == (b"", False)


@pytest.mark.parametrize(
    "field",
    [
        b"Connection: keep-alive",
        b"Keep-Alive: timeout=5",
        b"Proxy-Connection: keep-alive",
        b"TE: trailers",
        b"X-Forwarded-Proto: http",
        b"X-Forwarded-For: 1.2.3.4",
        b"Forwarded: for=1.2.3.4",
        b"traceparent: x",
        b"X-Cloud-Trace-Context: x",
        b"Upgrade: websocket",
        b"HTTP2-Settings: x",
    ],
)
def test_what_belongs_to_one_hop_or_to_the_platform_is_not_forwarded(field):
    assert request(field).fields == b"Host: 127.0.0.1\r\n"


def test_what_the_connection_header_names_is_not_forwarded_except_what_frames_the_message():
    head = request(b"Connection: x-mine, content-length, host", b"X-Mine: 1", b"Content-Length: 2")
    assert head.fields == b"Host: 127.0.0.1\r\nContent-Length: 2\r\n"
    assert head.length == 2


@pytest.mark.parametrize(
    ("line", "fields", "keep"),
    [
        (b"GET / HTTP/1.1", [], True),
        (b"GET / HTTP/1.1", [b"Connection: close"], False),
        (b"GET / HTTP/1.1", [b"Connection: x, Close"], False),
        (b"GET / HTTP/1.0", [], False),
        (b"GET / HTTP/1.0", [b"Connection: Keep-Alive"], True),
    ],
)
def test_keep_alive(line, fields, keep):
    assert request(*fields, line=line).keep_alive is keep


def test_bodies():
    assert request(b"Content-Length: 12").length == 12
    assert request(b"Transfer-Encoding: Chunked").length is None
    assert request().length == 0


@pytest.mark.parametrize(
    "fields",
    [
        [b"Content-Length: 1", b"Transfer-Encoding: chunked"],
        [b"Content-Length: 1", b"Content-Length: 1"],
        [b"Content-Length: 1, 1"],
        [b"Content-Length: +1"],
        [b"Content-Length: 0x1"],
        [b"Content-Length: "],
        [b"Content-Length: 1 1"],
        [b"Content-Length: " + b"9" * 19],
        [b"Content-Length : 1"],
        [b"Content-Length\t: 1"],
        [b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: gzip, chunked"],
        [b"Transfer-Encoding: chunked, identity"],
        [b"Transfer-Encoding: xchunked"],
        [b"Transfer-Encoding: \x0bchunked"],
        [b"Transfer-Encoding:"],
        [b"Host: other"],
        [b" folded: 1"],
        [b"X: 1\r\n folded"],
        [b"X: a\nY: b"],
        [b"X: a\rY: b"],
        [b"X: a\0"],
        [b"no colon"],
        [b": no name"],
        [b"\xc3\xa9: 1"],
    ],
)
def test_what_two_servers_could_read_differently_is_refused(fields):
    assert refused(*fields) == 400


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET /", 400),
        (b"GET  / HTTP/1.1", 400),
        (b"GET / HTTP/1.1 ", 400),
        (b"GET / x HTTP/1.1", 400),
        (b"G\xc3T / HTTP/1.1", 400),
        (b"GET /\xc3 HTTP/1.1", 400),
        (b"GET relative HTTP/1.1", 400),
        (b"GET * HTTP/1.1", 400),
        (b"GET ftp://127.0.0.1/ HTTP/1.1", 400),
        (b"GET http://elsewhere/ HTTP/1.1", 400),
        (b"PRI * HTTP/2.0", 505),
        (b"GET / HTTP/1.2", 505),
        (b"GET / http/1.1", 400),
        (b"", 400),
    ],
)
def test_a_bad_request_line_is_refused(line, status):
    assert refused(line=line) == status


def test_chunks_in_http_1_0_are_refused():
    assert refused(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.0") == 400


@pytest.mark.parametrize(
    ("target", "seen"),
    [
        (b"http://127.0.0.1/a?b", b"/a?b"),
        (b"HTTP://127.0.0.1", b"/"),
        (b"http://127.0.0.1?b", b"/?b"),
        (b"/%41%7a%39/%2F%2e?%41", b"/Az9/%2F%2e?%41"),
        (b"/%", b"/%"),
    ],
)
def test_the_target_that_the_container_sees(target, seen):
    assert request(line=b"GET " + target + b" HTTP/1.1").target == seen


def test_options_of_the_whole_server():
    assert request(line=b"OPTIONS * HTTP/1.1").target == b"*"


def test_an_upgrade_needs_both_headers_and_no_body():
    asks = [b"Connection: keep-alive, Upgrade", b"Upgrade: websocket"]
    assert request(*asks, line=b"GET / HTTP/1.1").upgrade == b"websocket"
    assert request(asks[1]).upgrade == b""
    assert request(asks[0]).upgrade == b""
    assert request(*asks, line=b"GET / HTTP/1.0").upgrade == b""
    assert request(asks[0], b"Upgrade: h2c").upgrade == b""
    assert refused(*asks, b"Content-Length: 3") == 400


def test_a_response_is_read_and_rid_of_what_belongs_to_one_hop():
    head = response(
        b"Server: theirs", b"Content-Length: 5", b"Connection: close", b"X-A: b", b"Date: now"
    )
    assert (head.status, head.reason, head.length, head.chunked) == (200, b"OK", 5, False)
    assert head.fields == b"Content-Length: 5\r\nX-A: b\r\nDate: now\r\n"
    assert not head.keep_alive


def test_a_response_without_reason_or_fields():
    head = parse_response(b"HTTP/1.1 200\r\n\r\n")
    assert (head.reason, head.fields, head.length) == (b"", b"", None)


def test_a_change_of_protocol_keeps_its_headers():
    head = response(
        b"Upgrade: websocket", b"Connection: Upgrade", b"Content-Length: 9",
        line=b"HTTP/1.1 101 Switching Protocols",
    )  # fmt: skip
    assert head.fields == b"Upgrade: websocket\r\nConnection: Upgrade\r\n"


def test_204_is_not_framed():
    assert response(b"Content-Length: 5", line=b"HTTP/1.1 204 No Content").fields == b""


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 99 x\r\n\r\n",
        b"HTTP/1.1 600 x\r\n\r\n",
        b"HTTP/1.1 200 OK\n\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"hello\r\n\r\n",
    ],
)
def test_a_malformed_response_is_refused(raw):
    with pytest.raises(HeadError):
        parse_response(raw)


@given(st.lists(st.integers(0, len(PLAIN)), max_size=8), st.binary(max_size=10))
def test_a_head_may_be_cut_anywhere(cuts, rest):
    whole = PLAIN + rest
    edges = sorted({0, *cuts, len(whole)})
    buffer = HeadBuffer(1000)
    fed = b""
    for start, stop in pairwise(edges):
        found = buffer.feed(whole[start:stop])
        fed += whole[start:stop]
        if found is not None:
            break
        assert b"\r\n\r\n" not in fed
    assert found == (fed, len(PLAIN))
    assert len(buffer) == 0


def test_a_head_byte_by_byte():
    buffer = HeadBuffer(1000)
    seen = [buffer.feed(PLAIN[at : at + 1]) for at in range(len(PLAIN))]
    assert seen[:-1] == [None] * (len(PLAIN) - 1)
    assert seen[-1] == (PLAIN, len(PLAIN))


@pytest.mark.parametrize("step", [1, 7, 2000])
def test_an_endless_head_is_refused_at_the_limit(step):
    buffer = HeadBuffer(100)
    while len(buffer) + step <= 100:
        assert buffer.feed(b"x" * step) is None
    with pytest.raises(HeadError) as caught:
        buffer.feed(b"x" * step)
    assert caught.value.status == 431
    assert len(buffer) == 0


def test_a_complete_head_beyond_the_limit_is_refused_as_well():
    with pytest.raises(HeadError):
        HeadBuffer(50).feed(PLAIN)


@given(st.binary(max_size=300))
def test_garbage_is_read_or_refused_and_nothing_else(garbage):
    for parse in (parse_request, parse_response):
        for raw in (garbage, b"GET / HTTP/1.1\r\n" + garbage, b"HTTP/1.1 200 OK\r\n" + garbage):
            with suppress(HeadError):
                parse(raw + b"\r\n\r\n")


def test_fields_that_come_again_mean_what_the_version_of_their_request_says():
    fields = b"Host: 127.0.0.1\r\nX-Same: twice\r\n\r\n"
    newer = parse_request(b"GET /1 HTTP/1.1\r\n" + fields)
    older = parse_request(b"GET /2 HTTP/1.0\r\n" + fields)
    assert (newer.target, newer.keep_alive, newer.minor) == (b"/1", True, 1)
    assert (older.target, older.keep_alive, older.minor) == (b"/2", False, 0)


def test_only_short_heads_are_remembered():
    _request_fields.cache_clear()
    _response_head.cache_clear()
    request(b"X-Short: 1")
    response(b"X-Short: 1")
    request(b"X-Long: " + b"1" * 5000)
    response(b"X-Long: " + b"1" * 5000)
    assert _request_fields.cache_info().currsize == 1
    assert _response_head.cache_info().currsize == 1
