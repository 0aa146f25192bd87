"""The story of a rollout in plain lines."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.messages import (
    CallFailed,
    Command,
    Deploy,
    Event,
    Failure,
    Interrupted,
    Look,
    RunProbes,
    SetTraffic,
)
from gate.core.service import Condition, ConditionState, Revision
from gate.core.state import Ending, Kind, Phase, Rollout
from gate.core.traffic import Split
from gate.ports import Progress
from gate.report.lines import Line
from gate.report.progress.messages import Messages
from gate.report.progress.plain import PlainNarrator
from tests.unit.report.scenes import (
    CANDIDATE,
    HOSTILE,
    READY,
    SHOWN,
    STABLE,
    V2_EVIDENCE,
    Scene,
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

NOT_LISTENING = Condition(
    ConditionState.FAILED,
    "HEALTH_CHECK_CONTAINER_ERROR",
    "The user-provided container failed to start and listen on the port",
)


def told(scene: Scene, **changes: object) -> list[str]:
    """What is told of a rollout."""
    lines: list[str] = []
    scene.play(plan(**changes), PlainNarrator(lines.append))
    return lines


def served_by_candidate() -> Scene:
    """Where a rollback begins."""
    scene = Scene(traffic=Split.all_to(CANDIDATE))
    scene.revisions[CANDIDATE] = Revision(CANDIDATE, READY, "backend:v2")
    return scene


def test_a_promotion() -> None:
    assert told(Scene()) == [
        "rolling out the image backend:v2 to backend (demo/us-central1)",
        "  asked by alice@example.com, because: ship the new agents",
        "traffic now: backend-00001-aaa 100 %",
        "deploying backend:v2 as backend-00002-abc at 0 %: no user's request goes there",
        "waiting for backend-00002-abc to start (at most 4 min)",
        "  not ready yet: Deploying revision",
        "backend-00002-abc is ready at http://127.0.0.1:41009 (after 1.5 s)",
        "probing backend-00002-abc at its own address (5 probes, no user is affected)",
        "  passed: health: 200 in 12 ms (100 ms)",
        "  passed: api-health: 200 in 12 ms (100 ms)",
        "  passed: discovery: 200 in 12 ms (100 ms)",
        "  passed: same-user-concurrency: 200 in 12 ms (100 ms)",
        "  passed: strangers: 200 in 12 ms (100 ms)",
        "5 of 5 probes passed in 12 s",
        "verdict: promote (every required probe passed)",
        "checking that nobody changed the service meanwhile",
        "moving all traffic to backend-00002-abc",
        "waiting until the new traffic is in effect",
        "traffic moved: backend-00001-aaa 100 % -> backend-00002-abc 100 %",
        "verified: desired and effective traffic agree (after 500 ms)",
    ]


def test_a_rejection_names_what_failed_and_says_that_traffic_stays() -> None:
    lines = told(Scene(evidence=V2_EVIDENCE))
    begin = lines.index("  passed: health: 200 in 12 ms (100 ms)")
    assert lines[begin:] == [
        "  passed: health: 200 in 12 ms (100 ms)",
        "  FAILED: api-health: 307 to /api/health/ (100 ms)",
        "  FAILED: discovery: 500 (100 ms)",
        "  asking: same-user-concurrency 0/7 (sessions)",
        "  FAILED: same-user-concurrency: 5 of 7 sessions went right (2.3 s)",
        "  passed: strangers: 200 in 12 ms (100 ms)",
        "2 of 5 probes passed in 12 s; failed: api-health, discovery, same-user-concurrency",
        "verdict: reject (the candidate is not fit for users)",
        "removing the tag candidate from backend-00002-abc",
        "traffic stays where it was: backend-00001-aaa 100 %",
        "verified: desired and effective traffic agree (after 500 ms)",
    ]


def test_a_candidate_that_cannot_start_is_told_in_brief_since_the_end_tells_all() -> None:
    lines = told(Scene(candidate_ready=NOT_LISTENING, logs=("RuntimeError: no env",)))
    begin = lines.index("  not ready yet: Deploying revision") + 1
    assert lines[begin : begin + 2] == [
        "backend-00002-abc did not become ready: HEALTH_CHECK_CONTAINER_ERROR",
        "verdict: reject (the candidate is not fit for users)",
    ]


def test_no_log_lines_is_said_too() -> None:
    lines = told(Scene(candidate_ready=NOT_LISTENING))
    assert "  it left no log lines that would say why" in lines


def test_traffic_on_latest_is_named_by_what_it_meant() -> None:
    lines = told(Scene(traffic=Split.of(())))
    assert "traffic now: LATEST 100 % (which meant backend-00001-aaa 100 %)" in lines
    assert any(line.startswith("note: traffic followed LATEST and is pinned") for line in lines)


def test_a_rollback() -> None:
    lines: list[str] = []
    served_by_candidate().play(rollback_plan(), PlainNarrator(lines.append))
    assert lines == [
        "rolling back backend (demo/us-central1) to what served before",
        "  asked by alice@example.com, because: errors since noon",
        "note: back to backend-00001-aaa: the ledger shows that it had all users before this",
        "traffic now: backend-00002-abc 100 %",
        "moving all traffic back to backend-00001-aaa",
        "waiting until the new traffic is in effect",
        "  users are on backend-00001-aaa: asking it once, as they do",
        "traffic moved: backend-00002-abc 100 % -> backend-00001-aaa 100 %",
        "verified: desired and effective traffic agree (after 1.0 s)",
    ]


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        (
            {"image": "", "revision": CANDIDATE},
            (
                "rolling out backend-00002-abc, a revision that is there, to "
                "backend (demo/us-central1)"
            ),
        ),
        (
            {"kind": Kind.PROMOTE, "revision": CANDIDATE},
            "promoting backend-00002-abc of backend (demo/us-central1)",
        ),
        (
            {"kind": Kind.PROMOTE},
            "promoting the revision that has the tag candidate of backend (demo/us-central1)",
        ),
        (
            {"kind": Kind.ROLLBACK, "revision": STABLE},
            "rolling back backend (demo/us-central1) to backend-00001-aaa",
        ),
    ],
)
def test_titles(changes: dict[str, object], title: str) -> None:
    assert told(served_by_candidate(), **changes)[0] == title


def test_an_adopted_revision_is_tagged_not_deployed() -> None:
    scene = Scene()
    scene.revisions[CANDIDATE] = Revision(CANDIDATE, READY, "backend:v2")
    lines = told(scene, image="", revision=CANDIDATE)
    assert (
        "giving backend-00002-abc the tag candidate, which is an address of its own, at 0 %: "
        "no user's request goes there"
    ) in lines
    assert not any("deploying" in line for line in lines)


def test_what_did_not_run_is_said_and_never_looks_like_a_pass() -> None:
    seen = (passed("health"), inconclusive("api-health", "skipped because nothing listens"))
    lines = told(Scene(evidence=seen))
    assert "  inconclusive: api-health: skipped because nothing listens (100 ms)" in lines
    assert (
        "1 of 5 probes passed in 12 s; inconclusive: api-health; "
        "did not run: discovery, same-user-concurrency, strangers"
    ) in lines
    assert "verdict: hold (not enough evidence either way)" in lines


def test_evidence_that_nobody_told_of_is_told_at_the_end() -> None:
    story = Messages()
    scene = Scene(evidence=(passed(), failed()))
    states = scene.states(plan())
    probing = next(state for state in states if state.phase is Phase.PROBING)
    story.doing(probing, Look())
    after = states[states.index(probing) + 1]
    lines = story._probes.ended(Phase.PROBING, after, scene.evidence, "1.0 s")
    assert [line.text for line in lines][:2] == [
        "passed: health: 200 in 12 ms (100 ms)",
        "FAILED: api-health: 307 to /api/health/ (100 ms)",
    ]


def test_polling_is_said_once() -> None:
    calm = told(Scene())
    slow = told(Scene(looks_until_ready=40, looks_until_effective=20))
    assert len(slow) == len(calm)
    assert slow.count("  not ready yet: Deploying revision") == 1


def test_a_long_probe_tells_of_each_quarter() -> None:
    lines: list[str] = []
    narrator = PlainNarrator(lines.append)
    for done in range(1_001):
        narrator.progress(Progress("reconnect", "sessions", done, 1_000))
    narrator.progress(Progress("reconnect", evidence=passed("reconnect")))
    assert lines == [
        "  asking: reconnect 0/1000 (sessions)",
        "  asking: reconnect 250/1000 (sessions)",
        "  asking: reconnect 500/1000 (sessions)",
        "  asking: reconnect 750/1000 (sessions)",
        "  passed: reconnect: 200 in 12 ms (100 ms)",
    ]


def test_a_short_probe_is_one_line() -> None:
    lines: list[str] = []
    narrator = PlainNarrator(lines.append)
    narrator.progress(Progress("health"))
    narrator.progress(Progress("health", evidence=passed()))
    assert lines == ["  passed: health: 200 in 12 ms (100 ms)"]


def test_a_conflict_is_told_and_the_update_is_tried_again() -> None:
    lines = told(Scene(after=fail_once(Deploy, Failure.CONFLICT, "409 ABORTED")))
    again = "somebody else changed the service at the same moment: looking again"
    assert lines.count(again) == 1
    assert sum(line.startswith("deploying") for line in lines) == 2


def test_a_refusal_is_told_once_with_its_hint() -> None:
    denied = fail_once(Deploy, Failure.REFUSED, "403 denied", "ask for roles/run.developer")
    lines = told(Scene(after=denied))
    assert lines[-2:] == ["note: 403 denied", "  hint: ask for roles/run.developer"]
    assert sum("403 denied" in line for line in lines) == 1


def test_a_lost_answer_while_waiting_is_told_once() -> None:
    def after(scene: Scene, rollout: Rollout, command: Command) -> Event | None:
        if rollout.phase is Phase.WAITING and rollout.looks < 4:
            return CallFailed(scene.wait(1), Failure.LOST, "deadline exceeded", "be patient")
        return None

    lines = told(Scene(after=after))
    assert lines.count("no answer from Cloud Run (deadline exceeded): looking again") == 1
    assert lines.count("  hint: be patient") == 1


def test_a_move_that_does_not_come_into_effect_is_undone_aloud() -> None:
    def after(scene: Scene, rollout: Rollout, command: Command) -> Event | None:
        if rollout.phase is Phase.VERIFYING:
            scene.lag = 2
            scene.wait(30)
        return None

    lines = told(Scene(after=after, looks_until_effective=0))
    assert "undoing the move: backend-00001-aaa 100 %" in lines
    assert "traffic is back where it was: backend-00001-aaa 100 %" in lines
    assert any(line.startswith("note: traffic did not come into effect") for line in lines)


def test_traffic_that_somebody_moved_meanwhile_is_not_said_to_be_back() -> None:
    def after(scene: Scene, rollout: Rollout, command: Command) -> Event | None:
        if rollout.phase is Phase.VERIFYING:
            scene.lag = 2
            scene.wait(30)
        if rollout.phase is Phase.PROVING:
            scene.traffic = scene.effective = Split.all_to("backend-00000-old")
            scene.wait(30)
        return None

    scene = Scene(after=after, looks_until_effective=0)
    lines: list[str] = []
    assert scene.play(plan(), PlainNarrator(lines.append)).ending is not Ending.REVERTED
    assert not any(line.startswith("traffic is back") for line in lines)


def test_an_unkept_record_is_told() -> None:
    lines = told(Scene(kept=False))
    assert lines[-1] == "note: the ledger did not keep the outcome: quota"
    assert not any(line.startswith("recorded") for line in lines)


def test_traffic_that_somebody_else_moved_is_not_said_to_stay() -> None:
    def after(scene: Scene, rollout: Rollout, command: Command) -> Event | None:
        if isinstance(command, RunProbes):
            scene.revisions["backend-00000-old"] = Revision("backend-00000-old", READY)
            scene.traffic = Split.all_to("backend-00000-old", {"candidate": CANDIDATE})
            scene.modifier = "bob@example.com"
        return None

    lines: list[str] = []
    rollout = Scene(after=after).play(plan(), PlainNarrator(lines.append))
    assert "traffic is now: backend-00000-old 100 %" in lines
    assert any("bob@example.com" in line for line in shown(rollout))


def test_hostile_text_is_shown_and_does_nothing() -> None:
    condition = Condition(ConditionState.FAILED, HOSTILE, HOSTILE)
    scenes = [
        Scene(evidence=(hostile_evidence(), hostile_evidence(HOSTILE))),
        Scene(candidate_ready=condition, logs=(HOSTILE,)),
        Scene(after=fail_once(Deploy, Failure.REFUSED, HOSTILE, HOSTILE)),
        Scene(after=fail_once(Look, Failure.LOST, HOSTILE, HOSTILE)),
    ]
    for scene in scenes:
        lines = told(scene, actor=HOSTILE, reason=HOSTILE, image=HOSTILE)
        assert_safe(lines)
        assert SHOWN in lines[0]
    assert any(SHOWN in line for line in told(scenes[1]))


def test_every_line_is_made_safe_once_more_where_it_is_written() -> None:
    lines: list[str] = []
    narrator = PlainNarrator(lines.append)
    narrator._said([Line(HOSTILE)], Scene().play(plan()))
    narrator._progressed([Line(HOSTILE, indent=2)], Progress("health"))
    assert lines == [SHOWN, f"  {SHOWN}"]


def test_a_writer_that_fails_silences_the_story_not_the_rollout() -> None:
    calls = []

    def write(line: str) -> None:
        calls.append(line)
        raise BrokenPipeError

    rollout = Scene().play(plan(), PlainNarrator(write))
    assert rollout.ended
    assert len(calls) == 1


@given(st.integers(0, 40), st.sampled_from(["stop", *Failure]))
def test_a_story_can_be_told_of_any_bad_luck(at: int, luck: str | Failure) -> None:
    count = [0]

    def after(scene: Scene, rollout: Rollout, command: Command) -> Event | None:
        count[0] += 1
        if count[0] != at:
            return None
        if isinstance(luck, Failure):
            works = isinstance(command, Look | Deploy | SetTraffic)
            return CallFailed(scene.wait(1), luck, "bad luck") if works else None
        return Interrupted(scene.wait(1))

    story = Messages()

    class Strict:
        """Tells the story, and lets it fail."""

        def doing(self, rollout: Rollout, command: Command) -> None:
            assert_safe(line.text for line in story.doing(rollout, command))

        def happened(self, rollout: Rollout, event: Event) -> None:
            assert_safe(line.text for line in story.happened(rollout, event))

        def progress(self, progress: Progress) -> None:
            assert_safe(line.text for line in story.progress(progress))

    assert Scene(after=after, evidence=V2_EVIDENCE).play(plan(), Strict()).ended
    count[0] = 0
    assert Scene(after=after).play(plan(), Strict()).ended


def test_an_interrupt_says_that_the_gate_makes_safe() -> None:
    def after(scene: Scene, rollout: Rollout, command: Command) -> Event | None:
        if isinstance(command, RunProbes) and not rollout.interrupted:
            return Interrupted(scene.wait(1))
        return None

    lines = told(Scene(after=after))
    begin = lines.index("asked to stop: ending safely (asked again, it is left as it is then)")
    assert lines[begin + 1 :] == [
        "removing the tag candidate from backend-00002-abc",
        "traffic stays where it was: backend-00001-aaa 100 %",
        "verified: desired and effective traffic agree (after 500 ms)",
    ]


def test_plain_lines_need_no_rich() -> None:
    code = (
        "import sys; import gate.report.progress.plain, gate.report.status, "
        "gate.report.audit; sys.exit('rich' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
