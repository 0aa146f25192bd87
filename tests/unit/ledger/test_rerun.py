"""A recorded decision, made again: the same, or what differs; never a guess."""

import base64
import json
import zlib
from dataclasses import replace

import pytest

from gate.core import rollout as rules
from gate.core.annotation import KEY
from gate.core.evidence import OneTest, Outcome
from gate.core.messages import Probed, Seen
from gate.core.policy import Bodies
from gate.core.recorded import put_together
from gate.core.secret import Secret
from gate.core.shapes import shape_of
from gate.core.stable import IRREVERSIBLE
from gate.core.state import Ending, Phase
from gate.ledger.canonical import canonical, digest
from gate.ledger.decoded import NotUnderstood
from gate.ledger.encoded import encoded
from gate.ledger.entry import SIZE_MAX_BYTES
from gate.ledger.events import EventLog, in_entry
from gate.ledger.rerun import rerun
from gate.ledger.unpacked import NODES_MAX, unpacked
from gate.report.lines import plain
from gate.report.replayed import replayed_blocks
from tests.fakes.clock import START
from tests.fakes.platform import STABLE
from tests.fakes.probes import evidence
from tests.fakes.world import PROBES, FakeWorld, plan

USELESS = {"format": 1, "rollout": "r1", "started_at": START.isoformat()}


def decision_of(world):
    return put_together(tuple(reversed(world.ledger.kept)))[0]


@pytest.fixture
async def promoted():
    world = FakeWorld()
    await world.run(plan(steps=(10, 100), dwell_s=10.0, watch_s=20.0))
    return decision_of(world)


@pytest.fixture
async def rejected():
    world = FakeWorld()
    world.probes.sees["chat"] = evidence("chat", Outcome.FAILED, "500")
    await world.run()
    return decision_of(world)


def events_of(decision):
    return decision.outcome["events"]


def told(value):
    return " ".join(" ".join(plain(replayed_blocks([value]), 400)).split())


def with_outcome(decision, **fields):
    return replace(decision, outcome={**decision.outcome, **fields})


def lines_of(events):
    content = zlib.decompress(base64.b64decode(events["data"]))
    return [json.loads(line) for line in content.splitlines()]


def packed(lines, **more):
    content = b"\n".join(
        line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines
    )
    data = base64.b64encode(zlib.compress(content)).decode()
    value = {"format": 1, "count": len(lines) - 1, "encoding": "zlib+base64", "data": data}
    return {**value, **more}


async def test_the_same_is_said_to_be_the_same(promoted, rejected):
    for decision, ending, code in ((promoted, "promoted", 0), (rejected, "rejected", 1)):
        value = rerun(decision, events_of(decision))
        assert value["recorded"] == value["today"]
        assert (value["recorded"]["ending"], value["recorded"]["exit_code"]) == (ending, code)
        assert f"r1: {ending}, same decision ({value['events']} events)" in told(value)


# --- rules that are not what they were


def lenient(rollout, event):
    """Rules by which nothing that a probe sees is wrong."""
    if isinstance(event, Probed):
        clean = (
            replace(one, outcome=Outcome.PASSED, findings=(), right_times=1)
            for one in event.evidence
        )
        event = replace(event, evidence=tuple(clean))
    return rules.step(rollout, event)


def strict(rollout, event):
    """Rules by which everything is wrong that a probe sees of a candidate that has users."""
    if isinstance(event, Probed) and rollout.phase is Phase.DWELLING:
        wrong = evidence("chat", Outcome.FAILED, "500")
        event = replace(event, evidence=(wrong, *event.evidence[1:]))
    return rules.step(rollout, event)


def wordy(rollout, event):
    """Rules that give another reason for a write."""
    after, commands = rules.step(rollout, event)
    return after, tuple(
        replace(one, why=f"please {one.why}") if hasattr(one, "why") else one for one in commands
    )


