"""What times say: late, apart, together, and all at once at the end."""

import pytest

from gate.core.evidence import Symptom
from gate.probes.stream.timing import Timing


def timing(*came_s, ended_s=None, packed=False):
    one = Timing(100.0)
    one.packed = packed
    for at_s in came_s:
        one.came(100.0 + at_s)
    if ended_s is not None:
        one.ended(100.0 + ended_s)
    return one


@pytest.mark.parametrize(
    ("one", "buffered"),
    [
        (timing(2.0, 2.01, ended_s=2.05), True),
        (timing(2.0, 2.01, ended_s=3.0), False),
        (timing(2.0, 2.01), False),
        (timing(2.0, ended_s=2.0), False),
        (timing(0.1, 0.5, ended_s=2.0), False),
    ],
)
def test_only_what_comes_together_with_the_end_is_buffered(one, buffered):
    assert one.at_once is buffered
    assert ("all at once" in str(one)) is buffered


@pytest.mark.parametrize("packed", [True, False])
def test_a_late_first_event_is_told_as_what_it_is(packed):
    assert timing(0.4, ended_s=9).late(0.5) is None
    slow = timing(1.5, 3.0).late(0.5)
    assert (slow.symptom, slow.seen) == (Symptom.SLOW, "the first event after 1.5 s")
    held = timing(1.5, 1.5, ended_s=1.5, packed=packed).late(0.5)
    assert held.seen == "all at once at the end: 2 events after 1.5 s of nothing: buffered"
    assert ("compresses" in held.hint) is packed


def test_events_that_must_be_apart():
    assert timing(0.1, 1.2).too_close(1.0) is None
    close = timing(0.1, 0.6).too_close(1.0)
    assert close.seen == "2 events within 0.50 s"
    assert timing(2.0, 2.1, ended_s=2.1).too_close(1.0).seen.endswith("buffered")


def test_the_longest_wait_does_not_count_the_cut():
    one = timing(0.1, 0.3)
    one.go_on(105.0)
    one.came(105.1)
    assert str(one) == "3 events, the first after 100 ms, at most 0.2 s apart"
