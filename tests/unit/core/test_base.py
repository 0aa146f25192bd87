"""What a candidate is built on, and what is said of what it is not built on."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.core.base import TOLD_MAX, base_of, differences
from gate.core.commands import command_of
from gate.core.first_write import blind, plan_first_write
from gate.core.messages import Failure
from gate.core.policy import TemplateSource
from gate.core.rollout import step
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
    READY,
    STABLE,
    failed,
    later,
    plan,
    rollout,
    service,
)

SETTINGS = (("concurrency", "80"), ("env COLOUR", "f" * 32), ("timeout", "300 s"))
LEFT_BEHIND = (
    ("concurrency", "1"),
    ("env COLOUR", "f" * 32),
    ("env FEATURE_X", "e" * 32),
)
"""The template as a rejected revision has left it."""
STABLE_READ = Revision(STABLE, READY, "app:1", settings=SETTINGS)


def aimed(asked, seen, **changes):
    fresh = {"before": None, "placed": None, "candidate": asked.revision, "service": seen}
    known = {"revisions": {STABLE: STABLE_READ}}
    free = replace(seen, annotations=())
    return plan_first_write(
        rollout(Phase.READING, asked, **{**fresh, **known, **changes}), free, NOW
    )


def test_a_candidate_is_built_on_the_revision_that_has_users():
    r = aimed(plan(), service(settings=SETTINGS))
    (deploy,) = command_of(r)
    assert (deploy.base, r.differences, r.notes) == (STABLE, (), ())


def test_what_the_last_deploy_left_in_the_template_is_said_before_anything_is_sent():
    r = aimed(plan(), service(settings=LEFT_BEHIND))
    (deploy,) = command_of(r)
    assert (r.phase, deploy.base) == (Phase.DEPLOYING, STABLE)
    assert r.differences == (
        f"concurrency (80 in {STABLE}, 1 in the template)",
        "env FEATURE_X (only in the template)",
        f"timeout (only in {STABLE}: 300 s)",
    )
    (note,) = r.notes
    assert note.startswith(f"built on {STABLE}, which has users; left aside is what")
    assert "; ".join(r.differences) in note
    assert "template: service" in note


def test_a_policy_may_build_on_the_services_template_and_is_warned():
    r = aimed(plan(template=TemplateSource.SERVICE), service(settings=LEFT_BEHIND))
    (deploy,) = command_of(r)
    assert (deploy.base, len(r.differences)) == ("", 3)
    (note,) = r.notes
    assert note.startswith("WARNING: built on the service's template, as the policy says")
    assert "env FEATURE_X (only in the template)" in note
    same = aimed(plan(template=TemplateSource.SERVICE), service(settings=SETTINGS))
    assert same.notes == ()


def test_after_a_rollback_the_template_of_what_was_left_is_left_aside():
    """The newest revision had users and was rolled back: the template is still its own."""
    rolled_back = service(BEFORE, settings=LEFT_BEHIND, latest_ready="backend-00005-bad")
    r = aimed(plan(), rolled_back)
    assert (r.base, r.notes[0].split(",")[0]) == (STABLE, f"built on {STABLE}")


def test_what_has_users_is_read_first_without_a_pause():
    r = aimed(plan(), service(), wanted=(), revisions={})
    (look,) = command_of(r)
    assert (r.phase, look.revisions, look.after_s) == (Phase.READING, (STABLE,), 0.0)


@pytest.mark.parametrize("at", [NOW, later(60)])
def test_what_cannot_be_read_is_nothing_to_build_on(at):
    fresh = {"before": None, "placed": None, "candidate": "", "revisions": {}}
    r = rollout(Phase.READING, plan(), **fresh)
    r = plan_first_write(r, service(annotations=()), at)
    assert (r.phase, r.ending) == (Phase.RECORDING, Ending.HELD)
    (reason,) = r.verdict.reasons
    assert (r.verdict.decision, reason.subject) == (Decision.HOLD, "template")
    assert STABLE in reason.text


def test_the_services_template_may_be_taken_unread_and_that_is_said():
    r = aimed(plan(template=TemplateSource.SERVICE), service(), revisions={})
    assert r.phase is Phase.DEPLOYING
    assert "could not be read" in r.notes[0]


def test_an_adopted_revision_is_built_already():
    asked = plan(revision=OLD)
    known = {OLD: Revision(OLD, READY, "app:0"), STABLE: STABLE_READ}
    r = aimed(asked, service(settings=LEFT_BEHIND), revisions=known)
    assert (r.phase, r.base, r.differences, r.notes) == (Phase.TAGGING, "", (), ())


def test_of_several_it_is_the_one_with_most_users_then_the_newest_and_that_is_said():
    split = Split.of([Target(STABLE, 60), Target(OLD, 40)])
    known = {STABLE: replace(STABLE_READ, settings=()), OLD: Revision(OLD, READY, "app:0")}
    r = aimed(plan(), service(split), revisions=known)
    assert r.base == STABLE
    assert r.notes == (f"built on {STABLE}, which has most users (60 %)",)
    even = Split.of([Target(STABLE, 50), Target(OLD, 50)])
    known[STABLE] = replace(known[STABLE], created_at=NOW)
    known[OLD] = Revision(OLD, READY, "app:0", created_at=NOW + timedelta(hours=1))
    assert aimed(plan(), service(even), revisions=known).base == OLD
    assert base_of(service(even), {}) == STABLE  # by name where nobody knows the age
    assert base_of(service(Split.of([])), {}) == STABLE  # LATEST by what it means


def test_values_are_shown_only_where_they_are_plain():
    base = Revision(
        STABLE,
        READY,
        settings=(
            ("env PASSWORD", "abc"),
            ("command", "ls"),
            ("proxy: env TOKEN", "t"),
            ("probe", "0123456789abcdef"),
            ("secret KEY", "key:3"),
            ("scaling", "x" * 100),
        ),
    )
    seen = service(
        settings=(
            ("env PASSWORD", "abd"),
            ("command", "rm"),
            ("proxy: env TOKEN", "u"),
            ("probe", "fedcba9876543210"),
            ("secret KEY", "key:4"),
            ("scaling", "y" * 100),
        )
    )
    assert differences(seen, base) == (
        "command",
        "env PASSWORD",
        "probe",
        "proxy: env TOKEN",
        "scaling",
        f"secret KEY (key:3 in {STABLE}, key:4 in the template)",
    )


def test_only_so_many_are_told_and_one_side_that_says_nothing_is_not_called_equal():
    many = tuple((f"label {number:02}", "x") for number in range(TOLD_MAX + 3))
    told = differences(service(settings=(*many, *SETTINGS)), STABLE_READ)
    assert (len(told), told[-1]) == (TOLD_MAX + 1, "3 more")
    (unknown,) = differences(service(settings=()), STABLE_READ)
    assert "cannot be compared" in unknown
    assert differences(service(), replace(STABLE_READ, settings=())) == ()


def test_a_look_without_an_answer_is_repeated_a_while_by_a_rollout():
    r = rollout(Phase.READING, wanted=(STABLE,))
    assert blind(r, failed(Failure.LOST)).phase is Phase.READING
    assert blind(r, failed(Failure.LOST, later(60))).ending is Ending.FAILED
    assert blind(r, failed(Failure.REFUSED)).ending is Ending.FAILED
    assert blind(replace(r, wanted=()), failed(Failure.LOST)).ending is Ending.FAILED


@pytest.mark.parametrize("failure", [Failure.LOST, Failure.REFUSED])
def test_a_rollback_goes_on_without_what_only_memory_wants(failure):
    asked = plan(Kind.ROLLBACK, revision=STABLE)
    fresh = {"before": None, "placed": None, "candidate": STABLE}
    seen = service(MOVED, annotations=())
    r = plan_first_write(rollout(Phase.READING, asked, **fresh, service=seen, wanted=()), seen, NOW)
    assert r.phase is Phase.READING
    assert blind(r, failed(failure)).phase is Phase.MOVING


def test_what_was_seen_before_a_conflict_is_nothing_to_go_on_with():
    asked = plan(Kind.ROLLBACK, revision=STABLE)
    r = rollout(Phase.MOVING, asked, candidate=STABLE, wanted=(CANDIDATE,))
    again, _ = step(r, failed(Failure.CONFLICT))
    assert again.phase is Phase.READING
    ended, _ = step(again, failed(Failure.LOST))
    assert ended.ending is Ending.FAILED
