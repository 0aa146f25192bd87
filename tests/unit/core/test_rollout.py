"""The table of arrows: which event leads from which phase to which."""

import copy
from dataclasses import replace
from datetime import timedelta

import pytest

from gate.core.annotation import KEY, RolloutAnnotation
from gate.core.commands import command_of
from gate.core.evidence import SERVICE, Outcome
from gate.core.messages import (
    Accepted,
    CallFailed,
    Deploy,
    Failure,
    Interrupted,
    LogsRead,
    Look,
    Probed,
    Recorded,
    Seen,
)
from gate.core.rollout import begin, step
from gate.core.state import Ending, Kind, Phase
from gate.core.traffic import Split
from gate.core.transitions import CONFLICTS_MAX
from gate.errors import ExitCode, IllegalEventError
from tests.unit.core.rollouts import (
    BEFORE,
    BOOTING,
    BROKEN,
    CANDIDATE,
    GUARD,
    MOVED,
    NOW,
    PLACED,
    STABLE,
    done,
    evidence,
    failed,
    later,
    plan,
    released,
    revisions,
    rollout,
    seen,
    service,
)

P = Phase
BUSY = service(BEFORE, reconciling=True)
HALF_WAY = service(MOVED, effective=BEFORE, reconciling=True)
LEFT_HALF_WAY = released(HALF_WAY)
BACK_HALF_WAY = service(BEFORE, effective=MOVED, reconciling=True)
UNWRITTEN = service(PLACED, generation=GUARD)
THEIRS = service(Split.all_to("backend-00009-rival"))
UNREAD = rollout(P.READING, placed=None, reached=None, before=None, service=None)
STILL_THERE = service(MOVED, effective=BEFORE, reconciling=True, generation=GUARD)
LONG_AGO = RolloutAnnotation(fence=3, writer="r0", holder="r0", until=NOW - timedelta(minutes=5))
DEAD = service(BEFORE, annotations=((KEY, LONG_AGO.text()),))
RECOVER = plan(Kind.RECOVER)
STEPS, WATCH = plan(steps=(10, 100)), plan(watch_s=30.0)
ADOPT = plan(revision=CANDIDATE)
PROMOTE, ROLL_BACK = plan(Kind.PROMOTE, revision=CANDIDATE), plan(Kind.ROLLBACK, revision=CANDIDATE)

AT_BOTH = (evidence(), replace(evidence(), address=SERVICE))

