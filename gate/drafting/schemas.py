"""From several samples of one answer to the JSON Schema that all of them satisfy.

genson says what the structure is; here it is said what of it a next release may be held to. What
was the same word or the same flag in every sample is asked for as it is, unless its name says that
it changes (a time, an id, a release) or it stands in a list, where it is data. Numbers may be any.
"""

import json
import re
from collections.abc import Mapping, Sequence

from gate.core.questions import Json

SCHEMA_MAX_BYTES = 64 * 1024
"""A larger schema is of data, not of a contract."""
DEPTH_MAX = 24
NODES_MAX = 5_000

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_WORD = re.compile(r"[A-Za-z][A-Za-z_-]{0,23}")
_CHANGES = re.compile(
    r"(?i)time|date|stamp|uptime|version|release|revision|commit|sha$|build|hash|digest|etag|uuid"
    r"|nonce|trace|token|secret|password|key|session|cookie|host|node|instance|pod|region|zone|url"
    r"|uri|name|user|message|msg|text|content|title|descri|mail|random|seed|(^|_|-)id$|[a-z]Id$"
)
ISO_8601 = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}"
"""How times begin that any client can read."""
_MADE_UP = re.compile(r"(?s)[0-9]+|[0-9a-fA-F-]{8,}|.{65,}|.*?[0-9]{3}.*")
"""Names of fields that are data themselves: ids, numbers, whole texts."""


def schema_of(samples: Sequence[Json], *, data: bool = False) -> Json | None:
    """The schema, None where the samples are too large or too deep for one to mean anything.

    Args:
        samples: at least one.
        data: whether its words are data, as in the items of a list.
    """
    if not samples or not all(map(_bounded, samples)):
        return None
    from genson import SchemaBuilder  # noqa: PLC0415 - only `gate init` needs it

    builder = SchemaBuilder(schema_uri=None)
    for sample in samples:
        builder.add_object(sample)
    inferred: Json = builder.to_schema()
    held = _held(inferred, samples, "", data=data)
    schema = {"$schema": _DIALECT, **held} if isinstance(held, dict) else held
    return schema if len(json.dumps(schema)) <= SCHEMA_MAX_BYTES else None


def fixed_word(name: str, values: Sequence[Json]) -> str | bool | None:
    """The word or the flag that a field always is; None where it is none, or its name forbids it.

    Args:
        name: of the field.
        values: what it was in each sample.
    """
    first = values[0] if values else None
    if _CHANGES.search(name) or any(type(one) is not type(first) or one != first for one in values):
        return None
    if isinstance(first, bool) or (isinstance(first, str) and _WORD.fullmatch(first)):
        return first
    return None


def _held(schema: Json, values: Sequence[Json], name: str, *, data: bool) -> Json:
    """The inferred schema of these values, without what may change and with what may not."""
    if not isinstance(schema, dict):
        return schema
    word = None if data else fixed_word(name, values)
    if word is not None:
        return {"const": word}
    held: dict[str, Json] = {key: one for key, one in schema.items() if key != "type"}
    held |= _type(schema.get("type"))
    if held.get("type") == "string" and values and all(map(_is_date, values)):
        held["pattern"] = ISO_8601
    if isinstance(of := schema.get("properties"), dict):
        held |= _object(of, schema.get("required"), values, data=data)
    if "items" in schema:
        items = [item for value in values if isinstance(value, list) for item in value]
        held["items"] = _held(schema["items"], items, name, data=True)
    if isinstance(any_of := schema.get("anyOf"), list):
        held["anyOf"] = [_held(one, (), name, data=True) for one in any_of]
    return held


def _is_date(value: Json) -> bool:
    return isinstance(value, str) and re.match(ISO_8601, value) is not None


def _object(
    of: Mapping[str, Json], required: Json, values: Sequence[Json], *, data: bool
) -> dict[str, Json]:
    objects = [value for value in values if isinstance(value, dict)]
    kept = {name: one for name, one in of.items() if not _MADE_UP.fullmatch(name)}
    held: dict[str, Json] = {
        "properties": {
            name: _held(one, [value[name] for value in objects if name in value], name, data=data)
            for name, one in kept.items()
        }
    }
    needed = [name for name in required if name in kept] if isinstance(required, list) else []
    held["required"] = [*needed]
    return held


def _type(kind: Json) -> dict[str, Json]:
    """The type as far as a next release may be held to it.

    A whole number may have a fraction next time, and a field that has always been null may be
    anything once it is something.
    """
    kinds = [kind] if isinstance(kind, str) else list(kind) if isinstance(kind, list) else []
    kinds = ["number" if one == "integer" else one for one in kinds]
    if not kinds or kinds == ["null"]:
        return {}
    several: list[Json] = [*dict.fromkeys(kinds)]
    return {"type": several[0] if len(several) == 1 else several}


def _bounded(sample: Json) -> bool:
    nodes = 0
    waiting: list[tuple[Json, int]] = [(sample, 1)]
    while waiting:
        value, depth = waiting.pop()
        nodes += 1
        if depth > DEPTH_MAX or nodes > NODES_MAX:
            return False
        if isinstance(value, dict | list):
            inner = value.values() if isinstance(value, dict) else value
            waiting += [(item, depth + 1) for item in inner]
    return True
