"""Each rule of the check finds what it is there to find, and nothing in a round that went well."""

import copy
import json
from dataclasses import replace

import pytest

from tests.chaos.check import digest, violations
from tests.chaos.draw import Act, Boundary, Deed, Image, Start, Task, draw
from tests.chaos.record import Record, Run
from tests.chaos.stage import PERSON, SETUP

NAME = "chaos-000000001"
OLD, ONE, NEW = f"{NAME}-old", f"{NAME}-one", f"{NAME}-new"
GATE = "local-user@example.com"
ROUND = replace(
    draw(1),
    task=Task.ROLLOUT,
    image=Image.GOOD,
    start=Start.PINNED,
    steps=(100,),
    watch_s=0.0,
    keeps=True,
    rude=False,
    identity=True,
    acts=(),
    faults=(),
)


def traffic(shares, tags):
    lines = [{"revision": name, "percent": percent, "tag": ""} for name, percent in shares.items()]
    return lines + [{"revision": name, "percent": 0, "tag": tag} for tag, name in tags.items()]


class Scene:
    """A round that went well: deployed, promoted, tidied; tests spoil it."""

    def __init__(self, **changes):
        self.moments, self.entries, self.runs = [], [], []
        self.round = replace(ROUND, **changes)
        self.users = {"blue": OLD}
        self.asked({ONE: 100}, self.users, SETUP)
        self.write("deploying", {ONE: 100}, {**self.users, "candidate": NEW}, holder="r1")
        self.write("moving", {NEW: 100}, self.users, holder="r1")
        self.write("untagging", {NEW: 100}, self.users)
        self.outcome("promoted")
        self.run("main", 0)
        self.run("recover", 0)

    def asked(self, shares, tags, caller, mark=None):
        """A write, in effect at once."""
        lines = traffic(shares, tags)
        notes = {"team": "chat"} | ({"cloud-run-gate/mark": json.dumps(mark)} if mark else {})
        common = {"at": "2026-01-01T00:00:00", "generation": len(self.moments), "traffic": lines}
        self.note(what="asked", caller=caller, annotations=notes, **common)
        self.note(what="told", caller="", annotations={}, **common)
        self.note(what="obeyed", caller="", annotations={}, **common)

    def note(self, **moment):
        self.moments.append({**moment, "number": len(self.moments) + 1})

    def write(self, phase, shares, tags, holder="", fence=1, writer="r1", **more):
        """A write of the gate, with its entry in the ledger."""
        entry = {
            "entry": "intention",
            "rollout": writer,
            "actor": "main@example.com",
            "kind": "rollout",
            "phase": phase,
            "why": phase,
            "at": "2026-01-01T00:00:00",
            "traffic_wanted": traffic(shares, tags),
        } | more
        self.entries.append(entry)
        mark = {"fence": fence, "writer": writer, "holder": holder, "phase": phase}
        mark |= {"candidate": NEW} if holder else {}
        self.asked(shares, tags, GATE, mark | {"entry": digest(entry)})

    def outcome(self, ending):
        candidate = {"revision": NEW}
        self.entries.append(
            {
                "entry": "outcome",
                "rollout": "r1",
                "actor": "main@example.com",
                "kind": "rollout",
                "ending": ending,
                "candidate": candidate,
            }
        )

    def run(self, role, code, image="good", **more):
        told = {"rollout": "r1", "candidate": {"revision": NEW}}
        known = {"killed": False, "hung": False, "signals": (), "outcome": told, "said": ""} | more
        kind = "rollout" if role in ("main", "next") else "recover"
        self.runs.append(Run(role, image, kind, code, cut=len(self.moments), **known))

    def without_the_end(self):
        """Only the first write is left, of a candidate at 0 %."""
        del self.moments[6:], self.entries[1:], self.runs[:]
        return self

    def found(self, **more):
        last = [moment for moment in self.moments if moment["what"] == "asked"][-1]
        final = {"traffic": last["traffic"], "annotations": last["annotations"]}
        revisions = {OLD: "good", ONE: "good", NEW: self.round.image.value}
        known = {"entries": self.entries, "moments": self.moments, "runs": self.runs}
        known |= {"final": final, "begun": 3}
        return "\n".join(violations(Record(self.round, revisions, **(known | more))))


def test_a_round_that_went_well_has_no_violation():
    assert Scene().found() == ""


def test_a_bad_candidate_with_users():
    assert f"{NEW} (bad) was obeyed to have users" in Scene(image=Image.BAD).found()


def test_users_whom_a_person_sent_there_are_that_persons():
    scene = Scene(image=Image.BAD).without_the_end()
    scene.asked({"": 100}, scene.users, PERSON)
    scene.moments[-2]["traffic"] = scene.moments[-1]["traffic"] = traffic({NEW: 100}, scene.users)
    assert "to have users" not in scene.found()


@pytest.mark.parametrize(
    ("phase", "shares", "said"),
    [
        ("untagging", {OLD: 100}, "while untagging the gate changed shares"),
        ("deploying", {OLD: 100}, "while deploying the gate changed shares"),
        ("moving", {NEW: 30, ONE: 70}, "30 %, which is no step"),
        ("reverting", {OLD: 50, ONE: 50}, "which they had never been"),
        ("recovering", {OLD: 50, ONE: 50}, "which they had never been"),
    ],
)
def test_a_move_without_a_reason(phase, shares, said):
    scene = Scene()
    scene.write(phase, shares, scene.users, holder="r1")
    assert said in scene.found()


