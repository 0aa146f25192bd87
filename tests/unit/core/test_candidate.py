"""The candidate at 0 %: how it is waited for, explained, probed and confirmed."""

from dataclasses import replace

import pytest

from gate.core import candidate
from gate.core.evidence import SERVICE, Attribution, Finding, Outcome, Repeat, Symptom
from gate.core.messages import Failure, Probed
from gate.core.service import Condition, ConditionState, Effective
from gate.core.state import Ending, Phase
from gate.core.traffic import Split
from gate.core.verdict import Decision
from tests.unit.core.rollouts import (
    BEFORE,
    BOOTING,
    BROKEN,
    CANDIDATE,
    GUARD,
    MOVED,
    NOW,
    OLD,
    PLACED,
    READY,
    STABLE,
    TAG,
    evidence,
    failed,
    later,
    ours,
    plan,
    revisions,
    rollout,
    service,
)

UNWRITTEN = service(BEFORE, generation=GUARD)


def waited(seen, condition=READY, at=NOW, **changes):
    known = revisions(condition) if condition else {}
    return candidate.waiting(rollout(Phase.WAITING, revisions=known, **changes), seen, at)


def text_of(r):
    return r.verdict.reasons[0].text


def test_an_update_without_an_answer_is_looked_for():
    r = candidate.not_placed(rollout(Phase.DEPLOYING), failed(Failure.LOST))
    assert (r.phase, r.guard, r.limit_at) == (Phase.WAITING, GUARD, later(240))
    assert "no answer" in r.notes[-1]


def test_a_ready_candidate_is_probed_at_the_url_that_is_served():
    r = waited(ours(PLACED))
    assert (r.phase, r.url) == (Phase.PROBING, "https://candidate---x")


def test_a_url_that_still_leads_elsewhere_is_not_probed():
    """The tag was on another revision; its URL is the same, and still goes there."""
    moving = ours(PLACED, effective=BEFORE.with_tag(TAG, OLD))
    assert waited(moving).phase is Phase.WAITING


def test_the_url_of_somebody_elses_tag_on_the_candidate_is_not_probed():
    tagged = ours(PLACED, effective=BEFORE.with_tag("preview", CANDIDATE))
    assert waited(tagged).phase is Phase.WAITING


def test_a_url_of_latest_is_the_candidates_only_if_that_is_the_latest():
    lines = (Effective(STABLE, 100), Effective(None, 0, TAG, "https://t"))
    follows = replace(ours(PLACED), effective=lines)
    assert waited(follows).phase is Phase.WAITING
    assert waited(replace(follows, latest_ready=CANDIDATE)).phase is Phase.PROBING


def test_a_ready_candidate_without_a_url_is_not_to_blame():
    bare = ours(PLACED, effective=BEFORE)
    assert waited(bare).phase is Phase.WAITING
    r = waited(bare, at=later(60))
    assert r.phase is Phase.EXPLAINING
    r = candidate.explained(r, (), later(61))
    assert r.ending is Ending.HELD
    assert "got no URL within 240 s" in text_of(r)


def test_a_candidate_that_nobody_can_see_is_waited_for_half_a_minute():
    start = {"limit_at": later(240)}
    assert waited(ours(PLACED), None, later(29), **start).phase is Phase.WAITING
    r = waited(ours(PLACED), None, later(30), **start)
    assert (r.phase, r.ending) == (Phase.CLEANING, Ending.FAILED)
    assert "never created, or somebody deleted it" in r.notes[-1]


def test_a_candidate_that_nobody_can_see_is_not_waited_for_beyond_the_deadline():
    r = rollout(Phase.WAITING, plan(deadline_s=9), revisions={}, limit_at=later(240))
    assert candidate.waiting(r, ours(PLACED), later(8)).phase is Phase.WAITING
    assert candidate.waiting(r, ours(PLACED), later(9)).ending is Ending.FAILED


def test_a_write_that_does_not_show_is_waited_for_half_a_minute():
    start = {"limit_at": later(240)}
    assert waited(UNWRITTEN, at=later(29), **start).phase is Phase.WAITING
    r = waited(UNWRITTEN, at=later(30), **start)
    assert r.ending is Ending.FAILED
    assert "never happened" in r.notes[-1]


def test_a_short_time_to_become_ready_is_not_made_longer():
    r = rollout(Phase.WAITING, plan(ready_within_s=10), revisions={}, limit_at=later(10))
    assert candidate.waiting(r, ours(PLACED), later(9)).phase is Phase.WAITING
    assert candidate.waiting(r, ours(PLACED), later(10)).phase is Phase.CLEANING


def test_a_tag_that_somebody_has_taken_holds():
    r = waited(ours(BEFORE.with_tag(TAG, OLD)))
    assert r.ending is Ending.HELD
    assert "taken from the candidate by eve@example.com" in text_of(r)


def test_waiting_ends_with_the_deadline_too():
    r = rollout(Phase.WAITING, plan(deadline_s=30), revisions=revisions(BOOTING))
    assert candidate.waiting(r, ours(PLACED), later(29)).phase is Phase.WAITING
    assert candidate.waiting(r, ours(PLACED), later(30)).phase is Phase.EXPLAINING


