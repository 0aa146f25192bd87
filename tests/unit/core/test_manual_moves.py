"""What people ask for by hand: what is said before, and what leads on from a refusal."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.core.annotation import Denied, RolloutAnnotation
from gate.core.manual_moves import (
    FLOATING_MAX,
    meant,
    plan_promotion,
    plan_rollback,
    tag_for,
    warnings,
)
from gate.core.service import Revision
from gate.core.state import Ending, Kind, Past, Phase
from gate.core.traffic import Split, Target, tag_problem
from tests.unit.core.rollouts import (
    BEFORE,
    BROKEN,
    CANDIDATE,
    MOVED,
    NOW,
    PROBES,
    READY,
    STABLE,
    marked,
    plan,
    revisions,
    rollout,
    service,
)

TARGET = Revision(STABLE, READY, "app:1", NOW - timedelta(days=3))
BACK = plan(Kind.ROLLBACK, revision=STABLE)


def test_a_target_with_nothing_against_it_needs_no_word():
    assert warnings(BACK, service(MOVED), TARGET, NOW) == ()


def test_a_bar_is_said_with_who_why_image_and_age():
    seen = marked(RolloutAnnotation(4, denylist=(Denied(STABLE, "", "bob", "orders fail"),)), MOVED)
    (text,) = warnings(BACK, seen, TARGET, NOW)
    assert text == (
        f"{STABLE} (app:1, 3 days old) is barred: bob moved users away from it: orders fail"
    )


def test_what_the_gate_decided_last_is_said():
    past = Past(against=((STABLE, "was rejected by the gate at 12:00 UTC: orders: 500"),))
    (text,) = warnings(replace(BACK, past=past), service(MOVED), TARGET, NOW)
    assert text.endswith("3 days old) was rejected by the gate at 12:00 UTC: orders: 500")


def test_secrets_by_latest_do_not_go_back_and_that_is_said():
    many = tuple(f"env KEY{i}" for i in range(FLOATING_MAX + 2))
    (text,) = warnings(BACK, service(MOVED), replace(TARGET, floating=many), NOW)
    assert text.startswith("what does not go back: env KEY0, env KEY1")
    assert "and 2 more (the latest version of a secret, as it is today)" in text
    promotion = plan(Kind.PROMOTE, revision=STABLE)
    assert warnings(promotion, service(MOVED), replace(TARGET, floating=many), NOW) == ()


@pytest.mark.parametrize(("seconds", "text"), [(59, "0 min"), (3600, "1 h"), (90_000, "25 h")])
def test_an_age_is_told_roughly(seconds, text):
    past = Past(against=((STABLE, "was rejected"),))
    young = replace(TARGET, created_at=NOW - timedelta(seconds=seconds))
    (told,) = warnings(replace(BACK, past=past), service(MOVED), young, NOW)
    assert f"{text} old" in told


def test_what_is_said_comes_with_the_move():
    r = rollout(Phase.READING, BACK, candidate=STABLE, revisions={STABLE: TARGET})
    r = replace(r, revisions={STABLE: replace(TARGET, floating=("env KEY",))}, placed=None)
    moving = plan_rollback(r, service(MOVED), NOW)
    assert moving.phase is Phase.MOVING
    assert "what does not go back: env KEY" in moving.notes[-1]


@pytest.mark.parametrize("length", [5, 38, 42, 45])
def test_the_tag_of_a_rollback_fits_beside_the_service(length):
    assert tag_problem(tag_for("s" * length), "s" * length) is None


def test_a_service_that_takes_no_tag_is_told_to_go_unasked():
    asked = replace(BACK, probes=PROBES, tag="b" * 45)
    r = rollout(Phase.READING, asked, candidate=STABLE, revisions=revisions(name=STABLE))
    refused = plan_rollback(r, service(MOVED), NOW)
    assert refused.ending is Ending.REFUSED
    assert refused.way_out[0].startswith(f"gate rollback --to {STABLE} --project")


@pytest.mark.parametrize(("probes", "said"), [(PROBES, True), ((), False)])
def test_tags_on_latest_that_the_question_to_the_target_pins_are_said(probes, said):
    floats = Split.of([Target(CANDIDATE, 100), Target(None, 0, "prod")])
    asked = plan(Kind.ROLLBACK, revision=STABLE, probes=probes)
    r = rollout(Phase.READING, asked, candidate=STABLE, revisions=revisions(name=STABLE))
    r = plan_rollback(r, service(floats, latest_ready=CANDIDATE), NOW)
    assert r.phase is (Phase.TAGGING if probes else Phase.MOVING)
    (note,) = [note for note in r.notes if "LATEST" in note] or [""]
    assert note.startswith(f"tag prod followed LATEST and is pinned to {CANDIDATE}") is said
    pinned = (r.placed if probes else r.goal).tags["prod"]
    assert pinned == (CANDIDATE if said else None)


def test_names_that_are_close_are_meant():
    assert meant("notes-00001-him", ["notes-00001-hym", "web"]) == ": did you mean notes-00001-hym?"
    assert meant("x", ["notes-00001-hym"]) == ""


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("wbe", "web"),
        ("WEB-00001-TAJ", "web-00001-taj"),
        ("taj", "web-00001-taj"),
        ("00001-taj", "web-00001-taj"),
        ("projects/p/locations/r/services/web/revisions/web-00001-taj", "web-00001-taj"),
    ],
)
def test_names_said_in_short_in_full_or_in_capitals_are_meant(said, name):
    assert meant(said, ["web", "web-00001-taj", "shop"]) == f": did you mean {name}?"


def test_a_tag_that_is_close_is_meant():
    asked = plan(Kind.PROMOTE, tag="candidat")
    seen = service(MOVED.with_tag("candidate", STABLE))
    refused = plan_promotion(rollout(Phase.READING, asked), seen, NOW)
    assert "no revision has the tag 'candidat': did you mean candidate?; name" in refused.notes[-1]


def test_a_missing_revision_names_the_closest_with_its_command():
    listed = (TARGET, Revision(CANDIDATE, READY))
    asked = replace(BACK, revision="backend-00001-aab", revisions=listed)
    r = rollout(Phase.READING, asked, candidate="backend-00001-aab", revisions={})
    refused = plan_rollback(r, service(MOVED), NOW)
    assert f"did you mean {STABLE}" in refused.notes[-1]
    assert refused.way_out[0].startswith(f"gate rollback --to {STABLE} --project demo")
    assert refused.way_out[0].endswith('--reason "..." --yes')


def without_a_way(seen, *listed, revision=""):
    asked = plan(Kind.ROLLBACK, revision=revision, revisions=listed)
    r = rollout(Phase.READING, asked, candidate=revision, revisions={})
    refused = plan_rollback(r, seen, NOW)
    assert refused.ending is Ending.REFUSED
    return refused


ONE = Revision(STABLE, READY, created_at=NOW)
TWO = Revision(CANDIDATE, READY, created_at=NOW + timedelta(minutes=1))


def test_a_refusal_where_traffic_was_left_half_done_says_what_mends_it():
    half = service(MOVED, effective=BEFORE, ready=BROKEN, annotations=())
    refused = without_a_way(half, ONE)
    assert refused.way_out[0].startswith(f"gate rollback --to {STABLE} ")


def test_a_refusal_with_nothing_to_go_back_to_leads_to_a_rollout():
    seen = service(BEFORE, annotations=())
    assert without_a_way(seen, ONE).way_out[0].startswith("gate rollout --policy POLICY")
    barred = marked(
        RolloutAnnotation(4, wrote=((STABLE, 100),), denylist=(Denied(CANDIDATE, "", "ann"),)),
        BEFORE,
    )
    refused = without_a_way(barred, ONE, TWO)
    assert refused.way_out[0].startswith("gate rollout --policy POLICY")
    told = f"turned down before: ann moved users away from {CANDIDATE}"
    assert told in refused.notes[-1]


def test_a_rollout_is_led_to_by_the_policy_that_was_named():
    asked = plan(Kind.ROLLBACK, revisions=(ONE,), policy_file="my policies/web.yaml")
    r = rollout(Phase.READING, asked, candidate="", revisions={})
    refused = plan_rollback(r, service(BEFORE, annotations=()), NOW)
    assert refused.way_out[0].startswith("gate rollout --policy 'my policies/web.yaml' --image IM")


def test_a_target_that_is_gone_leads_to_the_one_that_is_there():
    seen = service(MOVED, annotations=())
    refused = without_a_way(seen, ONE, TWO, revision="gone")
    assert refused.way_out[0].startswith(f"gate rollback --to {STABLE} ")
