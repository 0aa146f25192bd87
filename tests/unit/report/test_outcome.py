"""How a rollout ended: the same text at its end and in `gate audit show`."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from gate.core.gcloud import INSTEAD
from gate.core.messages import Command, Deploy, Event, Failure, Interrupted, Look, RunProbes
from gate.core.policy import Json, OnHold
from gate.core.service import Condition, ConditionState, Revision
from gate.core.state import Ending, Phase, Rollout
from gate.core.traffic import Split, Target
from gate.ledger.entry import outcome
from gate.report.audit import show_blocks
from gate.report.columns import cells
from gate.report.lines import plain
from gate.report.outcome import outcome_lines
from gate.report.terminal import draw
from tests.unit.report.scenes import (
    CANDIDATE,
    HOSTILE,
    PROBES,
    READY,
    RECORDED,
    SHOWN,
    STABLE,
    START,
    V2_EVIDENCE,
    Scene,
    Scribe,
    assert_safe,
    fail_once,
    failed,
    hostile_evidence,
    inconclusive,
    passed,
    plan,
    rollback_plan,
    shown,
)

PORT = Condition(ConditionState.FAILED, "HEALTH_CHECK_CONTAINER_ERROR", "silent")


def printed(rollout: Rollout, width: int = 100) -> list[str]:
    """The same as a terminal without colours shows it."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    draw(console, outcome_lines(outcome(rollout, rollout.at or START), recorded=rollout.recorded))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


HEAD = [
    "20260101-120000-abc123: rollout of backend (demo/us-central1): rejected",
    "  when:      2026-01-01 12:00:00 UTC, took 16 s",
    "  who:       alice@example.com",
    "  why:       ship the new agents",
    "  policy:    policies/backend.yaml (sha256 3fa93fa93fa9)",
    "  stable:    backend-00001-aaa 100 %, image backend:v1",
]


def served_by_candidate() -> Scene:
    """Where a rollback begins."""
    scene = Scene(traffic=Split.all_to(CANDIDATE))
    scene.revisions[CANDIDATE] = Revision(CANDIDATE, READY, "backend:v2")
    return scene


def test_a_rejection_from_top_to_bottom() -> None:
    assert shown(Scene(evidence=V2_EVIDENCE).play(plan())) == [
        *HEAD,
        "  candidate: backend-00002-abc, image backend:v2, 0 %",
        "",
        "2 of 5 probes passed: health, strangers",
        "verdict: reject (the candidate is not fit for users)",
        "  api-health: FAILED in 100 ms",
        "    asked: GET /api/health",
        "    redirect: got 307 to /api/health/, expected status 200",
        "      hint: a slash is added: the route is registered as /api/health/",
        "  discovery: FAILED in 100 ms",
        "    asked: GET /api/health",
        "    status: got status 500, expected status 200",
        "    at stake: discovery (P2, $80K MRR)",
        "  same-user-concurrency: FAILED in 2.3 s",
        "    asked: 7 sessions at once on /ws (5 of 7 right)",
        "    expected: 7 of 7 sessions go right, close 1000",
        "    closed: got close 1011 (Internal error), expected close 1000 (2 times)",
        "    sequence: got an error frame, expected pong (2 times)",
        "    at stake: chat (P1, $120K MRR)",
        "",
        "traffic before: backend-00001-aaa 100 %",
        "traffic after:  backend-00001-aaa 100 % (desired and effective agree)",
        "",
        "ended: rejected: backend-00002-abc gets no users' traffic",
        "exit code: 1 (the gate said no, and traffic is safe)",
        *RECORDED,
        "next: mend it and roll out again; nothing has to be undone",
    ]


def test_a_promotion_needs_few_words() -> None:
    lines = shown(Scene(traffic=Split.of(())).play(plan()))
    begin = lines.index("verdict: promote (every required probe passed)")
    assert lines[begin:] == [
        "verdict: promote (every required probe passed)",
        "",
        "traffic before: LATEST 100 % (which meant backend-00001-aaa 100 %)",
        "traffic after:  backend-00002-abc 100 % (desired and effective agree)",
        (
            "open WebSockets stay on backend-00001-aaa until they end "
            "(at most 5 min, its request timeout)"
        ),
        "",
        *[line for line in lines[begin:-1] if line.startswith(("note: ", "  "))],
        "",
        "ended: promoted: backend-00002-abc gets all the traffic",
        "exit code: 0 (promoted, or done)",
        *RECORDED,
    ]


