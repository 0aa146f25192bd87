"""What gcloud does where the gate does not get through."""

import pytest

from gate.core.messages import Failure, Look
from gate.core.state import Ending, Kind
from gate.report.gcloud import INSTEAD, RECOVER, UNLOCK, instead, look
from gate.report.summary import summary_lines
from tests.unit.report.scenes import CAPABILITIES, STABLE, Scene, fail_once, plan, rollback_plan

WHERE = "--project demo --region us-central1"
TO = f"gcloud run services update-traffic backend --to-revisions {{}}=100 {WHERE}"


@pytest.mark.parametrize(
    ("asked", "known", "command"),
    [
        (rollback_plan(revision=STABLE), "", TO.format(STABLE)),
        (rollback_plan(), STABLE, TO.format(STABLE)),
        (rollback_plan(), "", TO.format("REVISION")),
        (plan(kind=Kind.PROMOTE, revision=STABLE), "", TO.format(STABLE)),
        (
            plan(kind=Kind.PROMOTE, tag="next"),
            "",
            f"gcloud run services update-traffic backend --to-tags next=100 {WHERE}",
        ),
        (plan(), STABLE, ""),
        (plan(kind=Kind.RECOVER), STABLE, TO.format("REVISION")),
    ],
)
def test_the_same_move(asked, known, command):
    assert instead(asked, known)[1] == command


def test_a_move_that_did_not_get_through_ends_with_it():
    scene = Scene(after=fail_once(Look, Failure.REFUSED, "403 denied"))
    rollout = scene.play(rollback_plan(revision=STABLE))
    assert rollout.ending is Ending.FAILED
    lines = summary_lines(rollout, CAPABILITIES)
    at = lines.index(f"next: {INSTEAD}")
    assert lines[at + 1] == "  " + TO.format(STABLE)


def test_a_rollout_that_failed_has_no_such_way():
    scene = Scene(after=fail_once(Look, Failure.REFUSED, "403 denied"))
    lines = summary_lines(scene.play(plan()), CAPABILITIES)
    assert not any("gcloud" in line for line in lines)


def test_what_has_no_command_says_why():
    assert instead(plan(kind=Kind.RECOVER))[0] == RECOVER
    assert instead(plan(kind=Kind.RECOVER, force=True)) == (UNLOCK, TO.format("REVISION"))


@pytest.mark.parametrize(("force", "what"), [(False, RECOVER), (True, UNLOCK)])
def test_a_recovery_that_did_not_get_through_leads_on_too(force, what):
    scene = Scene(after=fail_once(Look, Failure.REFUSED, "403 denied"))
    lines = summary_lines(scene.play(plan(kind=Kind.RECOVER, force=force)), CAPABILITIES)
    assert "  " + TO.format("REVISION") in lines
    assert f"next: {what}"[:60] in " ".join(lines)


def test_a_look_at_the_service():
    asked = plan().service
    assert look(asked) == f"gcloud run services describe {asked.name} {WHERE}"
