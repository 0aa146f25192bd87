"""Which rule counts of each answer, what that says of it, and what is left for later."""

import pytest

from gate.core.evidence import Outcome, Symptom
from gate.core.policy import IdentityRule
from gate.probes.identity import Identity, known_by
from gate.probes.outcome import Fault

NEW, OLD = "backend-2", "backend-1"
HEADER = IdentityRule(header="X-Revision")
LATE = Fault(Symptom.TIMEOUT, "no answer within 10 s", "an answer", "a hint")


LOG = IdentityRule(request_log=True)
PATH = IdentityRule(path="/version", field="rev")
OWN = IdentityRule(json="meta.rev")
SAID = IdentityRule(message="rev")


def either(*rules):
    return IdentityRule.first_of(rules)


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


@pytest.mark.parametrize(
    "name",
    [NEW.upper(), f"{NEW}, {NEW}", f"revisions/{NEW}", "1.4.2", "dev", "frontend-2", "x" * 99],
)
def test_what_is_no_revision_of_this_service_is_neither_right_nor_waited_for(name):
    doubt = by_header().doubt(name, "200 OK")
    assert doubt.other == known_by(name, doubt) == ""
    assert doubt.fault.outcome is Outcome.INCONCLUSIVE
    assert f"names {name}, which is no revision of this service" in doubt.fault.seen
    assert "K_REVISION" in doubt.fault.hint


@pytest.mark.parametrize("name", [OLD, f"{NEW}2", "backend-00001-old"])
def test_only_the_very_name_is_the_right_one(name):
    assert by_header().doubt(NEW, "200 OK") is None
    doubt = by_header().doubt(name, "200 OK")
    assert doubt.other == known_by(name, doubt) == name
    assert doubt.fault.outcome is Outcome.INCONCLUSIVE
    assert doubt.fault.seen == f"an answer from another revision, {name}: 200 OK"
    assert doubt.fault.expected == f"one from {NEW}"


def test_an_answer_that_names_nobody_says_where_the_name_should_be():
    by_path = Identity(IdentityRule(path="/version", field="rev"), NEW)
    by_either = Identity(either(HEADER, IdentityRule(message="rev")), NEW)
    for doubt, place in (
        (by_header().doubt("", "200 OK"), "X-Revision"),
        (by_path.doubt_beside("", "200 OK"), "rev in /version"),
        (by_either.doubt("", "200 OK"), "X-Revision or rev in a message"),
    ):
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


@pytest.mark.parametrize(
    ("rules", "header", "value", "name"),
    [
        ((HEADER, OWN), NEW, {"meta": {"rev": OLD}}, NEW),
        ((OWN, HEADER), NEW, {"meta": {"rev": OLD}}, OLD),
        ((HEADER, OWN), "", {"meta": {"rev": OLD}}, OLD),
        ((HEADER, OWN), "", {"meta.rev": OLD, "meta": {"rev": NEW}}, OLD),
        ((OWN, HEADER), NEW, {"meta": {"rev": 2}}, NEW),
        ((OWN, HEADER), NEW, ["meta"], NEW),
        ((OWN, HEADER), NEW, {"meta": "rev"}, NEW),
        ((SAID, LOG), NEW, {"rev": NEW}, ""),
        ((LOG, HEADER), NEW, {}, ""),
        ((PATH, HEADER), NEW, {}, ""),
    ],
)
def test_the_first_rule_that_applies_to_an_answer_counts(rules, header, value, name):
    identity = Identity(either(*rules), NEW)
    assert identity.name_in(lambda _: header, lambda: value) == name


def test_json_is_not_read_where_a_header_says_it():
    identity = Identity(either(HEADER, OWN), NEW)
    assert identity.name_in(lambda _: NEW, lambda: pytest.fail("read")) == NEW


def test_messages_name_a_revision_by_their_own_rules():
    identity = Identity(either(SAID, IdentityRule(message="meta.rev")), NEW)
    assert identity.hears
    assert identity.name_in_message({"rev": NEW}) == NEW
    assert identity.name_in_message({"meta": {"rev": NEW}}) == NEW
    assert identity.name_in_message("rev") == ""
    assert by_header().name_in_message({"rev": NEW}) == ""


@pytest.mark.parametrize("rules", [(HEADER, LOG), (HEADER, PATH), (SAID, LOG), (LOG,), (PATH,)])
def test_what_names_nobody_waits_for_a_later_rule_and_is_not_proven(rules):
    identity = Identity(either(*rules), NEW)
    assert identity.doubt("", "200 OK") is None
    assert not identity.proven
    assert identity.doubt(NEW, "200 OK") is None
    assert not identity.proven  # of two answers, one names nobody
    assert identity.doubt(OLD, "200 OK").other == OLD  # whoever names another one is another one


def test_what_names_the_right_revision_needs_no_later_rule():
    identity = Identity(either(HEADER, LOG), NEW)
    assert not identity.proven
    identity.doubt(NEW, "200 OK")
    assert identity.proven
    assert not identity.anew().proven


def test_where_a_path_names_nobody_the_rules_around_it_count():
    identity = Identity(either(PATH, HEADER), NEW)
    assert (identity.path, identity.asks) == ("/version", False)
    past = identity.past_path()
    assert (past.path, past.header) == ("", "X-Revision")
    assert past.doubt("", "200 OK") is not None
    assert Identity(PATH, NEW).past_path() is None  # nothing else would prove anything


def test_another_revisions_answer_to_one_probe_is_remembered_for_the_next():
    identity = by_header()
    identity.anew().doubt(OLD, "200 OK")
    assert identity.anew().unanswered(LATE).outcome is Outcome.INCONCLUSIVE
