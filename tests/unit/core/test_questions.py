"""Which questions a round asks, and the values of the questions themselves."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.core.occasions import without_stable
from gate.core.policy import Probe
from gate.core.state import Kind, Phase, Plan, Rollout
from gate.errors import ValueProblem
from gate.kinds.diff import DiffProbe
from gate.kinds.grpc import GrpcProbe
from gate.kinds.http import HttpProbe
from gate.kinds.latency import LatencyProbe
from gate.kinds.plugin import PluginProbe
from gate.kinds.routes import RoutesProbe
from gate.kinds.soak import SoakProbe
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


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("path", lambda: StartupProbe("/healthz")),
        ("first", lambda: StartupProbe("/", first_s=0)),
        ("warm", lambda: StartupProbe("/", warm_s=-1)),
        ("warm_requests", lambda: StartupProbe("/", warm_requests=0)),
        ("status", lambda: StartupProbe("/", status=())),
        ("for", lambda: SoakProbe("/ws", for_s=0.5)),
        ("ping_every", lambda: SoakProbe("/ws", ping_every_s=0)),
        ("open_within", lambda: SoakProbe("/ws", open_within_s=0)),
        ("server_pings", lambda: SoakProbe("/ws", server_pings=-1)),
        ("timeout", lambda: RoutesProbe(timeout_s=0)),
        ("path", lambda: RoutesProbe("openapi.json")),
        ("within", lambda: GrpcProbe(within_s=0)),
        ("timeout", lambda: PluginProbe("x", timeout_s=0)),
        ("diff", lambda: DiffProbe(*[False] * 9)),
    ],
)
def test_impossible_values_are_refused(field, make):
    with pytest.raises(ValueProblem) as refused:
        make()
    assert refused.value.field == field
