import pytest

from gate.core.expectations import Pattern
from gate.core.policy import CandidateRule, Policy, Probe, ServiceName
from gate.core.severity import Severity
from gate.core.traffic import tag_problem
from gate.errors import ValueProblem
from gate.kinds.http import HttpProbe

HEALTH = Probe("health", HttpProbe("/health"))
PONG = Pattern(json={"type": "pong"})


def refused(field, build):
    with pytest.raises(ValueProblem) as caught:
        build()
    assert caught.value.field == field
    return caught.value


def test_severities_are_ordered():
    assert Severity.DEFAULT.value < Severity.WARNING.value < Severity.ERROR.value


@pytest.mark.parametrize("seconds", [0, -3, float("nan")])
def test_limits_are_more_than_nothing(seconds):
    refused("ready_within", lambda: CandidateRule(ready_within_s=seconds))
    refused("deadline", lambda: Policy(ServiceName(), (HEALTH,), deadline_s=seconds))


def test_a_pattern_is_empty_until_something_is_asked():
    assert Pattern().empty
    assert not PONG.empty


def test_a_policy_leaves_time_to_probe():
    rule = CandidateRule(ready_within_s=60)
    refused("deadline", lambda: Policy(ServiceName(), (HEALTH,), rule, deadline_s=60))
    assert Policy(ServiceName(), (HEALTH,), rule, deadline_s=61).deadline_s == 61


def test_a_policy_needs_a_required_probe():
    refused("probes", lambda: Policy(ServiceName(), ()))
    optional = Probe("nice", HttpProbe("/x"), required=False)
    refused("probes", lambda: Policy(ServiceName(), (optional,)))


def test_tag_and_service_share_46_characters():
    assert tag_problem("t" * 6, "s" * 40) is None
    problem = tag_problem("t" * 7, "s" * 40)
    assert problem is not None
    assert "got 47 characters, expected at most 46" in problem
