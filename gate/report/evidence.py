"""What the probes saw and what follows: the verdict, and each failure once, with everything on it.

Read from a document as gate.ledger.evidence makes it: the record's, or that of `gate probe`.
"""

from collections.abc import Iterable, Iterator

from gate.core.evidence import SERVICE, STABLE, Outcome, Repeat
from gate.core.recorded import is_by_probe, spoken_words
from gate.core.verdict import Decision
from gate.report.fields import Entry, child, children, flag, number, text, texts
from gate.report.lines import Line, Tone
from gate.report.safe import safe
from gate.report.words import (
    AT_SERVICE,
    DID_NOT_RUN,
    asked_at,
    decision_tone,
    duration,
    many,
    names_text,
    outcome_tone,
    outcome_word,
    verdict_text,
)

FINDINGS_MAX = 5
NAMES_MAX = 60
LOG_LINE_MAX = 400
TEXT_MAX = 600
DONE = frozenset({"promoted", "rolled back"})
_BESIDE = ("= unlike stable's: ", "= advice: ")
"""How lines of evidence begin that say something beside a pass."""


def probes_lines(document: Entry) -> list[Line]:
    """How many passed, the verdict, each failure, and what did not run.

    Args:
        document: an outcome of the ledger, or what `gate probe` saw.
    """
    verdict = _verdict(document)
    lines = [*_count(document)]
    if decision := text(verdict, "decision"):
        said = verdict_text(decision, spoken_words(document), text(document, "kind"))
        lines.append(Line(said, decision_tone(decision)))
    told: set[str] = set()
    for reason in children(verdict, "reasons"):
        told |= {text(reason, "subject")} if is_by_probe(document, reason) else set()
        lines += _reason(document, reason)
    for item in own(document):
        if text(item, "probe") not in told and outcome_of(item) != Outcome.PASSED.value:
            optional = flag(item, "required") is False
            remark = " (not required, so it decides nothing)" if optional else ""
            lines += failure_lines(document, item, remark)
    return [*lines, *_not_asked(document), *_missing(document)]


def own(document: Entry) -> list[Entry]:
    """What was seen at the candidate; what stable showed is no evidence of its own."""
    return [item for item in children(document, "evidence") if text(item, "address") != STABLE]


def control_of(document: Entry, item: Entry) -> Entry:
    """What stable showed where the candidate did not pass; empty where that is not known."""
    if outcome_of(item) == Outcome.PASSED.value or text(item, "address"):
        return {}
    beside = [one for one in children(document, "evidence") if text(one, "address") == STABLE]
    return next((one for one in beside if text(one, "probe") == text(item, "probe")), {})


def outcome_of(item: Entry) -> str:
    """The word for an outcome; a pass with findings is none, as for the verdict."""
    outcome = text(item, "outcome") or "?"
    if outcome == Outcome.PASSED.value and children(item, "findings"):
        outcome = Outcome.INCONCLUSIVE.value
    return outcome_word(outcome)


def _verdict(document: Entry) -> Entry:
    """The verdict; none to promote where nothing was promoted: the ending says why."""
    verdict = child(document, "verdict")
    promote = text(verdict, "decision") == Decision.PROMOTE.value
    ending = text(document, "ending")
    return {} if promote and ending and ending not in DONE else verdict


def _count(document: Entry) -> Iterator[Line]:
    """How many passed, and which."""
    items = own(document)
    if not items:
        return
    passed = [item for item in items if outcome_of(item) == Outcome.PASSED.value]
    total = len(items) + len(texts(document, "did_not_run")) + len(_left_out(document))
    names = names_text([_name(item) for item in passed], NAMES_MAX)
    tone = Tone.GOOD if len(passed) == total else Tone.BAD
    count = f"{len(passed)} of {many(total, 'probe')} passed"
    yield Line(f"{count}: {names}" if names else count, tone)
    for item in passed:
        if _idle_tests(item) or _unlike(item):
            yield Line(f"{_name(item)}: {safe(text(item, 'seen'), TEXT_MAX)}", indent=2)
    if any(text(item, "address") == SERVICE for item in items):
        yield Line(AT_SERVICE, Tone.FAINT, indent=2)


