"""A candidate that has users already: where they go first, and what stops that."""

from dataclasses import replace

import pytest

from gate.core.annotation import KEY, Denied, RolloutAnnotation
from gate.core.candidate import waiting
from gate.core.commands import command_of
from gate.core.denylist import BY_OTHER_MEANS, denylist_of
from gate.core.first_write import plan_first_write
from gate.core.lease import annotation_of
from gate.core.line import line_write
from gate.core.proof import Proving
from gate.core.recovery import safety
from gate.core.service import Revision
from gate.core.stable import IRREVERSIBLE
from gate.core.state import Ending, Kind, Past, PastMove, Phase
from gate.core.traffic import Split, Target
from gate.errors import ExitCode
from tests.unit.core.rollouts import (
    BROKEN,
    CANDIDATE,
    NOW,
    OLD,
    READY,
    STABLE,
    TAG,
    later,
    plan,
    revisions,
    rollout,
    service,
)

LATEST = Split.of([Target(None, 100), Target(OLD, 0, "blue"), Target(None, 0, "nightly")])
BY_NAME = Split.all_to(CANDIDATE, {"blue": OLD})
AGES = tuple(
    Revision(name, READY, "i", later(age)) for age, name in enumerate((OLD, STABLE, CANDIDATE))
)
GAVE = RolloutAnnotation(3, wrote=((STABLE, 100),), before=((OLD, 100),))
"""The gate gave stable all users; somebody has deployed since."""
ASKED = plan(revision=CANDIDATE, quarantine=True, revisions=AGES)


def deployed(traffic=LATEST, mark=GAVE, **more):
    """A service after a plain deploy of the candidate, which has all users."""
    marks = ((KEY, mark.text()),) if mark else ()
    return service(traffic, latest_ready=CANDIDATE, annotations=marks, **more)


def begun(asked=ASKED, seen=None, read=None, **changes):
    fresh = {"before": None, "placed": None, "candidate": CANDIDATE, "revisions": {}}
    known = {one.name: one for one in AGES} if read is None else read
    seen = seen or deployed()
    r = rollout(Phase.READING, asked, service=seen, **{**fresh, "revisions": known, **changes})
    return plan_first_write(r, seen, NOW)


@pytest.mark.parametrize("traffic", [LATEST, BY_NAME])
def test_the_update_that_tags_it_takes_users_back_first(traffic):
    r = begun(seen=deployed(traffic))
    (write,) = command_of(r)
    assert write.traffic.shares == {STABLE: 100}
    assert write.traffic.tags[TAG] == CANDIDATE
    assert set(write.traffic.tags.values()) == {OLD, CANDIDATE} | (
        {STABLE} if traffic is LATEST else set()
    )
    assert write.even_unrecorded
    assert f"move all users from {CANDIDATE} back to {STABLE}" in write.why
    assert any(f"{CANDIDATE} has 100 % of the traffic: all users go" in one for one in r.notes)
    mark = write.annotation
    assert (mark.holder, mark.safe, mark.wrote) == ("r1", ((STABLE, 100),), ((STABLE, 100),))


def test_a_tag_of_people_on_latest_goes_back_as_their_users_do():
    r = begun()
    assert r.placed.tags["nightly"] == STABLE
    assert any(f"tag nightly followed LATEST and is pinned to {STABLE}" in one for one in r.notes)


def test_whoever_dies_afterwards_leaves_users_on_stable():
    r = begun()
    mark = annotation_of(r, r.placed, working=True)
    left = safety(service(r.placed), mark)
    assert (left.shares, TAG in left.tags) == ({STABLE: 100}, False)


def test_the_way_back_from_stable_stays_known():
    r = begun()
    assert annotation_of(r, r.placed, working=True).before == GAVE.before


def test_neither_stable_nor_the_candidate_is_barred_by_it():
    r = begun()
    mark = annotation_of(r, r.placed, working=True)
    assert mark.denylist == ()
    assert denylist_of(service(r.placed, annotations=((KEY, mark.text()),)), {}) == ()


