"""A decision as Markdown, for a build's page and for a comment on a change.

Text from outside stands in `<code>`, with every character that means anything written as a
reference: no markup, no link, no mention and no cell of a table comes of it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from gate.errors import ExitCode
from gate.report.attempts import effective
from gate.report.fields import Entry, child, number, text, texts
from gate.report.requests import requests_lines
from gate.report.rules import overrode
from gate.report.safe import WHOLE, safe
from gate.report.summary import Row, code_of, ending_of, rows, what_of, why_of
from gate.report.words import duration

SIZE_MAX_BYTES = 60_000
"""A comment on GitHub holds 65,536 characters, a step's summary 1 MiB."""
_AT_LENGTH = 10
"""How many documents may be told at length, together."""
_RESERVE = 100
_LIMITS = ((240, 200), (120, 200), (60, 100), (40, 20), (20, 5))
"""Most characters of a cell and most rows of a table: the first that fits is taken."""
_TITLES = ("probe", "outcome", "expected", "seen", "stable")
_SPECIAL = re.compile(r"[\\`*_{}\[\]()<>#|&@~!$^]|:(?=\S)|(?<=[Ww]{3})\.")
_BAD, _UNSURE = "\u274c", "\u26a0\ufe0f"
_SIGNS: Mapping[int, str] = {
    ExitCode.DONE: "\u2705",
    ExitCode.HELD: _UNSURE,
    ExitCode.INTERRUPTED: _UNSURE,
}


def markdown(documents: Sequence[Entry]) -> str:
    """These, one beneath the other, within what a comment holds; what is done comes last.

    Args:
        documents: outcomes of the ledger, or what `gate probe` saw.
    """
    ordered = sorted(documents, key=lambda document: code_of(document) == ExitCode.DONE)
    shown: list[str] = []
    left = SIZE_MAX_BYTES - _RESERVE
    for document in ordered:
        one = _fitted(document, SIZE_MAX_BYTES // min(len(ordered), _AT_LENGTH))
        left -= len(one.encode()) + 1
        if left < 0:
            break
        shown.append(one)
    more = len(ordered) - len(shown)
    return "\n".join([*shown, f"and {more} more\n"] if more else shown)


def code(value: str, limit: int = 240) -> str:
    """Text from outside, inert, as it is written; "" for nothing."""
    shown = _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", safe(value, limit))
    shown = shown.replace("&#64;", "&#64;<!-- -->")  # else GitHub makes a link of a@b.example
    return f"<code>{shown}</code>" if shown else ""


def prose(value: str, limit: int = 600) -> str:
    """A sentence, inert: names of people and numbers of issues in it call nobody."""
    return _SPECIAL.sub(_reference, safe(value, limit))


def _reference(match: re.Match[str]) -> str:
    apart = "&#8203;" if match[0] in "@#" else ""
    return f"&#{ord(match[0])};{apart}"


def _fitted(document: Entry, room: int) -> str:
    shown = ""
    for cell_max, rows_max in _LIMITS:
        shown = "\n".join(_lines(document, cell_max, rows_max)) + "\n"
        if len(shown.encode()) <= room:
            break
    return shown


def _lines(document: Entry, cell_max: int, rows_max: int) -> Iterator[str]:
    found, ending = rows(document), ending_of(document)
    yield f"### {_sign(document)} gate: {code(what_of(document))} {_word(ending)}"
    if said := overrode(document):
        yield from ("", f"{_BAD} {code(said, 2 * cell_max)}")
    if code_of(document) != ExitCode.DONE:
        yield from ("", prose(why_of(document, 2 * cell_max), 2 * cell_max))
    if found:
        yield from ("", *_table(found, cell_max, rows_max))
    yield from _requests(document)
    yield from _traffic(document)
    yield from _notes(document, cell_max)
    yield from _next(document)
    yield from ("", " \u00b7 ".join(_about(document, cell_max)))


def _sign(document: Entry) -> str:
    exit_code = code_of(document)
    return _BAD if exit_code is None else _SIGNS.get(exit_code, _BAD)


def _word(ending: str) -> str:
    """An ending as a word; what is none of ours is shown as it is written."""
    return ending if re.fullmatch(r"[a-z][a-z ]*", ending) else code(ending)


def _table(found: Sequence[Row], cell_max: int, rows_max: int) -> Iterator[str]:
    """What did not pass comes first."""
    ordered = sorted(found, key=lambda row: (row.passed, not row.item))
    passed = sum(row.passed for row in found)
    yield f"{passed} of {len(found)} probes passed"
    yield ""
    yield f"| {' | '.join(_TITLES)} |"
    yield f"|{'---|' * len(_TITLES)}"
    for row in ordered[:rows_max]:
        yield f"| {' | '.join(_cells(row, cell_max))} |"
    if more := len(ordered[rows_max:]):
        yield from ("", f"and {more} more")


def _cells(row: Row, cell_max: int) -> tuple[str, ...]:
    outcome = row.outcome if row.passed else f"**{_word(row.outcome)}**"
    if row.since:
        outcome += f", since {code(row.since)} has failed"
    if not row.required:
        outcome += " (not required)"
    blamed = text(row.item, "attribution")
    if row.control and blamed:
        outcome += f" ({_word(blamed)})"
    limit = min(cell_max, 60) if row.passed else cell_max
    seen = code(text(row.item, "seen"), limit)
    hint = f"<br>hint: {code(row.hint, limit)}" if row.hint and not row.passed else ""
    expected, stable = text(row.item, "expected"), text(row.control, "seen")
    return (code(row.name, 100), outcome, code(expected, limit), seen + hint, code(stable, limit))


def _requests(document: Entry) -> Iterator[str]:
    """What users' own requests said of each step."""
    lines = [*requests_lines(document)]
    if lines:
        yield ""
    for line in lines:
        yield f"- {prose(line.text)}"


def _traffic(document: Entry) -> Iterator[str]:
    if child(document, "effective_after"):
        yield from ("", f"Traffic: {code(effective(document))}")


def _notes(document: Entry, limit: int) -> Iterator[str]:
    notes = texts(document, "notes")
    if notes:
        yield ""
    for note in notes[-10:]:
        yield f"- note: {prose(note, limit)}"


def _next(document: Entry) -> Iterator[str]:
    steps = child(document, "next")
    if said := text(steps, "text"):
        yield from ("", f"Next: {prose(said)}")
    if commands := [safe(command, WHOLE) for command in texts(steps, "commands")]:
        longest = max(map(len, re.findall("`+", "\n".join(commands))), default=0)
        fence = "`" * max(3, longest + 1)
        yield from ("", f"{fence}sh", *commands, fence)
    if remark := text(steps, "remark"):
        yield from ("", prose(remark))


def _about(document: Entry, limit: int) -> Iterator[str]:
    for label, key in (("rollout", "rollout"), ("by", "actor"), ("because", "reason")):
        if value := text(document, key):
            yield f"{label} {code(value, limit)}"
    took = number(document, "duration_ms")
    if took is not None:
        yield f"took {duration(took / 1000)}"
