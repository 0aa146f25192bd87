from dataclasses import replace

import pytest

from gate.core.service import Condition, ConditionState, Effective, ServiceRef
from gate.core.traffic import Split, Target
from tests.unit.core.rollouts import CANDIDATE, MOVED, OLD, PLACED, STABLE, TAG, service

LATEST = Split.of([Target(None, 100), Target(None, 0, "nightly"), Target(OLD, 0, "blue")])


def test_a_service_is_named_by_its_three_parts():
    assert str(ServiceRef("p", "r", "s")) == "p/r/s"


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (Condition(ConditionState.FAILED, "REASON", "words"), "REASON: words"),
        (Condition(ConditionState.FAILED, "", "words"), "failed: words"),
        (Condition(ConditionState.PENDING), "pending"),
    ],
)
def test_a_condition_in_words(condition, text):
    assert str(condition) == text


def test_a_condition_is_unknown_until_something_is_known():
    assert Condition().state is ConditionState.UNKNOWN


def test_effective_shares_resolve_latest_and_add_up():
    lines = (Effective(None, 30), Effective(STABLE, 20), Effective(OLD, 50), Effective(OLD, 0, "x"))
    assert replace(service(), effective=lines).effective_shares == {STABLE: 50, OLD: 50}


def test_in_effect_means_obeyed_and_nothing_in_flight():
    assert service(PLACED).in_effect
    assert not service(PLACED, reconciling=True).in_effect
    assert service(PLACED, reconciling=True).obeyed
    assert not service(MOVED, effective=PLACED).in_effect
    assert not service(MOVED, effective=PLACED).obeyed


def test_a_failed_reconcile_whose_percents_are_right_is_in_effect():
    """observed_generation stays behind for ever, and a tag on a broken revision has no effect."""
    half = service(PLACED, effective=PLACED.without_tag(TAG), generation=9, observed_generation=3)
    assert half.in_effect


def test_latest_and_its_name_are_the_same_in_effect():
    assert service(LATEST, effective=Split.all_to(STABLE)).in_effect
    assert not service(LATEST, effective=Split.all_to(OLD)).in_effect


def test_agreeing_counts_tags_serving_does_not():
    tagged = service(MOVED.with_tag("new", OLD))
    assert not tagged.agrees_with(MOVED)
    assert tagged.serves(MOVED)
    assert tagged.agrees_with(MOVED.with_tag("new", OLD))


@pytest.mark.parametrize(
    "seen",
    [
        service(PLACED),
        service(MOVED, effective=PLACED),
        service(MOVED, reconciling=True),
        service(LATEST, latest_ready=CANDIDATE),
    ],
)
def test_serving_needs_desired_and_effective_by_name(seen):
    assert not seen.serves(MOVED)


def test_urls_are_the_platforms():
    assert service(PLACED).tag_uri(TAG) == "https://candidate---x/"
    assert service(PLACED).tag_uri("none") == ""


def test_the_url_of_a_revision_is_one_that_only_it_answers():
    assert service(PLACED).url_of(CANDIDATE) == "https://candidate---x"
    assert service(Split.all_to(STABLE)).url_of(STABLE) == "https://x"
    assert service(Split.of([Target(STABLE, 90), Target(OLD, 10)])).url_of(STABLE) == ""
    assert service(Split.all_to(STABLE)).url_of(OLD) == ""
    assert service(MOVED, effective=PLACED).url_of(CANDIDATE) == "https://candidate---x"


def test_the_revision_of_a_tag():
    assert service(PLACED).revision_tagged(TAG) == CANDIDATE
    assert service(LATEST).revision_tagged("nightly") == STABLE
    assert service(PLACED).revision_tagged("none") == ""


def test_what_is_in_the_way_in_words():
    busy = service(MOVED, effective=PLACED, reconciling=True)
    assert f"desired {CANDIDATE} 100 %, effective {STABLE} 100 %" in busy.disagreement
    assert "being changed" in busy.disagreement
    assert "left half done" in service(MOVED, effective=PLACED).disagreement
