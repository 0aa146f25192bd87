"""Who is asked beside the server: what they hold, a candidate that means harm has put there."""

import random
from datetime import UTC, datetime

from google.cloud.logging_v2.types import LogEntry as CloudEntry
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from gate.cloud.logs import entry_value
from gate.core.severity import Severity
from gate.errors import AccessError, NotFoundError, UnavailableError
from gate.ports import Configuration
from tests.fuzz.draw import TOKEN
from tests.fuzz.mischief import acting

CANDIDATE, STABLE = "backend-00002-abc", "backend-00001-abc"
ENTRY_MAX = 250_000
"""Cloud Logging takes 256 KiB an entry."""


class BadLogs:
    """Implements gate.ports.Logs over Cloud Logging's own entries, read by the real reader."""

    def __init__(self, seed):
        self._rng = random.Random(f"logs {seed}")

    async def entries(self, query):
        """As many as are asked for at most, or a refusal that would act."""
        rng = self._rng
        if rng.random() < 0.15:
            raise rng.choice([AccessError, UnavailableError])(acting(rng) + TOKEN)
        many = rng.choice([1, 3, query.limit])
        return tuple(entry_value(MessageToDict(CloudEntry.pb(_entry(rng)))) for _ in range(many))


def _entry(rng):
    entry = CloudEntry(
        log_name=f"projects/p/logs/{_text(rng)}",
        trace=f"projects/p/traces/{_text(rng)}",
        insert_id=_text(rng),
        severity=rng.choice([one.value for one in Severity] + [0, 5, 799, 2**31 - 1]),
        timestamp=datetime(rng.choice([1, 1970, 2026, 9999]), 1, 1, tzinfo=UTC),
    )
    entry.resource.labels["revision_name"] = _text(rng)
    kind = rng.choice(["text", "json", "deep", "http", "nothing"])
    if kind == "text":
        entry.text_payload = _long(rng)
    elif kind in ("json", "deep"):
        entry.json_payload = _deep(rng) if kind == "deep" else _wide(rng)
    elif kind == "http":
        entry.http_request = {"request_method": _text(rng), "request_url": _long(rng)}
    return entry


def _text(rng):
    texts = (acting(rng), TOKEN, f"a {TOKEN}\x1b[2J", "a" * 5000, "%1b%5B2J", "")
    return rng.choice(texts).encode(errors="replace").decode()


def _long(rng):
    text = rng.choice([_text(rng), "x\n" * 100_000, acting(rng) * 5000, "Bearer " * 30_000])
    return (text + rng.choice(["", TOKEN]))[:ENTRY_MAX].encode(errors="replace").decode()


def _wide(rng):
    fields = {
        _text(rng) or "a": _long(rng)[:50_000],
        "message": rng.choice([_long(rng), 5, None, [_text(rng)], {"a": _text(rng)}]),
        "number": rng.choice(["NaN", "Infinity", 1e308, -0.0]),
        **{f"k{n}": n for n in range(rng.choice([0, 5000]))},
    }
    struct = Struct()
    struct.update(fields)
    return struct


def _deep(rng):
    value = _text(rng)
    for _ in range(28):  # protobuf refuses what is deeper on the wire: 100 messages in each other
        value = {"a": value} if rng.random() < 0.5 else [value]
    struct = Struct()
    struct.update({"message": value, "error": value})
    return struct


class BadConfigurations:
    """Implements gate.ports.Configurations: names and texts that somebody chose; never alike."""

    def __init__(self, seed):
        self._seed = seed

    async def of(self, revision):
        """Always the same of one revision, and never what the other has."""
        rng = random.Random(f"{revision} {self._seed}")
        if rng.random() < 0.1:
            raise rng.choice([AccessError, NotFoundError, UnavailableError])(acting(rng) + TOKEN)
        own = {"KEY": "stable"} if revision == STABLE else {}
        return Configuration(
            env=own | _named(rng), secrets=_named(rng), fields=_named(rng), hidden=_named(rng)
        )


def _named(rng):
    many = rng.choice([0, 1, 5, 3000])
    names = {f"{_text(rng)}{n}" for n in range(many)} | {_long(rng)}
    known = ("image", "cpu", "port", "timeout_s", "mount /x")
    return {name: _text(rng) for name in names | set(rng.sample(known, rng.randint(0, 3)))}
