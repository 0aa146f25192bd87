import asyncio
from datetime import timedelta

import pytest

from gate.local.logging.filter import compile_filter
from gate.local.logging.store import LogStore
from gate.local.logging.tail import MAX_BATCH, MAX_WAITING, TailQuery, TailSession
from tests.unit.local.logging.lines import DEMO, NOW, Clock, stdout, written


def session(store, text="", window_s=0.0):
    return TailSession(store, TailQuery(DEMO, compile_filter(text), timedelta(seconds=window_s)))


async def first(opened):
    async with asyncio.timeout(60):
        return await anext(opened.responses())


def texts(response):
    return [entry.text_payload for entry in response.entries]


async def test_what_arrives_together_comes_in_order_of_time():
    store = LogStore(clock=Clock())
    opened = session(store)
    for n in range(3):
        store.append(stdout(str(n), at=NOW - timedelta(seconds=n)))
    response = await first(opened)
    assert texts(response) == ["2", "1", "0"]
    assert not response.suppression_info


async def test_only_its_owners_and_what_its_filter_passes():
    store = LogStore(clock=Clock())
    opened = session(store, "textPayload:wanted")
    store.write(
        [written(text="wanted", project="other"), written(text="no"), written(text="wanted 1")]
    )
    assert texts(await first(opened)) == ["wanted 1"]


async def test_an_entry_waits_for_its_delay_and_for_the_window():
    clock = Clock()
    store = LogStore(clock=clock, ingestion_delay_s=lambda: 1.0)
    opened = session(store, window_s=2.0)
    store.append(stdout("x"))
    clock.advance(2.9)
    waiting = asyncio.create_task(first(opened))
    await asyncio.sleep(0)
    assert not waiting.done()
    clock.advance(0.1)
    store.append(stdout("wakes the session"))
    assert texts(await waiting) == ["x"]


async def test_a_reader_that_does_not_read_is_told_how_much_it_lost():
    store = LogStore(clock=Clock())
    opened = session(store)
    for _ in range(MAX_WAITING + 7):
        store.append(stdout("x"))
    response = await first(opened)
    assert len(response.entries) == MAX_BATCH
    (lost,) = response.suppression_info
    assert (lost.reason, lost.suppressed_count) == (lost.Reason.Value("NOT_CONSUMED"), 7)
    assert not (await first(opened)).suppression_info


async def test_a_response_stays_below_what_clients_take():
    store = LogStore(clock=Clock())
    opened = session(store)
    for _ in range(40):
        store.append(stdout("x" * 200_000))
    assert (await first(opened)).ByteSize() < 4 * 1024 * 1024


async def test_a_closed_session_takes_nothing_more():
    store = LogStore(clock=Clock())
    opened = session(store)
    opened.close()
    store.append(stdout("x"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await anext(opened.responses())
