"""Reads the candidate's own logs: none of them may match.

Cloud Logging promises no ingestion delay, so that the first empty answer proves nothing: entries
are read again until the probe has waited as long as the policy says.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from gate.core.evidence import Evidence, Outcome, Symptom
from gate.core.severity import Severity
from gate.errors import AccessError, InfrastructureError
from gate.kinds.logs import LogPattern, LogsProbe
from gate.ports import LogEntry, LogQuery, Logs
from gate.probes.frontend import passes
from gate.probes.inquiry import Draft, Inquiry
from gate.probes.outcome import CannotAskError, Fault
from gate.probes.traces import LooksLikeError, folded
from gate.probes.words import LINES_MAX, Words

KIND = "logs"
READ_EVERY_S = 2.5
"""Pause for each query of a round: entries.list allows 60 reads a minute for the whole project,
shared with everybody (cloud.google.com/logging/quotas), and half of them are left to others."""
ENTRIES_MAX = 20
UNRATED_MAX = 1000
"""Entries without a severity are looked through by ourselves, the newest so many."""
STABLE_BEFORE = timedelta(days=1)
"""So far back stable's logs are looked through for what it prints, too."""
_HOLDS = Outcome.INCONCLUSIVE
_NO_NEWS = "no kind of trace that stable does not have"
_UNRATED_HINT = (
    "Cloud Logging has no severity for it, and it goes by the entry's own field: the application "
    "should log JSON with `severity` (cloud.google.com/run/docs/logging)"
)
_ADVICE = (
    "log JSON with `severity`, so that Cloud Logging knows an error, or name the text in the "
    'policy, e.g. none: [{severity: ERROR}, {text: "Traceback"}]'
)
_SYSTEM = "run.googleapis.com/varlog/system"
PASSING_MAX = 3
_REQUESTS = "run.googleapis.com/requests"
_REQUEST_HINT = (
    "Cloud Run's request log has each 5xx as an ERROR, each 4xx as a WARNING; where such an answer "
    "is expected, name texts instead of a severity"
)


async def ask(inquiry: Inquiry[LogsProbe]) -> Evidence:
    """Reads at once, then every few seconds until `settle_s` has passed or an entry matches.

    Raises:
        CannotAskError: nothing says whose logs to read, or nothing can read them.
    """
    spec, run = inquiry.spec, inquiry.run
    patterns = _merged(spec.none)
    expected = "no entry with " + " or ".join(map(_named, spec.none))
    draft = inquiry.begin(KIND, f"logs of {run.target.revision or 'the candidate'}", expected)
    if run.logs is None or not run.target.revision:
        raise CannotAskError(
            "no access to Cloud Logging" if run.target.revision else "a URL alone, and no revision",
            "a revision whose logs can be read",
            "logs belong to a revision: name it with --revision, in place of --url",
        )
    about = run.target.revision, run.since
    queries = [LogQuery(*about, one.severity, one.text, ENTRIES_MAX) for one in patterns]
    try:
        found, reads = await _settle(inquiry, run.logs, queries)
        if not found and not any(one.severity for one in patterns):
            return draft.end(f"none in {spec.settle_s:g} s ({_reads(reads)})")
        if not found:
            unrated = await run.logs.entries(LogQuery(*about, limit=UNRATED_MAX, unrated=True))
            found = [entry for entry in unrated if any(matches(one, entry) for one in patterns)]
            if not found:
                return await _none(inquiry, draft, run.logs, (unrated, reads))
            return _found(draft, found, expected, _UNRATED_HINT)
    except InfrastructureError as error:
        return _unread(draft, error, expected)
    hint = _REQUEST_HINT if any(entry.log_id == _REQUESTS for entry in found) else ""
    return _found(draft, found, expected, hint)


def _found(draft: Draft, found: list[LogEntry], expected: str, hint: str) -> Evidence:
    fault = Fault(Symptom.LOGS, _told(found[0]), expected, hint)
    return draft.end(
        f"{len(found)} such entries, the newest: {_told(found[0])}",
        {fault: len(found)},
        _excerpts(found, draft.run.words),
    )


async def _none(
    inquiry: Inquiry[LogsProbe], draft: Draft, logs: Logs, read: tuple[Sequence[LogEntry], int]
) -> Evidence:
    """No entry matches; what looks like an error and has no severity is told all the same."""
    unrated, reads = read
    seen = f"none in {inquiry.spec.settle_s:g} s ({_reads(reads)})"
    alike = folded(entry.text for entry in reversed(unrated) if entry.log_id != _SYSTEM)
    if not alike:
        return draft.end(seen)
    words = draft.run.words
    count = sum(one.lines for one in alike)
    noun = "entry" if count == 1 else "entries"
    seen = f"{seen}; {count} {noun} without a severity look like errors: {alike[0]}"
    lines = [words.line(f"! {one}") for one in alike[:LINES_MAX]]
    news = await _new_to_stable(inquiry, logs, alike)
    if not news:
        return draft.end(seen, (), [*lines, words.line(f"= advice: {_ADVICE}")])
    faults = {
        Fault(Symptom.LOGS, f"{one}, without a severity", _NO_NEWS, _ADVICE, _HOLDS): one.count
        for one in news
    }
    return draft.end(seen, faults, lines)


