"""What stable showed stands beside the candidate, everywhere, and counts nowhere."""

from dataclasses import replace

from gate.core.attribution import attributed
from gate.core.evidence import STABLE, Evidence, Outcome, Repeat
from gate.core.state import Phase
from gate.core.verdict import judge
from gate.ledger.entry import outcome
from gate.ports import Progress
from gate.report import machine
from gate.report.audit import audit_show_lines
from gate.report.board import Board
from gate.report.probe_story import ProbeStory
from gate.report.summary import evidence_lines
from tests.fakes.clock import START
from tests.unit.report.scenes import HOSTILE, PROBES, SHOWN, Scene, failed, passed, plan
from tests.unit.report.test_live import Clock, drawn

TRIES = (Repeat.WRONG, Repeat.SILENT, Repeat.WRONG)
OWN = failed(repeats=TRIES)
CONTROL = passed("api-health", address=STABLE, seen="200 in 7 ms", repeats=(Repeat.RIGHT,) * 3)
SEEN = (passed(), replace(passed(), address=STABLE), OWN, CONTROL)
SAME = (passed(), OWN, replace(OWN, address=STABLE))


def told(seen: tuple[Evidence, ...]) -> str:
    probes = PROBES[:2]
    lines = evidence_lines(
        attributed(probes, seen), {}, 200, probes=probes, verdict=judge(probes, seen)
    )
    return "\n".join(lines)


def test_the_table_and_the_reasons_show_both_sides_and_whose_fault_it_is() -> None:
    text = told(SEEN)
    assert "FAILED (regression)" in text
    assert "307 to /api/health/; stable: passed, 200 in 7 ms" in text
    assert "1 of 2 probes passed" in text
    assert "fault: regression (stable passes the same probe" in text
    assert "stable: passed in 100 ms: 200 in 7 ms" in text
    assert "tries: 3 of 3 failed, 1 of them without an answer; of stable's 0 of 3" in text
    assert text.count("api-health") == 2
    assert "@stable" not in text


def test_a_failure_that_was_there_before_is_said_to_be() -> None:
    text = told(SAME)
    assert "FAILED (already there)" in text
    assert "fault: already there (stable fails alike: mend that first" in text
    assert "verdict: hold" in text


def test_without_a_control_nobody_is_blamed() -> None:
    text = told((passed(), failed()))
    assert "fault" not in text
    assert "FAILED (" not in text


def test_what_is_known_without_a_control_is_said_in_one_word() -> None:
    probes = PROBES[1:2]
    lines = evidence_lines(attributed(probes, [failed()], live=True), {}, 200, probes=probes)
    assert [line.strip() for line in lines if "fault" in line] == ["fault: regression"]


def test_machines_get_the_word_and_both_sides() -> None:
    seen = attributed(PROBES, SEEN)
    value = machine.evidence_value(seen, probes=PROBES, verdict=judge(PROBES, SEEN))
    assert isinstance(value, dict)
    assert (value["passed"], value["asked"]) == (1, 5)
    evidence, verdict = value["evidence"], value["verdict"]
    assert isinstance(evidence, list)
    assert isinstance(verdict, dict)
    shown = [(one["address"], one["attribution"]) for one in evidence if isinstance(one, dict)]
    assert shown == [("", ""), ("stable", ""), ("", "regression"), ("stable", "")]
    reasons = verdict["reasons"]
    assert isinstance(reasons, list)
    assert isinstance(reasons[0], dict)
    assert reasons[0]["attribution"] == "regression"


def test_the_audit_shows_stable_beside_a_failure_and_not_beside_a_pass() -> None:
    rollout = replace(Scene().play(plan()), evidence=attributed(PROBES, SEEN))
    entry = outcome(rollout, START)
    text = "\n".join(audit_show_lines([entry], 200))
    assert "FAILED (regression)" in text
    assert "307 to /api/health/; stable: 200 in 7 ms" in text
    assert "fault: regression" in text
    assert "tries: 3 of 3 failed" in text
    assert "api-health @stable (http): passed" in text
    assert text.count("@stable") == 1


def test_the_record_keeps_no_excerpts_of_a_control_that_nothing_hangs_on() -> None:
    rollout = replace(Scene().play(plan()), evidence=SEEN)
    evidence = outcome(rollout, START)["evidence"]
    assert isinstance(evidence, list)
    kept = [bool(one["excerpts"]) for one in evidence if isinstance(one, dict)]
    assert kept == [True, False, True, True]


def test_the_story_tells_of_stable_only_beside_a_failure() -> None:
    story = ProbeStory()
    story.asked(Phase.PROBING)
    for item in SEEN:
        assert not story.progress(Progress(item.probe, address=STABLE))
    lines = [
        line.text
        for item in SEEN
        for line in story.progress(Progress(item.probe, evidence=item, address=item.address))
    ]
    assert [line.split(":")[0] for line in lines] == ["passed", "FAILED", "passed"]
    assert lines[2].startswith("passed: api-health @stable: 200 in 7 ms")


def test_a_stable_that_fails_where_the_candidate_passes_is_told() -> None:
    story = ProbeStory()
    story.asked(Phase.PROBING)
    story.progress(Progress("health", evidence=passed()))
    sick = replace(failed("health"), address=STABLE)
    (line,) = story.progress(Progress("health", evidence=sick, address=STABLE))
    assert line.text.startswith("FAILED: health @stable")


def test_the_live_view_has_one_row_for_both() -> None:
    board = Board(Clock())
    board.expect(["health", "api-health"])
    board.progress(Progress("api-health"))
    board.progress(Progress("api-health", "asking", address=STABLE))
    assert "stable: asking" in drawn(board)[4]
    board.progress(Progress("api-health", evidence=OWN))
    board.progress(Progress("api-health", evidence=CONTROL, address=STABLE))
    assert len(drawn(board)) == 5
    assert drawn(board)[4].startswith("✗ api-health stable passed: 307")
    board.progress(Progress("health", evidence=passed()))
    board.progress(Progress("health", evidence=failed("health"), address=STABLE))
    assert drawn(board)[3].split()[:4] == ["✓", "health", "200", "in"]


def test_hostile_words_of_stable_do_nothing() -> None:
    control = replace(CONTROL, seen=HOSTILE, outcome=Outcome.FAILED)
    text = told((passed(), OWN, control))
    assert SHOWN in text
    assert all(line.isprintable() for line in text.splitlines())