ARROWS = [
    # reading
    (rollout(P.READING), seen(service()), P.DEPLOYING, None),
    (rollout(P.READING, ADOPT), seen(service()), P.TAGGING, None),
    (rollout(P.READING), seen(BUSY), P.READING, None),
    (rollout(P.READING), seen(BUSY, at=later(60)), P.RECORDING, Ending.FAILED),
    (rollout(P.READING, ADOPT), seen(service(), None), P.RECORDING, Ending.REFUSED),
    (rollout(P.READING, PROMOTE), seen(service()), P.MOVING, None),
    (rollout(P.READING, PROMOTE), seen(released(service(MOVED))), P.RECORDING, Ending.UNCHANGED),
    (rollout(P.READING, PROMOTE), seen(service(MOVED)), P.RECORDING, Ending.BUSY),
    (rollout(P.READING), seen(DEAD), P.RECOVERING, None),
    (rollout(P.RECOVERING), Accepted(NOW), P.RECOVERED, None),
    (rollout(P.RECOVERING), failed(Failure.CONFLICT), P.READING, None),
    (rollout(P.RECOVERING), failed(Failure.REFUSED), P.RECORDING, Ending.STUCK),
    (rollout(P.RECOVERED), seen(released(service(BEFORE))), P.READING, None),
    (rollout(P.RECOVERED, RECOVER), seen(released(service(BEFORE))), P.RECORDING, Ending.RECOVERED),
    (
        rollout(P.RECOVERED),
        seen(released(BACK_HALF_WAY), at=later(60)),
        P.RECORDING,
        Ending.STUCK,
    ),
    (rollout(P.READING, PROMOTE), seen(service(), BROKEN), P.RECORDING, Ending.REJECTED),
    (rollout(P.READING, ROLL_BACK), seen(service()), P.MOVING, None),
    (rollout(P.READING), failed(Failure.NOT_FOUND), P.RECORDING, Ending.REFUSED),
    (UNREAD, failed(Failure.LOST), P.RECORDING, Ending.FAILED),
    (UNREAD, failed(Failure.DENIED), P.RECORDING, Ending.FAILED),
    (rollout(P.READING, unseen=True), failed(Failure.LOST), P.READING, None),
    (rollout(P.READING, unseen=True), failed(Failure.LOST, later(60)), P.RECORDING, Ending.STUCK),
    # deploying and tagging
    (rollout(P.DEPLOYING), Accepted(NOW), P.WAITING, None),
    (rollout(P.TAGGING, ADOPT), Accepted(NOW), P.WAITING, None),
    (rollout(P.DEPLOYING), failed(Failure.CONFLICT), P.READING, None),
    (rollout(P.DEPLOYING), failed(Failure.LOST), P.WAITING, None),
    (rollout(P.DEPLOYING), failed(Failure.REFUSED), P.RECORDING, Ending.FAILED),
    (rollout(P.DEPLOYING), failed(Failure.UNRECORDED), P.RECORDING, Ending.FAILED),
    (rollout(P.TAGGING, ADOPT), failed(Failure.NOT_FOUND), P.RECORDING, Ending.FAILED),
    # waiting and explaining
    (rollout(P.WAITING), seen(service(PLACED)), P.PROBING, None),
    (rollout(P.WAITING), seen(service(PLACED), BOOTING), P.WAITING, None),
    (rollout(P.WAITING), seen(service(PLACED), BROKEN), P.EXPLAINING, None),
    (rollout(P.WAITING), seen(service(PLACED), BOOTING, later(60)), P.EXPLAINING, None),
    (rollout(P.WAITING), seen(service(PLACED), None, later(60)), P.CLEANING, Ending.FAILED),
    (rollout(P.WAITING), seen(service(BEFORE)), P.CLEANING, Ending.HELD),
    (rollout(P.WAITING), failed(Failure.LOST), P.WAITING, None),
    (rollout(P.WAITING), failed(Failure.REFUSED, later(60)), P.CLEANING, Ending.FAILED),
    (rollout(P.WAITING), failed(Failure.NOT_FOUND), P.RECORDING, Ending.HELD),
    (
        rollout(P.EXPLAINING, revisions=revisions(BROKEN)),
        LogsRead(NOW, ()),
        P.CLEANING,
        Ending.REJECTED,
    ),
    # probing and confirming
    (rollout(P.PROBING), Probed(NOW, (evidence(),)), P.CONFIRMING, None),
    (rollout(P.PROBING), Probed(NOW, (evidence(Outcome.FAILED),)), P.CLEANING, Ending.REJECTED),
    (rollout(P.PROBING), Probed(NOW, ()), P.CLEANING, Ending.HELD),
    (rollout(P.PROBING), failed(Failure.REFUSED), P.CLEANING, Ending.HELD),
    (rollout(P.CONFIRMING), seen(service(PLACED)), P.MOVING, None),
    (rollout(P.CONFIRMING), seen(THEIRS), P.CLEANING, Ending.HELD),
    (rollout(P.CONFIRMING), seen(service(PLACED), at=later(1200)), P.CLEANING, Ending.HELD),
    (rollout(P.CONFIRMING), failed(Failure.LOST), P.CLEANING, Ending.FAILED),
    # moving and verifying
    (rollout(P.MOVING), Accepted(NOW), P.VERIFYING, None),
    (rollout(P.MOVING), failed(Failure.LOST), P.VERIFYING, None),
    (rollout(P.MOVING), failed(Failure.CONFLICT), P.CONFIRMING, None),
    (rollout(P.MOVING, PROMOTE), failed(Failure.CONFLICT), P.READING, None),
    (rollout(P.MOVING), failed(Failure.REFUSED), P.CLEANING, Ending.FAILED),
    (rollout(P.MOVING), failed(Failure.UNRECORDED), P.CLEANING, Ending.FAILED),
    (rollout(P.MOVING, ROLL_BACK), failed(Failure.REFUSED), P.RECORDING, Ending.FAILED),
    (rollout(P.VERIFYING), seen(service(MOVED)), P.UNTAGGING, Ending.PROMOTED),
    (rollout(P.VERIFYING, STEPS), seen(service(MOVED)), P.DWELLING, None),
    (rollout(P.VERIFYING, WATCH), seen(service(MOVED)), P.WATCHING, None),
    (rollout(P.DWELLING, STEPS), Probed(NOW, AT_BOTH), P.DWELLING, None),
    (rollout(P.DWELLING, STEPS), Probed(later(60), AT_BOTH), P.CONFIRMING, None),
    (
        rollout(P.DWELLING, STEPS, stepped=1),
        Probed(NOW, (evidence(Outcome.FAILED),)),
        P.BACKING_OUT,
        Ending.REGRESSED,
    ),
    (
        rollout(P.WATCHING, WATCH, stepped=1),
        Probed(NOW, (evidence(Outcome.FAILED),)),
        P.BACKING_OUT,
        Ending.REGRESSED,
    ),
    (rollout(P.WATCHING, WATCH, stepped=1), Probed(NOW, ()), P.WATCHING, None),
    (rollout(P.WATCHING, WATCH, stepped=1), Interrupted(NOW), P.BACKING_OUT, Ending.INTERRUPTED),
    (rollout(P.VERIFYING, PROMOTE), seen(done(MOVED)), P.RECORDING, Ending.PROMOTED),
    (rollout(P.VERIFYING, ROLL_BACK), seen(done(MOVED)), P.VERIFYING, None),
    (
        rollout(P.VERIFYING, ROLL_BACK, listening=True),
        seen(done(MOVED)),
        P.RECORDING,
        Ending.ROLLED_BACK,
    ),
    (rollout(P.VERIFYING), seen(HALF_WAY), P.VERIFYING, None),
    (rollout(P.VERIFYING), seen(HALF_WAY, at=later(60)), P.BACKING_OUT, Ending.REVERTED),
    (
        rollout(P.VERIFYING, ROLL_BACK),
        seen(released(HALF_WAY), at=later(60)),
        P.RECORDING,
        Ending.STUCK,
    ),
    (rollout(P.VERIFYING), seen(UNWRITTEN), P.VERIFYING, None),
    (rollout(P.VERIFYING, looks=3), seen(UNWRITTEN), P.CONFIRMING, None),
    (rollout(P.VERIFYING, PROMOTE, looks=3), seen(UNWRITTEN), P.READING, None),
    (rollout(P.VERIFYING, looks=3, conflicts=5), seen(UNWRITTEN), P.CLEANING, Ending.FAILED),
    (
        rollout(P.VERIFYING, looks=3, interrupted=True),
        seen(UNWRITTEN),
        P.CLEANING,
        Ending.INTERRUPTED,
    ),
    (rollout(P.VERIFYING), seen(THEIRS), P.CLEANING, Ending.HELD),
    (rollout(P.VERIFYING, PROMOTE), seen(THEIRS), P.RECORDING, Ending.HELD),
    (rollout(P.VERIFYING), failed(Failure.LOST), P.VERIFYING, None),
    (rollout(P.VERIFYING), failed(Failure.LOST, later(60)), P.RECORDING, Ending.STUCK),
    # backing out, reverting, proving
    (rollout(P.BACKING_OUT), seen(HALF_WAY), P.REVERTING, None),
    (rollout(P.BACKING_OUT), seen(THEIRS), P.CLEANING, Ending.HELD),
    (rollout(P.BACKING_OUT), failed(Failure.LOST), P.BACKING_OUT, None),
    (rollout(P.BACKING_OUT), failed(Failure.LOST, later(60)), P.RECORDING, Ending.STUCK),
    (rollout(P.REVERTING), Accepted(NOW), P.PROVING, None),
    (rollout(P.REVERTING), failed(Failure.LOST), P.PROVING, None),
    (rollout(P.REVERTING), failed(Failure.CONFLICT), P.BACKING_OUT, None),
    (rollout(P.REVERTING), failed(Failure.REFUSED), P.RECORDING, Ending.STUCK),
    (rollout(P.PROVING), seen(service(BEFORE)), P.RECORDING, Ending.REVERTED),
    (rollout(P.PROVING), seen(BACK_HALF_WAY), P.PROVING, None),
    (rollout(P.PROVING), seen(BACK_HALF_WAY, at=later(60)), P.RECORDING, Ending.STUCK),
    (rollout(P.PROVING, looks=3), seen(STILL_THERE), P.BACKING_OUT, None),
    (rollout(P.PROVING), seen(THEIRS), P.CLEANING, Ending.HELD),
    (rollout(P.PROVING), failed(Failure.LOST), P.PROVING, None),
    # cleaning, untagging, settling
    (rollout(P.CLEANING), seen(service(PLACED)), P.UNTAGGING, None),
    (rollout(P.CLEANING), seen(service(BEFORE)), P.SETTLING, None),
    (rollout(P.CLEANING), failed(Failure.LOST), P.CLEANING, None),
    (rollout(P.CLEANING), failed(Failure.LOST, later(60)), P.RECORDING, Ending.HELD),
    (rollout(P.CLEANING, unseen=True), failed(Failure.LOST, later(60)), P.RECORDING, Ending.STUCK),
    (rollout(P.UNTAGGING), Accepted(NOW), P.SETTLING, None),
    (rollout(P.UNTAGGING), failed(Failure.LOST), P.SETTLING, None),
    (rollout(P.UNTAGGING), failed(Failure.CONFLICT), P.CLEANING, None),
    (rollout(P.UNTAGGING), failed(Failure.REFUSED), P.CLEANING, None),
    (rollout(P.UNTAGGING), failed(Failure.DENIED), P.CLEANING, None),
    (rollout(P.UNTAGGING, conflicts=5), failed(Failure.REFUSED), P.RECORDING, Ending.HELD),
    (rollout(P.SETTLING), seen(service(BEFORE)), P.RECORDING, None),
    (rollout(P.SETTLING), seen(service(PLACED)), P.CLEANING, None),
    (rollout(P.SETTLING), seen(BUSY), P.SETTLING, None),
    (rollout(P.SETTLING), seen(BACK_HALF_WAY, at=later(60)), P.RECORDING, Ending.STUCK),
    (rollout(P.SETTLING), failed(Failure.LOST), P.SETTLING, None),
    (rollout(P.SETTLING), failed(Failure.LOST, later(60)), P.RECORDING, Ending.STUCK),
    # recording
    (rollout(P.RECORDING), Recorded(NOW, kept=True), P.ENDED, None),
    (rollout(P.RECORDING), Recorded(NOW, kept=False, message="down"), P.ENDED, None),
    # interruption
    (rollout(P.READING), Interrupted(NOW), P.RECORDING, Ending.INTERRUPTED),
    (rollout(P.DEPLOYING), Interrupted(NOW), P.RECORDING, Ending.INTERRUPTED),
    (rollout(P.TAGGING), Interrupted(NOW), P.RECORDING, Ending.INTERRUPTED),
    (rollout(P.WAITING), Interrupted(NOW), P.CLEANING, Ending.INTERRUPTED),
    (rollout(P.EXPLAINING), Interrupted(NOW), P.CLEANING, Ending.INTERRUPTED),
    (rollout(P.PROBING), Interrupted(NOW), P.CLEANING, Ending.INTERRUPTED),
    (rollout(P.CONFIRMING), Interrupted(NOW), P.CLEANING, Ending.INTERRUPTED),
    (rollout(P.MOVING), Interrupted(NOW), P.CLEANING, Ending.INTERRUPTED),
    (rollout(P.MOVING, PROMOTE), Interrupted(NOW), P.RECORDING, Ending.INTERRUPTED),
    (rollout(P.VERIFYING), Interrupted(NOW), P.VERIFYING, None),
    (rollout(P.BACKING_OUT), Interrupted(NOW), P.BACKING_OUT, None),
    (rollout(P.REVERTING), Interrupted(NOW), P.REVERTING, None),
    (rollout(P.PROVING), Interrupted(NOW), P.PROVING, None),
    (rollout(P.CLEANING), Interrupted(NOW), P.CLEANING, None),
    (rollout(P.UNTAGGING), Interrupted(NOW), P.UNTAGGING, None),
    (rollout(P.SETTLING), Interrupted(NOW), P.SETTLING, None),
    (rollout(P.RECORDING), Interrupted(NOW), P.RECORDING, None),
]


