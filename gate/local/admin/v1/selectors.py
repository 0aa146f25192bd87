"""Label selectors, as v1 takes them in `labelSelector`. Pure.

Comma-separated requirements, all of which must hold: `key`, `!key`, `key=value` (or `==`),
`key!=value`, `key in (a, b)`, `key notin (a, b)`. The API's reference of `labelSelector` names the
operations; their grammar and what they say of an absent key are those of Kubernetes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from gate.local.api.errors import ApiError, Code

_KEY: Final = r"[A-Za-z0-9](?:[A-Za-z0-9./_-]{0,316}[A-Za-z0-9])?"
_VALUE: Final = r"[A-Za-z0-9._-]{0,63}"
_REQUIREMENT: Final = re.compile(
    rf"(?P<not>!)?\s*(?P<key>{_KEY})"
    rf"(?:\s*(?P<sign>==?|!=)\s*(?P<value>{_VALUE})"
    rf"|\s+(?P<set>in|notin|notIn)\s*\(\s*(?P<values>{_VALUE}(?:\s*,\s*{_VALUE})*)\s*\))?"
)
_BETWEEN: Final = re.compile(r"\s*,\s*")
_MAX_CHARS: Final = 4_000


class Operation(Enum):
    """What a requirement asks of a label; all but the first two look at its value."""

    EXISTS = "exists"
    ABSENT = "absent"
    IN = "in"
    NOT_IN = "not in"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One part of a selector: a key, an operation, and the values it names."""

    key: str
    operation: Operation
    values: frozenset[str] = frozenset()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Tells whether labels meet it; an absent key is in no set of values."""
        match self.operation:
            case Operation.EXISTS:
                return self.key in labels
            case Operation.ABSENT:
                return self.key not in labels
            case Operation.IN:
                return labels.get(self.key) in self.values
            case Operation.NOT_IN:
                return labels.get(self.key) not in self.values


@dataclass(frozen=True, slots=True)
class Selector:
    """A whole selector; without requirements everything matches."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tells whether labels meet every requirement."""
        return all(each.holds(labels) for each in self.requirements)


def parse_selector(text: str) -> Selector:
    """Reads a selector.

    Raises:
        ApiError: INVALID_ARGUMENT: not one.
    """
    rest = text.strip()
    made: list[Requirement] = []
    while rest:
        found = _REQUIREMENT.match(rest) if len(rest) <= _MAX_CHARS else None
        if found is None:
            raise _wrong(text)
        made.append(_requirement(found, text))
        rest = rest[found.end() :]
        between = _BETWEEN.match(rest)
        if bool(between) != bool(rest) or (between and between.end() == len(rest)):
            raise _wrong(text)
        rest = rest[between.end() :] if between else ""
    return Selector(tuple(made))


def _requirement(found: re.Match[str], text: str) -> Requirement:
    key, sign, word = found["key"], found["sign"], found["set"]
    if found["not"] and (sign or word):
        raise _wrong(text)
    if sign:
        operation = Operation.NOT_IN if sign == "!=" else Operation.IN
        return Requirement(key, operation, frozenset({found["value"]}))
    if word:
        operation = Operation.IN if word == "in" else Operation.NOT_IN
        return Requirement(key, operation, frozenset(_BETWEEN.split(found["values"])))
    return Requirement(key, Operation.ABSENT if found["not"] else Operation.EXISTS)


def _wrong(text: str) -> ApiError:
    expected = "expected key, !key, key=value, key!=value, key in (a,b) or key notin (a,b)"
    return ApiError(Code.INVALID_ARGUMENT, f"labelSelector: (got {text[:100]!r}, {expected})")
