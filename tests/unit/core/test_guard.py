"""A write of ours that may have overwritten somebody else's: found, named, and held."""

from dataclasses import replace

import pytest

from gate.core.annotation import KEY, RolloutAnnotation, Stopped
from gate.core.commands import command_of
from gate.core.guard import arrived, came_between, overwrote
from gate.core.messages import Accepted, Failure, Overwrote
from gate.core.rollout import step
from gate.core.state import Ending, Kind, Phase
from gate.core.transitions import CONFLICTS_MAX
from gate.core.verdict import Decision, Verdict
from tests.unit.core.rollouts import (
    BEFORE,
    CANDIDATE,
    MOVED,
    NOW,
    PLACED,
    STABLE,
    done,
    failed,
    marked,
    ours,
    plan,
    rollout,
    seen,
    service,
)

READ = 7
WRITES = (Phase.DEPLOYING, Phase.MOVING, Phase.REVERTING, Phase.UNTAGGING, Phase.RECOVERING)


def about_to(phase, asked=None, **changes):
    """A rollout that is about to make this phase's write, on a read of generation 7."""
    read = ours(PLACED if phase is not Phase.DEPLOYING else BEFORE, generation=READ)
    if phase is Phase.REVERTING:
        changes = {"ending": Ending.REGRESSED, **changes}
    if phase is Phase.UNTAGGING:
        changes = {"ending": Ending.HELD, "reached": None, **changes}
    return rollout(phase, asked, service=read, guard=3, **changes)


def answered(r, generation):
    """After its write was accepted as this generation."""
    return step(r, Accepted(NOW, generation))[0]


def unanswered(r):
    return step(r, failed(Failure.LOST))[0]


def after(r, **more):
    """The service as the last write of this rollout left it."""
    (command,) = command_of(r)
    traffic = more.pop("traffic", command.traffic)
    return service(traffic, annotations=((KEY, command.annotation.text()),), **more)


def look(r, what):
    return step(r, seen(what))[0]


def text_of(r):
    return str(r.verdict.reasons[0])


def test_a_generation_that_grew_by_more_than_one_means_that_somebody_wrote():
    assert came_between(7, 9)
    assert not came_between(7, 8)
    assert not came_between(7, 0), "not known"


@pytest.mark.parametrize("phase", WRITES, ids=lambda phase: phase.value)
def test_what_a_write_may_have_overwritten_is_held_and_named(phase):
    r = about_to(phase)
    there = after(r, generation=READ + 2, last_modifier="eve@example.com")
    r = look(answered(r, READ + 2), there)
    assert r.ending in {Ending.HELD, Ending.STUCK}
    assert r.clashed
    said = text_of(r)
    assert "somebody wrote between" in said
    assert "(got generation 9, expected 8)" in said
    assert "last written by eve@example.com" in said
    assert f"newest revision {CANDIDATE}" in said
    assert "tags blue on" in said


@pytest.mark.parametrize("phase", WRITES, ids=lambda phase: phase.value)
def test_the_answer_says_that_nobody_wrote_between_whatever_is_written_later(phase):
    r = about_to(phase)
    there = after(r, generation=READ + 4)
    r = look(answered(r, READ + 1), there)
    assert not r.clashed


def test_users_whom_such_a_move_brought_to_the_candidate_need_a_person():
    r = about_to(Phase.MOVING)
    moved = after(r, generation=READ + 2)
    r = look(answered(r, READ + 2), moved)
    assert (r.phase, r.ending) == (Phase.CLEANING, Ending.STUCK)
    assert CANDIDATE in r.notes[-1]
    r = look(r, moved)
    assert r.phase is Phase.UNTAGGING, "the lease goes, and nobody is moved back"
    assert command_of(r)[0].traffic.shares == {CANDIDATE: 100}
    assert command_of(r)[0].annotation.holder == ""


def test_a_move_by_hand_that_met_somebody_elses_is_held():
    asked = plan(Kind.ROLLBACK, revision=CANDIDATE)
    r = about_to(Phase.MOVING, asked)
    r = look(answered(r, READ + 2), after(r, generation=READ + 2))
    assert (r.phase, r.ending) == (Phase.RECORDING, Ending.HELD)


def test_why_the_candidate_was_rejected_is_said_beside_it():
    r = about_to(Phase.REVERTING, verdict=Verdict.reject("health", "answers 500"))
    r = look(answered(r, READ + 2), after(r, generation=READ + 2))
    assert (r.ending, r.verdict.decision) == (Ending.HELD, Decision.HOLD)
    assert [reason.text for reason in r.verdict.reasons][1:] == ["answers 500"]


def test_a_lost_answer_to_our_own_write_is_nobody_elses():
    r = about_to(Phase.MOVING)
    r = look(unanswered(r), after(r, generation=READ + 1))
    assert (r.phase, r.ending, r.clashed) == (Phase.UNTAGGING, Ending.PROMOTED, False)


def test_a_lost_answer_and_a_generation_too_many_is_held():
    r = about_to(Phase.MOVING)
    r = look(unanswered(r), after(r, generation=READ + 2))
    assert (r.ending, r.clashed) == (Ending.STUCK, True)