def name(arrow):
    before, event, after, _ = arrow
    what = event.failure.value if isinstance(event, CallFailed) else type(event).__name__
    return f"{before.plan.kind.value}: {before.phase.value} - {what} - {after.value}"


@pytest.mark.parametrize("arrow", ARROWS, ids=name)
def test_an_arrow(arrow):
    before, event, phase, ending = arrow
    after, commands = step(before, event)
    assert after.phase is phase
    assert after.ending is ending
    assert commands == command_of(after)
    assert len(commands) == (phase is not Phase.ENDED)


def test_the_table_has_every_phase():
    assert {before.phase for before, *_ in ARROWS} == set(Phase) - {Phase.ENDED}
    assert {after for _, _, after, _ in ARROWS} == set(Phase)


@pytest.mark.parametrize("phase", [P.DEPLOYING, P.MOVING, P.REVERTING, P.UNTAGGING])
def test_conflicts_are_answered_so_many_times_and_no_more(phase):
    after, _ = step(rollout(phase, conflicts=CONFLICTS_MAX - 1), failed(Failure.CONFLICT))
    assert after.conflicts == CONFLICTS_MAX
    after, _ = step(rollout(phase, conflicts=CONFLICTS_MAX), failed(Failure.CONFLICT))
    assert after.phase in {P.RECORDING, P.CLEANING}
    assert after.conflicts == CONFLICTS_MAX


