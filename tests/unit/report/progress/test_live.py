"""The live view: what is on the board while it works, and what stays on the screen."""

import io
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console, ConsoleRenderable, RenderHook

from gate.core.messages import Command, Event, Interrupted, RunProbes
from gate.core.state import Rollout
from gate.ports import Progress
from gate.report.progress.board import Board
from gate.report.progress.live import LiveNarrator
from gate.report.progress.plain import PlainNarrator
from tests.unit.report.progress.screen import Screen
from tests.unit.report.scenes import (
    HOSTILE,
    SHOWN,
    V2_EVIDENCE,
    Scene,
    failed,
    hostile_evidence,
    inconclusive,
    passed,
    plan,
)

BOTH_WIDTHS = pytest.mark.parametrize("width", [80, 120])


def terminal(width: int = 80, height: int = 40) -> Console:
    """A terminal that keeps what it is sent."""
    return Console(
        file=io.StringIO(), force_terminal=True, width=width, height=height, legacy_windows=False
    )


def sent(console: Console) -> str:
    """What a terminal was sent."""
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def board_at_probing() -> tuple[Board, Clock]:
    """A board of a rollout that probes."""
    clock = Clock()
    board = Board(clock)
    clock.now += 3
    rollout = Scene().play(plan())
    board.show(rollout, "probing backend-00002-abc")
    board.expect([probe.name for probe in plan().probes])
    return board, clock


def drawn(board: Board, width: int = 80, height: int = 40) -> list[str]:
    """The board as a person sees it; the spinner as `*`."""
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    console.print(board)
    lines = [line.rstrip() for line in sent(console).splitlines()]
    assert all(len(line) <= width for line in lines)
    return [f"*{line[1:]}" if line[:1] in "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" and line else line for line in lines]


def test_the_board_shows_every_probe_and_how_far_the_current_one_is() -> None:
    board, clock = board_at_probing()
    board.progress(Progress("health"))
    board.progress(Progress("health", evidence=passed()))
    board.progress(Progress("api-health", evidence=failed()))
    board.progress(Progress("discovery", evidence=inconclusive("discovery", "nothing listens")))
    board.progress(Progress("same-user-concurrency", "sessions", 4, 7))
    clock.now += 1.5
    assert drawn(board) == [
        "",
        "backend (demo/us-central1) · candidate backend-00002-abc",
        "* 3 of 5 probes have ended                                  1.5 s (4.5 s in all)",
        "",
        "✓ health                200 in 12 ms                                      100 ms",
        "✗ api-health            307 to /api/health/                               100 ms",
        "? discovery             nothing listens                                   100 ms",
        "▸ same-user-concurrency ━━━━━━╸      4/7 sessions                          1.5 s",
        "· strangers",
    ]


def test_before_the_first_answer_the_board_says_what_is_done() -> None:
    board, _ = board_at_probing()
    assert drawn(board)[2].startswith("* probing backend-00002-abc")
    assert drawn(board)[4:] == [
        "· health",
        "· api-health",
        "· discovery",
        "· same-user-concurrency",
        "· strangers",
    ]


def test_a_new_round_begins_with_nothing_seen_and_knows_both_addresses() -> None:
    board, _ = board_at_probing()
    board.progress(Progress("health", evidence=passed()))
    board.expect(["health", "logs"], ["health"])
    assert [line.split() for line in drawn(board)[4:]] == [
        ["·", "health"],
        ["·", "logs"],
        ["·", "health", "@service"],
    ]
    at_service = passed(address="service")
    board.progress(Progress("health", address="service", evidence=at_service))
    assert [line.split()[0] for line in drawn(board)[4:]] == ["·", "·", "✓"]


def test_time_runs_from_when_something_began_and_stops_for_nothing() -> None:
    board, clock = board_at_probing()
    rollout = Scene().play(plan())
    clock.now += 2
    board.show(rollout, "probing backend-00002-abc")
    assert drawn(board)[2].endswith("2.0 s (5.0 s in all)")
    board.show(rollout, "moving traffic")
    assert drawn(board)[2].endswith("0.0 s (5.0 s in all)")
    assert drawn(board)[2].startswith("* moving traffic")


