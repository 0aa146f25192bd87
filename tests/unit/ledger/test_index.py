"""The index of a ledger: the same decisions as the ledger's, and made anew whenever it is not."""

import asyncio
import multiprocessing
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gate.core.recorded import put_together
from gate.ledger.index import AGAIN, RENEWED_AFTER, Query, look
from gate.ledger.index_file import VERSION, index_path
from tests.unit.ledger.recorded import alter_entries, at, intention, outcome, reasons, saw

NOW = at(1000)


class Ledger:
    """The oldest entry first; remembers from when on it was read."""

    def __init__(self, *entries):
        self.entries = list(entries)
        self.read = []

    async def history(self, since):
        self.read.append(since)
        for entry in self.entries:
            if since is None or datetime.fromisoformat(entry["at"]) >= since:
                yield entry


def ids(index, **query):
    return [one.id for one in index.decisions(Query(**query))]


def listed(path, ledger, now=NOW, said=None, busy_s=30.0, **query):
    def read(index):
        return ids(index, **query)

    say = said.append if said is not None else (lambda _: None)
    return asyncio.run(look(path, ledger.history, now, read, say, busy_s))


def some():
    return Ledger(
        intention("r1", at(0)),
        outcome("r1", when=at(0)),
        outcome("r2", "rejected", at(50), evidence=[saw("a", "failed")], verdict=reasons("a")),
        intention("r3", at(100), actor="bob"),
        outcome("r4", "recovered", at(150), kind="recover", took_back=["r3"], actor="Bob B."),
        intention("r5", at(200)),
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["r5", "r4", "r3", "r2", "r1"]),
        ({"limit": 2}, ["r5", "r4"]),
        ({"limit": 2, "offset": 4}, ["r1"]),
        ({"since": at(50), "until": at(150)}, ["r3", "r2"]),
        ({"endings": ("rejected", "recovered")}, ["r4", "r2"]),
        ({"endings": ("taken back",)}, ["r3"]),
        ({"endings": ("unfinished",)}, ["r5"]),
        ({"actor": "BOB"}, ["r4", "r3"]),
        ({"capability": "chat"}, ["r2"]),
        ({"kind": "recover"}, ["r4"]),
        ({"kind": "recover", "actor": "alice"}, []),
    ],
)
def test_decisions_are_found_by_what_is_known_of_them(query, found):
    assert listed(None, some(), **query) == found


def test_what_is_new_is_added_and_no_more_is_read(tmp_path):
    path, ledger = tmp_path / "a" / "index", some()
    assert listed(path, ledger) == ["r5", "r4", "r3", "r2", "r1"]
    ledger.entries.append(outcome("r5", "held", at(200)))
    assert listed(path, ledger, endings=("held",)) == ["r5"]
    assert listed(path, ledger, endings=("unfinished",)) == []
    assert ledger.read == [None, at(200) - AGAIN, at(200, minutes=2) - AGAIN]
    late = intention("r6", at(195))
    ledger.entries.insert(5, late)
    assert listed(path, ledger) == ["r5", "r6", "r4", "r3", "r2", "r1"]
    ledger.entries.append(outcome("r7", "recovered", at(201), took_back=["r6"]))
    assert listed(path, ledger, endings=("taken back",)) == ["r6", "r3"]


def test_it_holds_the_decisions_that_the_ledger_tells_of(tmp_path):
    ledger, path = some(), tmp_path / "index"
    listed(path, ledger)
    (first, *_), all_of_it = asyncio.run(
        look(path, ledger.history, NOW, lambda i: (list(i.decisions()), list(i.decisions())))
    )
    newest = sorted(ledger.entries, key=lambda entry: entry["at"], reverse=True)
    assert all_of_it == [
        replace(one, whole=one.id != "r1") for one in put_together(newest)
    ]  # what came before the first entry may be too old to be kept
    assert first.id == "r5"


def altered(path):
    alter_entries(path, b"rejected", b"promoted")


def not_packed(path):
    with sqlite3.connect(path) as database:
        database.execute("UPDATE entries SET body = x'0001'")
    database.close()


def of_another_version(path):
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
        database.execute("DELETE FROM decisions")
    database.close()


def of_somebody_else(path):
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE entries (mine TEXT)")
    database.close()


DAMAGE = {
    "gone": lambda path: path.unlink(),
    "no database": lambda path: path.write_bytes(b"nothing of the kind" * 1000),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:5000]),
    "garbled": lambda path: path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 40_000),
    "altered": altered,
    "not packed": not_packed,
    "another version": of_another_version,
    "somebody else's": of_somebody_else,
}


