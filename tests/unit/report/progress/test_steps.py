"""The story of canary steps, the watch, a regression, and of rollouts that meet another."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from gate.core.annotation import RolloutAnnotation
from gate.core.messages import Command, Event, Probed, RunProbes, Seen
from gate.core.service import Revision
from gate.core.state import Ending, Kind, Phase, Rollout
from gate.core.traffic import Split, Target
from gate.report.progress import activity
from gate.report.progress.plain import PlainNarrator
from tests.unit.report.scenes import (
    ALL_PASSED,
    CANDIDATE,
    HOSTILE,
    PROBES,
    READY,
    RECORDED,
    STABLE,
    START,
    Scene,
    assert_safe,
    failed,
    passed,
    plan,
    rollback_plan,
    shown,
)

STEPS = {"steps": (10, 100), "dwell_s": 30.0, "watch_s": 40.0}
HELD = RolloutAnnotation(
    fence=3,
    writer="r7",
    holder="r7",
    actor="bob@example.com",
    since=START,
    until=START + timedelta(seconds=60),
    phase="dwelling",
    candidate=CANDIDATE,
    tag="candidate",
    safe=((STABLE, 100),),
    wrote=((CANDIDATE, 10), (STABLE, 90)),
)
SHARED = Split.of([Target(STABLE, 90), Target(CANDIDATE, 10), Target(CANDIDATE, 0, "candidate")])


def told(scene: Scene, **changes: object) -> tuple[Rollout, list[str]]:
    """How it ended, and what was told."""
    lines: list[str] = []
    return scene.play(plan(**changes), PlainNarrator(lines.append)), lines


def left(mark: RolloutAnnotation = HELD, after_s: float = 0.0) -> Scene:
    """A service in the middle of somebody's canary."""
    scene = Scene(traffic=SHARED, mark=mark.text(), now=START + timedelta(seconds=after_s))
    scene.revisions[CANDIDATE] = Revision(CANDIDATE, READY, "backend:v2", START, timeout_s=900.0)
    return scene


def failing(phase: Phase, looks: int = 0) -> Callable[[Scene, Rollout, Command], Event | None]:
    """From this phase on, `health` fails at the service's own address."""

    def after(scene: Scene, rollout: Rollout, command: Command) -> Event | None:
        if rollout.phase is phase and rollout.looks >= looks:
            seen = (failed("health", seen="500"), *ALL_PASSED[1:])
            scene.at_service = seen
        return None

    return after


def test_steps_are_told_one_by_one_and_rounds_only_once() -> None:
    rollout, lines = told(Scene(), **STEPS)
    assert rollout.ending is Ending.PROMOTED
    begin = lines.index("moving 10 % of the traffic to backend-00002-abc (step 1 of 2)")
    assert lines[begin:] == [
        "moving 10 % of the traffic to backend-00002-abc (step 1 of 2)",
        "waiting until the new traffic is in effect",
        "traffic is now: backend-00001-aaa 90 %, backend-00002-abc 10 %",
        "verified: desired and effective traffic agree (after 500 ms)",
        (
            "  open WebSockets stay where they are; new ones are shared out, some to "
            "backend-00002-abc"
        ),
        (
            "probing on while backend-00002-abc has 10 % of the traffic, at its own address and at "
            "the service's, as users do (for at least 30 s)"
        ),
        "  first round: 10 of 10 probes passed; asking on",
        "3 rounds of probes passed in 42 s",
        "checking that nobody changed the service meanwhile",
        "moving all traffic to backend-00002-abc (step 2 of 2)",
        "waiting until the new traffic is in effect",
        "traffic moved: backend-00001-aaa 100 % -> backend-00002-abc 100 %",
        "verified: desired and effective traffic agree (after 500 ms)",
        (
            "watching backend-00002-abc with all the traffic, at its own address and at the "
            "service's, as users do (for 40 s); a regression goes back by itself"
        ),
        "  first round: 10 of 10 probes passed; asking on",
        "3 rounds of probes passed in 47 s",
        "removing the tag candidate from backend-00002-abc",
        "traffic is now: backend-00002-abc 100 %",
        "verified: desired and effective traffic agree (after 500 ms)",
    ]


def test_a_regression_tells_what_failed_where_and_that_users_are_back() -> None:
    rollout, lines = told(Scene(after=failing(Phase.WATCHING, 1)), **STEPS)
    assert rollout.ending is Ending.REGRESSED
    begin = lines.index("  FAILED: health @service: 500 (100 ms)")
    assert lines[begin:] == [
        "  FAILED: health @service: 500 (100 ms)",
        "9 of 10 probes passed in 30 s; failed: health @service",
        "verdict: reject (the candidate is not fit for users)",
        "backend-00002-abc fails with users on it: taking them off it",
        "moving traffic back: backend-00001-aaa 100 %",
        "waiting until the old traffic is back in effect",
        "traffic is back where it was: backend-00001-aaa 100 %",
        "verified: desired and effective traffic agree (after 500 ms)",
    ]


