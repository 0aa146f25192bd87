"""What verification says of ledgers that are made by hand: one thing at a time."""

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest

from gate.ledger.canonical import canonical, digest
from gate.ledger.chain import CLOCKS_S, WINDOW
from gate.ledger.checksum import with_checksum
from gate.ledger.findings import FINDINGS_MAX, Head, What
from gate.ledger.jsonl import read_lines, write_lines
from gate.ledger.seen import LINE_MAX_BYTES
from gate.ledger.verify import verify

SERVICE = "demo/us-central1/backend"
OLD, NEW = "backend-00001-aaa", "backend-00002-bbb"
NOBODY = {"system": "", "id": "", "trigger": "", "commit": ""}


def at(minute, second=0.0):
    moment = datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(minutes=minute, seconds=second)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def split(revision, tag=""):
    return [{"revision": revision, "percent": 100, "tag": tag}]


def entry(kind, rollout, when, /, **more):
    common = {
        "format": 2,
        "entry": kind,
        "rollout": rollout,
        "at": when,
        "kind": "rollout",
        "project": "demo",
        "region": "us-central1",
        "service": "backend",
        "actor": "alice",
        "reason": "because",
        "build": NOBODY,
        "overrides": [],
        "gate_version": "1",
    }
    return {**common, **more}


class Story:
    """A ledger in the making."""

    def __init__(self, service="backend"):
        self.entries, self.head, self.minute, self.users = [], ("", 0), 0, OLD
        self.service = service

    def write(self, rollout, to=None, **more):
        """An intention that took effect."""
        made = self.intend(rollout, to, **more)
        self.head, self.users = (digest(made), made["sequence"]), to or self.users
        return made

    def intend(self, rollout, to=None, **more):
        """An intention alone."""
        self.minute += 1
        previous, sequence = self.head
        told = {
            "previous": previous,
            "sequence": sequence + 1,
            "traffic_now": split(self.users),
            "traffic_wanted": split(to or self.users),
            "outcomes": None,
            "decided": "",
            "evidence_digest": "",
            "service": self.service,
        }
        made = entry("intention", rollout, at(self.minute), **{**told, **more})
        self.entries.append(made)
        return made

    def end(self, rollout, ending="promoted", **more):
        """An outcome."""
        self.minute += 1
        own = [
            digest(one)
            for one in self.entries
            if one["rollout"] == rollout and one["entry"] == "intention"
        ]
        judged = {"evidence": [], "verdict": None}
        told = {
            "previous": self.head[0],
            "sequence": self.head[1],
            "ending": ending,
            "intentions": own,
            "intentions_unkept": [],
            "evidence_digest": digest(judged),
            "service": self.service,
            **judged,
        }
        made = entry("outcome", rollout, at(self.minute), **{**told, **more})
        self.entries.append(made)
        return made

    def seen(self, *outcomes):
        """What a later rollout vouches for."""
        return [
            {"rollout": one["rollout"], "at": one["at"], "digest": digest(one)} for one in outcomes
        ]

    def last_checked(self, **change):
        """Somebody changes the last outcome, which has a checksum."""
        self.entries[-1] = {**with_checksum(self.entries[-1]), **change}

    def one_unchecked(self):
        """An outcome has a checksum, and the next one has none."""
        self.last_checked()
        self.write("r3")
        self.end("r3")

    def check(self, only=SERVICE, head=None):
        head = head or Head(self.head[1], self.head[0])
        return verify(map(canonical, self.entries), only, {SERVICE: head})


def found(report):
    return [one.what for one in report.findings]


@pytest.fixture
def story():
    """Two rollouts, whole."""
    story = Story()
    story.write("r1")
    story.write("r1", NEW)
    first = story.end("r1")
    story.write("r2", OLD, outcomes=story.seen(first))
    story.end("r2", "rolled back")
    return story


@pytest.mark.parametrize("change", [{"ending": "rejected"}, {"evidence_digest": "0" * 64}])
def test_an_outcome_says_what_its_last_write_rests_on(story, change):
    made = story.end("r2")
    story.entries.remove(made)
    judged = made["evidence_digest"]
    story.write("r3", decided="promoted", evidence_digest=judged)
    story.end("r3", **change)
    assert found(story.check())[0] is What.ALTERED


@pytest.mark.parametrize(
    ("kind", "phase", "decided", "ending", "forged"),
    [
        ("rollout", "untagging", "promoted", "promoted", "reverted"),
        ("rollout", "untagging", "rejected", "rejected", "failed"),
        ("rollout", "moving", "", "held", "reverted"),
        ("rollback", "moving", "", "rolled back", "failed"),
        ("promote", "moving", "", "promoted", "failed"),
        ("recover", "recovering", "", "recovered", "failed"),
    ],
)
def test_an_ending_is_one_that_its_last_write_can_have_led_to(kind, phase, decided, ending, forged):
    judged = digest({"evidence": [], "verdict": None})
    story = Story()
    told = {"kind": kind, "phase": phase, "decided": decided, "evidence_digest": judged}
    story.write("r1", NEW, **told)
    made = story.end("r1", ending, kind=kind)
    assert found(story.check()) == []
    story.entries[-1] = with_checksum({**made, "ending": forged})
    (finding,) = story.check().findings
    assert (finding.what, repr(forged) in finding.text) == (What.ALTERED, True)