async def test_rules_that_would_have_gone_on_are_told(rejected):
    value = rerun(rejected, events_of(rejected), lenient)
    assert value["same"] is False
    first = value["differs"][0]
    assert "(what the probes saw) led to cleaning, and today it would lead to confirming" in first
    assert "today it would differ" in told(value)
    assert first in told(value)


async def test_rules_that_would_have_stopped_are_told(promoted):
    value = rerun(promoted, events_of(promoted), strict)
    told_first, *others = value["differs"]
    assert "led to dwelling, and today it would lead to backing out (regressed)" in told_first
    assert "today's rules would still be backing out" in others[0]


async def test_another_write_is_told(promoted):
    value = rerun(promoted, events_of(promoted), wordy)
    assert value["recorded"] == value["today"]
    assert any(
        "the write was to" in one and "and would be to please" in one for one in value["differs"]
    )


# --- records that are not what they were


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ending": "promoted"}, "it ended promoted, and would end rejected"),
        ({"exit_code": 0}, "the exit code was 0, and would be 1"),
        (
            {"verdict": {"decision": "promote", "reasons": []}},
            "the verdict was promote, and would be reject",
        ),
        ({"verdict": {"decision": "reject"}}, "chat was no reason, and would be one"),
        ({"kind": "promote"}, "kind: 'promote' in the entry, 'rollout' by its events"),
        ({"evidence": []}, "chat: nothing in the entry, failed, unknown, status by its events"),
    ],
)
async def test_an_entry_that_its_events_do_not_lead_to_is_told(rejected, change, words):
    value = rerun(with_outcome(rejected, **change), events_of(rejected))
    assert value["same"] is False
    assert words in " / ".join(value["differs"])


async def test_an_intention_that_nothing_leads_to_is_told_and_one_that_is_gone(promoted):
    first, *others = promoted.intentions
    more = replace(promoted, intentions=(*promoted.intentions, {**first, "why": "sell it"}))
    value = rerun(more, events_of(promoted))
    assert "the gate was about to sell it" in value["differs"][0]
    gone = with_outcome(replace(promoted, intentions=tuple(others)), intentions=[])
    assert any(
        "of which the record has no word" in one for one in rerun(gone, events_of(gone))["differs"]
    )


async def test_an_event_that_was_altered_is_told(rejected):
    lines = lines_of(events_of(rejected))
    (probed,) = (one for one in lines if one.get("event") == "Probed")
    for item in probed["change"]["evidence"]:
        item.update(outcome="passed", findings=[])
    value = rerun(rejected, packed(lines))
    assert value["same"] is False
    assert "led to cleaning, and today it would lead to confirming" in value["differs"][0]


async def test_events_that_end_too_early_are_told(promoted):
    lines = lines_of(events_of(promoted))[:-1]
    assert "still be" in rerun(promoted, packed(lines))["differs"][-1]


# --- values that nobody can replay


def bomb():
    pack = zlib.compressobj(9)
    piece = pack.compress(b"[" * (1 << 20))
    data = b"".join([piece, *(pack.compress(b" " * (1 << 20)) for _ in range(80)), pack.flush()])
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (None, "the record has no events of it"),
        ({"format": 2}, "of another format (got 2)"),
        ({"data": None}, "cut off"),
        ({"encoding": "lzma"}, "unknown encoding (got 'lzma')"),
        ({"data": "@@@"}, "no base64 of compressed data"),
        ({"data": base64.b64encode(b"no").decode()}, "no base64 of compressed data"),
        ({"data": "A" * (5 << 20)}, "too large"),
        ({"count": 1}, "(expected 1)"),
        ({"count": None}, "(expected None)"),
    ],
)
async def test_what_is_no_record_of_events_is_said_to_be_none(promoted, change, why):
    events = {} if change is None else {**events_of(promoted), **change}
    value = rerun(promoted, events)
    assert (value["replayed"], value["same"]) == (False, None)
    assert why in value["why_not"]
    assert f"r1: not replayed: {value['why_not']}" in told(value)


