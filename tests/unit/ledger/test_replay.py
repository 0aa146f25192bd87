"""Recorded evidence, judged again: what was decided then is what is decided today."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.core.evidence import STABLE as AT_STABLE
from gate.core.evidence import Repeat
from gate.core.policy import Policy, ServiceName
from gate.core.recorded import put_together
from gate.ledger.replay import recorded_evidence, replayed
from gate.report.lines import plain
from gate.report.replayed import replayed_blocks
from tests.unit.report.scenes import (
    PROBES,
    V2_EVIDENCE,
    Scene,
    entries_of,
    failed,
    inconclusive,
    passed,
    plan,
    rollback_plan,
)

POLICY = Policy(ServiceName("demo", "us-central1", "backend"), PROBES, digest="3fa9" * 16)


def played(evidence, **more):
    """The record of a rollout whose probes see this."""
    at_service = more.pop("at_service", None)
    scene = Scene(evidence=tuple(evidence), at_service=at_service)
    return put_together(tuple(entries_of(scene, plan(**more))))[0]


def outcome_with(decision, **fields):
    return replace(decision, outcome={**decision.outcome, **fields})


WORDS = {
    "passed": passed,
    "failed": failed,
    "unclear": lambda name, **more: replace(inconclusive(name, "no answer"), **more),
}
SEEN = st.sampled_from([*WORDS, "missing"])
REPEATS = st.lists(st.sampled_from(Repeat), max_size=5).map(tuple)


@st.composite
def evidence(draw, *, controls=True):
    found = []
    for probe in PROBES:
        word = draw(SEEN)
        if word != "missing":
            found.append(WORDS[word](probe.name, repeats=draw(REPEATS)))
        control = draw(SEEN) if controls else "missing"
        if control != "missing":
            found.append(WORDS[control](probe.name, address=AT_STABLE, repeats=draw(REPEATS)))
    return tuple(found)


@settings(max_examples=150, deadline=None)
@given(evidence())
def test_the_verdict_before_anybody_is_sent_there_is_the_same_again(seen):
    value = replayed(played(seen), POLICY)
    if seen:
        assert (value["same"], value["policy"], value["differs"]) == (True, "", [])
        assert value["recorded"]["decision"] == value["today"]["decision"]


@settings(max_examples=75, deadline=None)
@given(evidence(controls=False), st.sampled_from([(100,), (10, 100)]))
def test_the_verdict_with_users_there_is_the_same_again(at_service, steps):
    everything = tuple(passed(probe.name) for probe in PROBES)
    decision = played(everything, at_service=at_service, steps=steps, dwell_s=1.0, watch_s=60.0)
    value = replayed(decision, POLICY)
    assert value["replayed"] is True
    assert (value["same"], value["differs"]) == (True, [])


def test_a_promotion_whose_watch_would_be_rejected_today_differs():
    everything = tuple(passed(probe.name) for probe in PROBES)
    decision = played(everything, steps=(100,), watch_s=60.0)
    at_service = [
        {**item, "outcome": "failed", "findings": [{"symptom": "status"}]}
        if (item["probe"], item["address"]) == ("health", "service")
        else item
        for item in decision.outcome["evidence"]
    ]
    value = replayed(outcome_with(decision, evidence=at_service), POLICY)
    assert value["differs"][0] == "the verdict was promote, and would be reject"


def test_evidence_comes_back_as_it_was_judged():
    back = recorded_evidence(played(V2_EVIDENCE).outcome)
    known = {item.probe: item for item in V2_EVIDENCE}
    for item in back:
        wanted = known[item.probe]
        assert (item.outcome, item.findings, item.asked_times, item.right_times, item.passed) == (
            wanted.outcome,
            wanted.findings,
            wanted.asked_times,
            wanted.right_times,
            wanted.passed,
        )


def test_what_rules_of_today_see_otherwise_is_told():
    decision = played(V2_EVIDENCE)
    lenient = tuple(replace(probe, required=probe.name == "health") for probe in PROBES)
    value = replayed(decision, replace(POLICY, probes=lenient, digest="0" * 64))
    assert value["same"] is False
    assert value["differs"] == [
        "the verdict was reject, and would be promote",
        "api-health was a reason, and would be none",
        "discovery was a reason, and would be none",
        "same-user-concurrency was a reason, and would be none",
    ]
    assert value["policy"] == "it was 3fa93fa93fa9 then, and is 000000000000 now"
    told = "\n".join(plain(replayed_blocks([value]), 100))
    assert "reject, and today it would differ" in told
    assert "the policy is another one" in told


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"left_out": 3}, "the entry holds a part of the evidence only"),
        ({"verdict": None}, "there was no verdict"),
        ({"evidence": []}, "no probe was asked"),
        ({"evidence": [{"probe": "health", "started_at": "?"}]}, "has no time"),
        (
            {"evidence": [{"probe": "health", "started_at": "2026-01-01T00:00:00Z"}]},
            "a word that this gate does not know: ''",
        ),
        ({"evidence": [{"probe": "other"}]}, "the policy has no probe other"),
    ],
)
def test_what_cannot_be_judged_again_is_told(change, why):
    value = replayed(outcome_with(played(V2_EVIDENCE), **change), POLICY)
    assert (value["replayed"], value["same"]) == (False, None)
    assert why in value["why_not"]
    assert f"not replayed: {value['why_not']}" in "\n".join(plain(replayed_blocks([value]), 200))


def test_what_rests_on_more_than_evidence_is_told_and_is_no_difference():
    decision = played([passed(probe.name) for probe in PROBES])
    late = {"decision": "hold", "reasons": [{"subject": "deadline", "text": "was over"}]}
    value = replayed(outcome_with(decision, verdict=late), POLICY)
    assert (value["same"], value["beside"]) == (True, ["deadline"])
    assert "which is not replayed: deadline" in "\n".join(plain(replayed_blocks([value]), 200))


def test_findings_that_were_left_out_are_told():
    decision = played(V2_EVIDENCE)
    cut = [{**item, "findings_left_out": 2} for item in decision.outcome["evidence"][:1]]
    value = replayed(
        outcome_with(decision, evidence=cut + decision.outcome["evidence"][1:]), POLICY
    )
    assert value["beside"] == ["2 findings that the record has no room for"]


def test_a_move_by_hand_and_one_without_an_end_are_not_replayed():
    by_hand = put_together(tuple(entries_of(Scene(), rollback_plan())))[0]
    assert replayed(by_hand, POLICY)["replayed"] is False
    unfinished = replace(played(V2_EVIDENCE), outcome=None)
    assert replayed(unfinished, POLICY)["why_not"] == "no outcome is recorded"


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("digest", ["3fa9" * 16, "0" * 64])
def test_a_required_probe_that_nobody_asked_then_holds(watched, digest):
    everything = [passed(probe.name) for probe in PROBES]
    more = {"steps": (100,), "watch_s": 60.0} if watched else {}
    decision = played(everything, **more)
    extra = replace(PROBES[0], name="extra")
    value = replayed(decision, replace(POLICY, probes=(*PROBES, extra), digest=digest))
    told = " ".join(" ".join(plain(replayed_blocks([value]), 100)).split())
    assert value["same"] is (digest == POLICY.digest)
    assert ("each probe's outcome is taken as recorded: what" in told) is not value["same"]
    if not value["same"]:
        assert value["differs"] == [
            "the verdict was promote, and would be hold",
            "extra, which the policy requires, was not asked then",
        ]
        assert value["today"]["decision"] == "hold"
        assert "extra" in value["today"]["subjects"]


def test_a_refusal_stays_one_whatever_else_was_not_asked():
    extra = replace(PROBES[0], name="extra")
    value = replayed(played(V2_EVIDENCE), replace(POLICY, probes=(*PROBES, extra), digest="0" * 64))
    assert value["differs"] == ["extra, which the policy requires, was not asked then"]
    assert value["today"]["decision"] == "reject"
