from datetime import timedelta

from gate.local.logging.names import LogName
from gate.local.logging.store import Bounds, LogStore
from gate.local.ports import LogSink
from tests.unit.local.logging.lines import DEMO, NOW, NOW_S, Clock, request, stdout, written

EVER = (-(1 << 62), 1 << 62)


class ListJournal:
    """A journal in memory that counts what is asked of it."""

    def __init__(self, *entries, limit=10_000):
        self.entries = list(entries)
        self.rewrites = 0
        self.closed = False
        self._limit = limit

    def restore(self):
        return iter(list(self.entries))

    def keep(self, entries):
        self.entries.extend(entries)

    def rewrite(self, entries):
        self.entries = list(entries)
        self.rewrites += 1

    def overgrown(self):
        return len(self.entries) > self._limit

    def close(self):
        self.closed = True


def texts(store, parents=DEMO, span=EVER):
    return [record.entry().text_payload for record in store.records(parents, *span)]


def test_it_is_a_log_sink():
    sink: LogSink = LogStore(clock=Clock())
    sink.append(stdout())


def test_what_is_appended_can_be_read_in_order_of_time():
    store = LogStore(clock=Clock())
    for seconds, text in [(2, "c"), (0, "a"), (1, "b")]:
        store.append(stdout(text, at=NOW + timedelta(seconds=seconds)))
    assert texts(store) == ["a", "b", "c"]


def test_entries_of_the_same_time_keep_their_order_of_arrival():
    store = LogStore(clock=Clock())
    for n in range(300):
        store.append(stdout(str(n)))
    assert texts(store) == [str(n) for n in range(300)]


def test_an_entry_is_visible_only_after_its_own_ingestion_delay():
    clock, delays = Clock(), iter([2.0, 0.5])
    store = LogStore(clock=clock, ingestion_delay_s=lambda: next(delays))
    store.append(stdout("slow"))
    store.append(stdout("fast"))
    assert texts(store) == []
    clock.advance(0.5)
    assert texts(store) == ["fast"]
    clock.advance(1.4)
    assert texts(store) == ["fast"]
    clock.advance(0.1)
    assert texts(store) == ["slow", "fast"]


def test_the_delay_holds_for_written_entries_too():
    clock = Clock()
    store = LogStore(clock=clock, ingestion_delay_s=lambda: 3.0)
    store.write([written(text="x")])
    assert texts(store) == []
    clock.advance(3)
    assert texts(store) == ["x"]


def test_readers_see_only_the_owners_they_ask_for_and_the_span_they_ask_for():
    store = LogStore(clock=Clock())
    store.write([written(text="demo"), written(text="other", project="other")])
    store.write([written(text="later", at_s=NOW_S + 1)])
    assert texts(store, frozenset({"projects/other"})) == ["other"]
    assert texts(store, DEMO, (NOW_S * 10**9, NOW_S * 10**9)) == ["demo"]


def test_duplicates_by_project_timestamp_and_insert_id_are_shown_once():
    store = LogStore(clock=Clock())
    store.write([written(text="first", insert_id="same")])
    store.write([written(text="again", insert_id="same", log="another-log")])
    store.write([written(text="other id", insert_id="t")])
    store.write([written(text="other time", insert_id="same", at_s=NOW_S + 1)])
    store.write([written(text="other project", insert_id="same", project="p2")])
    assert texts(store) == ["first", "other id", "other time"]
    assert texts(store, DEMO | {"projects/p2"})[:2] == ["first", "other project"]


def test_what_is_older_than_the_retention_is_accepted_and_not_kept():
    clock = Clock()
    store = LogStore(clock=clock)
    store.write([written(text="old", at_s=NOW_S - 31 * 86_400), written(text="new")])
    assert texts(store) == ["new"]
    clock.advance(31 * 86_400)
    assert texts(store) == []


def test_a_log_keeps_its_newest_entries_and_does_not_crowd_out_another():
    store = LogStore(clock=Clock(), bounds=Bounds(entries_per_log=3))
    store.write([written(text="decision")])
    for n in range(10):
        store.append(stdout(str(n)))
    assert texts(store) == ["7", "8", "9", "decision"]


def test_the_largest_log_gives_way_when_memory_runs_out():
    store = LogStore(clock=Clock(), bounds=Bounds(size_bytes=20_000))
    store.write([written(text="decision")])
    for n in range(100):
        store.append(stdout(f"{n} " + "x" * 1000))
    kept = texts(store)
    assert "decision" in kept
    assert kept[-2].startswith("99 ")
    assert 5 < len(kept) < 20


