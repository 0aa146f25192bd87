"""WriteLogEntries: which entries are taken, and how those that are not are named.

Limits: google.logging.v2 (log_entry, logging) and Cloud Logging's quota page: entries up to about
256 KiB, 64 labels, label keys of 512 bytes and values of 64 KiB (longer ones are cut with an
ellipsis), requests up to 10 MB, timestamps at most one day ahead.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from gate.local.logging.entry import MAX_ENTRY_BYTES, cut, unix_ns
from gate.local.logging.errors import ApiError, invalid
from gate.local.logging.names import parse_log_name
from gate.local.logging.store import LogStore
from gate.local.logging.wire import (
    WriteLogEntriesPartialErrors,
    WriteLogEntriesResponse,
    nanoseconds,
    set_nanoseconds,
)

MAX_REQUEST_BYTES = 10_000_000
MAX_LABELS = 64
MAX_LABEL_KEY_BYTES = 512
MAX_LABEL_VALUE_BYTES = 64 * 1024
MAX_AHEAD = timedelta(days=1)
_INVALID = grpc.StatusCode.INVALID_ARGUMENT
_INVALID_NUMBER: int = _INVALID.value[0]


def write(store: LogStore, request: Any) -> Message:
    """Writes a request's entries: all of them, or with partial_success the valid ones.

    Raises:
        ApiError: INVALID_ARGUMENT when an entry is refused. If others were written it carries
            WriteLogEntriesPartialErrors, keyed by index; if none were, it carries no details.
    """
    _check_request(request)
    now = store.clock()
    good: list[Message] = []
    refused: dict[int, str] = {}
    for index, entry in enumerate(_with_defaults(request)):
        try:
            good.append(_completed(store, entry, now))
        except ValueError as error:
            refused[index] = str(error)
    if refused and not (request.partial_success and good):
        index, reason = next(iter(refused.items()))
        raise invalid(f"entries[{index}]: {reason}")
    if not request.dry_run:
        store.write(good)
    if refused:
        raise _partial(refused)
    return WriteLogEntriesResponse()  # type: ignore[no-any-return]


def _check_request(request: Any) -> None:
    size = request.ByteSize()
    if size > MAX_REQUEST_BYTES:
        raise invalid(f"entries: the request is too large (got {size} bytes, expected <= 10 MB)")
    if not request.entries:
        raise invalid("entries: no entry given (got 0, expected at least 1)")


def _with_defaults(request: Any) -> Iterator[Any]:
    for given in request.entries:
        entry = type(given)()
        entry.CopyFrom(given)
        entry.log_name = entry.log_name or request.log_name
        if not entry.HasField("resource") and request.HasField("resource"):
            entry.resource.CopyFrom(request.resource)
        for key, value in request.labels.items():
            if key not in entry.labels:
                entry.labels[key] = value
        yield entry


def _completed(store: LogStore, entry: Any, now: datetime) -> Message:
    """Checks an entry and supplies what the client left out.

    Raises:
        ValueError: says what is wrong with it.
    """
    entry.log_name = str(parse_log_name(entry.log_name))
    if not entry.resource.type:
        raise ValueError("resource.type: no monitored resource given")
    _cut_labels(entry.labels)
    if entry.HasField("timestamp"):
        _check_timestamp(entry.timestamp, now)
    else:
        set_nanoseconds(entry.timestamp, unix_ns(now))
    size = entry.ByteSize()
    if size > MAX_ENTRY_BYTES:
        raise ValueError(f"the entry is too large (got {size} bytes, expected <= 256 KiB)")
    entry.insert_id = entry.insert_id or store.next_insert_id()
    set_nanoseconds(entry.receive_timestamp, unix_ns(now))
    return entry  # type: ignore[no-any-return]


def _cut_labels(labels: Any) -> None:
    if len(labels) > MAX_LABELS:
        raise ValueError(f"labels: too many (got {len(labels)}, expected <= {MAX_LABELS})")
    for key, value in list(labels.items()):
        del labels[key]
        labels[cut(key, MAX_LABEL_KEY_BYTES)] = cut(value, MAX_LABEL_VALUE_BYTES)


def _check_timestamp(timestamp: Any, now: datetime) -> None:
    if not 0 <= timestamp.nanos < 1_000_000_000:
        raise ValueError(f"timestamp: nanos are out of range (got {timestamp.nanos})")
    at_ns = nanoseconds(timestamp)
    if at_ns < 0 or at_ns > unix_ns(now + MAX_AHEAD):
        raise ValueError(
            "timestamp: too far from now "
            f"(got {timestamp.seconds} s since 1970, expected at most one day ahead)"
        )


def _partial(refused: dict[int, str]) -> ApiError:
    errors = WriteLogEntriesPartialErrors()
    for index, reason in refused.items():
        errors.log_entry_errors[index].code = _INVALID_NUMBER
        errors.log_entry_errors[index].message = reason
    message = f"{len(refused)} of the entries were refused; the first: {min(refused.items())[1]}"
    status = Status(code=_INVALID_NUMBER, message=message)
    status.details.add().Pack(errors)
    return ApiError(_INVALID, message, status)