def _idle_tests(item: Entry) -> bool:
    """Whether a suite has tests that are no evidence, or that nobody can tell of any more."""
    idle = any(flag(test, "counts") is False for test in children(item, "tests"))
    return idle or bool(number(item, "tests_left_out"))


def _unlike(item: Entry) -> bool:
    """Whether something is told beside a pass: a page unlike stable's, or advice."""
    return any(line.startswith(_BESIDE) for line in texts(item, "excerpts"))


def _reason(document: Entry, reason: Entry) -> Iterator[Line]:
    """One reason: a probe's in full, another in its own words; what did not run comes last."""
    subject, why = text(reason, "subject"), text(reason, "text")
    left_out = subject in texts(child(document, "not_asked"), "probes")
    if why == DID_NOT_RUN or (left_out and is_by_probe(document, reason)):
        return
    by_probe = is_by_probe(document, reason)
    items = [item for item in own(document) if by_probe and text(item, "probe") == subject]
    wrong = [item for item in items if outcome_of(item) != Outcome.PASSED.value]
    once = len({text(item, "address") for item in items}) == len(items)
    if once and wrong and all(children(item, "findings") for item in wrong):
        for item in wrong:
            yield from failure_lines(document, item)
    else:
        tone = Tone.BAD if items else Tone.UNSURE
        yield Line(f"{safe(subject)}: {safe(why, TEXT_MAX)}", tone, indent=2)
        if hint := text(reason, "hint"):
            yield Line(f"hint: {safe(hint, TEXT_MAX)}", indent=4)
        yield from log_block("its last log lines:", texts(reason, "lines"))
    if capability := text(reason, "capability"):
        yield Line(f"at stake: {stake(document, capability)}", indent=4)


def _left_out(document: Entry) -> list[str]:
    """Names of what was not asked, of those that left no evidence."""
    seen = {text(item, "probe") for item in own(document)}
    return [one for one in texts(child(document, "not_asked"), "probes") if one not in seen]


def _not_asked(document: Entry) -> Iterator[Line]:
    """What a failure had made needless, in one row."""
    left_out = child(document, "not_asked")
    names = texts(left_out, "probes")
    if not names:
        return
    bare = set(_left_out(document))
    told = names_text([asked_at(one, "" if one in bare else SERVICE) for one in names], NAMES_MAX)
    since = safe(text(left_out, "since"), 80)
    yield Line(f"not asked, since {since} has failed: {told}", Tone.UNSURE, indent=2)


def _missing(document: Entry) -> Iterator[Line]:
    """What did not run, in one row, with what that leaves at stake."""
    silent = [
        reason
        for reason in children(child(document, "verdict"), "reasons")
        if text(reason, "text") == DID_NOT_RUN
    ]
    names = texts(document, "did_not_run") or [text(reason, "subject") for reason in silent]
    if not names:
        return
    stopped = text(document, "ending") == "interrupted" and text(
        child(document, "candidate"), "url"
    )
    word = "interrupted" if stopped else DID_NOT_RUN
    every = f"all {many(len(names), 'probe')}" if len(names) > 1 and not own(document) else ""
    yield Line(f"{word}: {every or names_text(names, NAMES_MAX)}", Tone.UNSURE, indent=2)
    stakes = dict.fromkeys(text(reason, "capability") for reason in silent)
    if told := ", ".join(stake(document, name) for name in stakes if name):
        yield Line(f"at stake: {told}", indent=4)