def test_the_end_of_a_regression() -> None:
    rollout, _ = told(Scene(after=failing(Phase.DWELLING)), **STEPS)
    lines = shown(rollout)
    begin = lines.index("  @service: asked at the service's own address, as users do")
    assert " ".join(lines[begin - 2 : begin]).startswith("9 of 10 probes passed: health, api-")
    begin = lines.index("  health @service: FAILED in 100 ms")
    assert lines[begin + 4 : begin + 6] == [
        "    fault: regression",
        "    at stake: chat (P1, $120K MRR)",
    ]
    begin = lines.index("traffic before: backend-00001-aaa 100 %")
    assert lines[begin:] == [
        "traffic before: backend-00001-aaa 100 %",
        "traffic after:  backend-00001-aaa 100 % (desired and effective agree)",
        (
            "open WebSockets stay on backend-00002-abc until they end "
            "(at most 5 min, its request timeout)"
        ),
        "",
        ("ended: regressed: backend-00002-abc failed with users on it, and traffic is back"),
        "exit code: 1 (the gate said no, and traffic is safe)",
        *RECORDED,
        "next: mend it and roll out again; nothing has to be undone",
    ]


def test_an_optional_probe_that_goes_on_failing_is_told_once_a_phase() -> None:
    seen = (*ALL_PASSED[:-1], failed("strangers", seen="200"))
    rollout, lines = told(Scene(at_service=seen), **STEPS)
    assert rollout.ending is Ending.PROMOTED
    assert sum("FAILED: strangers @service" in line for line in lines) == 2


def test_traffic_that_a_person_moves_during_a_dwell_is_told_and_left_alone() -> None:
    theirs = Split.of([Target(STABLE, 40), Target(CANDIDATE, 60)])

    def after(scene: Scene, rollout: Rollout, command: Command) -> Event | None:
        if rollout.phase is Phase.DWELLING and isinstance(command, RunProbes):
            scene.traffic = scene.effective = theirs
            scene.modifier = "eve@example.com"
            return Seen(scene.wait(5), scene.service())
        return None

    rollout, lines = told(Scene(after=after), **STEPS)
    assert rollout.ending is Ending.HELD
    told_why = " ".join(shown(rollout))
    assert "eve@example.com" in told_why
    assert "left alone" in told_why
    assert not any(line.startswith(("moving traffic back", "undoing")) for line in lines)
    assert not any("traffic is back" in line for line in lines)


def test_a_recovery_says_whose_rollout_died_and_where_traffic_is() -> None:
    rollout, lines = told(left(after_s=70), kind=Kind.RECOVER, image="", probes=(), reason="")
    assert rollout.ending is Ending.RECOVERED
    assert lines == [
        "recovering backend (demo/us-central1)",
        "  asked by alice@example.com",
        "traffic now: backend-00001-aaa 90 %, backend-00002-abc 10 %",
        (
            "note: recovered from rollout r7 (bob@example.com) since 2026-01-01 12:00:00 UTC, "
            "which died while dwelling"
        ),
        "taking back what was left: traffic backend-00001-aaa 100 %",
        "what was left is taken back; traffic is now: backend-00001-aaa 100 %",
        "verified: desired and effective traffic agree (after 500 ms)",
    ]
    ends = shown(rollout)
    assert "ended: recovered: what a dead rollout left is taken back" in ends
    assert "open WebSockets stay on backend-00002-abc until they end" in "\n".join(ends)


def test_an_unlock_says_whom_the_lease_was_taken_from() -> None:
    rollout, lines = told(left(), kind=Kind.RECOVER, image="", probes=(), force=True)
    assert lines[0] == "taking the lease of backend (demo/us-central1) away from whoever has it"
    assert any(line.startswith("note: took the lease away from rollout r7") for line in lines)
    ends = shown(rollout)
    assert "ended: recovered: the lease is free, and what its holder did is taken back" in ends


def test_a_rollout_recovers_first_and_says_both() -> None:
    scene = left(replace(HELD, candidate="backend-00000-old", wrote=((STABLE, 1),)), after_s=70)
    scene.traffic = Split.all_to(STABLE, {"candidate": "backend-00000-old"})
    del scene.revisions[CANDIDATE]
    rollout, lines = told(scene)
    assert rollout.ending is Ending.PROMOTED
    assert "what was left is taken back; traffic is now: backend-00001-aaa 100 %" in lines
    taken = lines.index("what was left is taken back; traffic is now: backend-00001-aaa 100 %")
    assert any(line.startswith("deploying backend:v2") for line in lines[taken:])


