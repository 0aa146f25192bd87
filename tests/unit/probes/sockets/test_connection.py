"""The connection under a transport of our own: no socket, every byte by hand."""

import asyncio

import pytest
from websockets.frames import Frame, Opcode

from gate.probes.sockets.classify import How
from gate.probes.sockets.connection import FRAMES_MAX, UNREAD_MAX, Connection
from tests.unit.probes.sockets.wire import Peer, close, text


def later(seconds=5.0):
    return asyncio.get_running_loop().time() + seconds


async def test_the_handshake_is_what_the_library_would_send():
    peer = Peer()
    head = peer.request.decode().split("\r\n")
    assert head[0] == "GET /ws HTTP/1.1"
    assert "Host: x" in head
    assert "Sec-WebSocket-Protocol: v1" in head
    assert head[-2:] == ["", ""]
    assert len({line.split(":")[0].lower() for line in head[1:-2]}) == len(head[1:-2])
    peer.open()
    assert peer.connection.subprotocol == "v1"
    assert peer.connection.status == 101


async def test_a_welcome_in_the_same_packet_as_the_handshake_is_not_lost():
    peer = Peer()
    peer.connection.data_received(peer.accepted() + text("hello"))
    assert (await peer.connection.take(later())).text == "hello"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
async def test_frames_may_come_in_pieces_of_any_size(size):
    peer = Peer()
    data = peer.accepted() + text("one") + text("tw", fin=False) + text("o", opcode=Opcode.CONT)
    data += text("x" * 300) + close(1011, "bye")
    for start in range(0, len(data), size):
        peer.connection.data_received(data[start : start + size])
    assert peer.heard == ["one", "two", "x" * 300]
    ending = peer.connection.ending
    assert (ending.how, ending.code, ending.reason) == (How.CLOSED, 1011, "bye")
    assert peer.sent()[-1][0] is Opcode.CLOSE
    assert peer.wire.closed


async def test_what_came_before_a_close_can_still_be_taken():
    peer = Peer()
    connection = peer.open()
    connection.data_received(text("error frame") + close(1011))
    assert (await connection.take(later())).text == "error frame"
    assert await connection.take(later()) is None
    assert not connection.open


async def test_waiting_ends_with_the_message_the_end_or_the_deadline():
    peer = Peer()
    connection = peer.open()
    loop = asyncio.get_running_loop()
    loop.call_soon(connection.data_received, text("soon"))
    assert (await connection.take(later())).text == "soon"
    assert await connection.take(later(0.01)) is None
    assert connection.ending is None
    loop.call_soon(connection.connection_lost, ConnectionResetError("reset by peer"))
    assert await connection.take(later()) is None
    assert (connection.ending.how, connection.ending.reason) == (How.BROKEN, "reset by peer")


async def test_a_deadline_that_has_passed_takes_nothing():
    peer = Peer()
    connection = peer.open()
    connection.data_received(text("there"))
    assert await connection.take(later(-1)) is None


async def test_protocol_pings_are_answered():
    peer = Peer()
    peer.open().data_received(Frame(Opcode.PING, b"abc").serialize(mask=False))
    assert peer.sent() == [(Opcode.PONG, b"abc")]
    assert ("<", "ping") in peer.notes


async def test_our_close_is_told_from_theirs():
    peer = Peer()
    connection = peer.open()
    connection.close()
    assert peer.sent() == [(Opcode.CLOSE, b"\x03\xe8")]
    connection.data_received(text("still coming") + close(1000))
    assert connection.ending.ours
    assert connection.over.done()


async def test_nothing_is_sent_once_it_has_ended():
    peer = Peer()
    connection = peer.open()
    connection.data_received(close(1000))
    before = peer.wire.written
    connection.send("late")
    connection.close()
    connection.data_received(text("later still"))
    assert peer.wire.written == before
    assert peer.heard == []


async def test_reading_pauses_while_nobody_takes_what_comes():
    peer = Peer()
    connection = peer.open()
    connection.data_received(text("x") * (UNREAD_MAX + 1))
    assert peer.wire.paused
    for _ in range(UNREAD_MAX + 1):
        await connection.take(later())
    assert not peer.wire.paused
    connection.data_received(text("y" * 600_000))
    assert not peer.wire.paused
    connection.data_received(text("y" * 600_000))
    assert peer.wire.paused


async def test_nothing_is_kept_once_nobody_takes_any_more():
    peer = Peer()
    connection = peer.open()
    connection.data_received(text("x") * (UNREAD_MAX + 1))
    connection.begin_phase(keep=False)
    assert not peer.wire.paused
    connection.data_received(text("x") * (UNREAD_MAX + 1))
    assert not peer.wire.paused
    assert await connection.take(later(0.01)) is None
    assert len(peer.heard) == 2 * (UNREAD_MAX + 1)


async def test_frames_are_counted_anew_in_each_phase():
    peer = Peer()
    connection = peer.open()
    connection.begin_phase(keep=False)
    connection.data_received(text("") * FRAMES_MAX)
    assert connection.ending is None
    connection.begin_phase(keep=False)
    connection.data_received(text("") * (FRAMES_MAX + 1))
    assert connection.ending.how is How.TOO_LARGE
    assert len(peer.heard) == 2 * FRAMES_MAX


async def test_bytes_that_are_no_text_are_a_message_all_the_same():
    peer = Peer()
    peer.open().data_received(text(b"\xff\xfe", opcode=Opcode.BINARY))
    assert peer.heard == ["[2 bytes that are no text]"]


async def test_aborting_what_never_connected_leaves_nobody_waiting():
    peer = Peer()
    fresh = Connection(peer.connection._ws, b"", peer.arrived, lambda *_: None)
    fresh.abort()
    assert fresh.lost.done()
    assert fresh.over.done()


async def test_a_ping_is_answered_by_its_own_pong_alone():
    peer = Peer()
    connection = peer.open()
    first, second = connection.ping(), connection.ping()
    old, new = (data for opcode, data in peer.sent() if opcode is Opcode.PING)
    assert old != new
    for payload, done in ((b"other", False), (old, False), (new, True)):
        connection.data_received(Frame(Opcode.PONG, payload).serialize(mask=False))
        assert second.done() is done
    assert not first.done()
    assert connection.pings == 0


async def test_pings_of_the_server_are_answered_and_counted():
    peer = Peer()
    connection = peer.open()
    connection.data_received(Frame(Opcode.PING, b"a").serialize(mask=False) * 3)
    assert connection.pings == 3
    assert peer.sent() == [(Opcode.PONG, b"a")] * 3


async def test_a_ping_after_the_end_is_never_answered():
    peer = Peer()
    connection = peer.open()
    connection.data_received(close(1000))
    assert not connection.ping().done()