EVENTS = [
    seen(service()),
    Accepted(NOW),
    failed(Failure.LOST),
    Probed(NOW, ()),
    LogsRead(NOW, ()),
    Recorded(NOW, kept=True),
]
EXPECTED = {
    P.READING: {0, 2},
    P.DEPLOYING: {1, 2},
    P.TAGGING: {1, 2},
    P.WAITING: {0, 2},
    P.EXPLAINING: {4},
    P.RECOVERING: {1, 2},
    P.RECOVERED: {0, 2},
    P.PROBING: {0, 2, 3},
    P.DWELLING: {0, 2, 3},
    P.WATCHING: {0, 2, 3},
    P.CONFIRMING: {0, 2},
    P.MOVING: {1, 2},
    P.VERIFYING: {0, 2},
    P.BACKING_OUT: {0, 2},
    P.REVERTING: {1, 2},
    P.PROVING: {0, 2},
    P.CLEANING: {0, 2},
    P.UNTAGGING: {1, 2},
    P.SETTLING: {0, 2},
    P.RECORDING: {5},
    P.ENDED: set(),
}


@pytest.mark.parametrize("phase", Phase, ids=lambda phase: phase.value)
def test_an_event_that_a_phase_does_not_expect_is_an_error_and_changes_nothing(phase):
    r = rollout(phase)
    was = copy.deepcopy(r)
    for number, event in enumerate(EVENTS):
        if number in EXPECTED[phase]:
            step(r, event)
            continue
        with pytest.raises(IllegalEventError) as caught:
            step(r, event)
        assert "r1" in caught.value.message
        assert type(event).__name__ in caught.value.message
        assert repr(phase.value) in caught.value.message
    assert r == was


