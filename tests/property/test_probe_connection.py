import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.probes.sockets.wire import Peer, close, text

FRAMES = st.lists(
    st.text("ab\u20ac", max_size=200).map(text)
    | st.binary(max_size=20)
    | st.sampled_from([text("x", fin=False), close(1000), close(4001, "bye"), b"\x89\x00"]),
    max_size=8,
)


def cut(data, places):
    """The data in pieces, cut at these places."""
    ends = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(ends) if start < end]


def heard(pieces, answer):
    """What a connection hears, and how it ends, without ever raising."""

    async def run():
        peer = Peer()
        for piece in pieces(answer(peer)):
            peer.connection.data_received(piece)
        peer.connection.eof_received()
        peer.connection.connection_lost(None)
        assert peer.connection.over.done()
        assert peer.connection.lost.done()
        assert peer.connection.ending or peer.connection.refusal
        return peer.heard, peer.connection.ending

    return asyncio.run(run())


@given(FRAMES, st.lists(st.integers(0, 5000), max_size=12))
def test_how_the_bytes_are_cut_changes_nothing(frames, places):
    def answer(peer):
        return peer.accepted() + b"".join(frames)

    assert heard(lambda data: [data], answer) == heard(lambda data: cut(data, places), answer)


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5))
def test_no_bytes_in_place_of_a_handshake_do_any_harm(data, places):
    messages, _ = heard(lambda whole: cut(whole, places), lambda peer: data)
    assert messages == []
