"""Which value of a request comes from which answer: the earliest one, from its surest place.

Cookies are the jar's. What somebody typed comes from nobody, also where an answer has repeated it.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gate.drafting.har import answers
from gate.drafting.har.answers import Source, sources
from gate.drafting.har.exchange import Exchange
from gate.drafting.har.requests import ADDRESS, FORM, HEADER, JSON, PATH, QUERY, Value, values_of

Place = tuple[int, int]
"""Which request, and which of its values."""
SHORT = 3
"""Shorter values are captured only where nothing else can be meant."""
_ID = re.compile(
    r"(?i:(?:.*[_.-])?(?:id|uuid|guid|key|number|no|slug|ref|token|cursor|version|rev|revision"
    r"|etag|code))|.*[a-z](?:Id|ID|Uuid|Key|Number|Ref|Token|Cursor)"
)
_ID_ALONE = frozenset({"id", "_id", "uuid", "guid", "key", "number", "no", "slug", "ref"})
_TOKEN = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[^\s/]{8,}|[A-Za-z0-9_.+/=~-]{20,}")
_UNFIT = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(slots=True)
class Flows:
    """What flows from answers into requests.

    Attributes:
        names: the capture that stands for a value, by the value's place.
        captures: what each request's answer is captured for, by the capture's name.
        sources: the request whose answer has it, by the capture's name.
        values: what was captured in the visit itself, by name.
        typed: values that no answer had before they were sent.
    """

    names: dict[Place, str] = field(default_factory=dict)
    captures: dict[int, dict[str, Mapping[str, str]]] = field(default_factory=dict)
    sources: dict[str, int] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    typed: list[tuple[Place, Value]] = field(default_factory=list)


def flows_of(exchanges: Sequence[Exchange], taken: Collection[str]) -> Flows:
    """What flows in these requests.

    Args:
        exchanges: in order.
        taken: names that no capture may have.
    """
    return _Finding(exchanges, taken).found()


def is_token(text: str) -> bool:
    """Whether a text looks as if a machine had made it up."""
    return _TOKEN.fullmatch(text) is not None


class _Finding:
    """Goes through the requests with all that the answers before have said."""

    def __init__(self, exchanges: Sequence[Exchange], taken: Collection[str]) -> None:
        self._exchanges = exchanges
        self._flows = Flows()
        self._known: dict[str, list[tuple[int, Source]]] = {}
        self._by_capture: dict[tuple[int, Source], str] = {}
        self._typed: set[str] = set()
        self._taken = set(taken) | {"nonce", "user", "url", "ws_url"}

    def found(self) -> Flows:
        for number, one in enumerate(self._exchanges):
            self._look_at(number, one)
            for source in sources(one):
                self._known.setdefault(source.text, []).append((number, source))
        return self._flows

    def _look_at(self, number: int, one: Exchange) -> None:
        whole = False
        for at, value in enumerate(values_of(one)):
            if whole and value.place in (PATH, QUERY):
                continue
            origin = self._origin(value)
            if origin is not None:
                self._flows.names[number, at] = self._name(*origin)
                whole = whole or value.place == ADDRESS
            elif value.place != ADDRESS:
                self._flows.typed.append(((number, at), value))
                self._typed.add(value.text)

    def _origin(self, value: Value) -> tuple[int, Source] | None:
        """Where it comes from, None where from nowhere."""
        found = []
        for number, source in self._known.get(value.text, ()):
            hidden = source.how == answers.HIDDEN and source.key == value.key
            if value.text in self._typed and not hidden:
                continue
            if _comes(value, source, self._exchanges[number]):
                found.append((number, source))
        return min(found, key=_order, default=None)

    def _name(self, number: int, source: Source) -> str:
        known = self._by_capture.get((number, source))
        if known:
            return known
        name = base = _named(source, self._exchanges[number])
        count = 1
        while name in self._taken:
            count += 1
            name = f"{base}_{count}"
        self._taken.add(name)
        self._by_capture[number, source] = name
        self._flows.captures.setdefault(number, {})[name] = dict(source.capture)
        self._flows.sources[name] = number
        self._flows.values[name] = source.text
        return name


def _order(origin: tuple[int, Source]) -> tuple[int, bool]:
    """The earliest first, and of one answer a cookie last: it may be there for the jar alone."""
    return origin[0], origin[1].how == answers.COOKIE


def _comes(value: Value, source: Source, asked: Exchange) -> bool:
    """Whether a value that is the same as one of an answer is meant to be that one."""
    sent = value.place in (FORM, JSON, HEADER)
    match source.how:
        case answers.LOCATION:
            return value.place == ADDRESS and any(map(_varies, re.split(r"[/?&=]", value.text)))
        case answers.NEXT:
            return value.place == ADDRESS
        case answers.SEGMENT:
            return value.place == PATH and value.key == source.key
        case answers.HIDDEN:
            made = source.key == value.key and re.search("[0-9]", value.text)
            return sent and (bool(made) or is_token(value.text))
        case answers.META | answers.COOKIE | answers.HEADER:
            return sent and is_token(value.text)
        case _:
            return _comes_from_field(value, source, asked)


def _varies(segment: str) -> bool:
    return answers.VARIES.fullmatch(segment) is not None


def _comes_from_field(value: Value, source: Source, asked: Exchange) -> bool:
    if value.place in (ADDRESS, HEADER):
        return value.place == HEADER and is_token(value.text)
    is_id = _ID.fullmatch(source.key) is not None
    if value.place == PATH:
        listed = value.key == asked.path.rstrip("/").rpartition("/")[2]
        sure = asked.writes or listed or is_token(value.text)
        return is_id and sure
    if len(value.text) < SHORT and not asked.writes:
        return False
    if is_token(value.text) and " " not in value.text:
        return True
    stem = re.sub(r"(?i)[_-]?(?:id|uuid|key|number)$", "", value.key).lower()
    related = source.key == value.key or (
        source.key in _ID_ALONE and stem != value.key.lower() and stem in asked.path.lower()
    )
    return is_id and related


def _named(source: Source, asked: Exchange) -> str:
    """What a capture is called."""
    key = _UNFIT.sub("_", source.key).strip("_").lower() or "value"
    if key[0].isdigit():
        key = f"value_{key}"
    resource = _singular(next(_words_of(asked.path), "page"))
    if source.how == answers.LOCATION:
        return f"{_singular(key)}_address"[:50]
    if source.how == answers.NEXT:
        return f"{key}_address"[:50]
    if source.how == answers.SEGMENT:
        return f"{_singular(key)}_id"[:50]
    return f"{resource}_{key.strip('_')}"[:50] if source.key in _ID_ALONE else key[:50]


def _words_of(path: str) -> Iterator[str]:
    for segment in reversed(path.split("/")):
        if re.fullmatch(r"[A-Za-z][A-Za-z_-]*", segment):
            yield _UNFIT.sub("_", segment).lower()


def _singular(word: str) -> str:
    word = _UNFIT.sub("_", word).lower()
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word