def test_the_log_lines_of_a_candidate_that_cannot_start_are_a_block() -> None:
    logs = (
        "Traceback (most recent call last):",
        '  File "main.py", line 3',
        "RuntimeError: no env",
    )
    lines = shown(Scene(candidate_ready=PORT, logs=logs).play(plan()))
    begin = lines.index("verdict: reject (the candidate is not fit for users)") + 1
    assert lines[begin : begin + 5] == [
        "  readiness: backend-00002-abc is not ready (HEALTH_CHECK_CONTAINER_ERROR: silent)",
        "    its last log lines:",
        "      | Traceback (most recent call last):",
        '      |   File "main.py", line 3',
        "      | RuntimeError: no env",
    ]


def test_where_no_probe_ran_one_row_says_so() -> None:
    lines = shown(Scene(candidate_ready=PORT).play(plan()))
    assert [line for line in lines if "did not run" in line] == ["  did not run: all 5 probes"]
    assert not any("probes passed" in line for line in lines)


def test_a_control_is_no_run_of_the_candidates() -> None:
    rollout = replace(
        Scene(candidate_ready=PORT).play(plan()), evidence=(passed(address="stable"),)
    )
    assert "  did not run: all 5 probes" in shown(rollout)


def test_a_platform_fault_is_a_hint_not_a_log_line() -> None:
    internal = Condition(ConditionState.FAILED, "INTERNAL", "try again")
    lines = shown(Scene(candidate_ready=internal).play(plan()))
    assert "    hint: the platform says so, not the candidate" in lines
    assert "verdict: hold (not enough evidence either way)" in lines


def test_missing_and_inconclusive_probes_never_look_passed() -> None:
    seen = (passed("health"), inconclusive("api-health", "skipped because nothing listens"))
    lines = shown(Scene(evidence=seen).play(plan()))
    assert "1 of 5 probes passed: health" in lines
    assert "  api-health: inconclusive in 100 ms" in lines
    begin = lines.index("  did not run: discovery, same-user-concurrency, strangers")
    assert lines[begin + 1] == "    at stake: discovery (P2, $80K MRR), chat (P1, $120K MRR)"
    assert sum("did not run" in line for line in lines) == 1
    assert sum("passed" in line for line in lines) == 1


def test_a_pass_that_came_with_findings_is_none() -> None:
    doubtful = passed("health", findings=failed().findings)
    lines = shown(Scene(evidence=(doubtful, *V2_EVIDENCE[1:])).play(plan()))
    assert "  health: inconclusive in 100 ms" in lines


def test_a_probe_that_is_not_required_is_reported_and_decides_nothing() -> None:
    seen = (*tuple(passed(probe.name) for probe in PROBES[:4]), failed("strangers"))
    lines = shown(Scene(evidence=seen).play(plan()))
    assert "  strangers: FAILED in 100 ms (not required, so it decides nothing)" in lines
    assert "ended: promoted: backend-00002-abc gets all the traffic" in lines


def test_evidence_twice_is_shown_twice_with_its_reason() -> None:
    seen = (passed("health"), *(passed(probe.name) for probe in PROBES))
    lines = shown(Scene(evidence=seen).play(plan()))
    assert any(line.startswith("6 of 6 probes passed: health, health, ") for line in lines)
    assert "  health: was answered 2 times, which proves nothing" in lines
    lines = shown(Scene(evidence=(failed("health"), failed("health"))).play(plan()))
    assert "  health: was answered 2 times, which proves nothing" in lines


def test_many_findings_are_counted() -> None:
    finding = failed().findings[0]
    seen = (failed("health", findings=(finding,) * 9), *V2_EVIDENCE[1:])
    assert "    and 4 more" in shown(Scene(evidence=seen).play(plan()))
    seen = (failed("health", findings=(finding,) * 90), *V2_EVIDENCE[1:])
    assert "    and 85 more" in shown(Scene(evidence=seen).play(plan()))


