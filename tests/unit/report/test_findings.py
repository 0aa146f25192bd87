"""What gate doctor found, as people read it."""

import pytest

from gate.report.findings import findings_lines
from gate.report.lines import Tone, plain


def one(result="problem", **more):
    return {
        "check": "permission",
        "result": result,
        "where": "service backend",
        "what": "run.services.update is missing",
        "hint": "",
        "command": "",
        **more,
    }


def told(*findings, code=5):
    return {"findings": list(findings), "summary": "1 problem: held", "exit_code": code}


def test_a_finding_is_a_line_its_hint_and_its_command_whole():
    command = f"gcloud run services add-iam-policy-binding backend --member={'x' * 80}"
    lines = plain(findings_lines(told(one(hint="a role has it", command=command))), 60)
    assert lines == [
        "PROBLEM  permission      service backend:",
        "  run.services.update is missing",
        "         hint: a role has it",
        f"         {command}",
        "",
        "1 problem: held",
    ]


@pytest.mark.parametrize(
    ("result", "word", "tone"),
    [
        ("problem", "PROBLEM", Tone.BAD),
        ("unknown", "UNKNOWN", Tone.UNSURE),
        ("warning", "warning", Tone.UNSURE),
        ("ok", "ok", Tone.GOOD),
        ("strange", "strange", Tone.BAD),
    ],
)
def test_each_result_has_its_word_and_only_ok_looks_well(result, word, tone):
    line = findings_lines(told(one(result)))[0]
    assert line.text.startswith(f"{word} ")
    assert line.tone is tone


def test_what_others_wrote_acts_on_no_terminal():
    hostile = "\x1b[2J\n\u202eevil"
    lines = findings_lines(told(one(what=hostile, where=hostile, hint=hostile, command=hostile)))
    text = "".join(line.text for line in lines)
    assert not {"\x1b", "\n", "\u202e"} & set(text)


@pytest.mark.parametrize("width", [40, 100])
def test_no_line_but_a_command_is_wider_than_the_terminal(width):
    lines = plain(findings_lines(told(one(hint="many words " * 30, what="words " * 40))), width)
    assert max(map(len, lines)) <= width


def test_the_sum_is_the_last_line():
    assert findings_lines(told(code=0))[-1].tone is Tone.GOOD
    assert findings_lines(told(one()))[-1].tone is Tone.UNSURE
