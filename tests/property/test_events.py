"""A record of what happened reads back as it was, and leads to the same decision again."""

import json
import random
from dataclasses import fields, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import get_type_hints
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate.core.approvals import ApprovalRule
from gate.core.commands import command_of
from gate.core.control import Repeats
from gate.core.freeze import Freeze, WeekTime
from gate.core.messages import (
    CallFailed,
    Deploy,
    Event,
    Failure,
    Interrupted,
    LogsRead,
    Overwrote,
    Probed,
    Seen,
    SetTraffic,
)
from gate.core.overrides import Override
from gate.core.policy import IdentityRule, MetricsRule
from gate.core.proof import Proof, Proving, Survivor
from gate.core.questions import ProbeSpec
from gate.core.recorded import Decision
from gate.core.rollout import begin
from gate.core.severity import Severity
from gate.core.state import Ending, Phase, Plan
from gate.core.traffic import Target
from gate.kinds.http import HttpProbe
from gate.kinds.latency import LatencyProbe
from gate.kinds.logs import LogPattern, LogsProbe
from gate.ledger.decoded import decoded, of_several
from gate.ledger.encoded import encoded, recorded_spec
from gate.ledger.entry import intention, outcome
from gate.ledger.events import EventLog, changes, plan_kept, revision_kept, whole
from gate.ledger.rerun import rerun
from gate.ledger.unpacked import unpacked
from tests.exploration.answers import Moment, answers
from tests.exploration.explore import follow
from tests.exploration.scenes import SCENES, START

PRESENT = datetime(2026, 1, 1, tzinfo=UTC)
ZONES = st.sampled_from([UTC, ZoneInfo("Europe/Vienna"), ZoneInfo("Asia/Tokyo")])
SPECS = [
    HttpProbe("/health", method="POST", headers=(("authorization", "Bearer ${token}"),)),
    LatencyProbe("/", rate_per_s=5.0),
    LogsProbe((LogPattern(Severity.ERROR),)),
]
st.register_type_strategy(float, st.floats(allow_nan=False, width=64))
st.register_type_strategy(tzinfo, ZONES)
st.register_type_strategy(
    Target, st.builds(Target, st.none() | st.text(), st.integers(0, 100), st.text())
)
st.register_type_strategy(ProbeSpec, st.sampled_from(SPECS))
EVENTS = st.from_type(Event)
TEXTS = st.lists(st.text(), max_size=3).map(tuple)


FREEZES = st.one_of(
    st.builds(Freeze, st.just(WeekTime(0, time(9))), st.just(WeekTime(4, time(17, 30))), ZONES),
    st.builds(
        lambda at, days: Freeze(at, at + timedelta(days=days)),
        st.datetimes(max_value=PRESENT.replace(tzinfo=None)),
        st.integers(1, 90),
    ),
)
PROOFS = st.builds(
    lambda proof, text: Proving(False, text, text, text, proof, text),
    st.builds(
        Proof,
        st.text(),
        st.text(),
        st.text(),
        st.just(PRESENT),
        st.just(12),
        st.just(7),
        st.dictionaries(st.text(), st.integers(0, 9), max_size=3),
        TEXTS,
        st.lists(st.from_type(Survivor), max_size=2).map(tuple),
        st.dictionaries(st.text(), st.dictionaries(st.text(), st.integers()), max_size=2),
        st.integers(12, 30),
        st.dictionaries(st.text(), TEXTS, max_size=2),
    ),
    st.text(),
)
RULES = {
    "identity": st.sampled_from(
        [
            None,
            IdentityRule(header="x-revision"),
            IdentityRule.first_of([IdentityRule(json="a.b"), IdentityRule(request_log=True)]),
        ]
    ),
    "metrics": st.builds(MetricsRule, errors_percent=st.floats(0.5, 50)),
    "repeats": st.sampled_from([Repeats(), Repeats(at_most=0)]),
    "proof": st.none() | PROOFS,
    "freeze": st.lists(FREEZES, max_size=2).map(tuple),
    "approve": st.none() | st.builds(ApprovalRule, st.integers(1, 20)),
    "override": st.sampled_from([None, Override(("freeze",), PRESENT)]),
    "steps": st.sampled_from([(100,), (1, 50, 100)]),
    "requests": st.sampled_from([(), (5, 5, 5)]),
}
KINDS = get_type_hints(Plan)
PLANS = st.builds(Plan, **{one.name: st.from_type(KINDS[one.name]) for one in fields(Plan)} | RULES)