SAID = {
    "gone": "",
    "no database": "cannot be used: file is not a database",
    "cut": "cannot be used: ",
    "garbled": "cannot be used: ",
    "altered": "cannot be used: an entry in it was altered",
    "not packed": "cannot be used: an entry in it was altered",
    "another version": f"was made anew: it is of version 99, not {VERSION}",
    "somebody else's": f"was made anew: it is of version 0, not {VERSION}",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_file_that_is_not_what_was_written_is_made_anew(tmp_path, damage):
    path, ledger = tmp_path / "index", some()
    listed(path, ledger)
    DAMAGE[damage](path)

    def endings(index):
        return [one.ending for one in index.decisions(Query(endings=("rejected",)))]

    said = []
    found = asyncio.run(look(path, ledger.history, NOW, endings, said.append))
    assert found == ["rejected"]
    assert SAID[damage] in "".join(said)
    assert bool(said) is (damage != "gone")
    said.clear()
    assert listed(path, ledger, said=said) == ["r5", "r4", "r3", "r2", "r1"]
    assert said == []


@pytest.mark.parametrize("what", ["gone", "another", "all gone"])
def test_a_ledger_that_is_another_one_is_read_anew(tmp_path, what):
    path, ledger = tmp_path / "index", some()
    listed(path, ledger)
    ledger.entries[-1:] = {"gone": [], "another": [intention("r9", at(210))]}.get(what, [])
    if what == "all gone":
        ledger.entries.clear()
    rest = {"gone": [], "another": ["r9"]}.get(what, [])
    older = [] if what == "all gone" else ["r4", "r3", "r2", "r1"]
    said = []
    assert listed(path, ledger, said=said) == [*rest, *older]
    assert said == [f"the index {path} was made anew: it does not fit the ledger"]


def test_it_is_made_anew_now_and_then_since_old_entries_are_dropped(tmp_path):
    path, ledger = tmp_path / "index", some()
    listed(path, ledger)
    del ledger.entries[:2]
    assert "r1" in listed(path, ledger, NOW + RENEWED_AFTER - timedelta(seconds=1))
    assert "r1" not in listed(path, ledger, NOW + RENEWED_AFTER)
    assert "r1" not in listed(path, ledger, NOW)  # a clock that was set back


def test_where_no_file_can_be_kept_one_in_memory_does(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "index", tmp_path):
        said = []
        assert listed(path, some(), said=said) == ["r5", "r4", "r3", "r2", "r1"]
        assert said[0].startswith(f"the index {path} cannot be used: ")


def test_a_file_in_use_is_left_alone(tmp_path):
    path = tmp_path / "index"
    listed(path, some())
    before = path.stat().st_ino
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    assert listed(path, some(), busy_s=0.05, endings=("rejected",)) == ["r2"]
    writer.execute("ROLLBACK")
    writer.close()
    assert path.stat().st_ino == before


def _list_often(path, answers):
    for _ in range(10):
        answers.put(listed(path, some()))


def test_two_processes_share_it(tmp_path):
    path, context = tmp_path / "index", multiprocessing.get_context("spawn")
    answers = context.Queue()
    both = [context.Process(target=_list_often, args=(path, answers)) for _ in range(2)]
    for one in both:
        one.start()
    found = [answers.get(timeout=120) for _ in range(20)]
    for one in both:
        one.join()
    assert found == [["r5", "r4", "r3", "r2", "r1"]] * 20


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"entry": "outcome", "rollout": "\ud800", "at": "nonsense", "took_back": ["\udfff", 5]},
        {"entry": "outcome", "rollout": "x", "at": "0001-01-01T00:00:00+23:00", "ending": "\ud800"},
        {"entry": "intention", "rollout": "y", "at": "9999-12-31T23:59:59Z", "actor": "\0"},
        {"entry": "note", "rollout": "r1", "at": at(3).isoformat()},
        outcome("r1", evidence=[{"capability": "\ud800"}, 5, None], verdict=7.5),
    ],
)
def test_whatever_the_log_holds_stops_nobody(tmp_path, odd):
    ledger = some()

    async def history(since):
        for entry in (*ledger.entries, odd):
            yield entry

    for _ in range(2):
        found = asyncio.run(look(tmp_path / "index", history, NOW, ids))
        assert [one for one in found if one.startswith("r")] == ["r5", "r4", "r3", "r2", "r1"]


def test_each_ledger_has_a_file_of_its_own(tmp_path):
    keys = [("p", "r", "s", ""), ("p", "r", "t", ""), ("p", "r", "s", "127.0.0.1:9"), ("p", "rs")]
    assert len({index_path(tmp_path, *key) for key in keys}) == len(keys)
    assert NOW.tzinfo is UTC
