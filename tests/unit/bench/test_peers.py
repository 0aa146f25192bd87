"""The peers' rules, on samples whose answer is known by hand."""

from benchmarks.bench.peers import airbag, flagger, release_manager
from benchmarks.bench.traffic import Sample


def samples(good, bad=0, *, slow=0, status=500):
    return [
        *(Sample("/", 200, 0.01) for _ in range(good)),
        *(Sample("/", status, 0.01) for _ in range(bad)),
        *(Sample("/", 200, 0.6) for _ in range(slow)),
        Sample("/ws", 101, None),
    ]


def test_release_manager_allows_one_percent():
    assert release_manager(samples(98, 1))
    assert not release_manager(samples(97, 2))
    assert not release_manager(samples(97, 2, status=0)), "no answer is a server error"
    assert release_manager(samples(0, 99, status=404)), "it looks at 5xx only"


def test_flagger_wants_99_percent_and_a_p99_of_500_ms():
    assert flagger(samples(98, 1))
    assert not flagger(samples(97, 2))
    assert flagger(samples(99, slow=1))
    assert not flagger(samples(97, slow=2))


def test_airbag_wants_to_be_sure():
    assert airbag(samples(115, 4)), "3.3 %, and the interval begins at 1.3 %"
    assert not airbag(samples(112, 7)), "5.8 %, and the interval begins at 2.9 %"
    assert not airbag(samples(60, 60))
    assert airbag(samples(0, 2)), "fewer than three errors are never enough"
