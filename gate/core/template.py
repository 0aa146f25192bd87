"""Templates in a policy: `${name}`, `${name|base64url}` and `$${` for a literal `${`.

A name is a secret of the policy or one of BUILTINS. Text is parsed once and rendered many times;
a JSON value renders recursively, keys included.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from gate.core.policy import Json
from gate.errors import ValueProblem

NONCE = "nonce"
USER = "user"
URL = "url"
WS_URL = "ws_url"

BUILTINS = frozenset({NONCE, USER, URL, WS_URL})
"""Names that are no secrets: a fresh token for each connection, the secret of the connection's
user, and the candidate's base URL as http(s) and as ws(s)."""

ISSUED = re.compile("gate[0-9a-f]{20}")
"""What stands for `${nonce}` once it is rendered (gate.probes.inquiry.Nonces makes it)."""

_TOKEN = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_REFERENCE = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_-]*)\s*(?:\|\s*([A-Za-z0-9_-]*)\s*)?")


class Filter(Enum):
    """What is done to a value before it is put in."""

    NONE = ""
    BASE64URL = "base64url"  # of its UTF-8 bytes, without padding: legal in a subprotocol


@dataclass(frozen=True, slots=True)
class Reference:
    """One `${name|filter}`."""

    name: str
    filter: Filter = Filter.NONE

    def value(self, values: Mapping[str, str]) -> str:
        """The value to put in.

        Raises:
            KeyError: no value has this name.
        """
        text = values[self.name]
        if self.filter is Filter.BASE64URL:
            return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        return text


@dataclass(frozen=True, slots=True)
class Template:
    """A text with references in it.

    Attributes:
        source: as the policy writes it; safe to show.
        parts: literal texts and references, in order.
    """

    source: str
    parts: tuple[str | Reference, ...]

    @property
    def names(self) -> frozenset[str]:
        """Every name that is referred to."""
        return frozenset(part.name for part in self.parts if isinstance(part, Reference))

    def render(self, values: Mapping[str, str]) -> str:
        """The text with each reference replaced.

        Raises:
            KeyError: a name has no value.
        """
        return "".join(part if isinstance(part, str) else part.value(values) for part in self.parts)


@dataclass(frozen=True, slots=True)
class JsonTemplate:
    """A JSON value whose strings are templates.

    Attributes:
        source: as the policy writes it; safe to show.
        names: every name that is referred to, at any depth.
        constant: whether rendering changes nothing.
    """

    source: Json = field(hash=False)
    names: frozenset[str] = frozenset()
    constant: bool = False

    def render(self, values: Mapping[str, str]) -> Json:
        """The value with each reference replaced.

        Raises:
            KeyError: a name has no value.
        """
        return self.source if self.constant else _render(self.source, values)


@lru_cache(maxsize=1024)
def parse(text: str) -> Template:
    """Parses one text; the same text is parsed once.

    Raises:
        ValueProblem: an unclosed `${`, a name that is none, or an unknown filter.
    """
    parts: list[str | Reference] = []
    end = 0
    for match in _TOKEN.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        if match[0] == "$${":
            parts.append("${")
        elif match[1] is None:
            raise ValueProblem(
                "template",
                f"an opening ${{ has no closing }} (got {_short(text[match.start() :])})",
                hint="write $${ for a literal ${",
            )
        else:
            parts.append(_reference(match[1]))
    parts.append(text[end:])
    return Template(text, tuple(_joined(parts)))


def parse_json(value: Json) -> JsonTemplate:
    """Parses every string of a JSON value.

    Raises:
        ValueProblem: as `parse`.
    """
    return JsonTemplate(value, names(value), constant=not _has_template(value))


def names(value: Json) -> frozenset[str]:
    """Every name that a text, or a JSON value at any depth, refers to.

    Raises:
        ValueProblem: as `parse`.
    """
    match value:
        case str():
            return parse(value).names
        case list():
            return frozenset().union(*map(names, value))
        case dict():
            keys = frozenset().union(*map(names, value))
            return keys.union(*map(names, value.values()))
        case _:
            return frozenset()


def _has_template(value: Json) -> bool:
    match value:
        case str():
            return "${" in value
        case list():
            return any(map(_has_template, value))
        case dict():
            return any(map(_has_template, value)) or any(map(_has_template, value.values()))
        case _:
            return False


def _render(value: Json, values: Mapping[str, str]) -> Json:
    match value:
        case str():
            return parse(value).render(values) if "${" in value else value
        case list():
            return [_render(item, values) for item in value]
        case dict():
            return {str(_render(key, values)): _render(item, values) for key, item in value.items()}
        case _:
            return value


def _reference(inside: str) -> Reference:
    match = _REFERENCE.fullmatch(inside)
    if match is None:
        raise ValueProblem(
            "template",
            f"is not a reference (got ${{{_short(inside)}}}, expected ${{name}} or "
            "${name|base64url})",
            hint="write $${ for a literal ${",
        )
    if match[2] is None:
        return Reference(match[1])
    if match[2] != Filter.BASE64URL.value:
        raise ValueProblem(
            "template", f"has an unknown filter (got {_short(match[2])}, expected base64url)"
        )
    return Reference(match[1], Filter.BASE64URL)


def _joined(parts: list[str | Reference]) -> list[str | Reference]:
    """Without empty texts, neighbouring texts made one."""
    joined: list[str | Reference] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return joined


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
