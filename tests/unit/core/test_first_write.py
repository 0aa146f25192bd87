"""Reading the service: where a rollout, a promotion and a rollback begin, or why they do not."""

from dataclasses import replace

import pytest

from gate.core.candidate import not_placed
from gate.core.commands import command_of
from gate.core.first_write import no_service, plan_first_write
from gate.core.messages import CallFailed, Failure
from gate.core.policy import Probe
from gate.core.service import ServiceRef
from gate.core.state import Ending, Kind, Past, PastMove, Phase
from gate.core.traffic import Split, Target
from gate.core.transitions import PATIENT_LOOKS
from gate.kinds.diff import DiffProbe
from tests.unit.core.rollouts import (
    BEFORE,
    BOOTING,
    BROKEN,
    CANDIDATE,
    MOVED,
    NOW,
    OLD,
    OURS,
    PLACED,
    PROBES,
    STABLE,
    TAG,
    USERS,
    later,
    marked,
    ours,
    plan,
    revisions,
    rollout,
    service,
)

LATEST = Split.of([Target(None, 100), Target(OLD, 0, "blue"), Target(None, 0, "nightly")])


def aimed(asked, seen, at=NOW, **changes):
    fresh = {"before": None, "placed": None, "candidate": asked.revision, **changes}
    free = replace(seen, annotations=())  # nobody is at work
    return plan_first_write(rollout(Phase.READING, asked, **fresh), free, at)


def refusal(asked, seen, **changes):
    r = aimed(asked, seen, **changes)
    assert (r.phase, r.ending) == (Phase.RECORDING, Ending.REFUSED)
    return r.notes[-1]


def test_a_candidate_is_placed_at_zero_beside_what_is_there():
    r = aimed(plan(), service())
    assert (r.phase, r.candidate) == (Phase.DEPLOYING, CANDIDATE)
    assert (r.before, r.placed) == (BEFORE, PLACED)
    assert r.placed.share_of(CANDIDATE) == 0


def test_latest_is_pinned_and_that_is_said():
    r = aimed(plan(), service(LATEST))
    assert r.before == LATEST
    assert r.placed == Split.all_to(STABLE, {"blue": OLD, "nightly": STABLE, TAG: CANDIDATE})
    assert "--to-latest" in r.notes[0]


@pytest.mark.parametrize("adopts", [False, True])
def test_a_tag_on_latest_is_pinned_by_the_write_that_places_the_candidate_and_that_is_said(adopts):
    traffic = Split.of([Target(STABLE, 100), Target(None, 0, "prod"), Target(None, 0, "beta")])
    asked = plan(revision=CANDIDATE) if adopts else plan()
    r = aimed(asked, service(traffic))
    (command,) = command_of(r)
    assert command.traffic.tags == {"prod": STABLE, "beta": STABLE, TAG: CANDIDATE}
    told = [note for note in r.notes if "followed LATEST" in note]
    assert [note.split()[1] for note in told] == ["beta", "prod"]
    assert all(f"is pinned to {STABLE}" in note for note in told)
    assert "--update-tags prod=LATEST" in told[1]


def test_our_own_tag_on_latest_just_moves_to_the_candidate():
    traffic = Split.of([Target(OLD, 100), Target(None, 0, TAG)])
    r = aimed(plan(), service(traffic), revisions=revisions(name=OLD))
    assert r.placed == Split.all_to(OLD, {TAG: CANDIDATE})
    assert r.notes == (f"tag {TAG} was on {STABLE} and moves to the candidate",)


def test_notes_are_not_repeated_when_it_is_decided_anew():
    once = aimed(plan(), service(LATEST))
    twice = plan_first_write(replace(once, phase=Phase.READING), service(LATEST), NOW)
    assert twice.notes == once.notes


def test_a_split_is_kept():
    split = Split.of([Target(STABLE, 60), Target(OLD, 40)])
    assert aimed(plan(), service(split)).placed == split.with_tag(TAG, CANDIDATE)


def test_a_tag_of_ours_that_was_left_moves_to_the_candidate_and_that_is_said():
    r = aimed(plan(), service(BEFORE.with_tag(TAG, OLD)))
    assert r.placed == PLACED
    assert r.notes == (f"tag {TAG} was on {OLD} and moves to the candidate",)