LEFT = Denied(STABLE, "", "terraform@example.com", BY_OTHER_MEANS)
LEFT_FOR_NEWER = replace(GAVE, wrote=((CANDIDATE, 100),), before=((STABLE, 100),), denylist=(LEFT,))
"""Somebody was at work when it was deployed, and has written down where users had been."""
MOVED_ON = Past((PastMove(((STABLE, 100),), ((CANDIDATE, 100),)),))


@pytest.mark.parametrize(
    ("more", "mark", "to"),
    [
        ({}, GAVE, STABLE),
        ({}, replace(GAVE, wrote=((CANDIDATE, 100),)), OLD),  # what it had moved users from
        ({}, LEFT_FOR_NEWER, STABLE),
        ({"past": MOVED_ON}, None, STABLE),
        ({"stable": OLD}, GAVE, OLD),
        ({"stable": STABLE}, None, STABLE),
    ],
)
def test_where_users_go_is_found_as_a_rollback_finds_it(more, mark, to):
    r = begun(replace(ASKED, **more), deployed(mark=mark))
    assert (r.phase, r.back_to, r.placed.shares) == (Phase.TAGGING, to, {to: 100})


def test_what_a_person_rolled_back_is_not_gone_back_to():
    mark = replace(LEFT_FOR_NEWER, denylist=(replace(LEFT, reason="it is slow"),))
    assert begun(seen=deployed(mark=mark)).ending is Ending.REFUSED


def test_where_nothing_is_certain_nothing_moves_and_the_likely_ones_are_named():
    r = begun(seen=deployed(mark=None))
    assert (r.phase, r.ending, r.sent) == (Phase.RECORDING, Ending.REFUSED, None)
    assert f"likely {STABLE} (it is ready, and older" in r.notes[-1]
    assert r.way_out[0].startswith(
        f"gate rollout --policy POLICY --revision {CANDIDATE} --quarantine --stable {STABLE} "
    )


@pytest.mark.parametrize(
    ("stable", "read"),
    [
        (CANDIDATE, None),
        ("backend-00077-non", None),
        (STABLE, {**revisions(), STABLE: Revision(STABLE, BROKEN)}),
    ],
)
def test_a_stable_that_cannot_be_gone_to_is_refused(stable, read):
    r = begun(replace(ASKED, stable=stable), read=read, wanted=(stable, CANDIDATE, STABLE, OLD))
    assert r.ending is Ending.REFUSED
    assert stable in r.notes[-1]


def test_what_cannot_be_undone_is_not_gone_back_across():
    marked = replace(AGES[2], annotations=((IRREVERSIBLE, "drops a column"),))
    r = begun(replace(ASKED, revisions=(*AGES[:2], marked)))
    assert r.ending is Ending.REFUSED
    assert "drops a column" in r.notes[-1]


def test_one_without_users_is_rolled_out_as_usual_and_that_is_said():
    seen = deployed(Split.all_to(STABLE))
    r = begun(seen=seen)
    assert (r.phase, r.back_to, r.placed.shares) == (Phase.TAGGING, "", {STABLE: 100})
    assert f"nothing to quarantine: {CANDIDATE} has no users" in r.notes


def test_users_moved_in_the_same_moment_stay_where_they_were_moved():
    r = replace(begun(), phase=Phase.READING, conflicts=1)
    assert plan_first_write(r, deployed(), NOW).phase is Phase.TAGGING
    theirs = deployed(Split.all_to(OLD))
    assert plan_first_write(r, theirs, NOW).ending is Ending.HELD


# --- once it is written


def written(asked=ASKED, **changes):
    r = begun(asked, **changes)
    mark = annotation_of(r, r.placed, working=True)
    seen = service(r.placed, latest_ready=CANDIDATE, annotations=((KEY, mark.text()),))
    return replace(r, phase=Phase.WAITING, guard=0, fence=mark.fence), seen


