"""What the local Cloud Run has logged: bounded, and visible after the ingestion delay."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from google.protobuf.message import Message

from gate.local.logging.entry import line_log, unix_ns
from gate.local.logging.names import LogName, parse_log_name
from gate.local.logging.records import Key, Record, insert_id
from gate.local.ports import LogLine


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a store keeps; the oldest entries of the largest log go first.

    Each log has its own bound so that a load test's request log cannot push out the few entries
    that matter.
    """

    entries_per_log: int = 20_000
    logs: int = 256
    size_bytes: int = 64 * 1024 * 1024
    retention: timedelta = timedelta(days=30)  # the default of a log bucket


class Journal(Protocol):
    """Where entries outlive the process."""

    def restore(self) -> Iterator[Message]:
        """Gives every entry that was kept, oldest first."""
        ...

    def keep(self, entries: Iterable[Message]) -> None:
        """Adds entries."""
        ...

    def rewrite(self, entries: Iterable[Message]) -> None:
        """Replaces everything by these entries."""
        ...

    def overgrown(self) -> bool:
        """Tells whether it holds so much that it should be rewritten."""
        ...

    def close(self) -> None:
        """Lets go of the file."""
        ...


class _Log:
    """The records of one log, in order of arrival."""

    __slots__ = ("name", "records", "size_bytes")

    def __init__(self, name: LogName) -> None:
        self.name = name
        self.records: deque[Record] = deque()
        self.size_bytes = 0

    def drop_oldest(self) -> int:
        record = self.records.popleft()
        self.size_bytes -= record.size_bytes
        return record.size_bytes


def _at_once() -> float:
    return 0.0