def _reads(count: int) -> str:
    return "1 read" if count == 1 else f"{count} reads"


async def _new_to_stable(
    inquiry: Inquiry[LogsProbe], logs: Logs, alike: Sequence[LooksLikeError]
) -> list[LooksLikeError]:
    """Traces of a kind that stable, where it is a baseline, has not; lines by themselves are told.

    What stable cannot be read for counts as new.
    """
    target = inquiry.run.target
    traces = [one for one in alike if one.trace]
    if target.stable is None or not traces:
        return []
    since = inquiry.run.since - STABLE_BEFORE
    known: set[str] = set()
    for name in target.compare_with:
        entries = await logs.entries(LogQuery(name, since, limit=UNRATED_MAX, unrated=True))
        known |= {one.kind for one in folded(entry.text for entry in reversed(entries))}
    return [one for one in traces if one.kind not in known]


def matches(pattern: LogPattern, entry: LogEntry) -> bool:
    """Whether an entry to which the platform gave no severity matches by its own.

    Args:
        pattern: what no entry may match.
        entry: one with the severity that it gives itself.
    """
    if pattern.severity is None or entry.severity.value < pattern.severity.value:
        return False
    return pattern.text.lower() in entry.text.lower()


async def _settle(
    inquiry: Inquiry[LogsProbe], logs: Logs, queries: list[LogQuery]
) -> tuple[list[LogEntry], int]:
    """The matching entries, newest first, and how often the logs were read."""
    clock, settle_s = inquiry.run.clock, inquiry.spec.settle_s
    ends = clock.now() + timedelta(seconds=settle_s)
    reads = 0
    while True:
        reads += 1
        found = without_passing({e for query in queries for e in await logs.entries(query)})
        left_s = (ends - clock.now()).total_seconds()
        if found or left_s <= 0:
            return sorted(found, key=lambda entry: entry.at, reverse=True), reads
        waited_s = settle_s - left_s
        inquiry.report(
            f"waiting for late entries: {waited_s:.0f} of {settle_s:.0f} s",
            int(waited_s),
            int(settle_s),
        )
        await clock.sleep(min(left_s, READ_EVERY_S * len(queries)))


def without_passing(found: set[LogEntry]) -> set[LogEntry]:
    """The entries without a few lines of the request log on trouble of the front end's own.

    Such a line has the front end's text; one of an answer that the container gave has none. Where
    there are more than PASSING_MAX, it does not pass by itself, and they count.
    """
    passing = {one for one in found if one.log_id == _REQUESTS and passes(one.text)}
    return found - passing if len(passing) <= PASSING_MAX else found


def _merged(patterns: tuple[LogPattern, ...]) -> list[LogPattern]:
    """Fewer patterns that match the same entries: one without text holds for every worse severity.

    Each pattern left is one query, so that Cloud Logging does the filtering and no entry is lost
    among others.
    """
    bare = [one.severity for one in patterns if one.severity is not None and not one.text]
    lowest = min(bare, key=lambda severity: severity.value, default=None)
    kept = [LogPattern(lowest)] if lowest is not None else []
    for one in patterns:
        covered = lowest and one.severity and one.severity.value >= lowest.value
        if one.text and not covered and one not in kept:
            kept.append(one)
    return kept


def _unread(draft: Draft, error: InfrastructureError, expected: str) -> Evidence:
    """Access is our own side's matter; anything else is Cloud Logging's. Neither is a pass."""
    ours = isinstance(error, AccessError)
    symptom = Symptom.CLIENT if ours else Symptom.PLATFORM
    hint = error.hint or ("the caller needs roles/logging.viewer" if ours else "")
    fault = Fault(symptom, f"the logs cannot be read: {error.message}", expected, hint)
    return draft.end(fault.seen, [fault])


def _named(pattern: LogPattern) -> str:
    parts = [f"severity {pattern.severity.name} or worse"] if pattern.severity else []
    return " and ".join(parts + ([f'"{pattern.text}"'] if pattern.text else []))


def _told(entry: LogEntry) -> str:
    level = entry.severity.name if entry.severity is not Severity.DEFAULT else "entry"
    return f"{level} {entry.text or '(no text)'}"


def _excerpts(entries: list[LogEntry], words: Words) -> Iterator[str]:
    for entry in entries[:LINES_MAX]:
        yield words.line(f"{entry.at:%H:%M:%S} {_told(entry)}")