def test_it_is_asked_once_users_are_off_it():
    r, seen = written()
    assert waiting(r, seen, NOW).phase is Phase.PROBING
    lines = tuple(replace(line, percent=0) for line in seen.effective)
    still = (replace(lines[0], revision=CANDIDATE, percent=100), *lines[1:])
    slow = replace(seen, effective=still, reconciling=True)
    assert waiting(r, slow, NOW).phase is Phase.WAITING
    late = waiting(r, slow, r.limit_at)
    assert (late.phase, late.ending) == (Phase.CLEANING, Ending.FAILED)
    gave_up = replace(slow, reconciling=False, ready=BROKEN)
    assert waiting(replace(r, looks=9), gave_up, NOW).ending is Ending.FAILED


def test_whoever_walks_away_meanwhile_is_told_that_users_may_be_anywhere():
    r, _ = written()
    assert r.exit_code is replace(r, phase=Phase.TAGGING).exit_code is ExitCode.STUCK
    assert replace(r, back_to="").exit_code is ExitCode.INTERRUPTED


BARRED = replace(GAVE, denylist=(Denied("backend-00000-bad", "app@sha256:" + "a" * 64),))


@pytest.mark.parametrize(
    ("asked", "mark", "subject"),
    [
        (replace(ASKED, order=6), replace(GAVE, order=((STABLE, 7),)), "stale"),
        (ASKED, BARRED, "barred"),
        (replace(ASKED, proof=Proving(True, "proof", "a", "b")), GAVE, "proof"),
    ],
)
def test_what_will_not_be_promoted_has_no_users_either(asked, mark, subject):
    image = replace(AGES[2], digest="app@sha256:" + "a" * 64)
    read = {one.name: one for one in (*AGES[:2], image)}
    r, seen = written(asked, seen=deployed(mark=mark), read=read)
    assert seen.traffic.shares == {STABLE: 100}
    held = waiting(r, seen, NOW)
    assert (held.phase, held.ending) == (Phase.CLEANING, Ending.HELD)
    assert held.verdict.reasons[0].subject == subject


# --- beside another rollout

OTHER = "backend-00009-rival"
AT_WORK = RolloutAnnotation(
    fence=9,
    writer="r9",
    holder="r9",
    actor="bob",
    until=later(300),
    phase="probing",
    kind="rollout",
    candidate=OTHER,
    tag="candidate-abc",
    safe=((STABLE, 100),),
    wrote=((STABLE, 100),),
)
SAME = replace(AT_WORK, candidate=CANDIDATE)
TAKEN_FOR_STABLE = replace(AT_WORK, safe=((CANDIDATE, 100),), wrote=((CANDIDATE, 100),))


@pytest.mark.parametrize("mark", [AT_WORK, SAME, TAKEN_FOR_STABLE])
@pytest.mark.parametrize("traffic", [LATEST, BY_NAME])
def test_it_takes_over_from_whoever_has_not_asked_what_users_are_on(mark, traffic):
    traffic = traffic.with_tag(mark.tag, mark.candidate)
    r = begun(replace(ASKED, stable=STABLE, wait_s=600), deployed(traffic, mark))
    (write,) = command_of(r)
    assert (r.phase, write.traffic.shares) == (Phase.TAGGING, {STABLE: 100})
    assert mark.tag not in write.traffic.tags
    assert (write.annotation.holder, write.annotation.fence) == ("r1", 10)
    assert (write.even_unrecorded, r.took_back) == (True, ("r9",))
    assert any("takes over from rollout r9 (bob), which was probing" in one for one in r.notes)


def test_users_go_to_where_a_dead_rollout_had_them_before_its_first_step():
    mark = replace(AT_WORK, wrote=((STABLE, 90), (OTHER, 10)))
    r = begun(seen=deployed(mark=mark), wanted=(OTHER, STABLE, CANDIDATE))
    assert (r.back_to, r.placed.shares) == (STABLE, {STABLE: 100})


GIVES = replace(SAME, safe=((STABLE, 100),), wrote=((CANDIDATE, 10), (STABLE, 90)))
SHARED = Split.of([Target(CANDIDATE, 10), Target(STABLE, 90)])


