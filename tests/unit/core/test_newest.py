"""`--revision latest`: which revision that is, and when it is not taken."""

from dataclasses import replace

import pytest

from gate.core.commands import command_of
from gate.core.first_write import plan_first_write
from gate.core.interference import interference
from gate.core.service import Revision
from gate.core.state import Ending, Phase
from gate.core.traffic import Split, Target
from tests.unit.core.rollouts import (
    BEFORE,
    BROKEN,
    CANDIDATE,
    NOW,
    OLD,
    READY,
    STABLE,
    later,
    ours,
    plan,
    rollout,
    service,
)

ASKED = plan(revision="", newest=True)
DIGEST = "app@sha256:" + "a" * 64
READ = Revision(CANDIDATE, READY, "app:2", NOW, digest=DIGEST, image_label="app:2")


def reading(asked=ASKED, **changes):
    fresh = {"before": None, "placed": None, "candidate": asked.revision, "revisions": {}}
    return rollout(Phase.READING, asked, **fresh | changes)


def named(seen=None, read=READ, **changes):
    """A rollout that knows the name, once the revision was read, and what it decides then."""
    r = plan_first_write(reading(**changes), seen or service(), NOW)
    r = replace(
        r, revisions={STABLE: Revision(STABLE, READY), **({read.name: read} if read else {})}
    )
    return plan_first_write(r, seen or service(), NOW)


def test_it_is_the_one_created_last_not_the_latest_that_is_ready():
    r = plan_first_write(reading(), service(), NOW)
    assert (r.phase, r.plan.revision, r.candidate) == (Phase.READING, CANDIDATE, CANDIDATE)
    assert command_of(r)[0].revisions[0] == CANDIDATE
    (note,) = r.notes
    assert note.startswith(f"latest is {CANDIDATE}: the revision that {r.plan.service} created")
    assert note.endswith(f"; the latest that is ready is {STABLE}")
    assert named().phase is Phase.TAGGING


def test_what_is_known_of_it_is_told():
    r = plan_first_write(reading(replace(ASKED, revisions=(READ,))), service(), NOW)
    assert "(created at 2026-01-01 12:00:00 UTC, image app:2)" in r.notes[0]


def test_while_a_change_is_carried_out_nobody_knows_which_it_is():
    busy = service(reconciling=True)
    r = plan_first_write(reading(), busy, NOW)
    assert (r.phase, r.plan.revision, r.looks) == (Phase.READING, "", 1)
    assert plan_first_write(r, busy, later(60)).ending is Ending.FAILED
    assert plan_first_write(r, service(), NOW).plan.revision == CANDIDATE


def test_a_service_that_names_none_is_refused():
    r = plan_first_write(reading(), service(latest_created=""), NOW)
    assert r.ending is Ending.REFUSED


def test_the_one_that_was_named_stays_it():
    r = plan_first_write(reading(), service(), NOW)
    newer = service(latest_created="backend-00003-new")
    r = plan_first_write(replace(r, revisions={CANDIDATE: READ}), newer, NOW)
    assert (r.ending, r.candidate) == (Ending.HELD, CANDIDATE)
    assert "another revision, backend-00003-new, was deployed" in str(r.verdict.reasons[0])


def test_a_deploy_while_it_is_probed_stops_it():
    asked = replace(ASKED, revision=CANDIDATE)
    newer = ours(latest_created="backend-00003-new")
    assert "backend-00003-new" in interference(rollout(Phase.CONFIRMING, asked), newer)
    assert not interference(rollout(Phase.CONFIRMING, replace(asked, newest=False)), newer)


@pytest.mark.parametrize(
    ("template", "fits"),
    [
        ({}, True),
        ({"template_image": "app:2"}, True),
        ({"template_image": READ.digest}, True),
        ({"template_image": "app:3", "image_label": "app:3"}, False),
        ({"template_image": "app:3", "image_label": "app:2"}, True),  # left there by gcloud
        ({"template_image": "app:3"}, True),
        ({"template_image": "app@sha256:" + "b" * 64}, False),
        ({"template_name": CANDIDATE}, True),
        ({"template_name": "backend-00009-new"}, False),
        ({"settings": (("concurrency", "80"),)}, True),
        ({"settings": (("concurrency", "1"),)}, False),
    ],
)
def test_one_that_is_not_what_the_template_says_now_is_held(template, fits):
    r = named(service(**template), replace(READ, settings=(("concurrency", "80"),)))
    assert r.phase is (Phase.TAGGING if fits else Phase.RECORDING)
    assert r.ending is (None if fits else Ending.HELD)


def test_a_tag_in_the_template_may_be_the_digest_that_the_revision_names():
    read = replace(READ, image=READ.digest)
    assert named(service(template_image="app:9"), read).phase is Phase.TAGGING


def test_one_that_was_deleted_is_refused():
    assert named(read=None).ending is Ending.REFUSED


@pytest.mark.parametrize("traffic", [Split.of([Target(None, 100)]), Split.all_to(CANDIDATE)])
def test_one_that_serves_already_is_refused_with_the_way_out(traffic):
    r = named(service(traffic, latest_ready=CANDIDATE, annotations=()))
    assert r.ending is Ending.REFUSED
    assert f"{CANDIDATE} gets 100 % of the traffic already" in r.notes[-1]
    assert "--quarantine" in r.notes[-1]


def test_one_that_cannot_start_is_taken_and_will_say_why():
    read = replace(READ, ready=BROKEN)
    r = named(service(Split.of([Target(None, 100), Target(OLD, 0, "blue")])), read)
    assert (r.phase, r.placed.shares) == (Phase.TAGGING, BEFORE.shares)
