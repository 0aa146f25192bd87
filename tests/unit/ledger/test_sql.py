"""The record as SQL: what docs/sql.md asks of it, on SQLite."""

import json
import re
import sqlite3
from pathlib import Path

import pytest

from gate.ledger.canonical import digest
from gate.ledger.sql import SCHEMA, statements
from tests.unit.ledger.recorded import NEW, OLD, at, intention, outcome, reasons, saw
from tests.unit.report.scenes import HOSTILE

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "sql.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(SELECT.*?)```", PAGE, re.DOTALL)
PLACE = {"project": "demo", "region": "us-central1", "reason": "it's time"}


def entries():
    failed = [saw("a", "failed"), saw("b"), saw("a", "failed", "stable")]
    rejected = {**PLACE, "evidence": failed, "verdict": reasons("a")}
    return [
        intention("r1", at(0), **PLACE),
        outcome("r1", "rejected", at(0), **rejected),
        outcome("r2", "promoted", at(1), kind="promote", overrides=["again", "no-probe"], **PLACE),
        outcome("r3", "regressed", at(800), candidate={"revision": OLD}, **PLACE),
        outcome("r4", "rejected", at(801), candidate={"revision": OLD}, **PLACE),
        intention("r5", at(900), **PLACE),
    ]


def database(found):
    made = sqlite3.connect(":memory:")
    made.execute("PRAGMA foreign_keys = ON")
    made.executescript(SCHEMA + "".join(text for one in found for text in statements(one)))
    return made


def test_the_page_has_the_schema():
    shown = PAGE.split("<!-- schema -->\n```sql\n")[1].split("```\n<!-- end -->")[0]
    assert shown == SCHEMA


ANSWERS = [
    [("2026-01-01T13:02:00.000Z", "shop", "alice", "again no-probe", "it's time")],
    [("2026-02", "shop", 1, 1), ("2026-01", "shop", 1, 0)],
    [("a", 1, 1), ("b", 1, 0)],
    [("2026-01-01T12:02:00.000Z", "2026-01-01T13:02:00.000Z", "alice", "it's time")],
    [("r5", "2026-02-08T00:00:00.000Z")],
]


@pytest.mark.parametrize(("query", "answer"), [*zip(QUERIES, ANSWERS, strict=True)])
def test_the_questions_of_the_page_are_answered(query, answer):
    assert database(entries()).execute(query).fetchall() == answer


def test_every_entry_is_there_whole_under_its_hash():
    rows = database(entries()).execute("SELECT hash, body, rollout FROM entries").fetchall()
    assert [json.loads(body) for _, body, _ in rows] == entries()
    assert all(digest(json.loads(body)) == name for name, body, _ in rows)
    kept = database(entries()).execute("SELECT revision, image FROM entries WHERE rollout = 'r2'")
    assert kept.fetchall() == [(NEW, "shop@sha256:2")]


@pytest.mark.parametrize("text", ["'); DROP TABLE entries; --", "\0'", HOSTILE, "\\'", "é\u2028"])
def test_no_text_is_more_than_a_text(text):
    one = outcome("r1", **{**PLACE, "reason": text, "evidence": [saw(text)]})
    (told,) = database([one]).execute("SELECT reason FROM entries").fetchall()
    assert told == (text.replace("\0", "\ufffd"),)
    lines = list(statements(one))
    assert all(line.endswith(";\n") for line in lines)


def test_what_has_no_canonical_form_is_refused():
    with pytest.raises(TypeError):
        list(statements({"entry": "outcome", "x": 0.5}))
