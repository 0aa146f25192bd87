"""What people moved users away from is remembered, whoever moved them, and stays barred."""

from dataclasses import replace

import pytest

from gate.core import denylist
from gate.core.annotation import KEY, Denied, RolloutAnnotation
from gate.core.candidate import waiting
from gate.core.commands import command_of
from gate.core.denylist import BY_OTHER_MEANS, against, denylist_of, image_of, left_by_others, why
from gate.core.first_write import plan_first_write
from gate.core.lease import annotation_of
from gate.core.service import Revision
from gate.core.state import Ending, Kind, Phase
from gate.core.traffic import Split, Target
from gate.core.verdict import Decision
from tests.unit.core.rollouts import (
    BEFORE,
    CANDIDATE,
    MOVED,
    NOW,
    OLD,
    PLACED,
    READY,
    STABLE,
    TAG,
    marked,
    ours,
    plan,
    revisions,
    rollout,
    service,
)

BAD = "backend-00009-bad"
GOOD_IMAGE, BAD_IMAGE = "host/app@sha256:" + "a" * 64, "host/app@sha256:" + "b" * 64
LEFT = RolloutAnnotation(fence=3, writer="r0", wrote=((BAD, 100),), image=BAD_IMAGE)
"""The gate promoted it; since then a person has gone back to stable with gcloud."""
BAR = Denied(BAD, BAD_IMAGE, "eve@example.com", BY_OTHER_MEANS)


def stable(image="app:1", digest=GOOD_IMAGE):
    return {STABLE: Revision(STABLE, READY, image, digest=digest)}


def aimed(asked, seen, **changes):
    fresh = {"before": None, "placed": None, "candidate": asked.revision, "revisions": stable()}
    return plan_first_write(
        rollout(Phase.READING, asked, **{**fresh, "service": seen, **changes}), seen, NOW
    )


def written(r):
    """The bars that the next write of this rollout carries."""
    (command,) = command_of(r)
    return command.annotation.denylist


# --- who is barred, and by whom


def test_what_the_gate_gave_users_and_somebody_else_took_away_is_barred_with_its_image():
    left = marked(LEFT, BEFORE)
    assert left_by_others(left) == (BAD,)
    assert denylist_of(left, {}) == (BAR,)
    assert left_by_others(marked(replace(LEFT, wrote=((STABLE, 100),)), BEFORE)) == ()
    some = Split.of([Target(BAD, 10), Target(STABLE, 90)])
    assert left_by_others(marked(LEFT, some)) == ()  # it still has users


@pytest.mark.parametrize(
    "asked",
    [
        plan(),
        plan(Kind.PROMOTE, revision=CANDIDATE),
        plan(Kind.ROLLBACK, revision=OLD),
        plan(Kind.RECOVER, force=True),
    ],
)
def test_the_next_write_whatever_it_is_writes_that_down(asked):
    known = {**stable(), **revisions(), **revisions(name=OLD)}
    r = aimed(asked, marked(LEFT, BEFORE), revisions=known)
    if asked.kind is Kind.RECOVER:
        holder = replace(LEFT, holder="r9", writer="r9")
        r = aimed(asked, marked(holder, BEFORE), revisions=known)
    assert BAR in written(r)


def test_the_denylist_survives_every_write_and_is_written_once():
    for phase in (Phase.DEPLOYING, Phase.UNTAGGING, Phase.RECOVERING, Phase.REVERTING):
        mark = replace(LEFT, wrote=((STABLE, 100),), denylist=(BAR, Denied(OLD)))
        r = rollout(phase, service=marked(mark, BEFORE))
        assert written(r) == (BAR, Denied(OLD)), phase


def test_a_person_who_takes_users_off_a_candidate_bars_it_by_the_rollouts_own_next_write():
    split = Split.of([Target(STABLE, 90), Target(CANDIDATE, 10, TAG)])
    canary = ours(split)
    mark = replace(canary.rollout_annotation, image=BAD_IMAGE)
    back = marked(mark, PLACED)
    r = rollout(Phase.UNTAGGING, service=back, ending=Ending.HELD, reached=None)
    (bar,) = written(r)
    assert (bar.revision, bar.image, bar.actor) == (CANDIDATE, BAD_IMAGE, "eve@example.com")


