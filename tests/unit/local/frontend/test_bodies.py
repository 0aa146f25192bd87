from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.local.frontend.bodies import ChunkedBody, EndlessBody, FramingError, LengthBody

CHUNKS = b'5\r\nhello\r\nA;x="y"\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n'


def taken(body, data, cuts=()):
    """The bytes that belong to the body, when data comes in these pieces."""
    edges = sorted({0, *cuts, len(data)})
    count = 0
    for start, stop in pairwise(edges):
        if body.done:
            break
        count += body.take(data[start:stop])
    return data[:count]


def test_a_body_of_no_length_is_done():
    assert LengthBody(0).done
    assert LengthBody(0).take(b"next") == 0


@given(st.lists(st.integers(0, 12)))
def test_a_length_ends_where_it_says(cuts):
    body = LengthBody(7)
    assert taken(body, b"0123456next!", cuts) == b"0123456"
    assert body.done


def test_an_endless_body_takes_everything_and_ends_with_the_connection():
    body = EndlessBody()
    assert body.take(b"abc", 1) == 3
    assert (body.done, body.at_eof) == (False, True)


@given(st.lists(st.integers(0, len(CHUNKS) + 4)))
def test_chunks_end_where_they_end_however_they_are_cut(cuts):
    body = ChunkedBody()
    assert taken(body, CHUNKS + b"GET ", cuts) == CHUNKS
    assert body.done


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.data())
def test_what_is_chunked_is_taken_whole(pieces, data):
    raw = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    cuts = data.draw(st.lists(st.integers(0, len(raw))))
    body = ChunkedBody()
    assert taken(body, raw, cuts) == raw
    assert body.done


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n",
        b"x\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b"0x1\r\n",
        b"1 1\r\n",
        b" 1\r\na\r\n",
        b"1\na\n",
        b"5\r\nhelloX\r\n",
        b"5\r\nhello\n",
        b"123456789\r\n",
        b"1;" + b"x" * 5000 + b"\r\n",
        b"1;\0\r\n",
        b"1" * 5000,
        b"0\r\nbad trailer\r\n\r\n",
        b"0\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
        b"0\r\nX: y\n\r\n",
    ],
)
@pytest.mark.parametrize("step", [1, 10_000])
def test_malformed_chunks_are_refused(raw, step):
    body = ChunkedBody()
    pieces = [raw[at : at + step] for at in range(0, len(raw), step)]
    with pytest.raises(FramingError):
        list(map(body.take, pieces))
    assert not body.done


@given(st.binary(max_size=200))
def test_garbage_is_taken_or_refused(garbage):
    body = ChunkedBody()
    try:
        assert 0 <= body.take(garbage) <= len(garbage)
    except FramingError:
        assert not body.done
