"""Rules for people, to be seen: a stopped line leads, and what was set aside stays red."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.core.annotation import KEY, RolloutAnnotation, Stopped
from gate.report.audit import list_blocks, show_blocks
from gate.report.lines import Line, Tone, plain
from gate.report.machine import status_value
from gate.report.markdown import markdown
from gate.report.rules import in_effect, overrode
from gate.report.status import status_blocks
from tests.unit.core.rollouts import NOW, service

HOSTILE = "<script>\x1b[31m::error::"
STOPPED = Stopped("ana", HOSTILE, NOW)
UNTIL = "2026-01-01T14:00:00.000Z"
OVERRIDDEN = {
    "entry": "outcome",
    "rollout": "r1",
    "at": "2026-01-01T12:00:00.000Z",
    "kind": "rollout",
    "service": "backend",
    "ending": "promoted",
    "exit_code": 0,
    "actor": "ana",
    "reason": HOSTILE,
    "overrides": ["freeze", "stop"],
    "override": {"rules": ["freeze", "stop"], "overrode": ["freeze"], "until": UNTIL},
}


def red(blocks):
    return [one.text for one in blocks if isinstance(one, Line) and one.tone is Tone.BAD]


def test_a_status_leads_with_a_stopped_line():
    mark = RolloutAnnotation(stopped=STOPPED)
    seen = replace(service(), annotations=((KEY, mark.text()),))
    first, *_ = status_blocks(seen, (), (), NOW, 100)
    assert first.tone is Tone.BAD
    assert first.text.startswith("THE LINE IS STOPPED: stopped by ana at 2026-01-01 12:00 UTC")
    assert "\x1b" not in first.text
    told = status_value(seen, (), (), NOW)["stopped"]
    assert told == {"actor": "ana", "reason": HOSTILE, "since": "2026-01-01T12:00:00+00:00"}


def test_an_override_leads_while_it_is_in_effect():
    before, after = NOW, NOW + timedelta(hours=2)
    assert (
        "OVERRODE freeze by ana" in red(status_blocks(service(), (), (OVERRIDDEN,), before, 99))[0]
    )
    assert [*in_effect([OVERRIDDEN], after)] == []


def test_what_was_set_aside_stays_red_in_the_list_and_in_one_rollout():
    assert any("OVERRODE freeze by ana" in one for one in red(list_blocks([OVERRIDDEN], 300)))
    listed = "\n".join(plain(list_blocks([OVERRIDDEN], 300), 300))
    assert "rollout --override freeze --override stop" in listed
    shown = show_blocks([OVERRIDDEN])
    assert "--freeze" not in "\n".join(plain(shown, 100))
    assert any("OVERRODE freeze until 2026-01-01 14:00:00 UTC" in one for one in red(shown))
    assert "was to override stop" in "\n".join(plain(shown, 100))
    assert "\x1b" not in "\n".join(plain(shown, 100))
    page = markdown([OVERRIDDEN])
    assert "OVERRODE freeze by ana" in page
    assert "<script>" not in page


@pytest.mark.parametrize(
    "odd",
    [None, 7, {}, {"overrode": "freeze"}, {"overrode": [7], "until": 7}, {"overrode": ["stop"]}],
)
def test_whatever_a_ledger_holds_is_read_as_far_as_it_goes(odd):
    entry = {**OVERRIDDEN, "override": odd}
    assert bool(overrode(entry)) is (odd == {"overrode": ["stop"]})
    assert [*in_effect([entry], NOW)] == []
    assert show_blocks([entry])