def test_a_rollback_bars_with_the_digest_that_it_read_or_that_the_annotation_knows():
    asked = plan(Kind.ROLLBACK, revision=STABLE)
    known = {**stable(), CANDIDATE: Revision(CANDIDATE, READY, "app:2", digest=BAD_IMAGE)}
    r = aimed(asked, service(MOVED, annotations=()), revisions=known)
    assert written(r) == (Denied(CANDIDATE, BAD_IMAGE, "alice", "because"),)
    promoted = marked(RolloutAnnotation(2, "r0", wrote=((CANDIDATE, 100),), image=BAD_IMAGE), MOVED)
    r = aimed(asked, promoted, wanted=())
    assert r.phase is Phase.MOVING  # nothing had to be read for it
    assert written(r) == (Denied(CANDIDATE, BAD_IMAGE, "alice", "because"),)


def test_a_rollback_takes_the_image_from_the_list_that_it_chose_its_target_from():
    listed = (Revision(CANDIDATE, READY, "app:2", digest=BAD_IMAGE),)
    asked = plan(Kind.ROLLBACK, revision=STABLE, revisions=listed)
    r = aimed(asked, service(MOVED, annotations=()), wanted=())
    assert r.phase is Phase.MOVING
    assert written(r) == (Denied(CANDIDATE, BAD_IMAGE, "alice", "because"),)


def test_a_rollback_reads_what_serves_where_nobody_knows_its_image_and_does_without_if_it_must():
    asked = plan(Kind.ROLLBACK, revision=STABLE)
    r = aimed(asked, service(MOVED, annotations=()), wanted=())
    assert (r.phase, r.wanted) == (Phase.READING, (CANDIDATE,))
    (look,) = command_of(r)
    assert (look.revisions, look.after_s) == ((STABLE, CANDIDATE), 0.0)
    again = plan_first_write(r, service(MOVED, annotations=()), NOW)  # it is not there to be read
    assert again.phase is Phase.MOVING
    assert written(again) == (Denied(CANDIDATE, "", "alice", "because"),)


def test_an_image_that_users_go_back_to_is_not_what_people_left():
    """The same image, set up otherwise: the revision is barred, and the image is not."""
    known = {**stable(), CANDIDATE: Revision(CANDIDATE, READY, "app:1", digest=GOOD_IMAGE)}
    asked = plan(Kind.ROLLBACK, revision=STABLE)
    r = aimed(asked, service(MOVED, annotations=()), revisions=known)
    assert written(r) == (Denied(CANDIDATE, "", "alice", "because"),)
    by_hand = marked(replace(LEFT, image=GOOD_IMAGE), BEFORE)
    assert denylist_of(by_hand, known) == (replace(BAR, image=""),)
    kept = marked(
        RolloutAnnotation(3, wrote=((STABLE, 100),), denylist=(replace(BAR, image=""),)), BEFORE
    )
    assert denylist_of(kept, {**known, BAD: replace(known[STABLE], name=BAD)})[0].image == ""


def test_no_bar_is_on_a_revision_that_has_users():
    mark = replace(LEFT, wrote=((STABLE, 100),), denylist=(Denied(STABLE), BAR))
    assert written(rollout(Phase.UNTAGGING, service=marked(mark, BEFORE))) == (BAR,)
    undone = marked(replace(mark, denylist=(Denied(CANDIDATE), BAR)), BEFORE, effective=MOVED)
    assert written(rollout(Phase.RECOVERING, service=undone, goal=BEFORE)) == (BAR,)