def test_the_number_of_logs_is_bounded_and_the_stalest_goes():
    clock = Clock()
    store = LogStore(clock=clock, bounds=Bounds(logs=3))
    for n in range(5):
        clock.advance(1)
        store.append(stdout(str(n), log_id=f"log{n}"))
    assert [name.log_id for name in store.logs(DEMO)] == ["log2", "log3", "log4"]
    store.append(stdout("back", log_id="log0"))
    assert "back" in texts(store)


def test_logs_are_listed_for_their_owner_only():
    store = LogStore(clock=Clock())
    store.append(request())
    store.append(stdout())
    store.write([written(project="other")])
    assert [str(name) for name in store.logs(DEMO)] == [
        "projects/demo/logs/run.googleapis.com%2Frequests",
        "projects/demo/logs/run.googleapis.com%2Fstdout",
    ]


def test_a_deleted_log_is_gone_and_comes_back_with_its_next_entry():
    store = LogStore(clock=Clock())
    store.append(stdout("before"))
    name = LogName("projects/demo", "run.googleapis.com/stdout")
    assert store.delete(name)
    assert texts(store) == []
    assert not store.delete(name)
    store.append(stdout("after"))
    assert texts(store) == ["after"]


def test_watchers_see_each_record_until_they_stop():
    store, seen = LogStore(clock=Clock()), []
    stop = store.watch(lambda record: seen.append(record.entry().text_payload))
    store.append(stdout("a"))
    store.write([written(text="b")])
    stop()
    store.append(stdout("c"))
    assert seen == ["a", "b"]


def test_written_entries_are_in_the_journal_at_once_and_lines_after_a_flush():
    journal = ListJournal()
    store = LogStore(clock=Clock(), journal=journal)
    store.append(stdout("line"))
    store.write([written(text="decision")])
    assert [e.text_payload for e in journal.entries] == ["decision"]
    assert store.flush() == 0
    assert [e.text_payload for e in journal.entries] == ["decision", "line"]
    assert store.flush() == 0
    assert len(journal.entries) == 2


def test_a_flush_is_bounded_and_tells_what_still_waits():
    journal = ListJournal()
    store = LogStore(clock=Clock(), journal=journal)
    for n in range(7):
        store.append(stdout(str(n)))
    assert store.flush(limit=3) == 4
    assert len(journal.entries) == 3
    store.close()
    assert len(journal.entries) == 7
    assert journal.closed


def test_a_new_store_takes_back_what_the_journal_holds_visible_at_once():
    journal = ListJournal()
    first = LogStore(clock=Clock(), journal=journal)
    first.append(stdout("line"))
    first.write([written(text="decision")])
    first.close()
    second = LogStore(clock=Clock(), journal=journal, ingestion_delay_s=lambda: 9.0)
    assert second.restore() == 2
    assert texts(second) == ["line", "decision"]


def test_insert_ids_sort_in_the_order_in_which_they_were_given():
    store = LogStore(clock=Clock())
    store.append(stdout())
    given = [store.next_insert_id() for _ in range(20)]
    (record,) = store.records(DEMO, *EVER)
    assert [record.key.insert_id, *given] == sorted({record.key.insert_id, *given})


def test_insert_ids_go_on_after_a_restart():
    journal = ListJournal()
    first = LogStore(clock=Clock(), journal=journal)
    first.append(stdout("a"))
    first.close()
    second = LogStore(clock=Clock(), journal=journal)
    second.restore()
    second.append(stdout("b"))
    assert texts(second) == ["a", "b"]


def test_a_deleted_log_is_not_in_the_journal_either():
    journal = ListJournal()
    store = LogStore(clock=Clock(), journal=journal)
    store.append(stdout("line"))
    store.write([written(text="decision")])
    store.delete(LogName("projects/demo", "gate-decisions"))
    store.close()
    assert [e.text_payload for e in journal.entries] == ["line"]


def test_an_overgrown_journal_is_rewritten_with_what_is_still_kept():
    journal = ListJournal(limit=10)
    store = LogStore(clock=Clock(), journal=journal, bounds=Bounds(entries_per_log=4))
    for n in range(20):
        store.append(stdout(str(n)))
        store.flush()
    assert journal.rewrites >= 1
    assert len(journal.entries) <= 11
    assert journal.entries[-1].text_payload == "19"


def test_without_a_journal_nothing_is_restored_or_flushed():
    store = LogStore(clock=Clock())
    store.append(stdout())
    assert store.restore() == 0
    assert store.flush() == 0
    store.close()