def test_nothing_follows_the_end_not_even_an_interruption():
    with pytest.raises(IllegalEventError, match="Interrupted does not belong"):
        step(rollout(P.ENDED), Interrupted(NOW))


def test_a_rollout_begins_with_a_look_at_the_service_and_at_a_named_revision():
    r, commands = begin(plan(), "r1", NOW)
    assert (r.phase, r.started_at, r.limit_at) == (P.READING, NOW, later(60))
    assert commands == (Look((), 0.0),)
    _, commands = begin(plan(revision=CANDIDATE), "r1", NOW)
    assert commands == (Look((CANDIDATE,), 0.0),)


def test_an_outcome_that_was_not_kept_is_noted():
    after, _ = step(rollout(P.RECORDING), Recorded(NOW, kept=False, message="403"))
    assert not after.recorded
    assert after.notes == ("the ledger did not keep the outcome: 403",)
    after, _ = step(rollout(P.RECORDING), Recorded(NOW, kept=True))
    assert after.recorded
    assert after.notes == ()


def test_what_is_seen_replaces_what_was_known():
    r = rollout(P.WAITING, revisions={**revisions(BOOTING), **revisions(BOOTING, STABLE)})
    after, _ = step(r, seen(service(PLACED), BOOTING))
    assert after.service == service(PLACED)
    assert set(after.revisions) == {CANDIDATE, STABLE}


