"""Traffic that moved without an entry: a fault, until it was taken back and decided on."""

import pytest

from gate.ledger.canonical import digest
from gate.ledger.drifts import PENDING_MAX
from gate.ledger.findings import What
from tests.unit.ledger.test_verify import NEW, OLD, Story, at, found, split

EVIL = "backend-00009-eee"
ANSWERED = [{"probe": "ok", "address": "", "outcome": "inconclusive"}]
OF_STABLE = [{"probe": "ok", "address": "stable", "outcome": "passed"}]
NOTHING_JUDGED = digest({"evidence": [], "verdict": None})
AT_ITS_TAG = [*split(OLD), {"revision": NEW, "percent": 0, "tag": "candidate"}]


def deployed(to=NEW):
    """A promotion, and after it a deploy that sent all users to its revision at once."""
    story = Story()
    story.write("r1", OLD)
    story.end("r1")
    story.users = to
    return story


def quarantined(story, rollout="r2", now=NEW, wanted=AT_ITS_TAG):
    """Users go back with the write that gives the revision its tag."""
    return story.write(rollout, OLD, traffic_now=split(now), traffic_wanted=wanted)


def ended(story, rollout, ending="held", of=NEW, **more):
    """An outcome that says which revision it decides on, and what that was held for."""
    judged = judges(ANSWERED if ending == "held" else [])
    return story.end(rollout, ending, **{"candidate": {"revision": of}, **judged, **more})


def judges(evidence):
    value = {"evidence": evidence, "verdict": None}
    return {**value, "evidence_digest": digest(value)}


def by_hand(story, rollout, to, **more):
    """A write of a rollback."""
    made = story.intend(rollout, to, **more)
    made["kind"] = "rollback"
    story.head, story.users = (digest(made), made["sequence"]), to


def rolled_back(story, rollout, to, **more):
    """A person moves users by hand."""
    told = {"decided": "rolled back", "evidence_digest": NOTHING_JUDGED, "phase": "moving", **more}
    by_hand(story, rollout, to, **told)
    ended(story, rollout, "rolled back", to)["kind"] = "rollback"


@pytest.mark.parametrize("now", [NEW, ""])
@pytest.mark.parametrize(
    ("ending", "whole"),
    [
        ("promoted", True),
        ("rejected", True),
        ("held", True),
        ("failed", False),
        ("stuck", False),
        ("interrupted", False),
        ("", False),
    ],
)
def test_what_was_taken_back_and_decided_on_is_told_and_no_fault(now, ending, whole):
    story = deployed()
    quarantined(story, now=now)
    if ending:
        decides = ending in {"promoted", "rejected"}
        last = {"decided": ending if decides else "", "evidence_digest": NOTHING_JUDGED}
        story.write("r2", NEW if ending == "promoted" else OLD, **last)
        ended(story, "r2", ending)
    report = story.check()
    assert report.whole is whole
    (drift,) = report.notes if whole else report.findings
    assert (drift.what, drift.since, drift.at) == (What.DRIFT, at(1), at(3))
    assert f"from 100 % {OLD} to 100 % {now or 'LATEST'} without an entry" in drift.text
    decided = f"users were taken back, and rollout r2 ({at(5)}) decided: {ending}"
    assert (decided in drift.text) is whole
    assert (report.value()["notes"] == [drift.value()]) is whole


@pytest.mark.parametrize("now", [NEW, ""])
def test_another_rollout_may_decide_where_the_first_one_died(now):
    story = deployed()
    quarantined(story, now=now)
    story.write("r3", OLD, traffic_wanted=AT_ITS_TAG)
    assert found(story.check()) == [What.DRIFT]
    ended(story, "r3", took_back=["r2"])
    report = story.check()
    assert (found(report), len(report.notes)) == ([], 1)
    assert "rollout r3" in report.notes[0].text


@pytest.mark.parametrize("now", [NEW, ""])
def test_whoever_was_at_work_may_leave_it_alone_first(now):
    """As one does that finds users moved, and gives its lease back."""
    story = deployed(now)
    story.write("r0", traffic_now=split(now), traffic_wanted=split(now))
    quarantined(story, now=now)
    ended(story, "r2")
    report = story.check()
    assert (found(report), len(report.notes)) == ([], 1)


def test_who_lost_to_another_write_has_taken_nobody_back():
    story = deployed()
    story.intend("r2", OLD, traffic_now=split(NEW), traffic_wanted=AT_ITS_TAG)
    story.write("r3", NEW)  # which takes it for stable
    ended(story, "r2")
    assert What.DRIFT in found(story.check())
    assert story.check().notes == []


def test_who_lost_to_another_write_may_try_again():
    story = deployed()
    story.intend("r2", OLD, traffic_now=split(NEW), traffic_wanted=AT_ITS_TAG)
    story.write("r0", traffic_wanted=split(NEW))  # at work before, which gives its lease back
    quarantined(story)
    story.write("r2", OLD)
    ended(story, "r2")
    report = story.check()
    assert (found(report), len(report.notes)) == ([], 1)


