import gzip

import pytest

from gate.http1.packing import UnpackError, Why, beginning, decoded, unpacked

ONE, TWO = gzip.compress(b"one ", mtime=0), gzip.compress(b"two", mtime=0)
EMPTY = gzip.compress(b"", mtime=0)


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (ONE, b"one "),
        (ONE + TWO, b"one two"),
        (EMPTY + ONE + EMPTY + TWO + EMPTY, b"one two"),
        (ONE + TWO + bytes(600), b"one two"),
        (gzip.compress(b"x" * 40_000, 0, mtime=0) * 2, b"x" * 80_000),
    ],
)
def test_every_member_is_read(raw, body):
    assert unpacked(raw, 100_000) == body


@pytest.mark.parametrize("encoding", ["gzip", " X-GZIP ", "identity, gzip"])
def test_the_encoding_that_was_offered_is_undone(encoding):
    assert decoded(ONE + TWO, encoding, 100) == b"one two"


@pytest.mark.parametrize("encoding", ["", "identity", " , "])
def test_without_an_encoding_a_body_is_as_it_was_sent(encoding):
    assert decoded(ONE, encoding, 3) == ONE


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "gzip, br"])
def test_no_other_encoding_was_offered(encoding):
    with pytest.raises(UnpackError) as refused:
        decoded(ONE, encoding, 100)
    assert refused.value.why is Why.ENCODING


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (ONE[:-3], "cut short"),
        (ONE + TWO[:-3], "cut short"),
        (ONE + TWO[:5], "cut short"),
        (ONE + b"<html>", "none"),
        (b"no gzip", "none"),
    ],
)
def test_what_is_no_whole_gzip_body_is_none(raw, says):
    with pytest.raises(UnpackError, match=says) as refused:
        unpacked(raw, 100)
    assert refused.value.why is Why.BROKEN


@pytest.mark.parametrize(
    "raw", [gzip.compress(b"x" * 11, mtime=0), gzip.compress(b"x" * 6, mtime=0) * 2]
)
def test_members_share_one_bound(raw):
    with pytest.raises(UnpackError, match="more than 10 bytes") as refused:
        unpacked(raw, 10)
    assert refused.value.why is Why.TOO_LARGE
    assert len(unpacked(raw, 12)) >= 11


def test_very_many_members_cost_no_more_than_their_bytes():
    assert unpacked(ONE * 40_000, 1 << 20) == b"one " * 40_000


def test_the_beginning_of_a_body_that_was_cut():
    assert beginning(ONE[:-3], 2) == b"on"
    assert beginning(b"no gzip", 2) == b""
