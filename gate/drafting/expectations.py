"""What several answers of one page or one message allow the next one to be held to. Pure."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gate.core.questions import Json
from gate.core.recording import Form, Recording, Sample
from gate.drafting.schemas import fixed_word, schema_of
from gate.kinds.http import HttpProbe

LIMIT_S = 4
"""Limit of one request, where it leaves an instance time to start."""
ROOM = 3
"""The limit is so many times what was seen, at least; else there is none but the default."""
START_ROOM = 1.25
"""The limit leaves a start so many times what it was seen to take."""
COLD_S = 1.0
"""A first answer that is slower than the others by so much has waited for a start."""
SLOWER: Mapping[str, Json] = {"slower_than_stable": "300%"}
"""Beside stable, four times as long is slow, whatever anybody has promised, and however long a
start takes: that is one answer of several."""
DEFAULT_S = HttpProbe("/").timeout_s
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


def held(path: str, samples: Sequence[Sample], *, data: bool = False) -> Held:
    """What can be asked of these answers' headers and bodies.

    Args:
        path: of the schema file, if there is to be one.
        samples: at least one.
        data: whether its words are data, and only its shape is to be held.
    """
    wanted = type_of(samples)
    forms = sorted({sample.form.value for sample in samples})
    if forms != [Form.JSON.value]:
        page = all(sample.look is not None for sample in samples)
        told = "a page: what it is called, what it shows and where it leads."
        remark = told if page else f"{' or '.join(forms)}; little more than its status can be held."
        return Held(wanted, {}, remark)
    values = [sample.value for sample in samples]
    schema = schema_of(values, data=data)
    if schema is None:
        return Held(wanted, {}, "JSON that is too large for a schema.")
    names = _ERRORS if samples[0].status >= 400 else ()
    shown = {} if data else _shown(values, (*_STATES, *names))
    wanted = {**({"json": shown} if shown else {}), "schema": path, **wanted}
    return Held(wanted, {path: schema}, "the words that never changed, and the shape of the rest.")


def type_of(samples: Sequence[Sample]) -> dict[str, Json]:
    """The headers that say what it is, where all of them said the same."""
    headers: dict[str, Json] = {}
    for name, plain in (("Content-Type", _CONTENT_TYPE), ("WWW-Authenticate", _CHALLENGE)):
        said = {sample.header(name.lower()) for sample in samples}
        if len(said) == 1 and plain.fullmatch(value := said.pop()):
            headers[name] = value
    return {"headers": headers} if headers else {}


def start_of(recording: Recording) -> float | None:
    """How long an instance takes to start at most, None where that was not measured."""
    samples = [sample for page in recording.pages for sample in page.samples]
    warm_s = _slowest_s(samples) if samples else math.inf
    seen_s = recording.first_s if recording.first_s > COLD_S + ROOM * warm_s else 0.0
    return max(recording.start_s, seen_s) or None


def limit_s(samples: Sequence[Sample], start_s: float | None) -> int | None:
    """How long the next answer may take, None for the default.

    Less than that is only asked for where a start was measured and fits in.

    Args:
        samples: what was seen of a page; none for what has not been timed.
        start_s: how long an instance takes to start, None where that is not known.
    """
    if start_s is None:
        return None
    slowest_s = _slowest_s(samples) if samples else 0.0
    wanted_s = start_s * START_ROOM + slowest_s * ROOM
    if samples and wanted_s <= LIMIT_S:
        return LIMIT_S
    return math.ceil(wanted_s) if start_s * START_ROOM > DEFAULT_S else None


def how_long(samples: Sequence[Sample], start_s: float | None) -> str:
    """Where the limit comes from, or why there is none."""
    took = f"It took {max(_slowest_s(samples), 0.01):.2g} s at most"
    if start_s is None:
        return f"{took}; how long a start takes was not seen: the timeout is the default."
    took = f"{took}, a start {start_s:.2g} s"
    if (within_s := limit_s(samples, start_s)) is None:
        return f"{took}: too long for a timeout below the default."
    return f"{took}; {within_s} s leave an instance time to start."


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