@pytest.mark.parametrize(
    ("ending", "subject", "told"),
    [
        ("held", "health", "held: not enough evidence"),
        ("held", "barred", "held: people moved users away from this image, so that it is barred"),
        ("held", "stop", "held: the line is stopped"),
        ("held", "freeze", "held: a freeze is on"),
        ("held", "approve", "held: it waits for people to approve"),
        ("held", "traffic", "held: somebody else changed the service"),
        ("busy", "", "held: somebody else is at work"),
    ],
)
def test_the_exit_code_of_a_hold_says_what_it_is_about(ending, subject, told) -> None:
    entry = outcome(Scene(evidence=V2_EVIDENCE[:1]).play(plan()), START)
    entry |= {"ending": ending, "verdict": {"reasons": [{"subject": subject, "text": "x"}]}}
    assert f"exit code: 5 ({told})" in plain(outcome_lines(entry), 200)


@pytest.mark.parametrize("recorded", ["source", "evidence", "did_not_run", "not_asked"])
@pytest.mark.parametrize("name", ["stop", "freeze", "approve", "barred", "deadline"])
def test_a_probe_that_is_called_as_a_rule_gets_no_words_of_the_rule(name, recorded) -> None:
    entry = outcome(Scene(evidence=V2_EVIDENCE[:1]).play(plan()), START)
    reason = {"subject": name, "text": "got 500, expected 200"}
    known: dict[str, dict[str, object]] = {
        "source": {},
        "evidence": {"evidence": [{"probe": name, "outcome": "inconclusive", "seen": "500"}]},
        "did_not_run": {"did_not_run": [name]},
        "not_asked": {"not_asked": {"since": "health", "probes": [name]}},
    }
    reason |= {"source": "probe"} if recorded == "source" else {}
    entry |= {"ending": "held", "verdict": {"decision": "hold", "reasons": [reason]}}
    lines = plain(outcome_lines({**entry, **known[recorded]}), 200)
    assert "exit code: 5 (held: not enough evidence)" in lines
    assert "  verdict: hold (not enough evidence either way)".strip() in map(str.strip, lines)


def test_a_rule_beside_a_probe_of_its_name_keeps_its_words_and_the_probe_its_own() -> None:
    entry = outcome(Scene(evidence=V2_EVIDENCE[:1]).play(plan()), START)
    saw = {"probe": "stop", "kind": "http", "outcome": "failed", "required": False}
    reason = {"subject": "stop", "source": "gate", "text": "the line is stopped by bob: fire"}
    entry |= {"ending": "held", "evidence": [{**saw, "expected": "status 200", "seen": "500"}]}
    lines = plain(
        outcome_lines({**entry, "verdict": {"decision": "hold", "reasons": [reason]}}), 200
    )
    assert "verdict: hold (the line is stopped)" in lines
    assert "  stop: the line is stopped by bob: fire" in lines
    assert [one for one in lines if "not required, so it decides nothing" in one]


def test_a_hold_says_where_to_look_and_how_to_go_on() -> None:
    lines = shown(Scene(evidence=V2_EVIDENCE[:1]).play(plan()))
    assert lines[6].startswith("  candidate: backend-00002-abc, image backend:v2, 0 %, tag ")
    assert " tag candidate at http://127.0.0.1:41009" in " ".join(lines[6:8]).replace("   ", "")
    assert lines[-6:] == [
        "ended: held: backend-00002-abc gets no users' traffic",
        "exit code: 5 (held: not enough evidence)",
        *RECORDED,
        "next: roll out again; or look at the candidate yourself, then",
        (
            "  gate promote --revision backend-00002-abc --project demo --region us-central1 "
            '--service backend --reason "..." --yes'
        ),
    ]


def test_a_hold_that_dropped_its_tag_offers_no_look() -> None:
    lines = shown(Scene(evidence=V2_EVIDENCE[:1]).play(plan(on_hold=OnHold.DROP)))
    assert "  candidate: backend-00002-abc, image backend:v2, 0 %" in lines
    assert lines[-2:] == RECORDED