@pytest.mark.parametrize("failure", [Failure.LOST, Failure.REFUSED])
def test_failing_looks_are_repeated_until_the_time_is_over(failure):
    r = rollout(Phase.WAITING)
    assert candidate.cannot_wait(r, failed(failure)).looks == 1
    ended = candidate.cannot_wait(r, failed(failure, later(60)))
    assert ended.ending is Ending.FAILED
    assert "the server's words" in ended.notes[-1]


def test_a_look_that_is_denied_is_repeated_no_longer_than_a_new_name_takes_to_be_known():
    asked = plan(ready_within_s=240, policy_file="p.yaml")
    r = replace(rollout(Phase.WAITING, asked), limit_at=later(240))
    denied = failed(Failure.DENIED, later(candidate.APPEAR_WITHIN_S - 1))
    assert candidate.cannot_wait(r, denied).looks == 1
    ended = candidate.cannot_wait(r, replace(denied, at=later(candidate.APPEAR_WITHIN_S)))
    assert (ended.phase, ended.ending) == (Phase.CLEANING, Ending.FAILED)
    assert "the server's words" in ended.notes[-1]
    which = "--project demo --region us-central1 --service backend"
    assert ended.way_out == (f"gate doctor --policy p.yaml {which}",)


def test_why_it_did_not_start():
    r = rollout(Phase.EXPLAINING, revisions=revisions(BROKEN))
    r = candidate.explained(r, ("a", "b"), NOW)
    assert r.ending is Ending.REJECTED
    assert (r.verdict.reasons[0].lines, r.verdict.reasons[0].hint) == (("a", "b"), "")


def test_slow_is_rejected_if_it_had_its_time_and_held_if_not():
    booting = revisions(BOOTING)
    r = candidate.explained(rollout(Phase.EXPLAINING, revisions=booting), ("a",), NOW)
    assert (r.ending, r.verdict.reasons[0].lines) == (Ending.REJECTED, ("a",))
    assert "not ready within 240 s (reconciling)" in text_of(r)
    hurried = rollout(Phase.EXPLAINING, plan(deadline_s=30), revisions=booting)
    r = candidate.explained(hurried, (), NOW)
    assert r.ending is Ending.HELD
    assert r.verdict.reasons[0].subject == "deadline"


RUNNING = revisions(name=STABLE)
QUOTA = Condition(ConditionState.FAILED, "ACTIVE_REVISION_LIMIT_REACHED", "too many")


@pytest.mark.parametrize(
    ("known", "lines", "word"),
    [
        ({**revisions(BROKEN), **RUNNING}, ("ModuleNotFoundError",), Attribution.REGRESSION),
        ({**revisions(BOOTING), **RUNNING}, ("Startup in progress",), Attribution.REGRESSION),
        ({**revisions(BROKEN), **RUNNING}, ("dial tcp: i/o timeout",), Attribution.UNKNOWN),
        (revisions(BROKEN), ("ModuleNotFoundError",), Attribution.UNKNOWN),
        ({**revisions(BROKEN), **revisions(BROKEN, STABLE)}, ("boom",), Attribution.UNKNOWN),
        ({**revisions(QUOTA), **RUNNING}, (), Attribution.ENVIRONMENT),
    ],
)
def test_whose_fault_it_is_that_it_does_not_start(known, lines, word):
    r = candidate.explained(rollout(Phase.EXPLAINING, revisions=known), lines, NOW)
    assert [reason.attribution for reason in r.verdict.reasons] == [word]


def test_the_first_revision_of_a_service_is_compared_with_nothing():
    known = {**revisions(BROKEN), **RUNNING}
    r = candidate.explained(rollout(Phase.EXPLAINING, before=None, revisions=known), (), NOW)
    assert r.verdict.reasons[0].attribution is Attribution.UNKNOWN


def test_evidence_is_kept_with_the_verdict():
    seen = (evidence(Outcome.FAILED),)
    r = candidate.probed(rollout(Phase.PROBING), Probed(NOW, seen))
    known = (replace(seen[0], attribution=Attribution.UNKNOWN),)
    assert (r.evidence, r.verdict.decision) == (known, Decision.REJECT)


def test_what_had_no_time_is_said():
    r = candidate.probed(rollout(Phase.PROBING), Probed(later(1200), ()))
    assert r.ending is Ending.HELD
    assert [reason.subject for reason in r.verdict.reasons] == ["health", "deadline"]


def test_too_late_to_promote_is_a_hold_of_its_own():
    r = candidate.probed(rollout(Phase.PROBING), Probed(later(1200), (evidence(),)))
    assert r.phase is Phase.CONFIRMING
    r = candidate.confirmed(r, ours(PLACED), later(1200))
    assert r.ending is Ending.HELD
    assert r.verdict.reasons[0].subject == "deadline"


