"""YAML text to a tree in which every value knows its place. The only file that imports yaml.

The tree is built from the parser's events, one at a time, so that nothing expands: anchors,
aliases, tags and second documents are refused where they stand, and depth is bounded. Plain
scalars mean what they mean in JSON (the core schema of YAML 1.2): `on`, `yes`, `1:30` and
`2024-01-01` are texts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

import yaml

from gate.core.policy import Json
from gate.policyfile.problems import Mark, Problems, shown

DEPTH_MAX = 40
KEY_SHOWN_MAX = 60

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DIGITS_MAX = 300
_QUOTE = "put the text into quotes"
_HINTS = (
    (
        "mapping values are not allowed",
        "quote a text that contains ': ', and check the indentation",
    ),
    ("could not find expected ':'", "every line of a mapping is `key: value`"),
    ("unexpected end of stream", "a quote or a bracket is not closed"),
    ("found incompatible YAML document", "leave out the %YAML line"),
)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value; `path` is dotted from the top of the policy."""

    value: bool | int | float | str | None
    mark: Mark
    path: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list of values."""

    items: list["Node"]
    mark: Mark
    path: str


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys (each once, each with its own place) and their values, in the file's order."""

    entries: dict[str, tuple[Mark, "Node"]]
    mark: Mark
    path: str


Node = Scalar | Sequence | Mapping


class _Stop(Exception):  # noqa: N818 - ends the reading of one file; the problem is noted already
    pass


def parse(text: str, problems: Problems) -> Node | None:
    """The file's one document as a tree, or None where it is no YAML that a policy may use."""
    reader = _Reader(text, problems)
    try:
        return reader.read()
    except _Stop:
        return None
    except yaml.MarkedYAMLError as error:
        reader.note_syntax(error)
        return None
    except yaml.YAMLError:
        problems.add(None, "is not YAML")
        return None