def test_once_all_probes_have_ended_the_board_says_what_is_done_next() -> None:
    board, _ = board_at_probing()
    for probe in plan().probes:
        board.progress(Progress(probe.name, evidence=passed(probe.name)))
    board.show(Scene().play(plan()), "removing the tag")
    assert drawn(board)[2].startswith("* removing the tag")


def test_long_words_leave_room_for_the_time() -> None:
    board, _ = board_at_probing()
    board.show(Scene().play(plan()), "x" * 200)
    board.progress(Progress("health", "y" * 200))
    board.progress(Progress("api-health", evidence=failed(seen="z" * 200, duration_s=125.0)))
    lines = drawn(board)
    assert lines[2].startswith("* 1 of 5")
    assert lines[4].split()[-2:] == ["0.0", "s"]
    assert lines[5].endswith("… 2 min 5 s")
    fresh = Board(Clock())
    fresh.show(Scene().play(plan()), "x" * 200)
    assert drawn(fresh)[2].endswith(" 0.0 s (0.0 s in all)")


def test_without_a_rollout_the_board_shows_the_probes_alone() -> None:
    board = Board(Clock())
    board.progress(Progress("health"))
    board.progress(Progress("other", evidence=passed("other")))
    assert [line.split()[:2] for line in drawn(board)[3:]] == [["▸", "health"], ["✓", "other"]]


def test_on_a_low_terminal_passes_make_way_and_are_counted() -> None:
    board = Board(Clock())
    names = [f"probe-{i}" for i in range(20)]
    board.expect(names)
    for name in names[:9]:
        board.progress(Progress(name, evidence=passed(name)))
    board.progress(Progress("probe-9", evidence=failed("probe-9")))
    board.progress(Progress("probe-10"))
    lines = drawn(board, height=20)
    assert len(lines) <= 20
    assert lines[3].split() == ["…", "7", "more", "that", "passed"]
    assert [line[2:].split()[0] for line in lines[4:]] == names[7:]


def test_hostile_text_on_the_board_shows_and_does_nothing() -> None:
    clock = Clock()
    board = Board(clock)
    scene = Scene(evidence=(hostile_evidence(HOSTILE),))
    rollout = replace(scene.play(plan(image=HOSTILE)), candidate=HOSTILE)
    board.show(rollout, "working")
    board.progress(Progress(HOSTILE, HOSTILE, 1, 3))
    board.progress(Progress("other", evidence=hostile_evidence()))
    lines = drawn(board, width=400)
    assert all(line.isprintable() for line in lines)
    assert SHOWN in lines[1]
    assert sum(SHOWN in line for line in lines) == 3


@BOTH_WIDTHS
def test_the_screen_is_left_with_the_lines_alone(width: int) -> None:
    console = terminal(width)
    with LiveNarrator(console) as narrator:
        Scene(evidence=V2_EVIDENCE).play(plan(), narrator)
    screen = Screen(sent(console))
    assert screen.cursor_visible
    assert screen.lines[0] == "rolling out the image backend:v2 to backend (demo/us-central1)"
    assert screen.lines[-1].startswith("verified: desired and effective traffic agree")
    assert not any(mark in line for line in screen.lines for mark in "✓✗▸·")
    assert all(len(line) <= width for line in screen.lines)


def test_it_says_what_the_plain_lines_say_but_for_the_probes() -> None:
    console = terminal(200)
    with LiveNarrator(console) as narrator:
        Scene(evidence=V2_EVIDENCE).play(plan(), narrator)
    lines: list[str] = []
    Scene(evidence=V2_EVIDENCE).play(plan(), PlainNarrator(lines.append))
    of_probes = ("  passed: ", "  FAILED: ", "  asking: ")
    assert Screen(sent(console)).lines == [line for line in lines if not line.startswith(of_probes)]


def test_outcomes_that_an_interrupt_left_unjudged_stay_on_the_screen() -> None:
    def after(scene: Scene, rollout: Rollout, command: Command) -> Event | None:
        if isinstance(command, RunProbes) and not rollout.interrupted:
            narrator.progress(Progress("health", evidence=passed()))
            return Interrupted(scene.wait(1))
        return None

    console = terminal()
    with LiveNarrator(console) as narrator:
        Scene(after=after).play(plan(), narrator)
    assert Screen(sent(console)).lines[-1] == "  passed: health: 200 in 12 ms (100 ms)"


