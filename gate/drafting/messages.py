"""What a WebSocket's messages allow the next ones to be held to: a welcome, and a reply."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from gate.core.questions import Json
from gate.core.recording import Heard, Sample
from gate.core.template import NONCE
from gate.drafting.expectations import held

WITHIN = "5s"


@dataclass(frozen=True, slots=True)
class Said:
    """What is to be heard.

    Attributes:
        expect: as a script has it; empty where nothing can be held.
        schemas: what the schema file that it names holds, by path.
    """

    expect: dict[str, Json] = field(default_factory=dict)
    schemas: Mapping[str, Json] = field(default_factory=dict)


def welcome_of(path: str, heard: Sequence[Heard]) -> Said:
    """What the first message unasked must be.

    Args:
        path: of the schema file.
        heard: sessions.
    """
    return _said(path, [one.messages[0] for one in heard if one.messages], heard)


def reply_of(path: str, heard: Sequence[Heard]) -> Said:
    """What comes in reply: one message, or several whose types come in their order.

    Args:
        path: of the schema file.
        heard: sessions.
    """
    types = _sequence(heard)
    told = [one.replies[-1 if types else 0] for one in heard if one.replies]
    said = _said(path, told, heard)
    if not said.expect:
        return said
    expect: dict[str, Json] = {"sequence": [*types]} if types else {}
    expect |= said.expect
    if echoed := _echoed(told):
        shown = said.expect.get("json")
        expect["json"] = {**(shown if isinstance(shown, dict) else {}), **echoed}
    if _never_error(heard):
        expect["never"] = {"json": {"type": "error"}}
    return Said(expect, said.schemas)


def _said(path: str, samples: Sequence[Sample], heard: Sequence[Heard]) -> Said:
    if not samples or len(samples) < len(heard):
        return Said()
    wanted = held(path, samples)
    return Said({**wanted.expect, "within": WITHIN}, wanted.schemas) if wanted.schemas else Said()


def _echoed(samples: Sequence[Sample]) -> dict[str, Json]:
    """Fields that always hold what was said with `${nonce}` in it."""
    values = [one.value for one in samples if isinstance(one.value, dict)]
    return {
        name: text
        for name, text in (values[0].items() if len(values) == len(samples) else ())
        if isinstance(text, str)
        and f"${{{NONCE}}}" in text
        and "${" not in text.replace(f"${{{NONCE}}}", "")
        and all(one.get(name) == text for one in values)
    }


def _never_error(heard: Sequence[Heard]) -> bool:
    """Whether all that came in reply had a type, and none told of an error."""
    values = [sample.value for one in heard for sample in one.replies]
    types = [value.get("type") if isinstance(value, dict) else None for value in values]
    return bool(types) and all(isinstance(one, str) and one != "error" for one in types)


def _sequence(heard: Sequence[Heard]) -> list[str]:
    """The types of what came in reply, where it was several messages, in the same order always."""
    several = []
    for one in heard:
        values = [sample.value for sample in one.replies]
        types = [value.get("type") if isinstance(value, dict) else None for value in values]
        several.append([name for name, _ in groupby(types)])
    first = several[0] if several else []
    names = [
        name for name in first if isinstance(name, str) and re.fullmatch(r"[\w.:-]{1,60}", name)
    ]
    same = all(one == first for one in several) and len(names) == len(first) == len({*names})
    return names if same and len(names) > 1 else []