@pytest.mark.parametrize("phase", ["moving", "reverting", "recovering"])
def test_a_person_who_is_overruled(phase):
    scene = Scene().without_the_end()
    scene.asked({OLD: 100}, scene.users, PERSON)
    scene.write(phase, {ONE: 100} if phase != "moving" else {NEW: 100}, scene.users)
    assert f"a person set {{'{OLD}': 100}}, and the gate made it" in scene.found()


def test_a_later_rollout_may_move_what_a_person_set():
    scene = Scene().without_the_end()
    scene.asked({OLD: 100}, scene.users, PERSON)
    scene.write("moving", {NEW: 100}, scene.users, fence=2, writer="r2")
    assert "a person set" not in scene.found()


def test_a_writer_that_has_lost_its_lease():
    scene = Scene()
    scene.write("untagging", {NEW: 100}, scene.users, fence=5, writer="r2")
    scene.write("untagging", {NEW: 100}, scene.users)
    assert "a write with fence 1 came into effect after one with 5" in scene.found()


def test_two_writers_with_one_number():
    scene = Scene()
    scene.write("untagging", {NEW: 100}, scene.users, writer="r2")
    assert "fence 1 had two writers, r1 and r2" in scene.found()


def test_a_tag_or_an_annotation_that_was_lost():
    scene = Scene()
    scene.write("untagging", {NEW: 100}, {})
    scene.moments[-3]["annotations"].pop("team")
    found = scene.found()
    assert "the gate changed people's tags" in found
    assert "the gate changed people's annotations" in found
    assert "tags are {}, should be" in found


def test_a_write_without_its_entry():
    scene = Scene()
    del scene.entries[1]
    assert "no entry of the ledger explains the write" in scene.found()


def test_an_entry_that_says_something_else():
    scene = Scene()
    scene.write("moving", {NEW: 100}, scene.users)
    scene.moments[-3]["traffic"] = traffic({ONE: 100}, scene.users)
    assert "the ledger says" in scene.found()


def test_an_urgent_write_is_excused_where_the_ledger_was_struck():
    scene = Scene()
    del scene.entries[2]
    assert "no entry of the ledger" in scene.found()
    assert "no entry of the ledger" not in scene.found(calls=["WriteLogEntries"])


@pytest.mark.parametrize("what", ["told", "obeyed"])
def test_traffic_that_is_not_where_it_was_asked_to_be(what):
    scene = Scene()
    for moment in scene.moments[-2:]:
        if moment["what"] == what:
            moment["traffic"] = traffic({ONE: 100}, scene.users)
    assert "asked for" in scene.found()
    assert "never settled" in Scene().found(settled=False)


def test_traffic_that_nobody_may_have_set():
    scene = Scene()
    del scene.entries[-1]
    scene.moments[-3]["annotations"]["cloud-run-gate/mark"] = json.dumps(
        {"fence": 1, "writer": "r1", "holder": "r1"}
    )
    assert "traffic ends at" in scene.found()


def test_a_tag_of_ours_that_is_left():
    scene = Scene()
    scene.write("moving", {NEW: 100}, {**scene.users, "candidate": NEW})
    assert "our tag is left" in scene.found()
    scene.run("main", 5)
    assert "our tag is left" not in scene.found()


def test_a_holder_that_is_left():
    assert "r1 still holds the service (deploying)" in Scene().without_the_end().found()


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ({"role": "main", "code": -9, "hung": True}, "did not end"),
        ({"role": "main", "code": 17}, "ended with 17"),
        ({"role": "main", "code": 3, "said": "gate: internal error at x"}, "has a defect"),
        ({"role": "recover", "code": 4}, "recover ended with 4"),
        ({"role": "main", "code": 1}, "exit 1, but traffic is"),
        ({"role": "main", "code": 3}, "exit 3, but traffic is"),
        ({"role": "main", "code": 5}, "exit 5, but traffic is"),
        ({"role": "main", "code": 130}, "nobody interrupted it"),
        ({"role": "main", "code": 2}, "exit 2 for a policy"),
        ({"role": "main", "code": 4}, "exit 4, and nothing went wrong"),
        ({"role": "main", "code": 0, "image": "bad"}, "exit 0 for a candidate that is bad"),
    ],
)
def test_exit_codes_that_are_not_true(run, said):
    scene = Scene()
    scene.runs.clear()
    scene.run(**run)
    assert said in scene.found()


def test_a_promotion_that_never_was():
    scene = Scene().without_the_end()
    scene.run("main", 0)
    assert f"exit 0, but {NEW} never had all traffic" in scene.found()


def test_an_early_recovery_that_writes():
    scene = Scene()
    scene.write("recovering", {NEW: 100}, scene.users, writer="r1")
    for entry in scene.entries:
        entry["actor"] = "early@example.com"
    scene.run("early", 0)
    assert "the recovery that came too early" in scene.found()


def test_where_nothing_goes_wrong_the_candidate_decides():
    scene = Scene().without_the_end()
    scene.run("main", 3)
    assert "calm: a good candidate ended with 3" in scene.found()
    busy = (Act(Deed.KILL, Boundary("*", 99, after=False)),)
    scene.round = replace(scene.round, acts=busy)
    assert "calm:" not in scene.found()


def test_the_record_is_left_as_it_is():
    scene = Scene()
    before = copy.deepcopy(scene.moments)
    scene.found()
    assert scene.moments == before