@pytest.mark.parametrize(
    ("traffic", "mark"),
    [
        (SHARED, GIVES),
        (BY_NAME, replace(AT_WORK, promoted=CANDIDATE)),
        (BY_NAME, replace(TAKEN_FOR_STABLE, kind="rollback")),
        (BY_NAME, replace(TAKEN_FOR_STABLE, kind="")),  # of an older gate: nobody knows
        (Split.all_to(STABLE), AT_WORK),
    ],
)
def test_whoever_may_give_it_users_is_waited_for(traffic, mark):
    busy = begun(seen=deployed(traffic, mark))
    assert (busy.phase, busy.ending) == (Phase.RECORDING, Ending.BUSY)
    assert begun(replace(ASKED, quarantine=False), deployed(mark=AT_WORK)).ending is Ending.BUSY
    waits = begun(replace(ASKED, wait_s=600), deployed(traffic, mark))
    assert (waits.phase, waits.looks) == (Phase.READING, 1)


TAKEN_OFF = Split.all_to(STABLE).with_tag(SAME.tag, CANDIDATE)


def test_what_another_has_taken_users_off_is_seen_to_be_done_and_written_again_where_it_was_not():
    still = {"effective": BY_NAME, "mark": SAME}
    slow = deployed(TAKEN_OFF, reconciling=True, **still)
    assert (begun(seen=slow).phase, begun(seen=slow).looks) == (Phase.READING, 1)
    late = begun(seen=slow, limit_at=NOW)
    assert late.ending is Ending.BUSY
    gave_up = begun(seen=deployed(TAKEN_OFF, ready=BROKEN, **still))
    (write,) = command_of(gave_up)
    assert (gave_up.phase, write.traffic.shares) == (Phase.RECOVERING, {STABLE: 100})
    assert (write.annotation.holder, write.annotation.fence) == ("", 10)
    assert SAME.tag not in write.traffic.tags


def test_while_a_deploy_is_carried_out_nobody_is_busy_yet():
    newest = replace(ASKED, revision="", newest=True)
    deploying = deployed(reconciling=True, mark=AT_WORK)
    r = begun(newest, replace(deploying, latest_ready=STABLE), candidate="")
    assert (r.phase, r.looks, r.plan.revision) == (Phase.READING, 1, "")
    r = begun(seen=replace(deploying, latest_ready=STABLE))
    assert (r.phase, r.looks) == (Phase.READING, 1)


# --- a revision that people gave users by a rollback


def after(r, seen, split, *, working=False, traffic=None):
    """The service once this rollout has written these shares over what it saw."""
    mark = annotation_of(replace(r, service=seen), split, working=working)
    return deployed(traffic or split, mark)


def rolled_back(seen=None, **asked):
    """The service after alice's `gate rollback --to` the candidate."""
    seen = seen or deployed(Split.all_to(STABLE), GAVE)
    back = plan(Kind.ROLLBACK, revision=CANDIDATE, revisions=AGES, **asked)
    r = begun(back, seen)
    (write,) = command_of(r)
    return deployed(write.traffic, write.annotation)


def stopped(seen):
    write = line_write(rollout(Phase.READING, plan(Kind.STOP)), seen)
    return deployed(write.traffic, write.annotation)


def held_at(split, seen):
    """After a rollout of another one was tagged and held, with users left as they were."""
    r = rollout(Phase.TAGGING, plan(revision=OTHER), candidate=OTHER, placed=split, before=split)
    tagged = after(r, seen, split, working=True)
    return after(replace(r, phase=Phase.UNTAGGING, ending=Ending.HELD), tagged, split)


def reverted(seen):
    """After a rollout of another one that moved users there, and back again."""
    there, back = Split.all_to(OTHER), seen.traffic
    r = rollout(Phase.MOVING, plan(revision=OTHER), candidate=OTHER, placed=back, before=back)
    there = after(r, seen, there, working=True)
    return after(replace(r, phase=Phase.REVERTING, ending=Ending.REGRESSED), there, back)