def at_any_pace(examples):
    """So many examples, on a slow machine, too."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=examples, deadline=None, suppress_health_check=slow)


def stored(value):
    """As it comes back from a store of JSON."""
    return json.loads(json.dumps(value))


def same(value):
    return value


def without_questions(plan):
    """A plan as it is recorded."""
    kept = plan_kept(plan)
    probes = (replace(one, spec=recorded_spec(one.spec)) for one in kept.probes)
    return replace(kept, probes=tuple(probes))


@at_any_pace(100)
@given(EVENTS)
def test_an_event_reads_back_as_it_was(event):
    assert of_several(stored(encoded(event)), Event) == event


@at_any_pace(50)
@given(PLANS)
def test_a_plan_reads_back_as_it_was_with_facts_in_place_of_questions(plan):
    kept = plan_kept(plan)
    text = json.dumps(encoded(kept))
    assert decoded(json.loads(text), Plan) == without_questions(plan)
    assert "${token}" not in text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from("abc"), inner).map(lambda one: {**one, "is": "X"})
    ),
)


@at_any_pace(100)
@given(JSON, JSON)
def test_what_is_the_same_as_before_is_left_out_and_comes_back(now, before):
    assert whole(changes(now, before), before) == now
    if isinstance(now, dict):
        assert changes(now, now) == {}


@at_any_pace(50)
@given(PLANS, st.lists(st.tuples(EVENTS, st.sampled_from(Phase)), max_size=8), st.integers(1, 3))
def test_a_log_of_events_reads_back_as_it_was(plan, steps, times):
    plan = replace(plan, probes=())
    log = EventLog(plan, "r1", PRESENT.isoformat(), same)
    for event, phase in steps * times:
        log.add(event, phase)
    back = unpacked(stored(log.value()), "r1")
    assert (back.plan, back.started_at) == (plan_kept(plan), PRESENT)
    kept = [(kept_event(event), phase) for event, phase in steps * times]
    assert [*back.steps] == kept


def kept_event(event):
    """An event without what others have written, and without what is for reports alone."""
    if isinstance(event, Probed | LogsRead):
        bare = {"took": (), "cases": (), "tests": (), "log_lines": ()}
        return replace(event, evidence=tuple(replace(one, **bare) for one in event.evidence))
    if not isinstance(event, Seen):
        return event
    found = {name: revision_kept(one) for name, one in event.revisions.items()}
    return replace(event, service=replace(event.service, annotations=()), revisions=found)


LONGEST, WALKS = 400, 30
BAD_LUCK = CallFailed | Interrupted | Overwrote


# --- whole rollouts, as the exploration knows the world to answer


def drawn(draw, events):
    """One of them; bad luck is seldom, so that some get far."""
    weights = [1 if isinstance(one, BAD_LUCK) else 9 for one in events]
    return draw.choices(events, weights)[0]


def walked(scene, draw):
    """A rollout that the world answers at random, as its record has it; None without an end."""
    rollout, commands = begin(scene.plan, "r1", START)
    log = EventLog(scene.plan, "r1", START.isoformat(), same)
    moment, intentions = Moment(rollout, START), []
    while rollout.phase is not Phase.RECORDING:
        event = drawn(draw, [*answers(scene, moment)])
        unkept = isinstance(event, CallFailed) and event.failure is Failure.UNRECORDED
        writes = (one for one in commands if isinstance(one, Deploy | SetTraffic))
        if not (unkept or isinstance(event, Interrupted)):
            intentions += [intention(rollout, one, event.at) for one in writes]
        moment = follow(scene, moment, event).after
        rollout = moment.rollout
        commands = command_of(rollout)
        log.add(event, rollout.phase)
        if log.count > LONGEST:
            return None
    entry = outcome(rollout, moment.now, events=log.value())
    return Decision("r1", tuple(map(stored, intentions)), stored(entry))


def test_whatever_happens_the_record_leads_to_the_same_decision():
    draw, endings = random.Random(20261130), set()
    for scene in SCENES:
        for _ in range(WALKS):
            decision = walked(scene, draw)
            if decision is None:
                continue
            value = rerun(decision, decision.outcome["events"])
            assert (value["same"], value["differs"]) == (True, []), (scene.name, value)
            endings.add(Ending(decision.outcome["ending"]))
    assert len(endings) > 10, endings