@pytest.mark.parametrize("target", [STABLE, None])
def test_a_tag_on_users_traffic_is_refused(target):
    traffic = LATEST if target is None else BEFORE
    tagged = Split.of([*traffic, Target(target, 0, TAG)])
    assert "choose another candidate.tag" in refusal(plan(), service(tagged))


def test_the_name_is_as_gcloud_makes_it_and_never_too_long():
    long = ServiceRef("p", "r", "s" * 49)
    r = aimed(plan(tag="c", suffix="abc"), service(ref=long, generation=41))
    assert r.ending is Ending.REFUSED  # 50 characters with the tag
    name = aimed(plan(suffix="abc"), service(generation=41)).candidate
    assert name == "backend-00042-abc"
    huge = aimed(plan(tag="c"), service(ref=ServiceRef("p", "r", "s" * 45), generation=10**15))
    assert len(huge.candidate) == 63
    assert huge.candidate.startswith("s" * 40)
    assert huge.candidate.endswith("-xyz")


def test_a_service_in_flight_is_waited_for_then_given_up():
    busy = service(reconciling=True)
    assert aimed(plan(), busy).looks == 1
    r = aimed(plan(), busy, later(60))
    assert r.ending is Ending.FAILED
    assert "being changed" in r.notes[-1]


def test_a_service_without_a_ready_revision_is_refused():
    text = refusal(plan(), service(latest_ready=""))
    assert "no ready revision" in text


def test_a_tag_that_is_too_long_with_the_service_is_refused_before_anything_is_sent():
    assert "46" in refusal(plan(tag="t" * 40), service())


def test_a_revision_is_adopted():
    r = aimed(plan(revision=CANDIDATE), service())
    assert (r.phase, r.placed) == (Phase.TAGGING, PLACED)


def test_an_adopted_revision_keeps_its_name_and_its_tag():
    asked = plan(revision=OLD)
    r = aimed(asked, service(BEFORE.with_tag(TAG, OLD)), revisions=revisions(name=OLD))
    assert (r.candidate, r.placed.tags[TAG], r.notes) == (OLD, OLD, ())


def test_a_revision_that_is_not_there_is_refused():
    text = refusal(plan(revision=CANDIDATE), service(), revisions={})
    assert f"revision {CANDIDATE} does not exist" in text


def test_a_revision_that_is_misspelt_is_guessed():
    asked = plan(revision=CANDIDATE[:-1], revisions=tuple(revisions(name=CANDIDATE).values()))
    text = refusal(asked, service(), revisions={})
    assert f"does not exist: did you mean {CANDIDATE}" in text


@pytest.mark.parametrize("adopts", [False, True])
def test_users_moved_while_the_first_write_was_in_flight_stay_where_they_were_moved(adopts):
    asked = plan(revision=CANDIDATE) if adopts else plan()
    sent = aimed(asked, service())
    failed = CallFailed(NOW, Failure.CONFLICT, "conflict")
    looking = not_placed(sent, failed)
    theirs = service(Split.of([Target(STABLE, 30), Target(OLD, 70)]), last_modifier="bob")
    r = plan_first_write(looking, replace(theirs, annotations=()), NOW)
    assert (r.phase, r.ending) == (Phase.RECORDING, Ending.HELD)
    assert "was moved by bob in the same moment" in str(r.verdict.reasons[0])


def test_a_tag_or_label_set_while_the_first_write_was_in_flight_is_nobodys_move():
    looking = not_placed(aimed(plan(), service()), CallFailed(NOW, Failure.CONFLICT, "conflict"))
    seen = replace(service(BEFORE.with_tag("blue", OLD)), annotations=())
    once_more = plan_first_write(looking, seen, NOW)  # what a rollout is built on is read
    assert plan_first_write(once_more, seen, NOW).phase is Phase.DEPLOYING


def test_a_revision_that_has_a_share_is_refused():
    split = Split.of([Target(STABLE, 90), Target(CANDIDATE, 10)])
    assert "10 % of the traffic already" in refusal(plan(revision=CANDIDATE), service(split))


