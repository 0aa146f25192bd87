import pytest

from gate.local.faults.delays import Betrayal, Delay, Faults


@pytest.mark.parametrize("delay", Delay)
def test_every_delay_stays_between_its_bounds_and_under_two_seconds(delay):
    low, _, high = delay.value
    faults = Faults(3)
    drawn = [faults.delay_s(delay) for _ in range(500)]
    assert low <= min(drawn) < max(drawn) <= high <= 2.0


def test_the_same_seed_gives_the_same_delays():
    one, other = Faults(42), Faults(42)
    assert [one.delay_s(Delay.ROUTE) for _ in range(9)] == [
        other.delay_s(Delay.ROUTE) for _ in range(9)
    ]
    assert Faults(43).delay_s(Delay.ROUTE) != Faults(42).delay_s(Delay.ROUTE)


def test_what_one_purpose_draws_does_not_move_another():
    one, other = Faults(42), Faults(42)
    for _ in range(9):
        one.ingest_s()
    assert one.delay_s(Delay.ACCEPT) == other.delay_s(Delay.ACCEPT)


def test_every_purpose_draws_from_a_stream_of_its_own():
    faults = Faults(42)
    assert faults.rng("names").random() != faults.rng("split").random()


def test_calm_is_calm():
    faults = Faults(42, calm=True)
    assert {faults.delay_s(delay) for delay in Delay} == {0.0}
    assert not any(faults.strikes(betrayal) for betrayal in Betrayal for _ in range(99))


@pytest.mark.parametrize("betrayal", Betrayal)
def test_a_betrayal_happens_about_as_often_as_its_odds_say(betrayal):
    faults = Faults(5)
    share = sum(faults.strikes(betrayal) for _ in range(1_000)) / 1_000
    assert abs(share - betrayal.value) < 0.08
