"""The policy's digest: what it means, not how it is written.

Canonical form: every value of the policy by its field name, schema documents included, except what
has its default; script references are followed, durations are seconds, keys are sorted, and the
order of probes, steps and list items stays. The digest is the sha256 of that as compact ASCII JSON.
Comments, whitespace, the order of keys, the way a value is written (`15s` or `15000ms`), a default
spelt out, the policy's place on disk and who is notified do not change it; a changed schema does.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, time, tzinfo
from enum import Enum

from gate.core.expectations import Schema
from gate.core.policy import Json, Policy

_OURS = frozenset({"digest", "folder", "source", "lines", "notify", "sign"})
"""Fields of a policy that change nothing of what it asks and decides."""


def digest(policy: Policy) -> str:
    """The digest as 64 hexadecimal digits."""
    canonical = json.dumps(_plain(policy), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def contract_digest(policy: Policy) -> str:
    """The digest of the policy's contract alone: every JSON Schema that it names, by its name."""
    documents: dict[str, Json] = {}
    _collect(policy, documents)
    canonical = json.dumps(documents, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _collect(value: object, documents: dict[str, Json]) -> None:
    if isinstance(value, Schema):
        documents[value.path] = value.document
    elif isinstance(value, tuple):
        for item in value:
            _collect(item, documents)
    elif is_dataclass(value):
        for described in fields(value):
            _collect(getattr(value, described.name), documents)


def _plain(value: object) -> Json:
    match value:
        case Enum():
            return value.name
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case None | bool() | int() | float() | str():
            return value
        case date() | time():
            return value.isoformat()
        case tzinfo():
            return str(value)
        case _ if is_dataclass(value):
            kind: Json = type(value).__name__
            given = {f.name: getattr(value, f.name) for f in fields(value) if f.name not in _OURS}
            kept = {f.name for f in fields(value) if f.name in given and _differs(f, given)}
            return {"": kind, **{name: _plain(given[name]) for name in kept}}
        case _:
            raise TypeError(f"{type(value).__name__} has no canonical form")


def _differs(described: "Field[object]", given: Mapping[str, object]) -> bool:
    """Whether a field says something that its default does not."""
    value = given[described.name]
    if described.default is not MISSING:
        return value != described.default
    if described.default_factory is not MISSING:
        return value != described.default_factory()
    return True
