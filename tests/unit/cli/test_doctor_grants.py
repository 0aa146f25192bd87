"""Which permissions `gate doctor` asks about, by the policy."""

import pytest

from gate.cli.doctor_grants import by_metrics, granted
from gate.core.policy import MetricsRule, Policy, Probe, ServiceName
from gate.core.service import ServiceRef
from gate.core.user_requests import Source
from gate.doctor.facts import Held
from gate.doctor.permissions import MOVE, READ_LOG
from gate.errors import AccessError, NotFoundError, UnavailableError
from gate.kinds.http import HttpProbe

REF = ServiceRef("demo", "us-central1", "backend")


def policy(source, *requests):
    probes = (Probe("health", HttpProbe("/health")),)
    rule = MetricsRule(source=source)
    steps = (50, 100)
    return Policy(ServiceName(), probes, traffic=steps, requests=requests, metrics=rule)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        (None, False),
        (policy(Source.LOGS, 200, 0), False),
        (policy(Source.MONITORING), False),
        (policy(Source.MONITORING, 0, 0), False),
        (policy(Source.MONITORING, 200, 0), True),
    ],
)
def test_metrics_are_asked_about_where_the_policy_counts_by_them(given, asked):
    assert by_metrics(given) is asked


@pytest.mark.parametrize(
    ("came", "held"),
    [
        (None, Held.YES),
        (AccessError("x: access denied (got PERMISSION_DENIED: no)"), Held.NO),
        (AccessError("x: cannot be asked without an access token"), Held.UNKNOWN),
        (UnavailableError("x: no answer"), Held.UNKNOWN),
        (NotFoundError("x: does not exist"), Held.UNKNOWN),
    ],
)
def test_what_a_call_came_to_says_whether_it_is_allowed(came, held):
    for name, where in ((MOVE, "backend"), (READ_LOG, "demo")):
        found = granted(name, REF, came)
        assert (found.held, found.name) == (held, where)