def test_an_error_leaves_a_clean_screen_too() -> None:
    console = terminal()
    view = LiveNarrator(console)

    def break_off() -> None:
        with view:
            view.progress(Progress("health"))
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    screen = Screen(sent(console))
    assert screen.cursor_visible
    assert screen.lines == []


def test_hostile_text_on_the_screen_shows_and_does_nothing() -> None:
    console = terminal(400)
    with LiveNarrator(console) as narrator:
        evidence = (hostile_evidence(),)
        Scene(evidence=evidence).play(plan(image=HOSTILE, reason=HOSTILE), narrator)
    screen = Screen(sent(console))
    assert SHOWN in screen.lines[0]
    assert all(line.isprintable() for line in screen.lines)


@pytest.mark.parametrize("height", [1, 5, 9, 12, 24])
def test_the_board_is_never_higher_than_the_terminal(height: int) -> None:
    board = Board(Clock())
    names = [f"probe-{i}" for i in range(40)]
    board.expect(names)
    for name in names[:5]:
        board.progress(Progress(name, evidence=passed(name)))
    for name in names[5:30]:
        board.progress(Progress(name, evidence=failed(name)))
    assert len(drawn(board, height=height)) <= max(height, 4)


def test_rows_to_come_make_way_after_the_passes() -> None:
    board = Board(Clock())
    board.expect([f"probe-{i}" for i in range(20)])
    board.progress(Progress("probe-0", evidence=passed("probe-0")))
    board.progress(Progress("probe-1"))
    lines = drawn(board, height=12)
    assert lines[3].split("…")[1].strip() == "1 more that passed, 14 more to come"
    assert [line.split()[1] for line in lines[4:]] == [f"probe-{i}" for i in range(1, 6)]


class Gone(io.StringIO):
    """A terminal that goes away, as an error or as rich's way to leave, after some writes."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error
        self.writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        if self.writes > 5:
            raise self._error
        return super().write(text)


@pytest.mark.parametrize("error", [OSError(5, "input/output error"), SystemExit(1)])
def test_a_terminal_that_goes_away_silences_the_view_not_the_rollout(error: BaseException) -> None:
    gone = Gone(error)
    with LiveNarrator(Console(file=gone, force_terminal=True, width=80)) as narrator:
        assert Scene().play(plan(), narrator).ended
        narrator._live.refresh()
    assert gone.writes > 5


@BOTH_WIDTHS
def test_steps_and_a_watch_are_told_as_in_plain_text(width: int) -> None:
    steps = plan(steps=(10, 100), dwell_s=30.0, watch_s=40.0)
    told: list[str] = []
    Scene().play(steps, PlainNarrator(told.append))
    console = terminal(width)
    with LiveNarrator(console) as narrator:
        Scene().play(steps, narrator)
    shown = " ".join(" ".join(Screen(sent(console)).lines).split())
    for line in told:
        if not line.startswith(("  passed: ", "  FAILED: ", "  asking: ")):
            assert " ".join(line.split()) in shown


class Rival(RenderHook):
    """Another thread that wants to draw whenever a line is about to be printed."""

    def __init__(self, draw: Callable[[], None]) -> None:
        self._draw = draw
        self._rivals: list[threading.Thread] = []

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        if threading.current_thread() is threading.main_thread():
            rival = threading.Thread(target=self._draw, daemon=True)
            self._rivals.append(rival)
            rival.start()
            rival.join(0.02)  # it waits for us: whoever waits for it longer waits for ever
        return renderables

    def end(self) -> None:
        """Waits for those that a busy machine has not let draw yet."""
        for rival in self._rivals:
            rival.join()


def test_no_line_is_lost_to_the_thread_that_draws() -> None:
    console = terminal(200)
    told: list[str] = []
    Scene(evidence=V2_EVIDENCE).play(plan(), PlainNarrator(told.append))
    with LiveNarrator(console) as narrator:
        rival = Rival(narrator._live.refresh)
        console.push_render_hook(rival)
        Scene(evidence=V2_EVIDENCE).play(plan(), narrator)
        console.pop_render_hook()
        rival.end()
    of_probes = ("  passed: ", "  FAILED: ", "  asking: ")
    assert Screen(sent(console)).lines == [line for line in told if not line.startswith(of_probes)]
