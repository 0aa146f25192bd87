"""Where parts of a stream end, however its bytes are cut on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.event_stream import Between, Cutter, TooLargeError

WRITTEN = [
    (b"data: 1\n\ndata: 2\n\n", [b"data: 1", b"data: 2"]),
    (b"data: 1\r\n\r\ndata: 2\r\n\r\n", [b"data: 1", b"data: 2"]),
    (b"id: 7\r\ndata: 1\r\n\r\n", [b"id: 7\ndata: 1"]),
    (b"data: 1\r\rdata: 2\r\r", [b"data: 1", b"data: 2"]),
    (b"\xef\xbb\xbfdata: 1\n\n\n\n: x\ndata: 2\n\n", [b"data: 1", b": x\ndata: 2"]),
    (b"\n\n\ndata: 1\n\n", [b"data: 1"]),
    (b"data: 1\n\r\ndata: 2\r\n\n", [b"data: 1", b"data: 2"]),
]


@pytest.mark.parametrize(("written", "parts"), WRITTEN)
@given(data=st.data())
def test_parts_are_the_same_however_they_come(written, parts, data):
    cuts = data.draw(st.lists(st.integers(0, len(written)), max_size=6).map(sorted))
    cutter, found = Cutter(Between.EMPTY_LINE, 1000), []
    for start, end in zip([0, *cuts], [*cuts, len(written)], strict=True):
        found += cutter.feed(written[start:end])
    assert found == parts
    assert cutter.rest == b""


def test_a_part_is_whole_with_the_byte_that_ends_it():
    cutter = Cutter(Between.EMPTY_LINE, 1000)
    assert cutter.feed(b"data: 1\r") == []
    assert cutter.feed(b"\r") == [b"data: 1"]  # a CR alone ends a line, whatever comes next
    assert cutter.feed(b"data: 2\r\n") == []
    assert cutter.rest == b"data: 2"


def test_lines_are_parts_of_their_own():
    cutter = Cutter(Between.LINE_END, 1000)
    assert cutter.feed(b'{"a": 1}\r\n\n{"b"') == [b'{"a": 1}']
    assert cutter.feed(b": 2}\n") == [b'{"b": 2}']


@pytest.mark.parametrize("end", [b"", b"\n\n"])
def test_a_part_is_bounded(end):
    cutter = Cutter(Between.EMPTY_LINE, 100)
    assert cutter.feed(b"x" * 60) == []
    with pytest.raises(TooLargeError, match="more than 100 bytes"):
        cutter.feed(b"x" * 60 + end)


def test_comments_keep_a_stream_alive_for_ever():
    cutter = Cutter(Between.EMPTY_LINE, 100)
    assert cutter.feed(b"data: 1\n") == []
    for _ in range(50):
        assert cutter.feed(b": pi") == []
        assert cutter.feed(b"ng\r\n") == []
    (part,) = cutter.feed(b"data: 2\n\n")
    assert part.replace(b": ping\n", b"") == b"data: 1\ndata: 2"
    with pytest.raises(TooLargeError):
        cutter.feed(b":" + b"x" * 100)


def test_a_line_of_json_is_no_comment():
    cutter = Cutter(Between.LINE_END, 10)
    with pytest.raises(TooLargeError):
        cutter.feed(b":" + b"x" * 20 + b"\n")
