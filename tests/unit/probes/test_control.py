"""How long a failure is asked again: by number, by time, and by the test; on a fake clock."""

from dataclasses import replace
from datetime import timedelta

from gate.core.control import Repeats
from gate.core.evidence import STABLE, Outcome, Repeat
from gate.core.policy import Probe
from gate.kinds.http import HttpProbe
from gate.probes.control import AGAIN_WITHIN_S, Limits, Sides, ask_both, settled
from tests.fakes.clock import FakeClock
from tests.fakes.probes import evidence

PROBE = Probe("a", HttpProbe("/a"))
FAIL, PASS = evidence("a", Outcome.FAILED, "500"), evidence("a")
OPEN = Repeats(alpha_percent=0.01, beta_percent=0.01, at_most=1000)
"""A test that takes long to know."""


async def tries(took_s, rule=OPEN, until=None):
    """How often both are asked where the candidate fails and each question takes this long."""
    clock = FakeClock()
    asked = []

    async def answer(item):
        asked.append(item)
        await clock.sleep(took_s)
        return item

    sides = Sides(lambda: answer(FAIL), lambda: answer(PASS), lambda _: None)
    deadline = None if until is None else clock.now() + timedelta(seconds=until)
    own, control = await ask_both(PROBE, sides, Limits(rule, clock, deadline))
    assert asked == [FAIL, PASS] * (len(asked) // 2)
    assert (control.address, len(control.repeats)) == (STABLE, len(own.repeats))
    return max(len(own.repeats), 1)


async def test_a_slow_probe_is_not_asked_again_for_ever():
    assert await tries(10) == AGAIN_WITHIN_S / 20
    assert await tries(AGAIN_WITHIN_S) == 1


async def test_it_stops_before_the_deadline():
    assert await tries(1, until=10) == 4
    assert await tries(1, until=2) == 1


async def test_the_test_knows_sooner_or_the_number_ends_it():
    assert await tries(0, Repeats()) == 3
    assert await tries(0, replace(OPEN, at_most=4)) == 5
    assert await tries(0, replace(OPEN, at_most=0)) == 1
    assert await tries(0, None) == 1


def test_only_a_required_probe_that_never_passed_settles_the_verdict():
    again = replace(FAIL, repeats=(Repeat.WRONG,) * 3)
    assert settled(again, PASS, PROBE)
    for own, control, probe in (
        (FAIL, PASS, PROBE),
        (replace(again, repeats=(Repeat.WRONG, Repeat.RIGHT)), PASS, PROBE),
        (again, FAIL, PROBE),
        (again, PASS, replace(PROBE, required=False)),
        (replace(again, outcome=Outcome.INCONCLUSIVE), PASS, PROBE),
    ):
        assert not settled(own, control, probe)
