"""The file of an index: its tables, how it is opened, and whether it is damaged."""

import contextlib
import hashlib
import sqlite3
from pathlib import Path

VERSION = 2
"""Of what is in the file: one of another version is made anew."""
APPLICATION = 0x67617465
BUSY_S = 30.0

SCHEMA = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE entries (
  number INTEGER PRIMARY KEY, hash TEXT UNIQUE NOT NULL, at TEXT NOT NULL, rollout TEXT NOT NULL,
  body BLOB NOT NULL);
CREATE INDEX entries_of ON entries (rollout, number);
CREATE INDEX entries_at ON entries (at);
CREATE TABLE decisions (
  rollout TEXT PRIMARY KEY, began TEXT NOT NULL, newest INTEGER NOT NULL, ending TEXT NOT NULL,
  kind TEXT NOT NULL, actor TEXT NOT NULL, who TEXT NOT NULL, words TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX decisions_began ON decisions (began DESC, newest DESC);
CREATE INDEX decisions_ending ON decisions (ending);
CREATE INDEX decisions_kind ON decisions (kind);
CREATE INDEX decisions_actor ON decisions (actor);
CREATE TABLE briefs (rollout TEXT PRIMARY KEY, body TEXT NOT NULL, hash TEXT NOT NULL);
CREATE TABLE capabilities (
  rollout TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (name, rollout)) WITHOUT ROWID;
CREATE TABLE taken_back (rollout TEXT PRIMARY KEY, taken_by TEXT NOT NULL) WITHOUT ROWID;
"""
_NO_DAMAGE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_PERM,
    }
)
TABLES = ("about", "entries", "decisions", "briefs", "capabilities", "taken_back")


def index_path(cache: Path, *key: str) -> Path:
    """The file of an index.

    Args:
        cache: where caches are kept.
        key: what tells one ledger from another: project, region, service, and where it is.
    """
    name = hashlib.sha256("\n".join(key).encode()).hexdigest()
    return cache / "cloud-run-gate" / "audit" / f"{name[:32]}.sqlite3"


class DamagedError(Exception):
    """The index has something else than was put in."""


def is_damage(error: Exception) -> bool:
    """Whether the file itself is wrong; not where it is in use, or may not be written."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF not in _NO_DAMAGE
    return isinstance(error, DamagedError)


def removed(path: Path) -> bool:
    """Removes a file that is damaged, with what belongs to it; False where that cannot be."""
    try:
        for end in ("-wal", "-shm", ""):
            path.with_name(path.name + end).unlink(missing_ok=True)
    except OSError:
        return False
    return True


def opened(name: str, busy_s: float) -> tuple[sqlite3.Connection, str]:
    """The database of a file, with its tables; and what was there before if that was no such thing.

    Args:
        name: of the file, or `:memory:`.
        busy_s: how long it is waited for while others write.

    Raises:
        sqlite3.Error: it cannot be opened, or is damaged.
    """
    database = sqlite3.connect(name, timeout=busy_s, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        before = "" if _fits(database) else _make(database)
    except BaseException:
        database.close()
        raise
    return database, before


def _fits(database: sqlite3.Connection) -> bool:
    version = database.execute("PRAGMA user_version").fetchone()[0]
    application = database.execute("PRAGMA application_id").fetchone()[0]
    return bool(version == VERSION and application == APPLICATION and _has_tables(database))


def _has_tables(database: sqlite3.Connection) -> bool:
    rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {name for (name,) in rows} == set(TABLES)


def _make(database: sqlite3.Connection) -> str:
    """Makes the tables, in place of whatever is there; whoever comes second finds them made.

    Returns:
        What was there, "" for nothing.
    """
    before = ""
    database.execute("BEGIN IMMEDIATE")
    with contextlib.closing(database.cursor()) as cursor:
        if not _fits(database):
            rows = cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            version = cursor.execute("PRAGMA user_version").fetchone()[0]
            before = f"it is of version {version}, not {VERSION}" if rows else ""
            for (name,) in rows:
                quoted = name.replace('"', '""')
                cursor.execute(f'DROP TABLE "{quoted}"')
            for statement in SCHEMA.split(";")[:-1]:
                cursor.execute(statement)
            cursor.execute(f"PRAGMA user_version = {VERSION}")
            cursor.execute(f"PRAGMA application_id = {APPLICATION}")
        cursor.execute("COMMIT")
    return before
