import base64
import json
from datetime import timedelta

import pytest

from gate.local.logging.filter import compile_filter
from gate.local.logging.query import Query, decode_token, encode_token, page
from gate.local.logging.records import Key
from gate.local.logging.store import LogStore
from tests.unit.local.logging.lines import DEMO, NOW, NOW_S, Clock, written


def query(text="", *, newest_first=False, parents=DEMO):
    return Query(parents, text, compile_filter(text), newest_first)


def filled(count, **changes):
    store = LogStore(clock=Clock())
    for n in range(count):
        store.write([written(text=f"t{n:03}", at_s=NOW_S - count + n, insert_id="i", **changes)])
    return store


async def all_pages(store, asked, size, **limits):
    after, pages = None, []
    while True:
        found = await page(store, asked, after, size, **limits)
        pages.append([entry.text_payload for entry in found.entries])
        after = found.last
        if after is None:
            return pages


async def test_a_page_holds_what_matches_and_the_last_one_has_no_successor():
    found = await page(filled(5), query('textPayload>="t003"'), None, 50)
    assert [entry.text_payload for entry in found.entries] == ["t003", "t004"]
    assert found.last is None


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("size", [1, 3, 4, 12, 100])
async def test_pages_together_give_every_entry_once_and_in_order(size, newest_first):
    pages = await all_pages(filled(12), query(newest_first=newest_first), size)
    together = [text for texts in pages for text in texts]
    assert together == sorted((f"t{n:03}" for n in range(12)), reverse=newest_first)
    assert all(len(texts) <= size for texts in pages)
    assert len(pages) == -(-12 // size)


async def test_a_page_ends_after_the_scan_limit_even_if_it_is_empty():
    pages = await all_pages(filled(10), query('textPayload="t009"'), 50, scan_limit=4)
    assert pages == [[], [], ["t009"]]


async def test_a_page_ends_before_it_is_too_large_for_a_client():
    store = LogStore(clock=Clock())
    for n in range(40):
        store.write([written(text="x" * 200_000, insert_id=f"{n:03}")])
    found = await page(store, query(), None, 1000)
    assert 10 < len(found.entries) < 20
    assert found.last is not None
    assert sum(entry.ByteSize() for entry in found.entries) < 4 * 1024 * 1024


async def test_entries_that_arrive_between_pages_do_not_shift_them():
    store = filled(6)
    first = await page(store, query(), None, 3)
    store.write([written(text="early", at_s=NOW_S - 100)])
    second = await page(store, query(), first.last, 3)
    assert [entry.text_payload for entry in second.entries] == ["t003", "t004", "t005"]


async def test_duplicates_stay_hidden_across_pages():
    store = LogStore(clock=Clock())
    for text in ("first", "again", "once more"):
        store.write([written(text=text, insert_id="same")])
    store.write([written(text="other", insert_id="z")])
    assert await all_pages(store, query(), 1) == [["first"], ["other"]]


async def test_the_filter_narrows_the_time_before_entries_are_made():
    store = filled(10)
    asked = query(f'timestamp>="{(NOW - timedelta(seconds=3)).isoformat()}"')
    assert len(store.records(DEMO, asked.filter.since_ns, asked.filter.until_ns)) == 3
    assert (await all_pages(store, asked, 50)) == [["t007", "t008", "t009"]]


def test_a_token_is_read_back():
    key = Key(NOW_S * 10**9 + 1, "id", "projects/demo")
    assert decode_token(query("a"), encode_token(query("a"), key, NOW), NOW) == key


@pytest.mark.parametrize(
    "other",
    [query("b"), query("a", newest_first=True), query("a", parents=frozenset({"projects/x"}))],
)
def test_a_token_belongs_to_its_query(other):
    token = encode_token(query("a"), Key(1, "id", "projects/demo"), NOW)
    with pytest.raises(ValueError, match="other parameters"):
        decode_token(other, token, NOW)


def test_a_token_is_good_for_a_day():
    token = encode_token(query(), Key(1, "id", "projects/demo"), NOW)
    decode_token(query(), token, NOW + timedelta(hours=24))
    with pytest.raises(ValueError, match="24 hours"):
        decode_token(query(), token, NOW + timedelta(hours=24, seconds=1))


def encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "token",
    ["x", "é", "====", encoded(None), encoded([1]), encoded({"a": 1}),
     encoded([0, "", "x", "", ""]),
     encoded(["x", "", 1, "", ""]), encoded([10**400, "", 1, "", ""]),
     encoded([float("inf"), "", 1, "", ""])],
)  # fmt: skip
def test_what_is_no_token_is_refused(token):
    with pytest.raises(ValueError, match="page_token"):
        decode_token(query(), token, NOW)