def failure_lines(document: Entry, item: Entry, remark: str = "") -> Iterator[Line]:
    """Everything that is known of one failure: what was seen, whose fault it is, its own log."""
    word = outcome_of(item)
    yield Line(f"{_name(item)}: {word} in {_took(item)}{remark}", outcome_tone(word), indent=2)
    yield Line(f"asked: {safe(text(item, 'asked'))}{times_text(item)}", indent=4)
    if children(item, "tests") or number(item, "tests_left_out"):
        yield Line(f"tests: {safe(text(item, 'seen'), TEXT_MAX)}", indent=4)
    findings, expected = children(item, "findings"), text(item, "expected")
    if expected and expected not in {text(finding, "expected") for finding in findings}:
        yield Line(f"expected: {safe(expected)}", indent=4)
    for finding in findings[:FINDINGS_MAX]:
        yield from finding_lines(finding)
    more = len(findings[FINDINGS_MAX:]) + (number(item, "findings_left_out") or 0)
    if more:
        yield Line(f"and {more} more", indent=4)
    yield from log_block("its log meanwhile:", texts(item, "log_lines"))
    yield from _fault(item, control_of(document, item))


def finding_lines(finding: Entry) -> Iterator[Line]:
    """What was not as expected, and what it means."""
    count = number(finding, "count") or 1
    times = f" ({count} times)" if count > 1 else ""
    seen, expected = text(finding, "seen"), text(finding, "expected")
    told = f"{text(finding, 'symptom')}: got {seen}, expected {expected}{times}"
    yield Line(safe(told, TEXT_MAX), indent=4)
    if hint := text(finding, "hint"):
        yield Line(f"hint: {safe(hint, TEXT_MAX)}", indent=6)


def _fault(item: Entry, control: Entry) -> Iterator[Line]:
    """Whose fault it is, and with a control what stable showed and how many tries failed."""
    word = text(item, "attribution")
    if not word or (not control and word == "unknown"):
        return
    told = text(item, "advice") if control else ""
    yield Line(f"fault: {safe(word)}" + (f" ({safe(told)})" if told else ""), indent=4)
    if control:
        shown = f"{outcome_of(control)} in {_took(control)}: {safe(text(control, 'seen'))}"
        yield Line(f"{STABLE}: {shown}", Tone.FAINT, indent=4)
    if control and (tries := tries_text(texts(item, "repeats"), texts(control, "repeats"))):
        yield Line(f"tries: {tries}", indent=4)


def tries_text(tries: list[str], of_stable: list[str]) -> str:
    """How many of a probe's tries failed: `3 of 3 failed; of stable's 0 of 3`."""
    if len(tries) < 2:
        return ""
    told = f"{_failed(tries)} of {len(tries)} failed"
    if silent := tries.count(Repeat.SILENT.value):
        told += f", {silent} of them without an answer"
    return f"{told}; of stable's {_failed(of_stable)} of {len(of_stable)}" if of_stable else told


def _failed(tries: list[str]) -> int:
    return sum(one != Repeat.RIGHT.value for one in tries)


def times_text(item: Entry) -> str:
    """How often a probe asked and was answered right, where it asked more than once."""
    asked, right = number(item, "asked_times") or 1, number(item, "right_times") or 0
    return f" ({right} of {asked} right)" if asked > 1 else ""


def log_block(title: str, lines: Iterable[str]) -> Iterator[Line]:
    """Log lines of the candidate as a block of their own."""
    for count, line in enumerate(lines):
        if not count:
            yield Line(title, indent=4)
        yield Line(f"| {safe(line, LOG_LINE_MAX)}", Tone.FAINT, indent=6)


def stake(document: Entry, capability: str) -> str:
    """A capability at stake: `chat (P1, $120K MRR)`."""
    worth = text(child(document, "stakes"), capability)
    return f"{safe(capability)} ({safe(worth)})" if worth else safe(capability)


def _name(item: Entry) -> str:
    return asked_at(text(item, "probe"), text(item, "address"))


def _took(item: Entry) -> str:
    return duration((number(item, "duration_ms") or 0) / 1000)