async def test_data_that_is_cut_or_swells_is_refused(promoted):
    events = events_of(promoted)
    cut = base64.b64encode(base64.b64decode(events["data"])[:-20]).decode()
    assert "cut off" in rerun(promoted, {**events, "data": cut})["why_not"]
    assert "more than 64 MiB" in rerun(promoted, {**events, "data": bomb()})["why_not"]
    lines = lines_of(events)
    lines[1]["change"]["service"]["annotations"] = [["", ""]] * (NODES_MAX // 2)
    assert "event 1: there is too much" in rerun(promoted, packed(lines))["why_not"]


@pytest.mark.parametrize(
    ("place", "change", "why"),
    [
        (0, {"rollout": "r2"}, "they are those of 'r2'"),
        (0, {"format": 3}, "no beginning"),
        (0, {"started_at": "noon"}, "no time at which it began"),
        (0, {"plan": {"is": "Plan"}}, "a Plan has no 'kind'"),
        (1, {"phase": "dreaming"}, "event 1: 'dreaming' is no word of Phase"),
        (1, {"event": "Dreamt"}, "event 1: is no 'Dreamt'"),
        (1, {"change": {"is": "Dreamt"}}, "event 1: is no 'Seen'"),
        (1, {"change": {"at": "x"}}, "event 1: something is the same as before"),
        (1, {"change": {"is": "Seen", "at": "x", "service": 1}}, "event 1: is no time"),
        (
            1,
            {"change": {"is": "Seen", "wisdom": 1}},
            "event 1: this gate knows no 'wisdom' of a Seen",
        ),
        (1, [], "event 1: is no object"),
        (1, b"[" * 100_000, "nested too deep"),
        (1, b"{nonsense", "cannot be read"),
    ],
)
async def test_a_line_that_this_gate_does_not_know_is_refused(promoted, place, change, why):
    lines = lines_of(events_of(promoted))
    lines[place] = {**lines[place], **change} if isinstance(change, dict) else change
    value = rerun(promoted, packed(lines))
    assert (value["replayed"], value["same"]) == (False, None)
    assert why in value["why_not"]


async def test_events_on_which_the_rules_fail_are_no_difference(promoted):
    lines = lines_of(events_of(promoted))
    lines[0]["plan"]["deadline_s"] = 1e300
    assert "today's rules fail on" in rerun(promoted, packed(lines))["why_not"]


# --- what is kept


def test_a_secret_is_a_fixed_word():
    assert encoded((Secret("hunter2"), {"a": Secret("hunter3")})) == [
        "[secret]",
        [["a", "[secret]"]],
    ]


async def test_no_secret_is_in_what_is_kept_and_the_decision_is_the_same():
    world = FakeWorld(secrets={"token": "hunter2hunter2"})
    seen = evidence("chat", Outcome.FAILED, "got hunter2hunter2")
    world.probes.sees["chat"] = replace(seen, excerpts=("< x: hunter2hunter2",))
    await world.run(plan(reason="as hunter2hunter2 says"))
    kept = json.dumps(lines_of(world.outcome["events"]))
    assert "hunter2" not in kept
    assert "got [secret token]" in kept


async def test_nothing_is_kept_of_others_annotations_nor_of_bodies_that_none_is_kept_of():
    probes = (PROBES[0], replace(PROBES[1], bodies=Bodies.NONE), PROBES[2])
    log = EventLog(plan(probes=probes), "r1", START.isoformat(), lambda value: value)
    world = FakeWorld()
    service = await world.platform.read_service()
    noted = ((KEY, ""), ("other", "theirs"))
    stable = replace(
        await world.platform.read_revision(STABLE),
        annotations=((IRREVERSIBLE, "x"), ("other", "y")),
    )
    shape = shape_of({"account": 1})
    found = tuple(replace(evidence(name), shape=shape) for name in ("health", "chat"))
    log.add(Seen(START, replace(service, annotations=noted), {"a": stable}), Phase.PROBING)
    log.add(Probed(START, found), Phase.CONFIRMING)
    (seen, _), (probed, _) = unpacked(log.value(), "r1").steps
    assert seen.service.annotations == ((KEY, ""),)
    assert seen.revisions["a"].annotations == ((IRREVERSIBLE, "x"),)
    assert [one.shape for one in probed.evidence] == [shape, None]


async def test_a_watch_of_hundreds_of_rounds_costs_little():
    world = FakeWorld()
    await world.run(plan(watch_s=3600.0, deadline_s=7200.0))
    events = world.outcome["events"]
    assert events["count"] > 700
    assert len(events["data"]) < 20_000
    assert len(canonical(world.outcome)) < SIZE_MAX_BYTES


class Shelf:
    def __init__(self):
        self.kept = {}

    async def put(self, name, content):
        self.kept[name] = content
        return f"gs://evidence/{name}"


def noisy(world):
    """A world whose probes never see the same twice."""
    rounds = iter(range(10_000))

    def noise():
        number = next(rounds)
        lines = tuple(digest([number, line]) for line in range(20))
        world.probes.sees["chat"] = replace(evidence("chat"), excerpts=lines)

    for _ in range(200):
        world.probes.before_next("run", noise)
    return world


@pytest.mark.parametrize("shelf", [None, Shelf()])
async def test_events_without_room_are_in_a_bundle_or_said_to_be_nowhere(shelf):
    world = noisy(FakeWorld(bundles=shelf))
    rollout = await world.controller.run(plan(watch_s=300.0, deadline_s=7200.0), "r1")
    assert rollout.ending is Ending.PROMOTED
    brief = world.outcome["events"]
    assert brief["count"] > 50
    assert "data" not in brief
    if shelf is None:
        assert brief["bundle"] == ""
        value = rerun(decision_of(world), brief)
        assert "only how many there were: GATE_BUNDLES names no place" in value["why_not"]
    else:
        ((name, content),) = shelf.kept.items()
        assert brief["bundle"] == f"gs://evidence/{name}"
        assert name == f"{brief['digest']}.json"
        assert rerun(decision_of(world), json.loads(content))["same"] is True


def test_evidence_goes_before_events_where_there_is_room_for_one():
    value = packed([USELESS])
    assert in_entry(value, 10_000) is value
    assert "data" not in in_entry(value, 100)


def test_a_rollout_whose_events_cannot_be_written_is_recorded_without_them():
    log = EventLog(plan(actor=object()), "r1", START.isoformat(), lambda value: value)
    log.add(Probed(START, ()), Phase.CONFIRMING)
    value = log.value()
    assert (value["count"], "data" in value) == (1, False)
    assert "could not be written (TypeError)" in value["why"]
    with pytest.raises(NotUnderstood, match="could not be written"):
        unpacked(in_entry(value, 10_000), "r1")


def test_a_suite_of_a_thousand_tests_costs_no_more_than_one():
    tests = tuple(OneTest(f"{number}", "failed", True, digest(number)) for number in range(1000))
    sizes = []
    for some in (tests[:1], tests):
        log = EventLog(plan(), "r1", START.isoformat(), lambda value: value)
        log.add(Probed(START, (replace(evidence("chat"), tests=some),)), Phase.CONFIRMING)
        sizes.append(len(log.value()["data"]))
    assert sizes[0] == sizes[1]


def test_nothing_is_worked_out_while_a_write_comes_next():
    worked_out = []
    log = EventLog(plan(), "r1", START.isoformat(), lambda value: worked_out.append(1) or value)
    for _ in range(200):
        log.add(Probed(START, ()), Phase.REVERTING)
    assert not worked_out
    log.add(Probed(START, ()), Phase.WATCHING)
    assert worked_out
