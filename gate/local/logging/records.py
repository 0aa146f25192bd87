"""One entry in the store, and where it stands among the others."""

from datetime import datetime
from typing import Any, NamedTuple, cast

from google.protobuf.message import Message

from gate.local.logging.entry import entry_of, line_size_bytes, unix_ns
from gate.local.logging.names import LogName
from gate.local.logging.wire import nanoseconds
from gate.local.ports import LogLine


class Key(NamedTuple):
    """Where an entry stands in every answer; entries with equal keys are duplicates.

    Cloud Logging orders by timestamp and then insert_id, and shows one of several entries of the
    same project with the same timestamp and insert_id (google.logging.v2.LogEntry, insert_id).
    """

    at_ns: int
    insert_id: str
    parent: str


class Record:
    """One entry in the store.

    A platform line gets its key and its form as a LogEntry only when somebody reads it: most
    request logs are never read, and each of them is on the path of a request.
    """

    __slots__ = (
        "_entry",
        "_key",
        "_line",
        "_sequence",
        "arrived",
        "name",
        "size_bytes",
        "visible_at",
    )

    _key: Key | None
    _line: LogLine | None
    _entry: Message | None

    @classmethod
    def of_line(
        cls, name: LogName, line: LogLine, sequence: int, arrived: datetime, visible_at: datetime
    ) -> "Record":
        """Wraps a line of the platform; the sequence number makes its insert id."""
        record = cls(name, arrived, visible_at, line_size_bytes(line))
        record._line, record._sequence = line, sequence
        return record

    @classmethod
    def of_entry(
        cls, name: LogName, entry: Message, arrived: datetime, visible_at: datetime
    ) -> "Record":
        """Wraps a complete entry."""
        record = cls(name, arrived, visible_at, 256 + entry.ByteSize())
        record._entry = entry
        return record

    def __init__(
        self, name: LogName, arrived: datetime, visible_at: datetime, size_bytes: int
    ) -> None:
        self.name = name
        self.arrived = arrived
        self.visible_at = visible_at
        self.size_bytes = size_bytes
        self._key = self._line = self._entry = None
        self._sequence = 0

    @property
    def key(self) -> Key:
        """Where the entry stands in every answer."""
        if self._key is None:
            self._key = self._made_key()
        return self._key

    def entry(self) -> Message:
        """Gives the entry as clients see it; not to be changed."""
        if self._entry is None:
            line = cast("LogLine", self._line)
            self._entry = entry_of(line, self.key.insert_id, self.arrived)
            self._line = None
        return self._entry

    def _made_key(self) -> Key:
        if self._line is not None:
            return Key(unix_ns(self._line.at), insert_id(self._sequence), self.name.parent)
        entry: Any = self._entry
        return Key(nanoseconds(entry.timestamp), entry.insert_id, self.name.parent)


def insert_id(sequence: int) -> str:
    """Writes a sequence number so that insert ids sort in the order in which they were given."""
    return f"{sequence:016x}"
