"""What is told of a quarantine: while it goes on, at its end, and in the record."""

from dataclasses import replace

import pytest
from selectolax.lexbor import LexborHTMLParser

from gate.core.evidence import Outcome
from gate.core.recorded import put_together
from gate.core.traffic import Split, Target
from gate.ledger.brief import brief, decision_of
from gate.ledger.entry import outcome
from gate.report.attempts import attempts
from gate.report.attempts import shown as shown_of
from gate.report.audit import asked_text, list_blocks, traffic_text
from gate.report.html.page import of_documents
from gate.report.lines import plain
from gate.report.outcome import outcome_lines
from gate.report.progress.activity import shares_before
from gate.report.progress.plain import PlainNarrator
from tests.unit.report.scenes import ALL_PASSED, CANDIDATE, STABLE, START, Scribe, plan, shown
from tests.unit.report.test_outcome import failed, served_by_candidate

ASKED = plan(image="", revision=CANDIDATE, newest=True, quarantine=True, stable=STABLE, order=7)


def quarantined(asked=ASKED):
    """A quarantine that ends with a no, and what was told meanwhile."""
    lines = []
    scene = served_by_candidate()
    scene.evidence = (failed("health"),)
    assert scene.evidence[0].outcome is Outcome.FAILED
    return scene.play(asked, PlainNarrator(lines.append)), lines


def test_what_is_moved_first_and_what_stays_is_told():
    r, lines = quarantined()
    (told,) = [line for line in lines if "moving all users" in line]
    assert f"from {CANDIDATE} back to {STABLE}, and giving {CANDIDATE} the tag candidate" in told
    assert not any("no user's request goes there" in line for line in lines)
    assert f"traffic is now: {STABLE} 100 %" in lines
    assert not any("traffic stays where it was" in line for line in lines)
    end = shown(r)
    assert "  order:     7" in end
    assert f"traffic before: {CANDIDATE} 100 %" in end
    assert any(f"open WebSockets stay on {CANDIDATE} until they end" in line for line in end)


def test_what_latest_meant_is_whom_users_were_taken_from():
    r, _ = quarantined()
    by_latest = replace(r, before=Split.of([Target(None, 100)]))
    assert f"traffic before: LATEST 100 % (which meant {CANDIDATE} 100 %)" in shown(by_latest)
    assert shares_before(by_latest) == f"LATEST 100 % (which meant {CANDIDATE} 100 %)"
    assert outcome(by_latest, START)["quarantine"] == {
        "stable": STABLE,
        "users_were_on": {CANDIDATE: 100},
    }


def test_the_record_lists_it_as_a_move():
    r, _ = quarantined()
    for before in (r.before, Split.of([Target(None, 100)])):
        (listed,) = attempts((outcome(replace(r, before=before), START),))
        assert listed.moved


@pytest.mark.parametrize("by_latest", [False, True], ids=["by name", "by LATEST"])
def test_users_who_were_taken_off_and_are_on_again_are_told_of_everywhere(by_latest):
    scene = served_by_candidate()
    scene.evidence = ALL_PASSED
    scribe = Scribe(scene)
    r = scene.play(ASKED, scribe)
    if by_latest:
        r = replace(r, before=Split.of([Target(None, 100)]))
    end = outcome(r, START)
    assert end["ending"] == "promoted"
    listed = "\n".join(plain(list_blocks((end,), 250), 250))
    assert "  rollout --quarantine  " in listed
    assert f"  {CANDIDATE} 100 % (off and on again)  " in listed
    (kept,) = put_together((end,))
    short = shown_of(decision_of(kept.id, brief(kept), "", whole=True))
    assert asked_text(short) == "rollout --quarantine"
    assert traffic_text(short) == f"{CANDIDATE} 100 % (off and on again)"
    users = f"--quarantine: from {CANDIDATE} 100 % back to {STABLE} first"
    lines = plain(outcome_lines(end), 200)
    assert f"  users:     {users}" in lines
    assert any(line.startswith(f"traffic after:  {CANDIDATE} 100 %, off and on") for line in lines)
    tree = LexborHTMLParser(of_documents([end], scribe.entries[:-1], pictures=False))
    told = " ".join(tree.css_first("main").text(separator=" ").split())
    assert f"users {users}" in told
    assert f"Before: {CANDIDATE} 100 %. After: {CANDIDATE} 100 %, off and on again." in told


def test_what_is_taken_is_called_the_latest_until_it_has_a_name():
    scene, lines = served_by_candidate(), []
    scene.play(
        replace(ASKED, revision="", quarantine=False, stable=""), PlainNarrator(lines.append)
    )
    assert lines[0].startswith("rolling out the latest revision of backend")
    assert f"note: latest is {CANDIDATE}: the revision that demo/us-central1/backend" in lines[2]
