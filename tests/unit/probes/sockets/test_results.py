from dataclasses import dataclass, field

import pytest

from gate.core.evidence import Outcome, Symptom
from gate.core.redaction import Redactor
from gate.kinds.websocket import WebSocketProbe
from gate.ports import Target
from gate.probes.inquiry import Inquiry, Nonces, Run
from gate.probes.outcome import Fault
from gate.probes.sockets.record import Record
from gate.probes.sockets.results import Results
from gate.probes.websocket.session import Plan
from gate.probes.words import Words
from tests.fakes.clock import START, FakeClock

CLOSED = Fault(Symptom.CLOSED, "1011", "close 1000")
UNREACHED = Fault(Symptom.CONNECT, "no connection", "a WebSocket")


@dataclass
class Done:
    """A session that is over."""

    told: Fault | None = None
    foreign: int = 0
    refused_with: int = 0
    answered_by: str = ""
    label: str = "#1"
    shape: None = None
    began_s: float = 0.0
    record: Record = field(default_factory=lambda: Record(100, 5, 5))


async def evidence(spec, *rounds):
    run = Run(Target("http://x"), {}, Nonces(), Words(Redactor({})), FakeClock(), None, None, START)
    results = Results(Plan(spec, run).wanted)
    draft = Inquiry("p", spec, run, lambda *_: None).begin("websocket", "/", "x")
    for sessions in rounds:
        results.add(sessions)
    return results.evidence(draft)


def sessions(right, *faults, **more):
    return [Done(**more) for _ in range(right)] + [Done(fault) for fault in faults]


@pytest.mark.parametrize(
    ("right", "faults", "percent", "outcome"),
    [
        (4, [], 100, Outcome.PASSED),
        (3, [CLOSED], 100, Outcome.FAILED),
        (3, [CLOSED], 75, Outcome.PASSED),
        (3, [CLOSED], 75.1, Outcome.FAILED),
        (3, [UNREACHED], 100, Outcome.INCONCLUSIVE),
        (2, [UNREACHED, CLOSED], 100, Outcome.FAILED),
        (2, [UNREACHED, CLOSED], 75, Outcome.INCONCLUSIVE),
        (1, [UNREACHED, CLOSED, CLOSED], 75, Outcome.FAILED),
        (0, [UNREACHED] * 4, 1, Outcome.INCONCLUSIVE),
    ],
)
async def test_sessions_that_say_nothing_count_for_neither_side(right, faults, percent, outcome):
    spec = WebSocketProbe("/", connections=4, success_percent=percent)
    found = await evidence(spec, sessions(right, *faults))
    assert found.outcome is outcome
    assert found.right_times == right
    assert bool(found.findings) is (outcome is not Outcome.PASSED)


async def test_a_share_of_many_is_exact():
    spec = WebSocketProbe("/", connections=1000, success_percent=99.9)
    assert (await evidence(spec, sessions(999, CLOSED))).passed
    assert not (await evidence(spec, sessions(998, CLOSED, CLOSED))).passed


async def test_equal_faults_are_one_finding_and_the_failed_come_first():
    spec = WebSocketProbe("/", connections=2, repeat=3)
    found = await evidence(
        spec, sessions(1, CLOSED), sessions(0, UNREACHED, UNREACHED), sessions(0, UNREACHED, CLOSED)
    )
    assert [(one.symptom, one.count) for one in found.findings] == [
        (Symptom.CLOSED, 2),
        (Symptom.CONNECT, 3),
    ]
    assert found.seen == ("1 of 6 sessions right: connect: no connection (3); closed: 1011 (2)")


async def test_faults_that_all_differ_are_kept_within_bounds():
    spec = WebSocketProbe("/", connections=5000)
    faults = [Fault(Symptom.BODY, f"{number}", "x") for number in range(5000)]
    found = await evidence(spec, sessions(0, *faults))
    assert len(found.findings) <= 12
    assert found.findings[0].seen == "something else each time"
    assert found.findings[0].count > 4900


async def test_foreign_messages_above_the_limit_fail_whatever_else_goes_right():
    spec = WebSocketProbe("/", connections=3, foreign_messages=1)
    assert (await evidence(spec, sessions(2) + sessions(1, foreign=1))).passed
    found = await evidence(spec, sessions(2) + sessions(1, foreign=2))
    assert found.outcome is Outcome.FAILED
    assert found.right_times == 2
    assert found.findings[0].symptom is Symptom.FOREIGN
    assert found.findings[0].count == 2


async def test_refusals_are_told_by_their_code():
    spec = WebSocketProbe("/", connections=3, refused=(401, 1008))
    refused = sessions(1, refused_with=401) + sessions(2, refused_with=1008)
    assert (await evidence(spec, refused)).seen == (
        "3 of 3 sessions right: refused with 401; refused with 1008 (2)"
    )


async def test_it_is_hopeless_only_when_it_cannot_pass_and_nothing_goes_right():
    run = Run(Target("http://x"), {}, Nonces(), Words(Redactor({})), FakeClock(), None, None, START)
    strict = Results(Plan(WebSocketProbe("/", repeat=10), run).wanted)
    loose = Results(Plan(WebSocketProbe("/", repeat=10, success_percent=10), run).wanted)
    for _ in range(2):
        strict.add(sessions(0, CLOSED))
    assert not strict.hopeless
    strict.add(sessions(0, CLOSED))
    assert strict.hopeless
    strict.add(sessions(1))
    assert not strict.hopeless
    for _ in range(9):
        loose.add(sessions(0, CLOSED))
    assert not loose.hopeless
    loose.add(sessions(0, CLOSED))
    assert loose.hopeless