def quarantined(seen):
    """After a plain deploy of another one, which a quarantine took users off again."""
    other = stopped(replace(seen, traffic=Split.all_to(OTHER)))
    r = rollout(Phase.TAGGING, plan(revision=OTHER), candidate=OTHER, back_to=CANDIDATE)
    return after(r, other, seen.traffic)


def recovered(seen):
    r = rollout(Phase.MOVING, plan(revision=OTHER), candidate=OTHER, placed=seen.traffic)
    died = after(r, seen, Split.all_to(OTHER), working=True)
    return after(rollout(Phase.RECOVERING, plan(Kind.RECOVER)), died, seen.traffic)


@pytest.mark.parametrize(
    "then",
    [
        lambda seen: seen,
        stopped,
        lambda seen: held_at(seen.traffic, seen),
        reverted,
        quarantined,
        recovered,
    ],
)
def test_what_people_rolled_back_to_is_left_alone_as_long_as_the_gate_has_it_there(then):
    seen = then(rolled_back())
    assert seen.traffic.shares == {CANDIDATE: 100}
    r = begun(seen=seen)
    assert (r.ending, r.sent, r.exit_code) == (Ending.UNCHANGED, None, ExitCode.DONE)
    assert "`gate rollback` by alice gave it the users" in r.notes[-1]


def moved_by_eve(seen, split=BY_NAME):
    return replace(seen, traffic=split, effective=deployed(split).effective)


def twice_by_eve(seen):
    """Taken off it, which the gate has written down since, and given back."""
    away = held_at(Split.all_to(STABLE), moved_by_eve(seen, Split.all_to(STABLE)))
    return moved_by_eve(away)


def promoted(seen):
    other = Split.all_to(OTHER)
    return after(rollout(Phase.MOVING, plan(Kind.PROMOTE), candidate=OTHER), seen, other)


@pytest.mark.parametrize(
    "seen",
    [
        stopped(deployed(BY_NAME)),
        held_at(BY_NAME, deployed(BY_NAME)),
        recovered(deployed(BY_NAME)),
        after(rollout(Phase.RECOVERING, plan(Kind.RECOVER, force=True)), deployed(), BY_NAME),
        deployed(SHARED, replace(GAVE, wrote=GIVES.wrote, chosen=CANDIDATE)),
        moved_by_eve(rolled_back(), LATEST),
        stopped(moved_by_eve(rolled_back(), LATEST)),
        held_at(BY_NAME, moved_by_eve(rolled_back(), LATEST)),
        twice_by_eve(rolled_back()),
        held_at(BY_NAME, twice_by_eve(rolled_back())),
        moved_by_eve(promoted(rolled_back())),
        after(rollout(Phase.RECOVERING), promoted(rolled_back()), BY_NAME),
    ],
)
def test_what_others_gave_users_since_or_nobody_decided_is_taken_off(seen):
    r = begun(replace(ASKED, stable=STABLE), seen, wanted=(OTHER, STABLE, CANDIDATE))
    assert (r.phase, r.back_to) == (Phase.TAGGING, STABLE)


def test_while_another_rollout_is_at_work_it_is_waited_for():
    r = rollout(Phase.TAGGING, plan(revision=OTHER), candidate=OTHER, placed=BY_NAME)
    step = Split.of([Target(CANDIDATE, 90), Target(OTHER, 10)])
    for split in (BY_NAME, step):
        busy = after(r, rolled_back(), split, working=True)
        assert begun(seen=busy).ending is Ending.BUSY
    assert begun(seen=moved_by_eve(busy), wanted=(STABLE,)).ending is not Ending.BUSY


def test_a_rollback_that_asks_first_has_chosen_nothing_before_it_moves_users():
    seen = deployed(BY_NAME)
    back = plan(Kind.ROLLBACK, revision=CANDIDATE)
    tagged = annotation_of(rollout(Phase.TAGGING, back, service=seen), BY_NAME, working=True)
    moves = annotation_of(rollout(Phase.MOVING, back, service=seen), BY_NAME, working=False)
    assert (tagged.chosen, moves.chosen, moves.chosen_by) == ("", CANDIDATE, "alice")
    assert moves.promoted == ""
