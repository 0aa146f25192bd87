from datetime import UTC, datetime, timedelta, timezone

import pytest
from google.cloud.logging_v2.types import log_entry, logging
from google.protobuf.struct_pb2 import Struct

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.entries import PAGES_MAX, json_object, newest_entries, quoted, since
from gate.cloud.wire import Wire
from gate.errors import UnavailableError


class Pages:
    """A channel that answers ListLogEntries from a list of pages; the last one repeats."""

    def __init__(self, *pages):
        self.pages = [
            logging.ListLogEntriesResponse(
                entries=[log_entry.LogEntry(insert_id=one) for one in ids], next_page_token=token
            )
            for ids, token in pages
        ]
        self.requests = []

    def unary_unary(self, path, request_serializer, response_deserializer):
        async def ask(payload, timeout, metadata):  # noqa: ASYNC109 - as grpc.aio has it
            self.requests.append(logging.ListLogEntriesRequest.deserialize(payload))
            page = self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]
            return logging.ListLogEntriesResponse.serialize(page)

        return ask


async def found(pages, limit=50):
    async def opened(_):
        return pages

    wire = Wire(Place(Api.LOGGING, Endpoint()), connect=opened)
    entries = await newest_entries(wire, "demo", ["a=1", "b=2"], limit, "logs of x")
    return [entry.insert_id for entry in entries]


async def test_the_question():
    pages = Pages((["1"], ""))
    await found(pages, limit=7)
    (request,) = pages.requests
    assert list(request.resource_names) == ["projects/demo"]
    assert request.filter == "a=1 AND b=2"
    assert request.order_by == "timestamp desc"
    assert request.page_size == 7


async def test_empty_pages_are_read_past():
    pages = Pages(([], "t1"), ([], "t2"), (["1"], "t3"), (["2"], ""))
    assert await found(pages) == ["1", "2"]
    assert [request.page_token for request in pages.requests] == ["", "t1", "t2", "t3"]


async def test_reading_stops_at_the_limit():
    pages = Pages((["1", "2"], "t1"), (["3", "4"], "t2"), (["5"], ""))
    assert await found(pages, limit=3) == ["1", "2", "3"]
    assert len(pages.requests) == 2


async def test_pages_without_end_are_an_error_since_entries_may_be_missing():
    pages = Pages(([], "again"))
    with pytest.raises(UnavailableError, match=r"^logs of x: not read to the end"):
        await found(pages)
    assert len(pages.requests) == PAGES_MAX


async def test_pages_are_not_larger_than_the_api_allows():
    pages = Pages(([], ""))
    await found(pages, limit=10_000)
    assert pages.requests[0].page_size == 1_000


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("plain", '"plain"'),
        ('a"b', '"a\\"b"'),
        ("a\\b", '"a\\\\b"'),
        ("a\nb", '"a\\u000ab"'),
        ("ü🙂", '"ü🙂"'),
    ],
)
def test_literals(value, literal):
    assert quoted(value) == literal


def test_times_are_in_utc():
    cet = timezone(timedelta(hours=1))
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=cet)
    assert since(moment) == 'timestamp>="2026-01-02T02:04:05+00:00"'


def test_numbers_that_are_no_integers_stay():
    struct = Struct()
    struct.update({"half": 0.5, "large": 1e300, "nan": float("nan"), "inf": float("inf")})
    back = json_object(struct)
    assert (back["half"], back["large"], back["inf"]) == (0.5, 1e300, float("inf"))
    assert type(back["large"]) is float
    assert back["nan"] != back["nan"]


def test_a_moment_with_microseconds():
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    assert since(moment) == 'timestamp>="2026-01-02T03:04:05.678901+00:00"'