def test_a_revision_that_was_asked_for_and_is_not_there_is_forgotten():
    after, _ = step(rollout(P.WAITING), seen(service(PLACED), None))
    assert CANDIDATE not in after.revisions


def test_a_revision_that_was_not_asked_for_is_kept():
    after, _ = step(rollout(P.CONFIRMING), seen(service(PLACED), None))
    assert CANDIDATE in after.revisions


def marked(what, command):
    """The service as the write of this command leaves it, its mark included."""
    return replace(what, annotations=((KEY, command.annotation.text()),))


def test_a_whole_rollout_step_by_step():
    told = []

    def then(event):
        nonlocal r, commands
        told.extend(commands)
        r, commands = step(r, event)

    r, commands = begin(plan(), "r1", NOW)
    then(seen(service(etag="0", annotations=()), None))
    then(Seen(NOW, service(etag="1", annotations=()), revisions(name=STABLE)))
    then(Accepted(NOW))
    deployed = marked(service(PLACED, etag="2"), told[2])
    then(seen(deployed))
    then(Probed(NOW, (evidence(),)))
    then(seen(deployed))
    then(Accepted(NOW))
    then(seen(marked(service(MOVED, etag="3"), told[6])))
    then(Accepted(NOW))
    then(Recorded(NOW, kept=True))
    assert [type(command).__name__ for command in told] == [
        "Look",
        "Look",
        "Deploy",
        "Look",
        "RunProbes",
        "Look",
        "SetTraffic",
        "Look",
        "SetTraffic",
        "Record",
    ]
    assert told[:2] == [Look(), Look((STABLE,))]
    assert told[8].annotation.holder == ""
    assert isinstance(told[2], Deploy)
    assert (told[2].etag, told[2].base, told[6].etag) == ("1", STABLE, "2")
    assert (r.ending, r.exit_code, r.ended) == (Ending.PROMOTED, ExitCode.DONE, True)
