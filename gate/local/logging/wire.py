"""The Logging API's messages as plain protobuf classes.

google-cloud-logging wraps each of them with proto-plus, which makes a field access some ten times
as slow; the store and the filters touch tens of thousands of entries a query, so they use the
messages underneath.
"""

from typing import Any

from google.cloud.logging_v2.types import log_entry, logging
from google.protobuf.message import Message

# Generated at import by proto-plus, so no static type exists below `Message`.
LogEntry: Any = log_entry.LogEntry.pb()
WriteLogEntriesRequest: Any = logging.WriteLogEntriesRequest.pb()
WriteLogEntriesResponse: Any = logging.WriteLogEntriesResponse.pb()
WriteLogEntriesPartialErrors: Any = logging.WriteLogEntriesPartialErrors.pb()
ListLogEntriesRequest: Any = logging.ListLogEntriesRequest.pb()
ListLogEntriesResponse: Any = logging.ListLogEntriesResponse.pb()
ListLogsRequest: Any = logging.ListLogsRequest.pb()
ListLogsResponse: Any = logging.ListLogsResponse.pb()
DeleteLogRequest: Any = logging.DeleteLogRequest.pb()
TailLogEntriesRequest: Any = logging.TailLogEntriesRequest.pb()
TailLogEntriesResponse: Any = logging.TailLogEntriesResponse.pb()

NANOS = 1_000_000_000


def nanoseconds(moment: Any) -> int:
    """Gives a Timestamp or a Duration as one number of nanoseconds."""
    return int(moment.seconds) * NANOS + int(moment.nanos)


def set_nanoseconds(moment: Any, value_ns: int) -> None:
    """Sets a Timestamp or a Duration from nanoseconds.

    Seconds and nanos of a negative Duration carry the same sign, those of a Timestamp do not;
    only values that are not negative are set here.
    """
    moment.seconds, moment.nanos = divmod(value_ns, NANOS)


def serialize(message: Message) -> bytes:
    """Gives a message's bytes on the wire."""
    return message.SerializeToString()
