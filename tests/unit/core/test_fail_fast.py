"""What is left out once the verdict is known, and that it changes no verdict."""

from dataclasses import replace

import pytest

from gate.core.evidence import SERVICE, STABLE, Finding, Outcome, Repeat, Symptom
from gate.core.fail_fast import NotAsked, beyond_doubt, not_asked
from gate.core.messages import Probed
from gate.core.policy import Probe
from gate.core.rollout import step
from gate.core.state import Phase
from gate.core.verdict import Decision, judge
from gate.kinds.http import HttpProbe
from gate.kinds.latency import LatencyProbe
from gate.kinds.logs import LogPattern, LogsProbe
from gate.kinds.soak import SoakProbe
from gate.kinds.startup import StartupProbe
from gate.kinds.suite import SuiteProbe
from gate.kinds.websocket import WebSocketProbe
from tests.unit.core.rollouts import evidence, later, plan, rollout

HEALTH = Probe("health", HttpProbe("/health"))
SUITE = Probe("suite", SuiteProbe(("pytest",)))
FAIL, PASS = evidence(Outcome.FAILED), evidence()
CONTROL = replace(PASS, address=STABLE)
PLATFORM = Finding(Symptom.PLATFORM, "an answer", "503: the instance broke")


@pytest.mark.parametrize(
    ("spec", "long"),
    [
        (HttpProbe("/"), False),
        (WebSocketProbe("/ws", hold_s=1), False),
        (WebSocketProbe("/ws", hold_s=30), True),
        (LogsProbe((LogPattern("ERROR"),), settle_s=60), False),
        (SoakProbe("/ws", for_s=1), True),
        (StartupProbe("/"), True),
        (LatencyProbe("/", 20.0), True),
        (SUITE.spec, True),
    ],
    ids=lambda value: getattr(getattr(value, "facts", None), "name", str(value)),
)
def test_what_is_long(spec, long):
    assert spec.long is long


@pytest.mark.parametrize(
    ("item", "control", "expected"),
    [
        (FAIL, None, True),
        (PASS, None, False),
        (evidence(Outcome.INCONCLUSIVE), None, False),
        (replace(FAIL, findings=(PLATFORM,)), None, False),
        (FAIL, CONTROL, True),
        (FAIL, replace(FAIL, address=STABLE), False),
        (FAIL, replace(evidence(Outcome.INCONCLUSIVE), address=STABLE), False),
        (replace(FAIL, repeats=(Repeat.WRONG, Repeat.RIGHT, Repeat.RIGHT)), CONTROL, False),
        (replace(FAIL, repeats=(Repeat.WRONG,) * 3), CONTROL, True),
    ],
)
def test_what_is_beyond_doubt(item, control, expected):
    assert beyond_doubt(item, control) is expected


def test_with_users_on_it_a_failure_must_stand():
    stands = replace(FAIL, repeats=(Repeat.WRONG,) * 3)
    chance = replace(FAIL, repeats=(Repeat.WRONG, *[Repeat.RIGHT] * 6))
    assert beyond_doubt(stands, None, live=True)
    assert not beyond_doubt(chance, None, live=True)
    shared = replace(chance, address=SERVICE)
    left_out = [
        not_asked([HEALTH, SUITE], [PASS, shared], live=True, share=share) for share in (100, 5)
    ]
    assert [one.since for one in left_out] == ["", "health"]


def test_only_a_required_failure_leaves_out_and_only_what_is_long_and_was_not_asked():
    more = Probe("more", HttpProbe("/more"))
    probes = [HEALTH, SUITE, more]
    assert not_asked(probes, [FAIL]) == NotAsked(("suite",), "health")
    assert not_asked(probes, [FAIL, evidence(probe="suite")]) == NotAsked()
    assert not_asked(probes, [PASS]) == NotAsked()
    assert not_asked([replace(HEALTH, required=False), SUITE], [FAIL]) == NotAsked()
    failed = replace(FAIL, address=SERVICE, repeats=(Repeat.WRONG,) * 3)
    live = [PASS, evidence(probe="suite"), failed]
    assert not_asked(probes, live, live=True) == NotAsked(("suite",), "health")


def test_what_was_left_out_is_a_reason_and_never_a_pass():
    left_out = not_asked([HEALTH, SUITE], [FAIL])
    verdict = judge([HEALTH, SUITE], [FAIL], left_out=left_out)
    assert verdict.decision is Decision.REJECT
    assert str(verdict.reasons[1]) == "suite: not asked, since health has failed"
    assert judge([HEALTH, SUITE], [PASS], left_out=left_out).decision is Decision.HOLD


@pytest.mark.parametrize("fast", [True, False])
def test_a_rollout_remembers_what_it_left_out(fast):
    before = rollout(Phase.PROBING, plan(probes=(HEALTH, SUITE), fail_fast=fast))
    after, _ = step(before, Probed(later(9), (FAIL,)))
    assert after.verdict.decision is Decision.REJECT
    assert after.not_asked == (NotAsked(("suite",), "health") if fast else NotAsked())
