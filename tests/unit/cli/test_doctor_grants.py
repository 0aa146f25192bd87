"""Which permissions `gate doctor` asks about, by the policy."""

from enum import Enum
from types import SimpleNamespace

import pytest

from gate.cli.doctor_grants import by_metrics, granted
from gate.core.service import ServiceRef
from gate.doctor.facts import Held
from gate.doctor.permissions import MOVE, READ_LOG
from gate.errors import AccessError, NotFoundError, UnavailableError

REF = ServiceRef("demo", "us-central1", "backend")


class Source(Enum):
    LOGS = "logs"
    MONITORING = "monitoring"


def policy(source, *requests):
    return SimpleNamespace(metrics=SimpleNamespace(source=source), requests=requests)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        (None, False),
        (SimpleNamespace(), False),
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
