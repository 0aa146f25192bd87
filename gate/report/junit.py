"""A decision as JUnit XML, as Jenkins, GitLab and others show it: each probe is a test.

The decision is a test of its own, so that what was held or refused is never all green. Red are a
required probe that failed (failure) or could not tell (error). What decides nothing, was not asked
or did not run is skipped and says why. Each test of a suite follows its probe.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Literal
from xml.etree import ElementTree as ET

from gate.core.evidence import Outcome
from gate.errors import ExitCode
from gate.report.evidence import failure_lines, probes_lines
from gate.report.fields import Entry, child, children, flag, number, text, texts
from gate.report.lines import plain
from gate.report.outcome import outcome_lines
from gate.report.safe import WHOLE, safe
from gate.report.summary import NOT_ASKED, Row, code_of, ending_of, rows, what_of, why_of

WIDTH = 100
MESSAGE_MAX = 600
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_COMMAND = "##["
"""How a command of a build's log begins that may stand anywhere in a line."""
_PROPERTIES = ("rollout", "project", "region", "service", "actor", "policy", "policy_digest")

Kind = Literal["failure", "error", "skipped"]


def junit(documents: Sequence[Entry], *, recorded: bool = True) -> str:
    """One XML document with a test suite for each of these.

    Args:
        documents: outcomes of the ledger, or what `gate probe` saw.
        recorded: whether the ledger has them.
    """
    root = ET.Element("testsuites", {"name": "gate"})
    suites = [_suite(document, recorded=recorded) for document in documents]
    root.extend(suites)
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    ET.indent(root)
    body = ET.tostring(root, encoding="unicode").replace(_COMMAND, "#&#35;[")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _suite(document: Entry, *, recorded: bool) -> ET.Element:
    service = safe(text(document, "service"), 80)
    group = f"gate.{service}" if service else "gate"
    cases = [_decision(document, group)]
    for row in rows(document):
        cases += [_case(document, row, group), *_tests(row, group)]
    suite = ET.Element("testsuite", {"name": _clean(what_of(document)), "tests": str(len(cases))})
    for tag, count in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(count, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("time", _seconds(document))
    if began := _timestamp(text(document, "started_at")):
        suite.set("timestamp", began)
    suite.append(_properties(document))
    suite.extend(cases)
    _text(suite, "system-out", _told(document, recorded=recorded))
    return suite


def _properties(document: Entry) -> ET.Element:
    found = ET.Element("properties")
    candidate = child(document, "candidate")
    values = {name: text(document, name) for name in _PROPERTIES}
    values |= {"candidate": text(candidate, "revision"), "image": text(candidate, "image")}
    code = code_of(document)
    values |= {"ending": ending_of(document), "exit_code": "" if code is None else str(code)}
    for name, value in values.items():
        if value:
            ET.SubElement(found, "property", {"name": name, "value": _clean(safe(value))})
    return found


def _decision(document: Entry, group: str) -> ET.Element:
    """The test that says how it ended: green only where it is done."""
    case = _new(group, safe(text(document, "kind"), 40) or "verdict", _seconds(document))
    code, ending = code_of(document), ending_of(document)
    if code == ExitCode.DONE:
        return case
    kind: Kind = "failure" if code == ExitCode.REJECTED else "error"
    steps = child(document, "next")
    told = [f"next: {safe(said)}"] if (said := text(steps, "text")) else []
    told += [f"  {safe(command, WHOLE)}" for command in texts(steps, "commands")]
    _ends(case, kind, ending, f"{ending}: {why_of(document, MESSAGE_MAX)}", told)
    return case


def _case(document: Entry, row: Row, group: str) -> ET.Element:
    case = _new(group, row.name, _seconds(row.item))
    if row.passed:
        return case
    if not row.item:
        why = f", since {row.since} has failed" if row.outcome == NOT_ASKED else ""
        _ends(case, "skipped", row.outcome, f"{row.outcome}{why}")
        return case
    lines = plain(failure_lines(document, row.item), WIDTH)
    message = _message(row)
    if not row.required:
        _ends(case, "skipped", row.outcome, f"not required, so it decides nothing: {message}")
    elif row.outcome == Outcome.FAILED.value:
        _ends(case, "failure", _blamed(row), message, lines)
    else:
        _ends(case, "error", row.outcome, message, lines)
    return case


def _tests(row: Row, group: str) -> Iterable[ET.Element]:
    """The tests of a suite: those that are no evidence are skipped; red only beneath a red one."""
    for test in children(row.item, "tests"):
        case = _new(f"{group}.{row.name}", safe(text(test, "name")), None)
        outcome, why = safe(text(test, "outcome"), 40), safe(text(test, "why"), MESSAGE_MAX)
        message = f"{outcome}: {why}" if why else outcome
        if flag(test, "counts") is not True or (why and not row.stops):
            _ends(case, "skipped", outcome, message)
        elif why:
            _ends(case, "failure", _blamed(row), message)
        yield case


def _message(row: Row) -> str:
    """Whose fault it is, what was expected and seen, and what to do."""
    item = row.item
    expected, seen = safe(text(item, "expected")), safe(text(item, "seen"))
    hint = f" (hint: {safe(row.hint)})" if row.hint else ""
    return f"{_blamed(row)}: expected {expected}, seen {seen}{hint}"


def _blamed(row: Row) -> str:
    """The attribution; the bare outcome where nobody knows whose fault it is."""
    word = safe(text(row.item, "attribution"), 40)
    return row.outcome if word in {"", "unknown"} else word


def _new(group: str, name: str, time: str | None) -> ET.Element:
    case = ET.Element("testcase", {"classname": _clean(group), "name": _clean(name) or "?"})
    if time is not None:
        case.set("time", time)
    return case


def _ends(
    case: ET.Element, kind: Kind, type_: str, message: str, lines: Iterable[str] = ()
) -> None:
    ended = ET.SubElement(case, kind, {"type": _clean(type_), "message": _clean(message)})
    ended.text = _clean("\n".join(lines)) or None


def _told(document: Entry, *, recorded: bool) -> str:
    whole = bool(text(document, "entry"))
    lines = outcome_lines(document, recorded=recorded) if whole else probes_lines(document)
    return "\n".join(plain(lines, WIDTH))


def _text(parent: ET.Element, tag: str, value: str) -> None:
    ET.SubElement(parent, tag).text = _clean(value)


def _clean(value: str) -> str:
    """The text without what XML cannot hold."""
    return _NOT_XML.sub("\ufffd", value)


def _seconds(entry: Entry) -> str:
    return f"{max(number(entry, 'duration_ms') or 0, 0) / 1000:.3f}"


def _timestamp(at: str) -> str:
    """A moment as JUnit has it: in UTC, to the second, without a zone."""
    try:
        return f"{datetime.fromisoformat(at).astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
    except (ValueError, OverflowError):
        return ""
