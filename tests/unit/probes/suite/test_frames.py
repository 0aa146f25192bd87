"""Frames seen in passing: cut anywhere, masked or not, of any size."""

import pytest
from websockets.frames import Close, Frame, Opcode

from gate.probes.suite.frames import Watch


def frames(*, mask):
    def frame(opcode, data, fin=True):
        return Frame(opcode, data, fin).serialize(mask=mask)

    return (
        frame(Opcode.TEXT, b"")
        + frame(Opcode.TEXT, b"a" * 125)
        + frame(Opcode.PING, b"are you there")
        + frame(Opcode.BINARY, b"b" * 126)
        + frame(Opcode.TEXT, b"c", fin=False)
        + frame(Opcode.PONG, b"")
        + frame(Opcode.CONT, b"d" * 300, fin=True)
        + frame(Opcode.CLOSE, Close(1011, "Factory é").serialize())
        + b"what comes after a close is not looked at"
    )


@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
def test_messages_and_closes_are_seen_however_the_bytes_are_cut(mask, size):
    messages, closes = [], []
    watch = Watch(lambda: messages.append(1), lambda *close: closes.append(close))
    data = frames(mask=mask)
    for at in range(0, len(data), size):
        watch.feed(data[at : at + size])
    assert (len(messages), closes, watch.closed) == (4, [(1011, "Factory é")], True)


def test_large_messages_are_counted_and_not_kept():
    messages = []
    watch = Watch(lambda: messages.append(1), lambda *_: None)
    watch.feed(bytes([0x82, 127]) + (1 << 40).to_bytes(8, "big"))
    for _ in range(100):
        watch.feed(bytes(1 << 16))
    assert messages == []
    assert len(watch._control) == 0


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"", (1005, "")),
        (b"\x03", (1005, "")),
        (b"\x03\xe8" + b"\xff" * 123, (1000, "\ufffd" * 123)),
    ],
)
def test_odd_closes(payload, expected):
    closes = []
    watch = Watch(lambda: None, lambda *close: closes.append(close))
    watch.feed(bytes([0x88, len(payload)]) + payload)
    assert closes == [expected]