@pytest.mark.parametrize("kind", [Kind.PROMOTE, Kind.ROLLBACK])
def test_moves_by_hand_go_to_the_named_revision_and_keep_all_tags(kind):
    r = aimed(plan(kind, revision=CANDIDATE), service(LATEST))
    assert (r.phase, r.before) == (Phase.MOVING, LATEST)
    assert r.goal == Split.all_to(CANDIDATE, LATEST.tags)
    assert r.placed == Split.all_to(STABLE, {"blue": OLD, "nightly": STABLE})


@pytest.mark.parametrize("kind", [Kind.PROMOTE, Kind.ROLLBACK])
def test_moves_by_hand_do_not_wait_for_a_service_in_flight(kind):
    half_way = service(MOVED, effective=BEFORE, reconciling=True)
    r = aimed(plan(kind, revision=STABLE), half_way, revisions=revisions(name=STABLE))
    assert r.phase is Phase.MOVING


def test_a_promotion_finds_its_revision_by_our_tag_and_takes_the_tag_along():
    asked = plan(Kind.PROMOTE)
    r = aimed(asked, service(PLACED), revisions={})
    assert (r.phase, r.candidate, r.looks) == (Phase.READING, CANDIDATE, 1)
    r = aimed(asked, service(PLACED), candidate=CANDIDATE)
    assert (r.phase, r.goal) == (Phase.MOVING, MOVED)


def test_a_promotion_leaves_a_tag_of_that_name_on_another_revision():
    asked = plan(Kind.PROMOTE, revision=CANDIDATE)
    assert aimed(asked, service(BEFORE.with_tag(TAG, OLD))).goal.tags == {**USERS, TAG: OLD}


def test_a_rollback_keeps_our_tag_which_may_be_looked_at():
    traffic = MOVED.with_tag(TAG, STABLE)
    asked = plan(Kind.ROLLBACK, revision=STABLE)
    r = aimed(asked, service(traffic), revisions=revisions(name=STABLE))
    assert r.goal.tags == {**USERS, TAG: STABLE}


def test_a_promotion_without_a_tag_and_a_rollback_without_a_past_are_refused():
    assert "--revision" in refusal(plan(Kind.PROMOTE), service())
    assert "--to" in refusal(plan(Kind.ROLLBACK), service())


def test_a_rollback_goes_where_the_ledger_says():
    history = (PastMove(((STABLE, 100),), ((CANDIDATE, 100),)),)
    asked = plan(Kind.ROLLBACK, past=Past(history))
    r = aimed(asked, service(MOVED), candidate=STABLE, revisions=revisions(name=STABLE))
    assert (r.phase, r.goal) == (Phase.MOVING, Split.all_to(STABLE, USERS))


def test_a_target_that_keeps_changing_is_given_up():
    asked = plan(Kind.PROMOTE)
    r = aimed(asked, service(PLACED), later(60))
    assert (r.phase, r.ending) == (Phase.RECORDING, Ending.FAILED)


def test_a_target_that_is_not_there_is_refused():
    text = refusal(plan(Kind.PROMOTE, revision=CANDIDATE), service(), revisions={})
    assert "does not exist" in text


@pytest.mark.parametrize(
    ("condition", "ending"),
    [(BROKEN, Ending.REJECTED), (replace(BROKEN, reason="INTERNAL"), Ending.HELD)],
)
def test_a_target_that_is_not_ready_gets_nothing(condition, ending):
    asked = plan(Kind.ROLLBACK, revision=CANDIDATE)
    r = aimed(asked, service(), revisions=revisions(condition))
    assert (r.phase, r.ending) == (Phase.RECORDING, ending)
    assert r.goal is None


def test_a_target_that_is_still_starting_gets_nothing():
    asked = plan(Kind.PROMOTE, revision=CANDIDATE)
    assert aimed(asked, service(), revisions=revisions(BOOTING)).goal is None


def test_what_is_so_already_is_left_alone():
    asked = plan(Kind.ROLLBACK, revision=CANDIDATE)
    assert aimed(asked, service(MOVED)).ending is Ending.UNCHANGED


def test_what_is_so_only_because_it_is_the_latest_is_pinned():
    asked = plan(Kind.PROMOTE, revision=STABLE)
    r = aimed(asked, service(LATEST), revisions=revisions(name=STABLE))
    assert r.phase is Phase.MOVING
    assert not r.goal.follows_latest