def test_a_lost_answer_and_a_tag_that_can_only_have_come_later_is_not():
    r = about_to(Phase.MOVING)
    theirs = command_of(r)[0].traffic.with_tag("green", STABLE)
    later = after(r, traffic=theirs, generation=READ + 2)
    assert look(unanswered(r), later).ending is Ending.PROMOTED
    earlier_too = replace(later, generation=READ + 3)
    assert look(unanswered(r), earlier_too).clashed


def test_a_lost_answer_where_the_annotation_is_not_ours_is_held():
    r = about_to(Phase.MOVING)
    theirs = service(command_of(r)[0].traffic, generation=READ + 2, annotations=())
    r = look(unanswered(r), theirs)
    assert r.ending is Ending.HELD
    assert "annotation is not its own" in text_of(r)


def test_a_write_that_has_not_come_yet_is_waited_for_whatever_others_write():
    r = about_to(Phase.MOVING)
    still = ours(PLACED, generation=READ + 2)
    assert look(unanswered(r), still).phase is Phase.VERIFYING


def test_an_annotation_that_nobody_can_read_is_not_ours():
    r = unanswered(about_to(Phase.MOVING))
    garbled = service(MOVED, generation=READ + 2, annotations=((KEY, "{"),))
    assert not overwrote(rollout(Phase.VERIFYING, plan(Kind.ROLLBACK), guard=READ), garbled)
    assert look(r, garbled).ending is Ending.HELD


def test_where_the_service_cannot_be_seen_at_first_it_is_held_later():
    r = answered(about_to(Phase.DEPLOYING), READ + 2)
    r, _ = step(r, failed(Failure.REFUSED, r.deadline_at))
    assert (r.phase, r.ending) == (Phase.CLEANING, Ending.FAILED)
    assert look(r, ours(PLACED, generation=READ + 2)).ending is Ending.HELD


def test_giving_back_the_lease_is_looked_at_where_it_met_somebodys_write():
    promoted = rollout(
        Phase.UNTAGGING, service=ours(MOVED, generation=READ), ending=Ending.PROMOTED
    )
    assert answered(promoted, READ + 1).phase is Phase.RECORDING
    r = answered(promoted, READ + 2)
    assert r.phase is Phase.SETTLING
    assert look(r, done(MOVED, generation=READ + 2)).ending is Ending.STUCK


@pytest.mark.parametrize(
    ("phase", "changes", "ending"),
    [
        (Phase.PROBING, {}, Ending.HELD),
        (Phase.DWELLING, {"stepped": 1}, Ending.STUCK),
        (Phase.WATCHING, {"stepped": 1}, Ending.STUCK),
    ],
)
def test_a_renewal_over_somebodys_write_ends_it(phase, changes, ending):
    traffic = MOVED if changes else PLACED
    r, _ = step(rollout(phase, reached=traffic, **changes), Overwrote(NOW, READ, READ + 2))
    assert (r.phase, r.ending) == (Phase.CLEANING, ending)
    mine = ours(traffic, generation=READ + 2)
    r = look(r, mine)
    assert (r.ending, r.clashed) == (ending, True)
    r = look(r, mine)
    assert r.phase is Phase.UNTAGGING


@pytest.mark.parametrize("conflicts", [CONFLICTS_MAX - 1, CONFLICTS_MAX])
def test_a_lease_that_stays_because_others_go_on_writing_is_said(conflicts):
    r, _ = step(rollout(Phase.PROBING, conflicts=conflicts), Overwrote(NOW, READ, READ + 2))
    r = look(r, ours(PLACED, generation=READ + 2))
    stays = conflicts == CONFLICTS_MAX
    assert (r.phase is Phase.RECORDING) is stays
    told = [note for note in r.notes if "the lease stays on the service" in note]
    assert bool(told) is stays
    if stays:
        assert "`gate recover` then takes back what is left, `gate unlock` at once" in told[0]


def test_our_own_first_try_is_known_by_its_annotation_where_the_second_was_refused():
    r = about_to(Phase.DEPLOYING)
    placed = after(r, generation=READ + 1)
    r, _ = step(r, failed(Failure.CONFLICT))
    assert r.phase is Phase.READING
    assert look(r, placed).phase is Phase.WAITING
    other = marked(
        RolloutAnnotation(fence=1, writer="r9", holder="r9", until=r.deadline_at), PLACED
    )
    assert look(r, other).ending is Ending.BUSY


def test_traffic_as_we_set_it_under_somebody_elses_annotation_is_said():
    r = answered(about_to(Phase.MOVING), READ + 1)
    theirs = service(MOVED, generation=READ + 2, annotations=(), last_modifier="bob@example.com")
    r = look(r, theirs)
    assert r.ending is Ending.PROMOTED
    assert "bob@example.com has written the annotation since" in r.notes[-1]


def test_a_write_that_happened_is_known_by_what_it_says_also_once_the_line_was_stopped():
    r = about_to(Phase.MOVING)
    (command,) = command_of(r)
    r = unanswered(r)
    kept = replace(command.annotation, entry="a" * 64, sequence=7)
    there = service(command.traffic, annotations=((KEY, kept.text()),))
    assert arrived(r, there)
    stopped = replace(kept, stopped=Stopped("ana", "users cannot log in", NOW))
    assert arrived(r, replace(there, annotations=((KEY, stopped.text()),)))
    another = replace(kept, writer="r2")
    assert not arrived(r, replace(there, annotations=((KEY, another.text()),)))
