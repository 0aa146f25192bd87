from datetime import UTC, datetime

from google.cloud.logging_v2.types import log_entry, logging

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.decisions import CloudLedger
from gate.cloud.wire import Wire
from gate.core.service import ServiceRef
from gate.ports import LedgerQuery

EARLY, LATE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)


class Answering:
    """A channel that answers ListLogEntries with one page."""

    def __init__(self, *entries):
        self.page = logging.ListLogEntriesResponse(entries=entries)
        self.filters = []

    def unary_unary(self, path, request_serializer, response_deserializer):
        async def ask(payload, timeout, metadata):  # noqa: ASYNC109 - as grpc.aio has it
            self.filters.append(logging.ListLogEntriesRequest.deserialize(payload).filter)
            return logging.ListLogEntriesResponse.serialize(self.page)

        return ask


def kept(at, sequence):
    labels = {"sequence": sequence}
    return log_entry.LogEntry(timestamp=at, labels=labels, json_payload={"n": sequence})


async def ask(channel, query):
    async def opened(_):
        return channel

    ledger = CloudLedger(ServiceRef("demo", "us-central1", "backend"), Endpoint())
    ledger._wire = Wire(Place(Api.LOGGING, Endpoint()), connect=opened)
    return [entry["n"] for entry in await ledger.entries(query)]


async def test_entries_of_one_moment_are_in_the_order_of_their_sequence():
    # However the server breaks the tie, and whatever somebody else wrote into the log.
    channel = Answering(kept(LATE, "9"), kept(LATE, "x"), kept(LATE, "10"), kept(EARLY, "11"))
    assert await ask(channel, LedgerQuery()) == ["10", "9", "x", "11"]


async def test_only_what_is_asked_for_narrows_the_question():
    channel = Answering()
    await ask(channel, LedgerQuery())
    await ask(channel, LedgerQuery(service="backend", rollout="r1", since=EARLY))
    everything, narrowed = channel.filters
    assert everything == 'logName="projects/demo/logs/gate-decisions"'
    assert narrowed.split(" AND ") == [
        everything,
        'labels.service="backend"',
        'resource.labels.location="us-central1"',
        'labels.rollout="r1"',
        'timestamp>="2026-01-01T00:00:00+00:00"',
    ]