def test_what_was_asked_for_but_is_not_in_effect_is_asked_for_again():
    asked = plan(Kind.ROLLBACK, revision=CANDIDATE)
    half_done = service(MOVED, effective=BEFORE)
    assert aimed(asked, half_done).phase is Phase.MOVING


def test_a_rollback_undoes_the_rollout_under_way_at_once_and_without_asking():
    canary = ours(Split.of([Target(STABLE, 80), Target(CANDIDATE, 20, TAG)]))
    asked = plan(Kind.ROLLBACK, probes=PROBES)
    fresh = {"before": None, "placed": None, "revisions": revisions(name=STABLE)}
    r = plan_first_write(rollout(Phase.READING, asked, candidate=STABLE, **fresh), canary, NOW)
    assert (r.phase, r.candidate) == (Phase.MOVING, STABLE)
    assert r.goal.shares == {STABLE: 100}
    assert TAG not in r.goal.tags
    assert r.notes[-1].startswith("this undoes what rollout r1 (alice)")


@pytest.mark.parametrize("until", [-600, 600])
@pytest.mark.parametrize("target", [STABLE, OLD])
def test_a_rollback_over_a_rollout_at_work_or_dead_records_whom_it_takes_over_from(target, until):
    mark = replace(OURS, writer="r9", holder="r9", actor="bob", until=later(until))
    asked = plan(Kind.ROLLBACK, revision=target)
    fresh = {"before": None, "placed": None, "candidate": target}
    there = rollout(Phase.READING, asked, revisions=revisions(name=target), **fresh)
    r = plan_first_write(there, marked(mark, MOVED), NOW)
    assert (r.phase, r.took_back) == (Phase.MOVING, ("r9",))
    assert any("takes over from rollout r9 (bob)" in note for note in r.notes)
    refused = plan_first_write(replace(there, revisions={}), marked(mark, MOVED), NOW)
    assert (refused.ending, refused.took_back) == (Ending.REFUSED, ())


def test_a_first_deploy_is_asked_what_can_be_asked_of_it_alone():
    missing = CallFailed(NOW, Failure.NOT_FOUND, "no such service")
    asked = plan(probes=(*PROBES, Probe("config", DiffProbe())), image="i", first_deploy=True)
    r = no_service(rollout(Phase.READING, asked), missing)
    assert r.phase is Phase.DEPLOYING
    assert r.plan.probes == PROBES
    assert r.notes[-1] == "not asked, since there is nothing to compare with: config"
    only = replace(asked, probes=(Probe("config", DiffProbe()),))
    r = no_service(rollout(Phase.READING, only), missing)
    assert r.plan.probes == only.probes  # no required question at all would prove nothing


NEVER_READY = service(MOVED, effective=Split(()), latest_ready="", ready=BROKEN)


def test_a_first_deploy_that_never_started_is_a_first_deploy_again():
    r = aimed(plan(first_deploy=True), NEVER_READY)
    assert (r.phase, r.first, r.candidate) == (Phase.DEPLOYING, True, CANDIDATE)
    assert r.placed.shares == {CANDIDATE: 100}
    assert "has never had a ready revision" in r.notes[-1]


def test_without_leave_a_first_deploy_is_not_tried_again_and_that_is_said():
    text = refusal(plan(), NEVER_READY)
    assert "no revision of it has ever been ready" in text
    assert "first_deploy: allow" in text


def test_what_was_left_half_done_is_not_waited_for_and_has_a_way_out():
    left = service(MOVED, effective=BEFORE, ready=BROKEN)
    r = aimed(plan(), left, looks=PATIENT_LOOKS)
    assert (r.phase, r.ending) == (Phase.RECORDING, Ending.FAILED)
    assert "was left half done" in r.notes[-1]
    assert "last written by eve@example.com" in r.notes[-1]
    assert str(BROKEN) in r.notes[-1]
    assert r.way_out[0].startswith(f"gate rollback --to {STABLE} ")
    assert aimed(plan(), left).phase is Phase.READING  # a read may be a little old
    busy = service(MOVED, effective=BEFORE, reconciling=True)
    assert aimed(plan(), busy, looks=PATIENT_LOOKS).phase is Phase.READING
