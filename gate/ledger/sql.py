"""The ledger as SQL: two tables that SQLite and PostgreSQL take alike. Pure."""

from collections.abc import Iterator

from gate.core.fields import Entry, child, children, number, text
from gate.core.policy import Json
from gate.ledger.canonical import canonical, digest

SCHEMA = """\
CREATE TABLE entries (
  hash TEXT PRIMARY KEY,      -- sha256 of body: what other entries know it by
  entry TEXT NOT NULL,        -- intention | outcome | approval
  rollout TEXT NOT NULL,      -- id of the decision: its intentions and its outcome have the same
  at TEXT NOT NULL,           -- RFC 3339, UTC
  started_at TEXT,            -- when the decision began; outcomes only
  project TEXT NOT NULL,
  region TEXT NOT NULL,
  service TEXT NOT NULL,
  kind TEXT NOT NULL,         -- what was asked for: rollout, rollback, stop, approve ...
  ending TEXT,                -- promoted, rejected, held ...; outcomes only
  decision TEXT,              -- what the evidence meant: promote | reject | hold; outcomes only
  actor TEXT NOT NULL,        -- as they themselves say
  principal TEXT,             -- who acted
  authenticated TEXT,         -- by whose word: cloud run | claimed
  reason TEXT NOT NULL,
  overrides TEXT,             -- rules that were set aside, with spaces between
  image TEXT,                 -- of the candidate; outcomes only
  revision TEXT,              -- the candidate; outcomes only
  gate_version TEXT,
  policy_digest TEXT,
  sequence BIGINT,
  previous TEXT,
  duration_ms BIGINT,
  body TEXT NOT NULL          -- the whole entry, in canonical form
);
CREATE TABLE evidence (
  hash TEXT NOT NULL REFERENCES entries (hash),
  rollout TEXT NOT NULL,
  probe TEXT NOT NULL,
  kind TEXT NOT NULL,
  capability TEXT NOT NULL,
  required BOOLEAN NOT NULL,
  address TEXT NOT NULL,      -- '' the candidate's own | service: users' | stable: the control
  outcome TEXT NOT NULL,      -- passed | failed | inconclusive
  attribution TEXT NOT NULL,
  expected TEXT NOT NULL,
  seen TEXT NOT NULL,
  duration_ms BIGINT
);
"""
_PLAIN = ("kind", "capability", "address", "outcome", "attribution", "expected", "seen")


def statements(entry: dict[str, Json]) -> Iterator[str]:
    """A statement for each row of one entry, one line each, for tables of SCHEMA.

    Raises:
        TypeError, ValueError: it has no canonical form; none that the gate wrote has none.
    """
    name = digest(entry)
    yield _insert("entries", _row(entry, name))
    for item in children(entry, "evidence"):
        yield _insert("evidence", _evidence(entry, item, name))


def _row(entry: dict[str, Json], name: str) -> dict[str, Json]:
    candidate, principal = child(entry, "candidate"), child(entry, "principal")
    overrides = entry.get("overrides")
    return {
        "hash": name,
        **{key: text(entry, key) for key in ("entry", "rollout", "at")},
        "started_at": text(entry, "started_at") or None,
        **{key: text(entry, key) for key in ("project", "region", "service", "kind")},
        "ending": (text(entry, "ending") or None) if "candidate" in entry else None,
        "decision": text(child(entry, "verdict"), "decision") or None,
        "actor": text(entry, "actor"),
        "principal": text(principal, "name") or None,
        "authenticated": text(principal, "authenticated") or None,
        "reason": text(entry, "reason"),
        "overrides": " ".join(map(str, overrides)) if isinstance(overrides, list) else None,
        "image": text(candidate, "image") or None,
        "revision": text(candidate, "revision") or None,
        **{key: text(entry, key) or None for key in ("gate_version", "policy_digest")},
        "sequence": number(entry, "sequence"),
        "previous": text(entry, "previous") or None,
        "duration_ms": number(entry, "duration_ms"),
        "body": canonical(entry).decode(),
    }


def _evidence(entry: Entry, item: Entry, name: str) -> dict[str, Json]:
    return {
        "hash": name,
        "rollout": text(entry, "rollout"),
        "probe": text(item, "probe"),
        "required": item.get("required") is not False,
        **{key: text(item, key) for key in _PLAIN},
        "duration_ms": number(item, "duration_ms"),
    }


def _insert(table: str, row: dict[str, Json]) -> str:
    names, values = ", ".join(row), ", ".join(map(_literal, row.values()))
    return f"INSERT INTO {table} ({names}) VALUES ({values});\n"  # noqa: S608 - literals are quoted


def _literal(value: Json) -> str:
    """A value in SQL; a text that holds what no database takes has a mark in its place."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value)
    plain = str(value).replace("\0", "\ufffd").replace("'", "''")
    return f"'{plain}'"
