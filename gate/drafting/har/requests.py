"""A request taken apart into the values that it sends, and put together again as a step.

Both walks meet the same values in the same order, so that a value is known by its number.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus

from gate.core.questions import Json
from gate.drafting.har.exchange import Exchange

ADDRESS, PATH, QUERY, HEADER, FORM, JSON = "address", "path", "query", "header", "form", "json"
"""Where a value is sent: the whole path and query, a segment, and so on."""
URLENCODED = "application/x-www-form-urlencoded"
_SENT = re.compile(
    r"x-(?!forwarded|request-id|correlation-id|client-data|goog-|cloud-trace|devtools|b3-|real-ip).*|.*api-?key"
)
_PLAIN = frozenset({"authorization", "if-match", "csrf-token", "prefer", "idempotency-key"})
_UNSENDABLE = re.compile(r'[^!"$-~]')
_REFERENCE = re.compile(r"(\$\{[A-Za-z_][^{}]*\})")
_MARK = "\x00"


@dataclass(frozen=True, slots=True)
class Value:
    """One value that a request sends.

    Attributes:
        place: one of ADDRESS, PATH, and so on.
        key: what it is called there: of a segment, the one before it.
        text: the value.
        number: whether it is a number in JSON.
    """

    place: str
    key: str
    text: str
    number: bool = False


Put = Callable[[Value], str | None]
"""The template that stands for a value, None where it is written as it is."""


def literal(text: str) -> str:
    """A text as a template that stands for itself."""
    return text.replace("${", "$${")


def values_of(one: Exchange) -> list[Value]:
    """All values that a request sends, in the order in which `as_step` meets them."""
    found: list[Value] = []
    as_step(one, found.append)
    return found


def as_step(one: Exchange, put: Put) -> dict[str, Json]:
    """The request as the keys of a step.

    Args:
        one: the request.
        put: gives values their templates; is asked for each, in order.
    """
    step: dict[str, Json] = {one.method.lower(): _target(one, put)}
    headers = _headers(one, put)
    if one.body:
        key, body = _body(one, put)
        step[key] = body
        if key == "body" and isinstance(body, str):
            headers["Content-Type"] = one.mime or "text/plain"
    if headers:
        step["headers"] = dict(headers)
    return step


def _target(one: Exchange, put: Put) -> str:
    whole = put(Value(ADDRESS, "", one.target))
    segments, before = [], ""
    for raw in one.path.split("/"):
        text = unquote(raw)
        template = put(Value(PATH, before, text)) if text else None
        segments.append(_fit(raw) if template is None else _quoted(template, quote))
        before = text
    path = "/".join(segments)
    fields = []
    for raw in one.parts.query.split("&") if one.parts.query else ():
        name, equals, text = raw.partition("=")
        template = put(Value(QUERY, unquote_plus(name), unquote_plus(text)))
        told = _fit(text) if template is None else _quoted(template, quote_plus)
        fields.append(f"{_fit(name)}{equals}{told}")
    return whole or (f"{path}?{'&'.join(fields)}" if fields else path)


def _fit(raw: str) -> str:
    """A part of an address as a policy may have it."""
    return literal(_UNSENDABLE.sub(lambda match: quote(match[0]), raw))


def _quoted(template: str, how: Callable[[str], str]) -> str:
    """A template with its own texts encoded; what is put in is encoded when it is."""
    parts = _REFERENCE.split(template)
    return "".join(part if place % 2 else how(part) for place, part in enumerate(parts))


def _headers(one: Exchange, put: Put) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for name, value in one.headers:
        if name not in _PLAIN and not _SENT.fullmatch(name):
            continue
        scheme, text = "", value
        if name == "authorization" and " " in value:
            scheme, _, text = value.partition(" ")
            scheme += " "
        template = put(Value(HEADER, name, text))
        found[name.title()] = scheme + (literal(text) if template is None else template)
    if one.writes and one.header("origin").rpartition("//")[2].lower() == one.host:
        found["Origin"] = "${url}"
    accepts = one.header("accept")
    if re.match(r"[a-z]+/[a-z.+-]*json", accepts):
        found["Accept"] = literal(accepts)
    return found


def _body(one: Exchange, put: Put) -> tuple[str, Json]:
    if one.mime == URLENCODED:
        return _form(one.body, put)
    if one.mime.endswith("json"):
        try:
            return "body", _json(json.loads(one.body), put)
        except (ValueError, RecursionError):
            pass
    template = put(Value(FORM, "", one.body))
    return "body", literal(one.body) if template is None else template


def _form(body: str, put: Put) -> tuple[str, Json]:
    pairs = parse_qsl(body, keep_blank_values=True)
    told: list[tuple[str, str]] = []
    for name, text in pairs:
        template = put(Value(FORM, name, text))
        told.append((name, literal(text) if template is None else template))
    fields: dict[str, Json] = dict(told)
    if told and len(fields) == len(told):
        return "form", fields
    joined = "&".join(f"{quote_plus(name)}={_quoted(text, quote_plus)}" for name, text in told)
    return "body", joined


def _json(value: Json, put: Put) -> Json:
    """As JSON, or as text where a number is a template: it must not become a text."""
    numbers: dict[str, str] = {}
    told = _walked(value, "", put, numbers)
    if not numbers:
        return told
    text = json.dumps(told, ensure_ascii=False)
    for mark, template in numbers.items():
        text = text.replace(json.dumps(mark), template)
    return text


def _walked(value: Json, key: str, put: Put, numbers: dict[str, str]) -> Json:
    match value:
        case dict():
            return {literal(name): _walked(one, name, put, numbers) for name, one in value.items()}
        case list():
            return [_walked(one, key, put, numbers) for one in value]
        case str():
            template = put(Value(JSON, key, value))
            return literal(value) if template is None else template
        case int() if not isinstance(value, bool):
            template = put(Value(JSON, key, str(value), number=True))
            if template is None:
                return value
            numbers[mark := f"{_MARK}{len(numbers)}"] = template
            return mark
        case _:
            return value


def templates_in(step: Mapping[str, Json]) -> str:
    """All that a step sends, as one text, to look for templates in."""
    return json.dumps(step, ensure_ascii=False)