def test_a_rollback_from_top_to_bottom() -> None:
    assert shown(served_by_candidate().play(rollback_plan())) == [
        "20260101-120000-abc123: rollback of backend (demo/us-central1): rolled back",
        "  when:      2026-01-01 12:00:00 UTC, took 2.3 s",
        "  who:       alice@example.com",
        "  why:       errors since noon",
        "  barred:    backend-00002-abc, by alice@example.com: errors since noon",
        "  before:    backend-00002-abc 100 %, image backend:v2",
        "  target:    backend-00001-aaa, image backend:v1, 100 %",
        "",
        "traffic before: backend-00002-abc 100 %",
        "traffic after:  backend-00001-aaa 100 % (desired and effective agree)",
        (
            "open WebSockets stay on backend-00002-abc until they end "
            "(at most 5 min, its request timeout)"
        ),
        "",
        "note: back to backend-00001-aaa: the ledger shows that it had all users before this",
        "",
        "ended: rolled back: backend-00001-aaa gets all the traffic",
        "exit code: 0 (done)",
        *RECORDED,
    ]


@pytest.mark.parametrize(
    ("kind", "ending", "told"),
    [
        ("rollout", "promoted", ("verdict: promote (", "stable: ", "promoted, or done")),
        ("rollback", "rolled back", ("verdict: the target passed (", "before: ", "done")),
        ("promote", "unchanged", ("", "stable: ", "done")),
        ("stop", "stopped", ("", "stable: ", "done")),
    ],
)
def test_words_fit_what_was_asked_for(kind: str, ending: str, told: tuple[str, ...]) -> None:
    scribe = Scribe(scene := Scene())
    scene.play(plan(), scribe)
    entry = next(one for one in scribe.entries if one["entry"] == "outcome")
    lines = plain(outcome_lines({**entry, "kind": kind, "ending": ending}), 200)
    verdict, before, code = told
    assert [one for one in lines if one.startswith("verdict: ")] == [
        one for one in lines if verdict and one.startswith(verdict)
    ]
    assert [one for one in lines if one.startswith(f"  {before}")]
    assert f"exit code: 0 ({code})" in lines


def test_a_stuck_rollback_is_loud_and_names_the_commands() -> None:
    scene = served_by_candidate()
    scene.looks_until_effective = 10_000
    lines = shown(scene.play(rollback_plan()))
    begin = lines.index("traffic after:  DESIRED AND EFFECTIVE DIFFER")
    assert lines[begin + 1 : begin + 4] == [
        "  desired: backend-00001-aaa 100 %",
        "  effective: backend-00002-abc 100 %",
        "  a change is still under way",
    ]
    assert lines[-7:] == [
        "ended: stuck",
        "exit code: 4 (traffic is not where it should be, and a person is needed)",
        *RECORDED,
        "next: see where traffic is, then move it to a revision that you trust",
        "  gate status --project demo --region us-central1 --service backend",
        (
            "  gate rollback --to backend-00001-aaa --project demo --region us-central1 "
            '--service backend --reason "..." --yes'
        ),
    ]


def test_a_stuck_rollout_points_to_what_served_before() -> None:
    def after(scene: Scene, rollout: Rollout, command: Command) -> Event | None:
        if rollout.phase is Phase.MOVING:
            scene.looks_until_effective = 10_000
        return None

    rollout = Scene(after=after).play(plan())
    assert rollout.ending is Ending.STUCK
    assert any("gate rollback --to backend-00001-aaa " in line for line in shown(rollout))


def test_a_hold_that_left_users_on_the_candidate_does_not_deny_it() -> None:
    def after(scene: Scene, rollout: Rollout, command: Command) -> Event | None:
        if rollout.phase is Phase.VERIFYING:
            scene.traffic = Split.of([Target(CANDIDATE, 50), Target("backend-00001-aaa", 50)])
        return None

    rollout = Scene(after=after).play(plan())
    assert rollout.ending is Ending.HELD
    lines = shown(rollout)
    assert "ended: held" in lines
    assert "  candidate: backend-00002-abc, image backend:v2, 50 %" in lines


def test_a_refusal_before_anything_was_seen() -> None:
    gone = fail_once(Look, Failure.NOT_FOUND, "service backend: does not exist")
    lines = shown(Scene(after=gone).play(plan()))
    assert "traffic: unknown, since the service could not be read" in lines
    assert any(line.startswith("note: service backend: does not exist") for line in lines)
    assert "exit code: 2 (usage or policy)" in lines
    assert not any("candidate:" in line for line in lines)


