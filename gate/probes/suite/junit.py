"""Reads JUnit XML, the report that every other runner can write. Bounded; never trusts a document.

Its dialects agree on little: a `testcase` with `failure`, `error` or `skipped` in it, and for tests
that were run again `rerunFailure`, `rerunError`, `flakyFailure` or `flakyError` (Maven's Surefire).
"""

from pathlib import Path
from typing import TYPE_CHECKING

from gate.kinds.extras import hint
from gate.probes.outcome import CannotAskError
from gate.probes.suite.record import TESTS_MAX
from gate.probes.suite.results import Ended, Result, Results

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SIZE_MAX = 16 << 20
"""Most bytes of a report."""
_TEXT_MAX = 2000
_AGAIN = frozenset({"flakyFailure", "flakyError", "rerunFailure", "rerunError"})
_ENDED = {"failure": Ended.FAILED, "error": Ended.ERRORED, "skipped": Ended.SKIPPED}


def read_report(path: Path) -> Results:
    """What the file says; nothing where there is none, and a garbled report where it is no JUnit.

    Raises:
        CannotAskError: the library that reads it is not installed.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(SIZE_MAX + 1)
    except OSError:
        return Results()
    if not raw.strip():
        return Results()
    tests = None if len(raw) > SIZE_MAX else _tests(raw)
    if tests is None or len(tests) > TESTS_MAX:
        return Results("JUnit XML", garbled=1)
    return Results("JUnit XML", tests)


def _tests(raw: bytes) -> tuple[Result, ...] | None:
    try:
        from defusedxml import ElementTree  # noqa: PLC0415 - lazy, and an extra
        from defusedxml.common import DefusedXmlException  # noqa: PLC0415
    except ImportError:
        raise CannotAskError(
            "a JUnit report without the library that reads it",
            "the extra `suite`",
            hint(["suite"]),
        ) from None
    try:
        root = ElementTree.fromstring(raw, forbid_dtd=True)
    except (ElementTree.ParseError, DefusedXmlException, ValueError, LookupError, RecursionError):
        return None
    if root.tag not in ("testsuites", "testsuite"):
        return None
    return tuple(_result(case) for case in root.iter("testcase"))


def _result(case: "Element") -> Result:
    place, name = case.get("classname", ""), case.get("name", "")
    ended, why, again = Ended.PASSED, "", 0
    for part in case:
        again += part.tag in _AGAIN
        found = _ENDED.get(part.tag)
        if found is not None and ended in (Ended.PASSED, Ended.SKIPPED):
            ended, why = found, part.get("message") or part.text or ""
    whole = f"{place}.{name}" if place else name
    return Result(whole[:_TEXT_MAX], ended, _markers(case), why[:_TEXT_MAX], again)


def _markers(case: "Element") -> frozenset[str]:
    """Markers as properties, the way JUnit knows them: `<property name="tag" value="P1"/>`."""
    found = (one.get("value", "") for one in case.iter("property") if one.get("name") in _TAGS)
    return frozenset(value for value in found if value)


_TAGS = frozenset({"marker", "tag"})
