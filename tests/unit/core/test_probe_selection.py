"""Which questions a round asks, and the values of the questions themselves."""

from dataclasses import replace
from datetime import timedelta

from gate.core.policy import Probe
from gate.core.probe_selection import without_stable
from gate.core.state import Kind, Phase, Plan, Rollout
from gate.kinds.diff import DiffProbe
from gate.kinds.http import HttpProbe
from gate.kinds.latency import LatencyProbe
from gate.kinds.routes import RoutesProbe
from gate.kinds.startup import StartupProbe
from tests.fakes.clock import START
from tests.unit.core.rollouts import REF

HEALTH = Probe("health", HttpProbe("/health"))
DIFF = Probe("diff", DiffProbe())
ROUTES = Probe("routes", RoutesProbe())
STARTUP = Probe("startup", StartupProbe("/health"))
ALL = (DIFF, HEALTH, ROUTES, STARTUP)


def rollout(phase, probes=ALL):
    plan = Plan(Kind.ROLLOUT, REF, "candidate", probes=probes)
    return Rollout("r", plan, START, phase, START + timedelta(seconds=60))


def test_what_a_revision_is_is_asked_before_it_has_users():
    assert rollout(Phase.PROBING).questions == ALL
    assert rollout(Phase.DWELLING).questions == (HEALTH,)
    assert rollout(Phase.WATCHING).questions == (HEALTH,)


def test_a_round_that_could_not_fail_asks_everything():
    optional = replace(HEALTH, required=False)
    assert rollout(Phase.DWELLING, (DIFF, optional)).questions == (DIFF, optional)


def test_a_rollback_is_not_compared_with_what_users_leave():
    assert without_stable(ALL) == (HEALTH, STARTUP)
    quick = Probe("quick", LatencyProbe("/", p95_s=1, slower_percent=20))
    assert without_stable((quick,)) == (Probe("quick", LatencyProbe("/", p95_s=1)),)
    assert without_stable((DIFF, replace(HEALTH, required=False))) == (
        DIFF,
        replace(HEALTH, required=False),
    )