def test_a_failed_deploy_says_that_the_candidate_was_never_seen() -> None:
    denied = fail_once(Deploy, Failure.REFUSED, "403 denied")
    lines = shown(Scene(after=denied).play(plan()))
    never = (
        "  candidate: backend-00002-abc, image backend:v2, 0 %; "
        "Cloud Run never showed this revision"
    )
    assert never in lines
    assert "exit code: 3 (infrastructure failed, and traffic is where it was)" in lines


def test_an_interrupted_probing_is_not_called_anything_else() -> None:
    def after(scene: Scene, rollout: Rollout, command: Command) -> Event | None:
        if isinstance(command, RunProbes) and not rollout.interrupted:
            return Interrupted(scene.wait(1))
        return None

    lines = shown(Scene(after=after).play(plan()))
    assert "  interrupted: all 5 probes" in lines
    assert "ended: interrupted: backend-00002-abc gets no users' traffic" in lines
    assert "exit code: 130 (interrupted, and safe)" in lines


def test_a_rollout_that_was_left_half_way_says_so() -> None:
    states = Scene().states(plan())
    moving = next(state for state in states if state.phase is Phase.VERIFYING)
    lines = shown(moving)
    assert "ended: left half-way, since it was told twice" in lines
    assert "exit code: 4 (traffic is not where it should be, and a person is needed)" in lines
    assert "NOT RECORDED: the ledger has no outcome of 20260101-120000-abc123" in lines
    assert lines[-1] == "  gate status --project demo --region us-central1 --service backend"


def test_an_outcome_that_was_not_kept_is_loud() -> None:
    lines = shown(Scene(kept=False).play(plan()))
    assert "NOT RECORDED: the ledger has no outcome of 20260101-120000-abc123" in lines


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_it_fits_its_width_but_for_commands_to_copy(width: int) -> None:
    for evidence in (V2_EVIDENCE, V2_EVIDENCE[:1], (hostile_evidence(),)):
        rollout = Scene(evidence=evidence).play(plan())
        for lines in (shown(rollout, width), printed(rollout, width)):
            assert all(cells(line) <= width or line.startswith("  gate ") for line in lines)


@pytest.mark.parametrize("width", [60, 100])
def test_a_terminal_shows_the_same_words(width: int) -> None:
    rollout = Scene(evidence=V2_EVIDENCE).play(plan())
    assert printed(rollout, width) == shown(rollout, width)


def test_hostile_text_shows_and_does_nothing() -> None:
    hostile = Condition(ConditionState.FAILED, HOSTILE, HOSTILE)
    rollouts = [
        Scene(evidence=(hostile_evidence(), hostile_evidence(HOSTILE))).play(plan()),
        Scene(candidate_ready=hostile, logs=(HOSTILE, HOSTILE)).play(plan(image=HOSTILE)),
        Scene(after=fail_once(Deploy, Failure.REFUSED, HOSTILE)).play(plan()),
    ]
    for rollout in rollouts:
        for lines in (shown(rollout, 1000), printed(rollout, 1000)):
            assert_safe(lines)
            assert any(SHOWN in line for line in lines)


def test_a_verdict_to_promote_is_not_shown_of_what_was_not_promoted() -> None:
    def interrupt(_: Scene, rollout: Rollout, command: Command) -> Event | None:
        stop = rollout.phase is Phase.CONFIRMING and not rollout.interrupted
        return Interrupted(START) if stop else None

    rollout = Scene(after=interrupt).play(plan())
    assert rollout.verdict is not None
    lines = shown(rollout)
    assert not any(line.startswith("verdict:") for line in lines)
    assert "ended: interrupted: backend-00002-abc gets no users' traffic" in lines


def test_a_held_candidate_with_minimum_instances_costs_and_that_is_said() -> None:
    rollout = Scene(evidence=V2_EVIDENCE[:1]).play(plan())
    kept = replace(rollout.revisions[rollout.candidate], min_instances=2)
    lines = shown(replace(rollout, revisions={**rollout.revisions, kept.name: kept}))
    (line,) = [line for line in lines if "minimum instances" in line]
    assert line.startswith("2 minimum instances of it kept running meanwhile, at a cost")
    assert "on_hold: drop" in " ".join(lines)


