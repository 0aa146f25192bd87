import pytest

from gate.core.evidence import Outcome, Symptom
from gate.core.policy import IdentityRule
from gate.probes.identity import Identity
from gate.probes.outcome import Fault

NEW, OLD = "backend-2", "backend-1"
HEADER = IdentityRule(header="X-Revision")
LATE = Fault(Symptom.TIMEOUT, "no answer within 10 s", "an answer", "a hint")


def by_header():
    return Identity(HEADER, NEW)


@pytest.mark.parametrize("rule", [HEADER, IdentityRule(path="/version", field="revision")])
def test_without_a_name_to_compare_with_nothing_is_asked_for(rule):
    for identity in (Identity(), Identity(rule), Identity(None, NEW)):
        assert (identity.header, identity.path) == ("", "")
        assert identity.name_in(lambda _: OLD) == ""


def test_a_header_names_the_revision():
    headers = {"X-Revision": f" {NEW} "}
    assert by_header().name_in(headers.get) == NEW
    assert by_header().name_in({}.get) == ""
    assert by_header().name_in({"X-Revision": " "}.get) == ""
    assert Identity(IdentityRule(path="/v", field="f"), NEW).name_in(headers.get) == ""


@pytest.mark.parametrize("name", [OLD, NEW.upper(), f"{NEW}, {NEW}", f"{NEW}2", f"revisions/{NEW}"])
def test_only_the_very_name_is_the_right_one(name):
    assert by_header().doubt(NEW, "200 OK") is None
    doubt = by_header().doubt(name, "200 OK")
    assert doubt.other
    assert doubt.fault.outcome is Outcome.INCONCLUSIVE
    assert doubt.fault.seen == f"an answer from another revision, {name}: 200 OK"
    assert doubt.fault.expected == f"one from {NEW}"


def test_an_answer_that_names_nobody_says_where_the_name_should_be():
    for identity, place in (
        (by_header(), "X-Revision"),
        (Identity(IdentityRule(path="/version", field="rev"), NEW), "rev in /version"),
    ):
        doubt = identity.doubt("", "200 OK")
        assert not doubt.other
        assert doubt.fault.symptom is Symptom.IDENTITY
        assert doubt.fault.seen == f"an answer without {place}: 200 OK"
        assert doubt.fault.expected == f"{place}: {NEW}"


def test_a_redirect_that_names_nobody_stays_a_redirect_and_blames_nobody():
    moved = Fault(Symptom.REDIRECT, "307: to another host", "200", "a hint")
    doubt = by_header().doubt("", moved.seen, moved)
    assert doubt.fault.symptom is Symptom.REDIRECT
    assert doubt.fault.outcome is Outcome.INCONCLUSIVE
    assert doubt.fault.hint == "a hint"
    assert by_header().doubt(OLD, moved.seen, moved).fault.symptom is Symptom.IDENTITY


def test_no_answer_is_the_candidates_unless_another_revision_answered_last():
    identity = by_header()
    assert identity.unanswered(LATE) == LATE
    identity.doubt(OLD, "200 OK")
    assert identity.unanswered(LATE).outcome is Outcome.INCONCLUSIVE
    assert OLD in identity.unanswered(LATE).hint
    identity.doubt("", "200 OK")
    assert identity.unanswered(LATE).outcome is Outcome.INCONCLUSIVE
    identity.doubt(NEW, "200 OK")
    assert identity.unanswered(LATE) == LATE


def test_what_blames_nobody_keeps_its_own_hint():
    identity = by_header()
    identity.doubt(OLD, "200 OK")
    unreached = Fault(Symptom.CONNECT, "refused", "a connection", "a hint")
    assert identity.unanswered(unreached) == unreached