def test_it_is_whole_and_says_where_it_begins_and_ends(story):
    report = story.check()
    assert found(report) == []
    (service,) = report.services
    assert (service.service, service.entries, service.first) == (SERVICE, 5, 1)
    assert (service.head.sequence, service.head.digest) == (3, story.head[0])
    assert (service.head_rollout, service.unvouched) == ("r2", ["r2"])
    assert report.value()["whole"] is True
    assert json.dumps(report.value())


@pytest.mark.parametrize(
    ("change", "what", "text"),
    [
        (lambda s: s.entries.pop(1), What.MISSING, "entry 2 before entry 3 (rollout r2"),
        (lambda s: s.entries.pop(2), What.MISSING, "the outcome of rollout r1 is not in the"),
        (lambda s: s.entries[1].update(actor="eve"), What.ALTERED, "entry 2 (rollout r1"),
        (lambda s: s.entries[2].update(notes=["x"]), What.ALTERED, "outcome of rollout r1 was"),
        (lambda s: s.entries[2].update(events={"data": "x"}), What.ALTERED, "rollout r1 was"),
        (
            lambda s: s.entries[4].update(actor="eve", overrides=["again"]),
            What.ALTERED,
            '(actor is eve, and alice there; overrides is ["again"], and [] there): one',
        ),
        (lambda s: s.entries[4].update(evidence=[1]), What.ALTERED, "evidence or the verdict"),
        (lambda s: s.entries.reverse(), What.REORDERED, "comes after one of"),
        (lambda s: s.end("r1", "rejected"), What.DOUBLED, "'rejected' of 2026-01-01T12:06"),
        (lambda s: s.end("r9"), What.INVENTED, "no write of it took effect"),
        (lambda s: s.end("r9", "busy", previous="0" * 64), What.MISSING, "does not have"),
        (lambda s: s.entries.append(entry("x", "r", at(50), service="x")), What.FOREIGN, "not of"),
        (lambda s: s.entries.append({}), What.UNREADABLE, "line 6 is no entry"),
        (lambda s: s.entries.append([1]), What.UNREADABLE, "line 6 is no entry"),
        (lambda s: s.entries[2].update(x="x" * LINE_MAX_BYTES), What.TOO_LARGE, "line 3"),
        (lambda s: s.entries.append(entry("outcome", "r0", at(9), format=1)), What.INVENTED, "of"),
        (lambda s: s.last_checked(notes=["x"]), What.ALTERED, "does not fit its own checksum"),
        (lambda s: s.last_checked(intact=True, x=1), What.ALTERED, "does not fit its own checksum"),
        (lambda s: s.one_unchecked(), What.ALTERED, "has no checksum, as others"),
        (lambda s: s.last_checked(checksum=1), What.UNREADABLE, "line 5"),
    ],
)
def test_what_is_wrong_is_named(story, change, what, text):
    change(story)
    report = story.check()
    assert what in found(report)
    assert any(one.what is what and text in one.text for one in report.findings), report.findings


@pytest.mark.parametrize(
    ("head", "what", "text"),
    [
        (Head(5, "0" * 64), What.END_LOST, "written on 2 times after entry 3"),
        (Head(4, "0" * 64), What.END_LOST, "written on once after entry 3"),
        (Head(3, "0" * 64), What.ALTERED, "is not in the ledger"),
        (Head(1, "0" * 64), What.HEAD, "is not in the ledger"),
        (Head(), What.HEAD, "the service carries no mark"),
    ],
)
def test_a_service_that_says_something_else_is_named(story, head, what, text):
    report = story.check(head=head)
    assert found(report) == [what]
    assert text in report.findings[0].text


def test_a_mark_that_was_set_back_is_named(story):
    earlier = Head(1, digest(story.entries[0]))
    report = story.check(head=earlier)
    assert found(report) == [What.HEAD]
    assert "the mark was set back" in report.findings[0].text


def test_two_histories_from_one_entry_are_named(story):
    beside = story.intend("r3")
    story.write("r4")
    story.write("r4")
    story.head = (digest(beside), beside["sequence"])
    story.write("r3")
    report = story.check()
    assert found(report) == [What.TWO_HEADS]
    assert "entry 5 (rollout r3" in report.findings[0].text


def test_a_mark_that_was_set_back_at_once_is_named(story):
    story.head, story.users = (digest(story.entries[1]), 2), NEW
    story.write("r3")
    story.write("r3")
    report = story.check()
    assert found(report) == [What.INVENTED]
    assert "or the service's mark was set back" in report.findings[0].text


def test_a_chain_that_begins_anew_is_named(story):
    story.head = ("", 0)
    story.write("r3")
    story.write("r3")
    assert found(story.check()) == [What.TWO_HEADS]


