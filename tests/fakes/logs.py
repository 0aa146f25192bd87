"""Logs in memory."""

from datetime import timedelta

from gate.core.severity import Severity
from gate.ports import Clock, LogEntry, LogQuery
from tests.fakes.script import Script


class FakeLogs(Script):
    """Implements gate.ports.Logs.

    Args:
        clock: with a delay, decides which entries are ingested already.
        delay_s: how long an entry takes to become visible.
    """

    def __init__(self, clock: Clock | None = None, delay_s: float = 0.0) -> None:
        super().__init__()
        self._clock = clock
        self._delay = timedelta(seconds=delay_s)
        self._entries: list[tuple[str, LogEntry]] = []
        self._unrated: set[LogEntry] = set()
        self.queries: list[LogQuery] = []

    def add(self, revision: str, entry: LogEntry, *, unrated: bool = False) -> None:
        """Keeps an entry of one revision; an unrated one has its severity from itself alone."""
        self._entries.append((revision, entry))
        if unrated:
            self._unrated.add(entry)

    async def entries(self, query: LogQuery) -> tuple[LogEntry, ...]:
        """Entries that match and are ingested, newest first."""
        self.enter("entries")
        self.queries.append(query)
        found = [
            entry
            for revision, entry in self._entries
            if query.revision in ("", revision)
            and (not query.not_revision or revision != query.not_revision)
            and self._matches(query, entry)
        ]
        found.sort(key=lambda entry: entry.at, reverse=True)
        return tuple(found[: query.limit])

    def _matches(self, query: LogQuery, entry: LogEntry) -> bool:
        worst = query.min_severity
        return (
            entry.at >= query.since
            and (worst is None or (entry not in self._unrated and self._as_bad(entry, worst)))
            and query.text.lower() in entry.text.lower()
            and query.log_id in ("", entry.log_id)
            and (not query.traces or entry.trace in query.traces)
            and (not query.unrated or entry in self._unrated)
            and (self._clock is None or entry.at + self._delay <= self._clock.now())
        )

    def _as_bad(self, entry: LogEntry, worst: Severity) -> bool:
        return entry.severity.value >= worst.value
