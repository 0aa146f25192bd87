"""What is said of probes while they run."""

from dataclasses import replace

import pytest

from gate.core.evidence import STABLE
from gate.core.state import Phase
from gate.ports import Progress
from gate.report.progress.board import Board
from gate.report.progress.probes import ProbeMessages
from tests.unit.report.progress.test_live import Clock, drawn
from tests.unit.report.scenes import failed, passed
from tests.unit.report.test_evidence import CONTROL, OWN, SEEN


def test_a_stable_that_passes_is_left_to_the_end() -> None:
    story = ProbeMessages()
    story.asked(Phase.PROBING)
    for item in SEEN:
        assert not story.progress(Progress(item.probe, address=STABLE))
    lines = [
        line.text
        for item in SEEN
        for line in story.progress(Progress(item.probe, evidence=item, address=item.address))
    ]
    assert [line.split(":")[0] for line in lines] == ["passed", "FAILED"]


def test_a_stable_that_fails_is_told() -> None:
    story = ProbeMessages()
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


@pytest.mark.parametrize("address", ["", STABLE])
@pytest.mark.parametrize("phase", [Phase.PROBING, Phase.DWELLING])
def test_what_is_waited_for_is_a_line_at_once(phase, address):
    story = ProbeMessages()
    story.asked(phase)
    story.progress(Progress("chat", address=address))
    waits = "the front end still answers with revision backend-1: asking again for at most 60 s"
    (line,) = story.progress(Progress("chat", waits, address=address, at_once=True))
    assert line.text.endswith(waits)
    assert line.text.startswith("chat @stable" if address else "chat: ")


def test_what_is_of_all_probes_is_a_line_of_its_own_also_in_a_live_round():
    story = ProbeMessages()
    story.asked(Phase.PROBING)
    (line,) = story.progress(Progress("", "the platform answers", at_once=True))
    assert line.text == "the platform answers"


def test_what_is_of_all_probes_has_no_row_on_the_board():
    board = Board(Clock())
    before = drawn(board)
    board.progress(Progress("", "the platform answers", at_once=True))
    assert drawn(board) == before
