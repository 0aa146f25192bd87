from datetime import UTC, datetime, timedelta, timezone

import pytest

from gate.cloud.entries import PAGES_MAX, json_object, newest_entries, quoted, since
from gate.errors import UnavailableError
from tests.unit.cloud.answers import Scripted, ok, wire_over


def pages_of(*pages):
    """Answers of entries.list; the last one repeats."""
    return Scripted(
        *(
            ok({"entries": [{"insertId": one} for one in ids], "nextPageToken": token})
            for ids, token in pages
        )
    )


async def found(pages, limit=50):
    wire, _ = wire_over(pages)
    entries = await newest_entries(wire, "demo", ["a=1", "b=2"], limit, "logs of x")
    return [entry["insertId"] for entry in entries]


async def test_the_question():
    pages = pages_of((["1"], ""))
    await found(pages, limit=7)
    assert pages.asked == [("POST", "/v2/entries:list", 20.0)]
    assert pages.bodies == [
        {
            "resourceNames": ["projects/demo"],
            "filter": "a=1 AND b=2",
            "orderBy": "timestamp desc",
            "pageSize": 7,
        }
    ]


async def test_empty_pages_are_read_past():
    pages = pages_of(([], "t1"), ([], "t2"), (["1"], "t3"), (["2"], ""))
    assert await found(pages) == ["1", "2"]
    assert [body.get("pageToken", "") for body in pages.bodies] == ["", "t1", "t2", "t3"]


async def test_reading_stops_at_the_limit():
    pages = pages_of((["1", "2"], "t1"), (["3", "4"], "t2"), (["5"], ""))
    assert await found(pages, limit=3) == ["1", "2", "3"]
    assert len(pages.bodies) == 2


async def test_pages_without_end_are_an_error_since_entries_may_be_missing():
    pages = pages_of(([], "again"))
    with pytest.raises(UnavailableError, match=r"^logs of x: not read to the end"):
        await found(pages)
    assert len(pages.bodies) == PAGES_MAX


async def test_pages_are_not_larger_than_the_api_allows():
    pages = pages_of(([], ""))
    await found(pages, limit=10_000)
    assert pages.bodies[0]["pageSize"] == 1_000


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


def test_whole_numbers_are_integers_again_and_others_stay():
    back = json_object({"half": 0.5, "large": 1e300, "list": [{"whole": 7.0}], "yes": True})
    assert (back["half"], back["large"]) == (0.5, 1e300)
    assert type(back["large"]) is float
    assert type(back["list"][0]["whole"]) is int
    assert back["yes"] is True


def test_a_moment_with_microseconds():
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    assert since(moment) == 'timestamp>="2026-01-02T03:04:05.678901+00:00"'
