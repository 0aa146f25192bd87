"""Entries as a ledger has them, with the fields that a test is about."""

import sqlite3
import zlib
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
OLD, NEW = "shop-00001-aaa", "shop-00002-bbb"


def at(hours=0.0, **more):
    """A moment, so much after START."""
    return START + timedelta(hours=hours, **more)


def written(moment):
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def intention(rollout, when=START, wanted=OLD, **fields):
    usual = {
        "entry": "intention",
        "rollout": rollout,
        "at": written(when),
        "kind": "rollout",
        "service": "shop",
        "actor": "alice",
        "traffic_wanted": [{"revision": wanted, "percent": 100, "tag": ""}],
    }
    return {**usual, **fields}


def outcome(rollout, ending="promoted", when=START, **fields):
    usual = {
        "entry": "outcome",
        "rollout": rollout,
        "at": written(when + timedelta(minutes=2)),
        "started_at": written(when),
        "kind": "rollout",
        "service": "shop",
        "ending": ending,
        "actor": "alice",
        "candidate": {"revision": NEW, "image": "shop@sha256:2"},
        "stable": [{"revision": OLD, "percent": 100}],
        "effective_after": {NEW: 100} if ending == "promoted" else {OLD: 100},
        "intentions": ["0" * 64],
        "intentions_unkept": [],
        "verdict": {"decision": "promote", "reasons": []},
        "evidence": [],
    }
    return {**usual, **fields}


def saw(probe, word="passed", address="", capability="chat"):
    return {
        "probe": probe,
        "kind": "http",
        "outcome": word,
        "address": address,
        "capability": capability,
        "required": True,
    }


def alter_entries(path, was, becomes):
    """Writes something else into the entries of an index, behind its back."""
    with sqlite3.connect(path) as database:
        for name, body in database.execute("SELECT hash, body FROM entries").fetchall():
            other = zlib.compress(zlib.decompress(body).replace(was, becomes))
            database.execute("UPDATE entries SET body = ? WHERE hash = ?", (other, name))
    database.close()


def reasons(*probes, decision="reject"):
    named = [{"subject": probe, "text": "wrong", "capability": ""} for probe in probes]
    return {"decision": decision, "reasons": named}