def as_json(node: Node) -> Json:
    """The tree without its places."""
    match node:
        case Scalar(value):
            return value
        case Sequence(items):
            return [as_json(item) for item in items]
        case Mapping(entries):
            return {key: as_json(value) for key, (_, value) in entries.items()}


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not been reached; `key` waits for its value."""

    node: Sequence | Mapping
    key: str | None = None
    key_mark: Mark = field(default_factory=Mark)
    wanted: bool = True
    firsts: dict[str, Mark] = field(default_factory=dict)


class _Reader:
    def __init__(self, text: str, problems: Problems) -> None:
        self._text = text
        self._problems = problems
        self._stack: list[_Open] = []
        self._root: Node | None = None
        self._documents = 0

    def read(self) -> Node | None:
        for event in self._events():
            match event:
                case yaml.ScalarEvent():
                    self._scalar(event)
                case yaml.SequenceStartEvent():
                    self._open(Sequence([], _start(event), self._path(event)))
                case yaml.MappingStartEvent():
                    self._open(Mapping({}, _start(event), self._path(event)))
                case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                    self._put(self._stack.pop().node)
                case _:
                    pass
        if self._root is None or self._root == Scalar(None, self._root.mark, ""):
            self._problems.add(Mark(), "is empty (got no document, expected a mapping)")
            return None
        return self._root

    def _events(self) -> Iterator[yaml.Event]:
        for event in yaml.parse(self._text, Loader=_Loader):
            if isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    self._stop(event, "a second document begins (got ---, expected one document)")
            if getattr(event, "anchor", None):
                self._stop(
                    event,
                    "anchors and aliases are not part of the format",
                    "write the value again; a probe can name another one's script",
                )
            tag = getattr(event, "tag", None)
            if tag:
                self._stop(
                    event,
                    f"tags are not part of the format (got {shown(tag)})",
                    f"leave it out; {_QUOTE} if it is to begin with !",
                )
            yield event

    def _stop(self, event: yaml.Event, message: str, hint: str = "") -> NoReturn:
        self._problems.add(_start(event), message, hint)
        raise _Stop

    def _open(self, node: Sequence | Mapping) -> None:
        if len(self._stack) >= DEPTH_MAX:
            self._problems.add(
                node.mark, f"is nested too deeply (expected at most {DEPTH_MAX} levels)"
            )
            raise _Stop
        self._stack.append(_Open(node))

    def _path(self, event: yaml.Event) -> str:
        """The path of the value that begins here; refuses one that stands for a key."""
        if not self._stack:
            return ""
        top = self._stack[-1]
        if isinstance(top.node, Sequence):
            return f"{top.node.path}[{len(top.node.items)}]"
        if top.key is None:
            self._stop(event, "a key is a list or a mapping (expected text)", _QUOTE)
        key = top.key if len(top.key) <= KEY_SHOWN_MAX else shown(top.key, KEY_SHOWN_MAX)
        return f"{top.node.path}.{key}" if top.node.path else key

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        top = self._stack[-1] if self._stack else None
        mark = _start(event)
        if top is not None and isinstance(top.node, Mapping) and top.key is None:
            self._take_key(top, event, mark)
            return
        path = self._path(event)
        plain = event.implicit[0]
        value = _resolve(event.value) if plain else event.value
        if isinstance(value, _NoJson):
            self._problems.add(mark, f"{path}: is not a JSON number (got {shown(event.value)})")
            value = event.value
        self._put(Scalar(value, mark, path))

    def _take_key(self, top: _Open, event: yaml.ScalarEvent, mark: Mark) -> None:
        if event.implicit[0] and not isinstance(_resolve(event.value), str):
            self._problems.add(mark, f"a key is not text (got {shown(event.value)})", _QUOTE)
        top.key, top.key_mark = event.value, mark
        first = top.firsts.setdefault(event.value, mark)
        top.wanted = first is mark
        if not top.wanted:
            self._problems.add(
                mark,
                f"{self._path(event)}: is given twice (first in line {first.line})",
                "YAML would silently take the last one; keep one",
            )

    def _put(self, node: Node) -> None:
        if not self._stack:
            self._root = node
            return
        top = self._stack[-1]
        if isinstance(top.node, Sequence):
            top.node.items.append(node)
            return
        if top.wanted and top.key is not None:
            top.node.entries[top.key] = (top.key_mark, node)
        top.key = None

    def note_syntax(self, error: yaml.MarkedYAMLError) -> None:
        """Notes what the parser stumbled over, and what usually is behind it."""
        mark = error.problem_mark or error.context_mark
        place = Mark(mark.line + 1, mark.column + 1) if mark else Mark()
        what = f"{error.problem or 'cannot be parsed'} {error.context or ''}".rstrip()
        line = _line(self._text, place.line)
        indentation = line[: len(line) - len(line.lstrip())]
        if "\t" in indentation or line[place.column - 1 : place.column] == "\t":
            what, hint = "a tab in the indentation (expected spaces)", "indent with spaces"
        elif "${" in line:
            hint = 'quote a text that holds a template: "${nonce}"'
        elif line[place.column - 1 : place.column] in set("@`%"):
            hint = f"{_QUOTE}: it begins with {line[place.column - 1]}"
        else:
            hint = next((hint for sign, hint in _HINTS if sign in what), "")
        self._problems.add(place, f"is not YAML: {what}", hint)


class _NoJson:
    """Marks a number that JSON does not have."""


def _resolve(text: str) -> bool | int | float | str | _NoJson | None:
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _NOT_FINITE.fullmatch(text):
        return _NoJson()
    if len(text) > _DIGITS_MAX:
        return _NoJson() if _FLOAT.fullmatch(text) else text
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if abs(number) != float("inf") else _NoJson()
    return text


def _start(event: yaml.Event) -> Mark:
    mark = event.start_mark
    return Mark() if mark is None else Mark(mark.line + 1, mark.column + 1)


def _line(text: str, number: int) -> str:
    for index, line in enumerate(text.splitlines(), start=1):
        if index == number:
            return line
    return ""