def test_what_was_refused_is_counted_and_no_finding(story):
    story.intend("r3")
    story.intend("r4")
    story.write("r5")
    for rollout in ("r3", "r4", "r5"):
        story.end(rollout, "busy")
    report = story.check()
    assert found(report) == []
    assert report.services[0].refused == 2


def test_traffic_that_moved_between_two_entries_is_drift(story):
    story.users = NEW
    story.write("r3")
    report = story.check()
    assert found(report) == [What.DRIFT]
    (drift,) = report.findings
    assert f"from 100 % {OLD} to 100 % {NEW} without an entry" in drift.text
    assert (drift.since, drift.at) == (at(4), at(6))


def test_tags_that_people_give_are_no_drift(story):
    story.write("r3", traffic_now=split(OLD, "mine"))
    assert found(story.check()) == []


@pytest.mark.parametrize(("seconds", "told"), [(CLOCKS_S - 1, []), (CLOCKS_S + 2, [What.CLOCK])])
def test_a_clock_that_was_set_back_is_named_and_one_that_is_off_is_not(story, seconds, told):
    last = story.write("r3", at=at(10))
    early = story.write("r4", at=at(10, -seconds))
    story.entries[-2:] = [early, last]
    assert found(story.check()) == told


def test_an_entry_that_was_never_kept_is_told_by_its_outcome(story):
    lost = story.write("r3", NEW)
    story.entries.remove(lost)
    story.end("r3", "rolled back", intentions=[], intentions_unkept=[digest(lost)])
    assert found(story.check()) == []
    story.write("r4")
    assert found(story.check()) == []


def test_entries_from_before_the_chain_are_named_and_lead_into_it():
    story = Story()
    old = story.write("r0", NEW, format=1)
    story.end("r0", format=1)
    story.head = (digest(old), 0)
    story.write("r1", OLD)
    report = story.check()
    assert found(report) == []
    assert (report.services[0].legacy, report.services[0].legacy_until) == (2, at(2))


def test_a_ledger_whose_beginning_is_no_longer_kept_is_whole(story):
    for gone in range(1, 5):
        report = verify(map(canonical, story.entries[gone:]), SERVICE)
        assert found(report) == [], gone
        assert report.services[0].since == story.entries[gone]["at"]


def test_services_are_told_apart_where_nobody_names_one(story):
    other = Story("frontend")
    other.write("q1")
    story.entries += other.entries
    report = verify(map(canonical, story.entries))
    assert found(report) == []
    assert [(one.entries, one.end_checked) for one in report.services] == [(5, False), (1, False)]
    (alone,) = verify(map(canonical, story.entries[:5]), "", {"": Head(3, story.head[0])}).services
    assert alone.end_checked
    assert verify([], "", {SERVICE: Head(1, "0" * 64)}).findings[0].what is What.END_LOST


def test_more_findings_than_anybody_reads_are_counted():
    (cut,) = verify([b'{"a": "b']).findings
    assert cut.text == "line 1 is no entry of the gate: Unterminated string (column 7)"
    report = verify([b"{}"] * (FINDINGS_MAX + 5))
    assert (len(report.findings), report.more, report.whole) == (FINDINGS_MAX, 5, False)


def test_it_remembers_no_more_than_a_window():
    story = Story()
    for number in range(3 * WINDOW):
        story.minute = 0
        story.write(f"r{number}")
    report = story.check()
    assert found(report) == []
    assert report.services[0].head.sequence == 3 * WINDOW


def test_lines_are_read_as_they_were_written():
    entries = [{"a": "é"}, {"b": [1, None, True]}]
    file = BytesIO()
    assert write_lines(entries, file) == 2
    file.seek(0)
    assert [*read_lines(file)] == [canonical(one) for one in entries]


def test_a_line_without_end_is_given_up():
    file = BytesIO(b'{"a": 1}\r\n\n  \n' + b"x" * (3 * LINE_MAX_BYTES) + b"\nlast")
    first, long, last = read_lines(file)
    assert (first, last) == (b'{"a": 1}', b"last")
    assert LINE_MAX_BYTES < len(long) <= LINE_MAX_BYTES + 2


def test_an_outcome_knows_of_a_write_that_nobody_recorded(story):
    story.write("r3")
    lost = digest(story.entries.pop())
    story.end("r3", intentions_unkept=[lost])
    assert found(story.check()) == []
    (before,) = [one for one in story.entries if one.get("sequence") == 3][:1]
    report = story.check(head=Head(3, digest(before)))
    assert found(report) == [What.HEAD]
    assert "tells of entry 4" in report.findings[0].text


@pytest.mark.parametrize(("gone", "expected"), [(0, []), (1, [What.MISSING])])
def test_a_ledger_begins_with_what_is_left_of_a_rollout_and_lacks_nothing_after_it(gone, expected):
    story = Story()
    story.intend("r1")
    story.intend("r1")
    story.write("r1")
    lost = digest(story.entries.pop())
    story.end("r1", "rejected", intentions_unkept=[lost])
    assert found(story.check()) == []
    del story.entries[gone]
    assert found(story.check()) == expected
