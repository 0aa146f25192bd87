"""The functions of the language that are offered: log_id, sample and SEARCH."""

import hashlib
import re
from collections.abc import Callable, Iterable

from google.protobuf.message import Message

from gate.local.logging.filter import search
from gate.local.logging.filter.errors import FilterError
from gate.local.logging.filter.fields import Field, Kind, read, resolve
from gate.local.logging.filter.syntax import Call, Literal
from gate.local.logging.filter.values import fold
from gate.local.logging.names import parse_log_name

_TOKEN = re.compile(r"`([^`]*)`|([^\W_]+)")
_SEPARATORS = re.compile(r"[\W_]+")


def function(call: Call, text: str) -> Callable[[Message], bool]:
    """Makes the predicate of a call.

    Raises:
        FilterError: no such function here, or its arguments are of another form.
    """
    name = call.name.lower()
    makers = {"log_id": _log_id, "sample": _sample, "search": _search}
    if name not in makers:
        reason = f"function {call.name!r} is not offered (expected one of {', '.join(makers)})"
        raise FilterError(text, call.offset, reason)
    try:
        return makers[name](call)
    except ValueError as error:
        raise FilterError(text, call.offset, f"{call.name}: {error}") from None


def _log_id(call: Call) -> Callable[[Message], bool]:
    match call.arguments:
        case (Literal(wanted),):
            return lambda entry: _id_of(entry) == wanted
        case _:
            raise ValueError(
                'expected one argument in quotes, as log_id("run.googleapis.com/stdout")'
            )


def _id_of(entry: Message) -> str:
    return parse_log_name(entry.log_name).log_id  # type: ignore[attr-defined]


def _sample(call: Call) -> Callable[[Message], bool]:
    """Makes sample(field, fraction): always the same part of the entries, by the field's value."""
    match call.arguments:
        case ((*path,), (Literal() | tuple()) as given):
            fraction = _fraction(given)
            field = _text_field(tuple(path))
            return lambda entry: any(
                _place(value) < fraction for value in read(entry, field) if isinstance(value, str)
            )
        case _:
            raise ValueError("expected a field and a fraction, as sample(insertId, 0.25)")


def _fraction(given: Literal | tuple[str, ...]) -> float:
    text = given.text if isinstance(given, Literal) else ".".join(given)
    try:
        fraction = float(text)
    except ValueError:
        fraction = -1.0
    if not 0 <= fraction <= 1:
        raise ValueError(f"the fraction is none (got {text!r}, expected 0 to 1)")
    return fraction


def _place(value: str) -> float:
    """Where a value lies between 0 and 1, as evenly as can be."""
    digest = hashlib.blake2b(value.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _search(call: Call) -> Callable[[Message], bool]:
    """Makes SEARCH("words") or SEARCH(field, "words").

    Every word must be there as a whole, in any order and letter case; words between backticks form
    a phrase. The analyzer is a simple one: letters and digits form words, all else separates them.
    """
    match call.arguments:
        case (Literal(query),):
            wanted = _wanted(query)
            return lambda entry: _has_all(wanted, search.texts(entry))
        case ((*path,), Literal(query)):
            wanted, field = _wanted(query), _text_field(tuple(path))
            return lambda entry: _has_all(
                wanted,
                (fold(value) for value in read(entry, field) if isinstance(value, str)),
            )
        case _:
            raise ValueError('expected SEARCH("words") or SEARCH(field, "words")')


def _text_field(path: tuple[str, ...]) -> Field:
    field = resolve(path)
    if field.kind not in {Kind.STRING, Kind.LABEL, Kind.JSON}:
        raise ValueError(f"only text can be searched, not {field.kind.value}")
    return field


def _wanted(query: str) -> tuple[str, ...]:
    """Gives the words and phrases of a query, each as it stands in a separated text."""
    found = tuple(
        _separated(fold(phrase or word)) for phrase, word in _TOKEN.findall(query) if phrase or word
    )
    if not found:
        raise ValueError(f"the query holds no word (got {query!r})")
    return found


def _separated(text: str) -> str:
    return f" {_SEPARATORS.sub(' ', text).strip()} "


def _has_all(wanted: tuple[str, ...], texts: Iterable[str]) -> bool:
    separated = [_separated(text) for text in texts]
    return all(any(part in text for text in separated) for part in wanted)