def test_who_gives_users_to_what_was_barred_has_decided_anew():
    mark = replace(LEFT, wrote=((STABLE, 100),), denylist=(Denied(STABLE, BAD_IMAGE), BAR))
    assert denylist_of(marked(mark, BEFORE), {}) == (BAR,)
    latest = Split.of([Target(None, 100)])  # which means stable now
    assert denylist_of(marked(mark, latest), {}) == (BAR,)


def test_a_bar_without_a_digest_gets_it_once_it_is_known():
    bar = Denied(BAD, "app:9", "bob", "slow")
    mark = replace(LEFT, wrote=((STABLE, 100),), image=GOOD_IMAGE, denylist=(bar,))
    known = {BAD: Revision(BAD, READY, "app:9", digest=BAD_IMAGE)}
    assert denylist_of(marked(mark, BEFORE), known) == (Denied(BAD, BAD_IMAGE, "bob", "slow"),)


def test_the_image_of_what_has_users_is_written_with_each_move():
    known = {
        STABLE: Revision(STABLE, READY, "app:1", digest=GOOD_IMAGE),
        CANDIDATE: Revision(CANDIDATE, READY, "app:2", digest=BAD_IMAGE),
    }
    r = rollout(Phase.MOVING, revisions=known)
    canary = Split.of([Target(STABLE, 90), Target(CANDIDATE, 10)])
    assert annotation_of(r, canary, working=True).image == BAD_IMAGE
    assert annotation_of(r, MOVED, working=False).image == BAD_IMAGE
    assert annotation_of(r, BEFORE, working=True).image == GOOD_IMAGE
    unknown = rollout(Phase.MOVING, revisions=revisions())
    assert annotation_of(unknown, MOVED, working=False).image == ""  # a tag says nothing for long


def test_the_annotation_knows_only_the_image_of_what_it_was_written_for():
    mark = replace(LEFT, wrote=((OLD, 40), (BAD, 60)), candidate="", image=BAD_IMAGE)
    here = marked(mark, BEFORE)
    assert image_of(BAD, here, {}) == BAD_IMAGE
    assert image_of(OLD, here, {}) == ""
    assert image_of(OLD, marked(replace(mark, candidate=OLD), BEFORE), {}) == BAD_IMAGE


# --- what a bar is against


@pytest.mark.parametrize(
    ("revision", "image", "barred"),
    [
        (BAD, "", True),
        ("", BAD_IMAGE, True),
        ("", BAD_IMAGE.replace("host/app", "elsewhere/mirror"), True),
        ("", GOOD_IMAGE, False),
        ("", "host/app:latest", False),
        (OLD, "", False),
        ("", "", False),
    ],
)
def test_a_bar_is_against_a_revision_and_against_what_is_in_its_image(revision, image, barred):
    assert bool(against((Denied(OLD + "x"), BAR), revision, image)) is barred
    nameless = (Denied(OLD + "x", "host/app:latest"),)
    assert against(nameless, revision, image) is None


@pytest.mark.parametrize(
    "asked",
    [
        plan(image=BAD_IMAGE),
        plan(revision=BAD),
        plan(revision=CANDIDATE),  # another revision of the same image
    ],
)
def test_what_people_left_is_not_rolled_out_again_unless_asked_for(asked):
    known = {
        **stable(),
        BAD: Revision(BAD, READY, "app:9", digest=BAD_IMAGE),
        CANDIDATE: Revision(CANDIDATE, READY, "app:9", digest=BAD_IMAGE),
    }
    for seen in (
        marked(LEFT, BEFORE),
        marked(replace(LEFT, wrote=((STABLE, 100),), denylist=(BAR,)), BEFORE),
    ):
        r = aimed(asked, seen, revisions=known)
        assert r.ending is Ending.REFUSED
        assert f"eve@example.com moved users away from {BAD}" in r.notes[-1]
        assert "--again --reason" in r.notes[-1]
        allowed = aimed(replace(asked, again=True), seen, revisions=known)
        assert allowed.phase in {Phase.DEPLOYING, Phase.TAGGING}
        assert f"overridden by --again: eve@example.com moved users away from {BAD}" in str(
            allowed.notes
        )


