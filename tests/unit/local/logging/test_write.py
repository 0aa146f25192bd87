import grpc
import pytest

from gate.local.logging import wire
from gate.local.logging.errors import ApiError
from gate.local.logging.store import LogStore
from gate.local.logging.write import write
from tests.unit.local.logging.lines import DEMO, NOW, NOW_S, Clock

DAY_S = 86_400


@pytest.fixture
def store():
    return LogStore(clock=Clock())


def request(*entries, log="projects/demo/logs/app", resource="global", **changes):
    made = wire.WriteLogEntriesRequest(entries=entries, log_name=log, **changes)
    if resource:
        made.resource.type = resource
    return made


def text(value, **changes):
    return wire.LogEntry(text_payload=value, **changes)


def kept(store):
    return [record.entry() for record in store.records(DEMO, 0, 1 << 62)]


def refused(store, made):
    with pytest.raises(ApiError) as caught:
        write(store, made)
    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT
    return caught.value


def test_what_the_client_left_out_is_supplied(store):
    write(store, request(text("a"), text("b"), labels={"k": "default"}))
    first, second = kept(store)
    assert (first.text_payload, second.text_payload) == ("a", "b")
    assert first.insert_id < second.insert_id
    assert first.timestamp.seconds == first.receive_timestamp.seconds == NOW_S
    assert first.log_name == "projects/demo/logs/app"
    assert first.resource.type == "global"
    assert dict(first.labels) == {"k": "default"}


def test_what_the_entry_says_itself_stays(store):
    entry = text("a", log_name="projects/demo/logs/own", insert_id="mine", labels={"k": "own"})
    entry.resource.type = "gce_instance"
    entry.timestamp.seconds = NOW_S - 60
    write(store, request(entry, labels={"k": "default", "other": "x"}))
    (got,) = kept(store)
    assert (got.log_name, got.insert_id) == ("projects/demo/logs/own", "mine")
    assert (got.resource.type, got.timestamp.seconds) == ("gce_instance", NOW_S - 60)
    assert dict(got.labels) == {"k": "own", "other": "x"}


def test_a_dry_run_checks_and_keeps_nothing(store):
    write(store, request(text("a"), dry_run=True))
    assert kept(store) == []
    refused(store, request(text("a"), log="", dry_run=True))


def in_seconds(seconds):
    entry = text("x")
    entry.timestamp.seconds = NOW_S + seconds
    return entry


BAD = {
    "no log name": (request(text("x"), log=""), "log name"),
    "not a log name": (request(text("x"), log="projects/demo"), "log name"),
    "no resource": (request(text("x"), resource=""), "resource.type"),
    "too large": (request(text("x" * 256 * 1024)), "too large"),
    "too many labels": (request(text("x", labels={str(n): "" for n in range(65)})), "labels"),
    "too far ahead": (request(in_seconds(DAY_S + 1)), "timestamp"),
    "before 1970": (request(in_seconds(-NOW_S - 1)), "timestamp"),
}


@pytest.mark.parametrize(("made", "word"), BAD.values(), ids=BAD)
def test_a_bad_entry_is_refused_with_its_index_and_nothing_is_written(store, made, word):
    made.entries.insert(0, made.entries[0])
    made.entries[0].CopyFrom(text("good", log_name="projects/demo/logs/ok"))
    made.entries[0].resource.type = "global"
    error = refused(store, made)
    assert error.message.startswith("entries[1]: ")
    assert word in error.message
    assert error.status is None
    assert kept(store) == []


def test_one_day_ahead_is_still_taken(store):
    write(store, request(in_seconds(DAY_S)))
    assert len(kept(store)) == 1


def test_nanos_out_of_range_are_refused(store):
    entry = text("x")
    entry.timestamp.seconds, entry.timestamp.nanos = NOW_S, 2_000_000_000
    assert "nanos" in refused(store, request(entry)).message


def test_partial_success_writes_the_valid_ones_and_names_the_others(store):
    made = request(text("a"), in_seconds(2 * DAY_S), text("b"), partial_success=True)
    error = refused(store, made)
    assert [entry.text_payload for entry in kept(store)] == ["a", "b"]
    errors = wire.WriteLogEntriesPartialErrors()
    assert error.status.details[0].Unpack(errors)
    assert set(errors.log_entry_errors) == {1}
    assert errors.log_entry_errors[1].code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert "timestamp" in errors.log_entry_errors[1].message


def test_partial_success_without_one_valid_entry_gives_no_details(store):
    error = refused(store, request(in_seconds(2 * DAY_S), partial_success=True))
    assert error.status is None


def test_a_request_without_entries_or_above_10_mb_is_refused(store):
    assert "no entry" in refused(store, request()).message
    big = request(*[text("x" * 250_000) for _ in range(41)])
    assert "10 MB" in refused(store, big).message


def test_long_labels_are_cut_with_an_ellipsis(store):
    write(store, request(text("x", labels={"k" * 600: "v" * 70_000})))
    ((key, value),) = kept(store)[0].labels.items()
    assert len(key.encode()) <= 512
    assert len(value.encode()) <= 64 * 1024
    assert key.endswith("…")
    assert value.endswith("…")


def test_64_labels_are_not_too_many(store):
    write(store, request(text("x", labels={str(n): "" for n in range(64)})))
    assert len(kept(store)[0].labels) == 64


def test_the_request_itself_is_not_changed(store):
    made = request(text("x"))
    before = made.SerializeToString()
    write(store, made)
    assert made.SerializeToString() == before


def test_the_clock_is_asked_and_not_the_machine(store):
    store.clock.advance(1000)
    write(store, request(text("x")))
    assert kept(store)[0].timestamp.seconds == NOW_S + 1000
    assert int(NOW.timestamp()) == NOW_S
