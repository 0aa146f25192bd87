"""What several answers of one page or one message allow the next one to be held to. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gate.core.questions import Json
from gate.core.recording import Form, Sample
from gate.drafting.schemas import fixed_word, schema_of

LIMIT_S = 4
"""Limit of one request: an instance that has to start first keeps within it, as a rule, and an
answer that never comes does not."""
ROOM = 3
"""The limit is so many times what was seen, at least; else there is none but the default."""
_STATES = ("status", "state", "health", "ok", "ready", "healthy", "available", "type")
_ERRORS = ("error", "code", "reason", "detail")
"""Fields that are shown in the policy itself; all others are in the schema alone."""
_CONTENT_TYPE = re.compile(r"[A-Za-z0-9/+.;= _-]{1,100}")
_CHALLENGE = re.compile(r"[A-Za-z][A-Za-z0-9-]*( [A-Za-z0-9=\", _-]{1,100})?")
"""Without dots and slashes: an address would be stable's own."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is asked of the next answer.

    Attributes:
        expect: as the policy has it.
        schemas: what the schema file that it names holds, by path.
        remark: how to say it.
    """

    expect: Mapping[str, Json]
    schemas: Mapping[str, Json]
    remark: str


def held(path: str, samples: Sequence[Sample]) -> Held:
    """What can be asked of these answers' headers and bodies.

    Args:
        path: of the schema file, if there is to be one.
        samples: at least one.
    """
    headers: dict[str, Json] = {}
    for name, plain in (("Content-Type", _CONTENT_TYPE), ("WWW-Authenticate", _CHALLENGE)):
        said = {sample.header(name.lower()) for sample in samples}
        if len(said) == 1 and plain.fullmatch(value := said.pop()):
            headers[name] = value
    wanted: dict[str, Json] = {"headers": headers} if headers else {}
    forms = sorted({sample.form.value for sample in samples})
    if forms != [Form.JSON.value]:
        remark = f"{' or '.join(forms)}; little more than its status can be held."
        return Held(wanted, {}, remark)
    values = [sample.value for sample in samples]
    schema = schema_of(values)
    if schema is None:
        return Held(wanted, {}, "JSON that is too large for a schema.")
    names = _ERRORS if samples[0].status >= 400 else ()
    shown = _shown(values, (*_STATES, *names))
    wanted = {**({"json": shown} if shown else {}), "schema": path, **wanted}
    return Held(wanted, {path: schema}, "the words that never changed, and the shape of the rest.")


def limit_s(samples: Sequence[Sample]) -> int | None:
    """How long the next answer may take, None where these leave no room below the default."""
    return LIMIT_S if _slowest_s(samples) * ROOM <= LIMIT_S else None


def how_long(samples: Sequence[Sample]) -> str:
    """Where the limit comes from, or why there is none."""
    took = f"It took {max(_slowest_s(samples), 0.01):.2g} s at most"
    if limit_s(samples) is None:
        return f"{took}: too long for a timeout below the default."
    return f"{took}; {LIMIT_S} s leave an instance time to start."


def _slowest_s(samples: Sequence[Sample]) -> float:
    return max(sample.took_s for sample in samples)


def _shown(values: Sequence[Json], names: Sequence[str]) -> dict[str, Json]:
    """The fields that say how it is, where they always said the same."""
    objects = [value for value in values if isinstance(value, dict)]
    if len(objects) < len(values):
        return {}
    found = {
        name: fixed_word(name, [one[name] for one in objects])
        for name in names
        if all(name in one for one in objects)
    }
    return {name: word for name, word in found.items() if word is not None}