def created(digest, denylist=(BAR,), **asked):
    """Our candidate is ready, and its image, given by tag, is known by digest now."""
    known = {**stable(), CANDIDATE: Revision(CANDIDATE, READY, "app:latest", digest=digest)}
    here = ours()
    here = marked(replace(here.rollout_annotation, denylist=denylist), PLACED)
    return waiting(rollout(Phase.WAITING, plan(**asked), revisions=known), here, NOW)


def test_an_image_by_tag_is_held_once_it_shows_to_be_a_barred_one_before_it_is_asked():
    r = created(BAD_IMAGE)
    assert (r.phase, r.ending, r.verdict.decision) == (Phase.CLEANING, Ending.HELD, Decision.HOLD)
    (reason,) = r.verdict.reasons
    assert f"moved users away from {BAD}" in reason.text
    assert "--again" in reason.hint
    assert created(GOOD_IMAGE).phase is Phase.PROBING
    ana = Denied(OLD, BAD_IMAGE, "ana", "checkout answers 500")
    overridden = created(BAD_IMAGE, again=True, denylist=(BAR, ana, Denied("other", GOOD_IMAGE)))
    assert overridden.phase is Phase.PROBING
    assert [one for one in overridden.notes if one.startswith("overridden by --again: ")] == [
        f"overridden by --again: {why(one)}" for one in (BAR, ana)
    ]


def test_an_image_that_nobody_knows_is_held_where_images_are_barred():
    r = created("")
    assert (r.ending, r.verdict.reasons[0].subject) == (Ending.HELD, "barred")
    assert created("", denylist=()).phase is Phase.PROBING
    assert created("", denylist=(Denied(BAD),)).phase is Phase.PROBING  # no image to compare


# --- what lifts a bar


def same_image():
    return {CANDIDATE: Revision(CANDIDATE, READY, "app:9", digest=BAD_IMAGE)}


@pytest.mark.parametrize("kind", [Kind.PROMOTE, Kind.ROLLBACK])
def test_a_persons_move_to_it_lifts_it(kind):
    mark = replace(LEFT, wrote=((STABLE, 100),), denylist=(BAR, Denied(OLD)))
    r = rollout(
        Phase.MOVING, plan(kind, revision=CANDIDATE), service=marked(mark, BEFORE),
        revisions=same_image(), denylist=mark.denylist, placed=Split.all_to(CANDIDATE),
    )  # fmt: skip
    assert BAR not in written(r)
    assert Denied(OLD) in written(r)


def test_a_rollout_again_lifts_it_once_it_has_all_users_for_good_and_not_before():
    asked = plan(image=BAD_IMAGE, again=True)
    mark = replace(OURS_AT_WORK, denylist=(BAR,))
    moving = rollout(
        Phase.MOVING, asked, service=marked(mark), revisions=same_image(), denylist=(BAR,)
    )
    assert written(moving) == (BAR,)
    promoted = marked(replace(mark, wrote=((CANDIDATE, 100),)), MOVED)
    done = replace(moving, phase=Phase.UNTAGGING, service=promoted, ending=Ending.PROMOTED)
    assert written(done) == ()


def test_a_bar_on_a_revision_that_is_tried_again_comes_back_where_it_fails():
    bar = Denied(CANDIDATE, BAD_IMAGE, "bob", "slow")
    asked = plan(revision=CANDIDATE, again=True)
    trying = marked(replace(OURS_AT_WORK, wrote=((CANDIDATE, 100),)), MOVED)
    r = rollout(Phase.REVERTING, asked, service=trying, denylist=(bar,), revisions=same_image())
    assert written(r) == (bar,)


OURS_AT_WORK = ours().rollout_annotation


def test_an_annotation_that_nobody_can_read_bars_nothing():
    torn = service(BEFORE, annotations=((KEY, "{"),))
    assert denylist.denylist_of(torn, {}) == ()
    assert denylist.left_by_others(torn) == ()