def test_confirmed_means_all_to_the_candidate_without_our_tag_and_with_everybody_elses():
    seen = ours(PLACED.with_tag("new", OLD))
    r = candidate.confirmed(rollout(Phase.CONFIRMING), seen, NOW)
    assert r.goal == Split.all_to(CANDIDATE, {"blue": OLD, "new": OLD})


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        (ours(Split.all_to(OLD, PLACED.tags), BEFORE), f"was {STABLE} 100 %, is {OLD} 100 %"),
        (ours(BEFORE), "tag candidate was taken from the candidate"),
        (ours(BEFORE.with_tag(TAG, OLD)), "tag candidate was taken from the candidate"),
        (ours(PLACED, latest_created="rival"), "another revision, rival, was deployed"),
    ],
)
def test_what_changed_while_we_probed_is_said_and_left_alone(seen, text):
    r = candidate.confirmed(rollout(Phase.CONFIRMING), seen, NOW)
    assert (r.phase, r.ending) == (Phase.CLEANING, Ending.HELD)
    assert text in text_of(r)
    assert text_of(r).endswith("while we probed by eve@example.com")


def test_an_unknown_modifier_is_not_named():
    seen = ours(BEFORE, last_modifier="")
    r = candidate.confirmed(rollout(Phase.CONFIRMING), seen, NOW)
    assert text_of(r).endswith("while we probed")


def test_an_adopted_revision_need_not_be_the_newest():
    r = rollout(Phase.CONFIRMING, plan(revision=CANDIDATE))
    assert candidate.confirmed(r, ours(PLACED, latest_created="x"), NOW).phase is Phase.MOVING


def test_from_the_first_revision_of_all_there_is_nowhere_to_take_users():
    alone = rollout(Phase.WATCHING, before=None, stepped=1)
    r = candidate.stop(alone, NOW, Ending.REGRESSED, None)
    assert (r.phase, r.ending) == (Phase.CLEANING, Ending.STUCK)
    assert "nothing to go back to" in r.notes[-1]


WRONG, RIGHT = Repeat.WRONG, Repeat.RIGHT
BLIP = (WRONG, *[RIGHT] * 6)
STANDS = (WRONG, WRONG, WRONG)
UNHEARD = Finding(Symptom.PLATFORM, "200", "502 Bad Gateway")


def under_users(r, *, repeats=(), finding=None):
    """A round in which users' address is the one that shows something else than a pass."""
    own = evidence()
    if finding:
        theirs = replace(own, outcome=Outcome.INCONCLUSIVE, findings=(finding,))
    else:
        theirs = replace(evidence(Outcome.FAILED), repeats=repeats)
    seen = (own, replace(theirs, address=SERVICE), evidence(probe="nice"))
    return candidate.dwelt(r, Probed(NOW, seen))


def watched(phase, **more):
    return rollout(phase, stepped=1, limit_at=NOW, reached=MOVED, **more)


@pytest.mark.parametrize("phase", [Phase.DWELLING, Phase.WATCHING])
@pytest.mark.parametrize(
    "what", [{"repeats": BLIP}, {"finding": UNHEARD}], ids=["blip", "platform"]
)
def test_what_may_pass_by_itself_gets_another_round_before_users_are_moved(phase, what):
    r = watched(phase)
    for unsure in range(1, candidate.UNSURE_ROUNDS + 1):
        r = under_users(r, **what)
        assert (r.phase, r.ending, r.unsure) == (phase, None, unsure)
    passed = (evidence(), replace(evidence(), address=SERVICE))
    after = candidate.dwelt(r, Probed(NOW, passed))
    assert (after.unsure, after.phase) != (r.unsure, phase)
    decided = under_users(r, **what)
    assert (decided.phase, decided.ending) == (Phase.BACKING_OUT, Ending.HELD)


def test_a_watch_that_reaches_nobody_moves_nobody():
    r = watched(Phase.WATCHING, unsure=candidate.UNSURE_ROUNDS)
    r = under_users(r, finding=Finding(Symptom.CONNECT, "a connection", "none"))
    assert (r.phase, r.ending) == (Phase.CLEANING, Ending.PROMOTED)


@pytest.mark.parametrize("repeats", [(), STANDS])
def test_a_failure_that_stands_takes_users_off_at_once(repeats):
    for phase in (Phase.DWELLING, Phase.WATCHING):
        r = under_users(watched(phase), repeats=repeats)
        assert (r.phase, r.ending) == (Phase.BACKING_OUT, Ending.REGRESSED)


def test_no_round_is_added_beyond_the_deadline():
    r = under_users(watched(Phase.DWELLING, asked=plan(deadline_s=0)), repeats=BLIP)
    assert (r.phase, r.ending) == (Phase.BACKING_OUT, Ending.HELD)


def test_at_a_share_of_users_a_few_passes_excuse_nothing():
    """Nine of ten of them are stable's."""
    r = watched(Phase.DWELLING, asked=plan(steps=(10, 100)))
    assert under_users(r, repeats=BLIP).ending is Ending.REGRESSED
    assert under_users(r, repeats=(WRONG, *[RIGHT] * 80)).ending is None