def test_nobody_has_a_websocket_on_a_revision_that_never_started() -> None:
    rollout = served_by_candidate().play(rollback_plan())
    assert any("open WebSockets stay on" in line for line in shown(rollout))
    broken = Condition(ConditionState.FAILED, "HEALTH_CHECK_CONTAINER_ERROR")
    never = Revision(CANDIDATE, broken)
    there = replace(rollout, revisions={**rollout.revisions, CANDIDATE: never})
    assert not any("open WebSockets" in line for line in shown(there))


def test_what_leads_on_is_printed_whole_the_likeliest_first() -> None:
    commands = ("gate rollback --to a", "gate rollback --to b " + "x" * 120)
    rollout = replace(served_by_candidate().play(rollback_plan()), way_out=commands)
    lines = shown(rollout)
    begin = lines.index("next: what leads on from here, the likeliest first")
    assert lines[begin + 1 :] == [f"  {command}" for command in commands]


@pytest.mark.parametrize("kind", [plan, rollback_plan])
def test_a_move_that_did_not_get_through_ends_with_gclouds_and_a_rollout_does_not(kind) -> None:
    denied = fail_once(Look, Failure.REFUSED, "403 denied")
    rollout = Scene(after=denied).play(kind(revision=STABLE, image=""))
    assert rollout.ending is Ending.FAILED
    lines = shown(rollout)
    offered = [line for line in lines if "gcloud run services update-traffic" in line]
    assert bool(offered) is (kind is rollback_plan)
    assert (f"next: {INSTEAD}" in lines) is (kind is rollback_plan)


def test_each_failure_is_told_once() -> None:
    text = "\n".join(shown(Scene(evidence=V2_EVIDENCE).play(plan())))
    for item in V2_EVIDENCE:
        if not item.passed:
            assert text.count(f"{item.probe}:") == 1
            assert all(text.count(str(finding)) == 1 for finding in item.findings)


def stuck() -> Scene:
    """A move that never comes into effect."""
    scene = served_by_candidate()
    scene.looks_until_effective = 10_000
    return scene


ENDS = {
    "promoted": (Scene(traffic=Split.of(())), plan()),
    "rejected": (Scene(evidence=V2_EVIDENCE), plan()),
    "held": (Scene(evidence=V2_EVIDENCE[:1]), plan()),
    "failed": (Scene(after=fail_once(Deploy, Failure.REFUSED, "403 denied")), plan()),
    "refused": (Scene(after=fail_once(Look, Failure.NOT_FOUND, "no such")), plan()),
    "rolled back": (served_by_candidate(), rollback_plan()),
    "unchanged": (Scene(), rollback_plan(revision=STABLE)),
    "stuck": (stuck(), rollback_plan()),
}


@pytest.mark.parametrize("ending", ENDS)
def test_what_the_record_shows_is_what_the_end_showed(ending: str) -> None:
    scene, asked = ENDS[ending]
    scribe = Scribe(scene)
    rollout = scene.play(asked, scribe)
    assert rollout.ending is Ending(ending)
    kept: Json = scribe.entries[-1]
    assert isinstance(kept, dict)
    at_its_end = plain(outcome_lines(kept, recorded=rollout.recorded), 80)
    assert plain(show_blocks(scribe.entries), 80) == at_its_end
    assert plain(show_blocks(scribe.entries, verbose=True), 80)[: len(at_its_end)] == at_its_end


def test_an_entry_of_before_has_no_words_for_what_it_does_not_know() -> None:
    entry = outcome(Scene(evidence=V2_EVIDENCE).play(plan()), START)
    new = ("in_effect", "reconciling", "still_open", "did_not_run", "next")
    old = {key: value for key, value in entry.items() if key not in new}
    lines = plain(outcome_lines(old), 100)
    assert "traffic after:  backend-00001-aaa 100 %" in lines
    assert lines[-2:] == RECORDED
    assert "  discovery: FAILED in 100 ms" in lines
