"""What gcloud does where the gate does not get through."""

import pytest

from gate.core.gcloud import RECOVER, UNLOCK, instead, look
from gate.core.state import Kind
from tests.unit.core.rollouts import STABLE, plan

WHERE = "--project demo --region us-central1"
TO = f"gcloud run services update-traffic backend --to-revisions {{}}=100 {WHERE}"


@pytest.mark.parametrize(
    ("asked", "known", "command"),
    [
        (plan(Kind.ROLLBACK, revision=STABLE), "", TO.format(STABLE)),
        (plan(Kind.ROLLBACK, revision=""), STABLE, TO.format(STABLE)),
        (plan(Kind.ROLLBACK, revision=""), "", TO.format("REVISION")),
        (plan(Kind.PROMOTE, revision=STABLE), "", TO.format(STABLE)),
        (
            plan(Kind.PROMOTE, revision="", tag="next"),
            "",
            f"gcloud run services update-traffic backend --to-tags next=100 {WHERE}",
        ),
        (plan(), STABLE, ""),
        (plan(Kind.RECOVER), STABLE, TO.format("REVISION")),
    ],
)
def test_the_same_move(asked, known, command):
    assert instead(asked, known)[1] == command


def test_what_has_no_command_says_why():
    assert instead(plan(Kind.RECOVER))[0] == RECOVER
    assert instead(plan(Kind.RECOVER, force=True)) == (UNLOCK, TO.format("REVISION"))


def test_a_look_at_the_service():
    asked = plan().service
    assert look(asked) == f"gcloud run services describe {asked.name} {WHERE}"