class LogStore:
    """Keeps what is logged and shows it to readers once the ingestion delay is over.

    Implements `gate.local.ports.LogSink`. All calls belong to the event loop's thread.

    Args:
        clock: gives the time, aware.
        ingestion_delay_s: asked once for each entry: seconds until readers see it.
        bounds: how much is kept.
        journal: where entries outlive the process; None keeps nothing.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        ingestion_delay_s: Callable[[], float] = _at_once,
        bounds: Bounds | None = None,
        journal: Journal | None = None,
    ) -> None:
        self.clock = clock
        self.bounds = bounds or Bounds()
        self._delay_s = ingestion_delay_s
        self._journal = journal
        self._logs: dict[LogName, _Log] = {}
        self._by_line: dict[tuple[str, str], _Log] = {}
        self._size_bytes = 0
        self._sequence = 0
        self._unsaved: deque[Record] = deque(maxlen=self.bounds.entries_per_log)
        self._watchers: tuple[Callable[[Record], None], ...] = ()

    def append(self, line: LogLine) -> None:
        """Keeps one line of the platform; cheap, its form as an entry is made when it is read."""
        log = self._log_of(line)
        arrived = self.clock()
        self._sequence += 1
        visible_at = self._visible_at(arrived)
        record = Record.of_line(log.name, line, self._sequence, arrived, visible_at)
        self._add(log, record)
        if self._journal is not None:
            self._unsaved.append(record)

    def write(self, entries: Sequence[Message]) -> None:
        """Keeps entries of clients, which must be complete: log_name, timestamp, insert_id.

        They are in the journal before this returns: a decision that was acknowledged survives.
        Entries older than the retention are accepted and not kept, as in Cloud Logging.
        """
        arrived = self.clock()
        oldest_ns = unix_ns(arrived - self.bounds.retention)
        records = [
            record
            for record in (self._written(entry, arrived) for entry in entries)
            if record.key.at_ns >= oldest_ns
        ]
        if self._journal is not None:
            self._journal.keep(record.entry() for record in records)
        for record in records:
            self._add(self._log_named(record.name), record)

    def next_insert_id(self) -> str:
        """Gives a new insert id; ids sort in the order in which they were given."""
        self._sequence += 1
        return insert_id(self._sequence)

    def records(self, parents: frozenset[str], since_ns: int, until_ns: int) -> list[Record]:
        """Gives the visible records of some owners in a span of time (both ends included).

        The list is in order of their keys, without duplicates.
        """
        now = self.clock()
        since_ns = max(since_ns, unix_ns(now - self.bounds.retention))
        found = [
            record
            for log in self._logs.values()
            if log.name.parent in parents
            for record in log.records
            if since_ns <= record.key.at_ns <= until_ns and record.visible_at <= now
        ]
        found.sort(key=_key)
        return _without_duplicates(found)

    def logs(self, parents: frozenset[str]) -> list[LogName]:
        """Names the logs of some owners that have entries, sorted by name."""
        names = [log.name for log in self._logs.values() if log.records]
        return sorted((name for name in names if name.parent in parents), key=str)

    def delete(self, name: LogName) -> bool:
        """Forgets every entry of a log; False if there is no such log."""
        log = self._logs.pop(name, None)
        if log is None:
            return False
        self._size_bytes -= log.size_bytes
        self._by_line.clear()
        self._unsaved = deque((r for r in self._unsaved if r.name != name), self._unsaved.maxlen)
        self._rewrite()
        return True

    def watch(self, watcher: Callable[[Record], None]) -> Callable[[], None]:
        """Calls the watcher for each record as it arrives; the result ends that."""
        self._watchers = (*self._watchers, watcher)

        def stop() -> None:
            self._watchers = tuple(known for known in self._watchers if known is not watcher)

        return stop

    def restore(self) -> int:
        """Takes back what the journal holds; gives the number of entries.

        To be called once, before the first entry. Restored entries are visible at once.
        """
        if self._journal is None:
            return 0
        now, count = self.clock(), 0
        for entry in self._journal.restore():
            record = self._written(entry, now, delayed=False)
            self._advance_past(record.key.insert_id)
            self._add(self._log_named(record.name), record)
            count += 1
        return count

    def flush(self, limit: int = 200) -> int:
        """Moves some of the platform's lines to the journal; gives the number still waiting.

        To be called a few times a second, with a pause after each call even if lines still wait:
        200 of them take about 5 ms, which is taken from the requests under way. Under a load that
        outruns it the oldest waiting lines are lost to the journal, never to readers.
        """
        if self._journal is None:
            return 0
        batch = [self._unsaved.popleft() for _ in range(min(limit, len(self._unsaved)))]
        self._journal.keep(record.entry() for record in batch)
        if self._journal.overgrown():
            self._rewrite()
        return len(self._unsaved)

    def close(self) -> None:
        """Moves everything that waits to the journal and lets go of its file."""
        if self._journal is not None:
            self.flush(limit=len(self._unsaved))
            self._journal.close()

    def _add(self, log: _Log, record: Record) -> None:
        log.records.append(record)
        log.size_bytes += record.size_bytes
        self._size_bytes += record.size_bytes
        if len(log.records) > self.bounds.entries_per_log:
            self._size_bytes -= log.drop_oldest()
        if self._size_bytes > self.bounds.size_bytes:
            self._shrink()
        for watcher in self._watchers:
            watcher(record)

    def _log_of(self, line: LogLine) -> _Log:
        pair = (line.key.service.project, line.log_id)
        log = self._by_line.get(pair)
        if log is None:
            log = self._by_line[pair] = self._log_named(line_log(line))
        return log

    def _log_named(self, name: LogName) -> _Log:
        log = self._logs.get(name)
        if log is not None:
            return log
        if len(self._logs) >= self.bounds.logs:
            stalest = min(self._logs.values(), key=_latest_arrival)
            self._size_bytes -= self._logs.pop(stalest.name).size_bytes
            self._by_line.clear()
        log = self._logs[name] = _Log(name)
        return log

    def _shrink(self) -> None:
        goal = self.bounds.size_bytes * 15 // 16  # some room, so that this is rare
        while self._size_bytes > goal:
            largest = max(self._logs.values(), key=lambda log: log.size_bytes)
            if len(largest.records) <= 1:
                return
            self._size_bytes -= largest.drop_oldest()

    def _visible_at(self, arrived: datetime) -> datetime:
        delay_s = self._delay_s()
        return arrived + timedelta(seconds=delay_s) if delay_s > 0 else arrived

    def _written(self, entry: Message, arrived: datetime, *, delayed: bool = True) -> Record:
        name = parse_log_name(entry.log_name)  # type: ignore[attr-defined]
        visible_at = self._visible_at(arrived) if delayed else arrived
        return Record.of_entry(name, entry, arrived, visible_at)

    def _advance_past(self, insert_id: str) -> None:
        if len(insert_id) == 16:
            try:
                self._sequence = max(self._sequence, int(insert_id, 16))
            except ValueError:
                return

    def _rewrite(self) -> None:
        if self._journal is not None:
            self._unsaved.clear()
            everything = sorted(
                (r for log in self._logs.values() for r in log.records), key=lambda r: r.arrived
            )
            self._journal.rewrite(record.entry() for record in everything)


def _key(record: Record) -> Key:
    return record.key


def _latest_arrival(log: _Log) -> datetime:
    return log.records[-1].arrived if log.records else datetime.min.replace(tzinfo=UTC)


def _without_duplicates(ordered: list[Record]) -> list[Record]:
    return [r for i, r in enumerate(ordered) if i == 0 or r.key != ordered[i - 1].key]