BLUE = {"revision": NEW, "percent": 0, "tag": "blue"}


@pytest.mark.parametrize("theirs", [[], [BLUE]])  # a tag of somebody's, which each write leaves
@pytest.mark.parametrize("now", [NEW, ""])
@pytest.mark.parametrize("ending", ["promoted", "held"])
def test_what_was_decided_on_another_revision_says_nothing(now, theirs, ending):
    story = deployed()
    quarantined(story, now=now, wanted=[*AT_ITS_TAG, *theirs])
    other = {**AT_ITS_TAG[1], "revision": EVIL}
    story.write("r3", OLD, traffic_wanted=[*split(OLD), other, *theirs])
    decided = {"decided": ending, "evidence_digest": NOTHING_JUDGED} if ending != "held" else {}
    story.write("r3", EVIL, traffic_wanted=[*split(EVIL), *theirs], **decided)
    ended(story, "r3", ending, EVIL)
    assert found(story.check()) == [What.DRIFT]


@pytest.mark.parametrize("evidence", [[], OF_STABLE])
def test_who_was_held_before_it_answered_has_decided_nothing(evidence):
    story = deployed()
    quarantined(story)
    ended(story, "r2", **judges(evidence))
    assert found(story.check()) == [What.DRIFT]
    story.write("r3", OLD, traffic_wanted=AT_ITS_TAG)
    ended(story, "r3")
    report = story.check()
    assert (found(report), len(report.notes)) == ([], 1)


def test_who_was_held_for_more_than_there_is_room_for_has_decided():
    story = deployed()
    quarantined(story)
    ended(story, "r2", **{**judges(ANSWERED), "evidence": []}, left_out=1, bundle="")
    report = story.check()
    assert (found(report), len(report.notes)) == ([], 1)


def test_a_later_rollback_of_something_else_says_nothing():
    story = deployed()
    quarantined(story)
    rolled_back(story, "r3", OLD, traffic_wanted=[*split(OLD), BLUE])
    assert found(story.check()) == [What.DRIFT]


def test_whoever_took_users_back_decides_on_where_latest_was_though_it_was_tagged_before():
    story = deployed("")
    before = [*split(""), {**AT_ITS_TAG[1]}]
    story.write("r2", OLD, traffic_now=before, traffic_wanted=AT_ITS_TAG)
    ended(story, "r2")
    report = story.check()
    assert (found(report), len(report.notes)) == ([], 1)


def test_a_person_may_roll_it_back():
    story = deployed()
    rolled_back(story, "r2", OLD)
    report = story.check()
    assert (found(report), [one.what for one in report.notes]) == ([], [What.DRIFT])


HALF = [{**line, "percent": 50, "tag": ""} for line in (*split(OLD), *split(NEW))]


@pytest.mark.parametrize(
    "write",
    [
        {"wanted": [*split(EVIL), AT_ITS_TAG[1]]},  # to where the record never had users
        {"now": HALF},
    ],
)
def test_a_move_that_was_not_taken_back_whole_stays_a_fault(write):
    story = deployed()
    now = write.get("now", split(NEW))
    wanted = write.get("wanted", AT_ITS_TAG)
    story.write("r2", OLD, traffic_now=now, traffic_wanted=wanted)
    ended(story, "r2")
    report = story.check()
    assert (found(report), report.notes) == ([What.DRIFT], [])


def test_what_was_taken_for_stable_and_replaced_stays_a_fault():
    story = deployed()
    story.write("r2", NEW)
    assert found(story.check()) == [What.DRIFT]
    story.write("r2", EVIL, decided="promoted", evidence_digest=NOTHING_JUDGED)
    ended(story, "r2", "promoted", EVIL)
    assert found(story.check()) == [What.DRIFT]


@pytest.mark.parametrize("now", [NEW, ""])
def test_who_moved_users_elsewhere_first_has_not_taken_them_back(now):
    story = deployed(now)
    rolled_back(story, "r2", EVIL)
    rolled_back(story, "r3", OLD)
    report = story.check()
    assert (found(report), report.notes) == ([What.DRIFT], [])


@pytest.mark.parametrize("now", [NEW, ""])
def test_who_asks_where_to_go_back_to_leaves_users_there_meanwhile(now):
    story = deployed(now)
    asked = [*split(NEW), {**AT_ITS_TAG[1], "revision": OLD}]
    by_hand(story, "r2", NEW, traffic_now=split(now), traffic_wanted=asked, phase="tagging")
    rolled_back(story, "r2", OLD)
    report = story.check()
    assert (found(report), len(report.notes)) == ([], 1)


def test_no_more_than_so_many_wait_for_a_decision():
    story = deployed()
    for number in range(PENDING_MAX + 2):
        quarantined(story, f"q{number}")
        story.users = NEW
    report = story.check()
    assert found(report) == [What.DRIFT] * (PENDING_MAX + 2)