@pytest.mark.parametrize("wait_s", [0.0, 20.0])
def test_who_is_at_work_is_told_while_waiting_and_at_the_end(wait_s: float) -> None:
    rollout, lines = told(left(), wait_s=wait_s)
    assert rollout.ending is Ending.BUSY
    waits = (
        "  rollout r7 (bob@example.com) since 2026-01-01 12:00:00 UTC is at work: waiting for it"
    )
    assert sum(line.startswith(waits) for line in lines) == bool(wait_s)
    assert shown(rollout)[-6:] == [
        "ended: busy: nothing was changed",
        "exit code: 5 (held: somebody else is at work)",
        *RECORDED,
        "next: wait for it (--wait 10m), or see who it is",
        "  gate status --project demo --region us-central1 --service backend",
    ]


def test_who_does_not_wait_for_others_does_not_say_so() -> None:
    scene = left(replace(HELD, wrote=((STABLE, 90), (CANDIDATE, 10))))
    scene.effective, scene.lag = Split.all_to(STABLE), 3
    lines: list[str] = []
    scene.play(rollback_plan(), PlainNarrator(lines.append))
    assert any("not in effect yet: waiting for it" in line for line in lines)
    assert not any("is at work: waiting" in line or " 0 ms" in line for line in lines)


def test_a_step_without_a_dwell_and_an_unknown_timeout_promise_no_time() -> None:
    rollout, lines = told(Scene(), **{**STEPS, "dwell_s": 0.0})
    ends = shown(rollout)
    assert any("as users do, once more" in line for line in lines)
    assert not any(" 0 ms" in line for line in (*lines, *ends))
    unknown = replace(rollout.revisions[STABLE], timeout_s=0.0)
    rollout = replace(rollout, revisions={**rollout.revisions, STABLE: unknown})
    assert not any(" 0 ms" in line for line in shown(rollout))


def test_a_rollback_that_asks_first_says_what_it_asked() -> None:
    scene = Scene(traffic=Split.all_to(CANDIDATE), evidence=(failed("health"), *ALL_PASSED[1:]))
    scene.revisions[CANDIDATE] = Revision(CANDIDATE, READY, "backend:v2")
    lines: list[str] = []
    asked = rollback_plan(probes=PROBES, tag="rollback")
    rollout = scene.play(asked, PlainNarrator(lines.append))
    assert rollout.ending is Ending.REJECTED
    assert any("the tag rollback, which is an address of its own, at 0 %" in one for one in lines)
    ends = shown(rollout)
    assert "  health: FAILED in 100 ms" in ends
    assert any(line.startswith("  target:    backend-00001-aaa") for line in ends)
    assert ends[-1] == ("next: name another revision with --to, or go back unasked with --no-probe")


def test_every_phase_has_words() -> None:
    states = Scene().states(plan(**STEPS))
    for phase in Phase:
        for state in (states[0], states[-1]):
            assert isinstance(activity.doing(replace(state, phase=phase)), str)


def test_every_kind_has_a_title() -> None:
    rollout = Scene().states(plan())[0]
    for kind in Kind:
        assert "backend" in activity.title(replace(rollout, plan=plan(kind=kind)))


def test_a_first_deploy_does_not_claim_that_nobody_gets_there() -> None:
    rollout = replace(Scene().states(plan())[0], placed=Split.all_to(CANDIDATE), before=None)
    for phase in (Phase.DEPLOYING, Phase.PROBING):
        text = activity.doing(replace(rollout, phase=phase, candidate=CANDIDATE))
        assert "no user" not in text
    assert "whoever calls it gets there" in activity.doing(replace(rollout, phase=Phase.DEPLOYING))


def test_hostile_text_of_another_rollout_does_nothing() -> None:
    mark = replace(HELD, holder=HOSTILE, actor=HOSTILE, phase=HOSTILE, writer=HOSTILE)
    for after_s in (0.0, 70.0):
        rollout, lines = told(left(mark, after_s=after_s), wait_s=5.0)
        assert_safe([*lines, *shown(rollout)])


def test_a_round_without_an_answer_is_told() -> None:
    def after(scene: Scene, rollout: Rollout, command: Command) -> Event | None:
        if rollout.phase is Phase.DWELLING:
            return Probed(scene.wait(1), (passed("health"),))
        return None

    rollout, lines = told(Scene(after=after), **STEPS)
    assert rollout.ending is Ending.HELD
    assert any("did not run: api-health" in line for line in lines)
