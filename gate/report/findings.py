"""What `gate doctor` found, for people: worst first, each with the command that mends it.

`gate doctor --output json`:

    project, region, service    strings
    findings                    [{check, result, where, what, hint, command}], worst first; result
                                is problem, unknown, warning or ok; command "" where there is none
    summary                     all in one line
    exit_code                   0, or 5 where something would hold a rollout or is not known
"""

from collections.abc import Iterator, Mapping

from gate.core.policy import Json
from gate.report.fields import children, text
from gate.report.lines import BLANK, Line, Tone
from gate.report.safe import WHOLE, safe

_TONES = {"problem": Tone.BAD, "unknown": Tone.UNSURE, "warning": Tone.UNSURE, "ok": Tone.GOOD}
_WORDS = {"problem": "PROBLEM", "unknown": "UNKNOWN"}
_HELD = 5


def findings_lines(told: Mapping[str, Json]) -> list[Line]:
    """Every finding, and the sum of them as the last line."""
    lines = [line for one in children(told, "findings") for line in _finding(one)]
    tone = Tone.UNSURE if told.get("exit_code") == _HELD else Tone.GOOD
    return [*lines, BLANK, Line(safe(text(told, "summary")), tone)]


def _finding(one: Mapping[str, Json]) -> Iterator[Line]:
    result, check = text(one, "result"), safe(text(one, "check"), 40)
    word = _WORDS.get(result, safe(result, 20))
    about = f"{safe(text(one, 'where'), 200)}: {safe(text(one, 'what'), 1000)}"
    yield Line(f"{word:<8} {check:<15} {about}", _TONES.get(result, Tone.BAD))
    if hint := text(one, "hint"):
        yield Line(f"hint: {safe(hint, 1000)}", Tone.FAINT, indent=9)
    if command := text(one, "command"):
        yield Line(safe(command, WHOLE), indent=9, whole=True)
