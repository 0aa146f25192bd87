"""Which approvals count."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gate.core.approvals import Approval, ApprovalRule, Candidacy, count
from gate.core.permits import Permits, Who
from gate.errors import ValueProblem

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ANA, BEN, CI = (Who(f"{name}@example.com", authenticated=True) for name in ("ana", "ben", "ci"))
CANDIDACY = Candidacy("backend-00002-abc", "backend@sha256:2", "d1", (CI, Who("cloud build 7")))
ANYBODY = Permits()


def approval(who=ANA, **changes):
    at = NOW - timedelta(hours=1)
    one = Approval("r1", "backend-00002-abc", "backend@sha256:2", "d1", who, at, authors=(CI,))
    return replace(one, **changes)


def test_enough_people_have_approved():
    counted = count(ApprovalRule(2), ANYBODY, CANDIDACY, [approval(BEN), approval(ANA)], NOW)
    assert {*counted.by} == {ANA.name, BEN.name}
    assert counted.lacking == 0


def test_nothing_is_no_approval():
    assert count(ApprovalRule(1), ANYBODY, CANDIDACY, [], NOW).lacking == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"at": NOW - timedelta(hours=25)}, "expired"),
        ({"at": NOW + timedelta(hours=1)}, "later than now"),
        ({"image": "backend@sha256:3"}, "another image"),
        ({"revision": "backend-00003-abc"}, "backend-00003-abc"),
        ({"policy_digest": "d2"}, "policy"),
        ({"who": CI}, "who asked"),
        ({"who": replace(CI, name="CI@example.com")}, "who asked"),
        ({"who": Who()}, "nobody"),
        ({"withdraws": True}, "withdrawn"),
        ({"who": Who("Cloud Build 7", authenticated=True)}, "who asked"),
        ({"authors": (CI, Who("ana@example.com"))}, "who asked"),
        ({"authors": (Who("ci@example.com"),)}, "nobody vouches for who that was"),
        ({"authors": ()}, "nobody vouches"),
        ({"who": Who("ana@example.com")}, "own word"),
    ],
)
def test_an_approval_that_does_not_count_and_why(changes, why):
    counted = count(ApprovalRule(1), ANYBODY, CANDIDACY, [approval(**changes)], NOW)
    assert counted.lacking == 1
    assert why in counted.not_counted[0][1]


@pytest.mark.parametrize(
    "spelling",
    ["user:ana@example.com", " ANA@example.com ", "ana\u200b@example.com", "\uff21na@example.com"],
)
def test_one_person_is_one_however_the_name_is_spelled(spelling):
    claimed, again = Permits(claimed=True), approval(Who(spelling))
    own = replace(CANDIDACY, authors=(Who("ana@example.com"),))
    assert count(ApprovalRule(1), claimed, own, [again], NOW).lacking == 1
    twice = count(ApprovalRule(2), claimed, CANDIDACY, [approval(), again], NOW)
    assert twice.lacking == 1
    back = replace(again, withdraws=True, at=again.at + timedelta(minutes=1))
    assert count(ApprovalRule(1), claimed, CANDIDACY, [approval(), back], NOW).lacking == 1


def test_of_a_promotion_the_author_is_who_asked_for_the_rollout():
    promotion = replace(CANDIDACY, authors=())
    by = count(ApprovalRule(1), ANYBODY, promotion, [approval(ANA), approval(CI)], NOW).by
    assert by == (ANA.name,)
    nobody = [approval(ANA, authors=())]
    assert count(ApprovalRule(1), ANYBODY, promotion, nobody, NOW).lacking == 1


def test_what_is_only_claimed_counts_where_the_policy_says_so():
    claimed = [approval(Who("ana@example.com"), authors=(Who("ci"),))]
    candidacy = replace(CANDIDACY, authors=(Who("ci"),))
    permits = Permits(claimed=True)
    assert count(ApprovalRule(1), permits, candidacy, claimed, NOW).lacking == 0
    assert count(ApprovalRule(1), ANYBODY, candidacy, claimed, NOW).lacking == 1


def test_an_image_that_nobody_knows_by_its_digest_is_approved_by_nobody():
    candidacy = replace(CANDIDACY, image="")
    assert count(ApprovalRule(1), ANYBODY, candidacy, [approval(image="")], NOW).lacking == 1


def test_one_of_another_candidate_is_not_even_told():
    other = approval(image="backend@sha256:3", revision="backend-00003-abc")
    assert count(ApprovalRule(1), ANYBODY, CANDIDACY, [other], NOW).not_counted == ()


def test_one_person_counts_once_and_by_their_last_word():
    twice = [approval(), approval(at=NOW - timedelta(minutes=5))]
    assert count(ApprovalRule(2), ANYBODY, CANDIDACY, twice, NOW).lacking == 1
    taken_back = [approval(), approval(at=NOW - timedelta(minutes=5), withdraws=True)]
    assert count(ApprovalRule(1), ANYBODY, CANDIDACY, taken_back[::-1], NOW).lacking == 1
    given_again = [*taken_back, approval(at=NOW - timedelta(minutes=1))]
    assert count(ApprovalRule(1), ANYBODY, CANDIDACY, given_again, NOW).lacking == 0


def test_who_may_not_approve_does_not_count():
    permits = Permits({"approve": ("ben@example.com",)})
    counted = count(ApprovalRule(1), permits, CANDIDACY, [approval(ANA), approval(BEN)], NOW)
    assert counted.by == (BEN.name,)
    assert "not allowed" in counted.not_counted[0][1]


def test_the_author_counts_where_the_rule_says_so():
    rule = ApprovalRule(1, not_author=False)
    assert count(rule, ANYBODY, CANDIDACY, [approval(CI)], NOW).lacking == 0


@pytest.mark.parametrize("wrong", [{"count": 0}, {"count": 21}, {"within_s": 0}])
def test_a_rule_that_is_none(wrong):
    with pytest.raises(ValueProblem):
        ApprovalRule(**wrong)
