"""Reads HAR 1.2 as browsers and proxies write it, and is not strict about what nobody needs.

Firefox leaves bodies out that it has not kept, Chrome leaves out secrets unless it is asked for
them and gives HTTP/2 its pseudo headers, mitmproxy writes a whole error where no answer came.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from gate.core.visits import Seen
from gate.drafting.har.exchange import Exchange
from gate.errors import UsageError

SIZE_MAX = 200 * 1024 * 1024
"""Most bytes of a HAR."""
ENTRIES_MAX = 20_000
BODY_MAX = 1024 * 1024
"""Most characters of a body that is read: more is no page and no answer of an API."""
_TEXTS = re.compile(r"text/|.*(?:json|xml|javascript|html|urlencoded)")
_CHARSET = re.compile(r"(?i)charset\s*=\s*\"?([\w.:-]{1,40})")
_HEAD = re.compile(r"(?is)\A(?:content-(?:type|length):[^\r\n]*\r?\n)+\r?\n")
"""Older Firefox writes the headers of a form before its body."""
_HINT = "save it in the browser's developer tools: Network, then Save all as HAR with content"


def read_har(raw: bytes, where: str) -> tuple[Exchange, ...]:
    """The requests of a HAR and their answers, in the order in which they were asked.

    Args:
        raw: the file.
        where: what it is called, for messages.

    Raises:
        UsageError: it is no HAR, or is larger than what anybody looks at.
    """
    if len(raw) > SIZE_MAX:
        size = f"{len(raw) >> 20} MB, expected at most {SIZE_MAX >> 20}"
        raise UsageError(f"{where}: is too large (got {size})", "record a shorter visit")
    entries = _entries(raw, where)
    if len(entries) > ENTRIES_MAX:
        count = f"{len(entries)} requests, expected at most {ENTRIES_MAX}"
        raise UsageError(f"{where}: is too large (got {count})", "record a shorter visit")
    found = [one for entry in entries if (one := _exchange(entry)) is not None]
    if not found:
        raise UsageError(f"{where}: has no request in it (got {len(entries)} entries)", _HINT)
    if all(one.at_s is not None for one in found):
        found.sort(key=lambda one: one.at_s or 0.0)
    return tuple(found)


def _entries(raw: bytes, where: str) -> list[Any]:
    try:
        document = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise UsageError(f"{where}: is no HAR (got no JSON, expected a HAR 1.2)", _HINT) from None
    log = document.get("log") if isinstance(document, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise UsageError(f"{where}: is no HAR (got no log.entries, expected a HAR 1.2)", _HINT)
    return entries


def _exchange(entry: object) -> Exchange | None:
    """One entry, None where it has no request that can be read."""
    request, response = _part(entry, "request"), _part(entry, "response")
    method, url = _text(request, "method").upper(), _text(request, "url").partition("#")[0]
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if not re.fullmatch(r"[A-Z]{1,20}", method) or not host:
        return None
    headers = tuple(_headers(request))
    mime, body = _sent(request, headers)
    kind = _text(entry, "_resourceType").lower()
    if _part_of(entry, "_webSocketMessages") is not None:
        kind = "websocket"
    answer = _seen(response, _part_of(entry, "time"))
    return Exchange(method, url, headers, body, mime, kind, answer, _at_s(entry))


def _seen(response: Mapping[str, Any], time: object) -> Seen:
    status = response.get("status")
    headers = [*_headers(response)]
    names = {name for name, _ in headers}
    content = _part(response, "content")
    given = {"location": _text(response, "redirectURL"), "content-type": _text(content, "mimeType")}
    headers += [(name, value) for name, value in given.items() if value and name not in names]
    took_s = time / 1000 if isinstance(time, int | float) and time > 0 else 0.0
    right = isinstance(status, int) and 100 <= status <= 599
    return Seen(status if right else 0, tuple(headers), _body(content, headers), took_s)  # type: ignore[arg-type]


def _body(content: Mapping[str, Any], headers: list[tuple[str, str]]) -> str | None:
    text = content.get("text")
    if not isinstance(text, str) or len(text) > BODY_MAX * 4 // 3 + 4:
        return None
    kind = dict(headers).get("content-type", "").lower()
    if content.get("encoding") != "base64":
        return text if len(text) <= BODY_MAX else None
    if kind and not _TEXTS.match(kind):
        return None
    try:
        raw = base64.b64decode(text, validate=True)
        found = _CHARSET.search(kind)
        return raw.decode(found[1] if found else "utf-8", errors="replace")
    except (binascii.Error, LookupError, ValueError):
        return None


def _sent(request: Mapping[str, Any], headers: tuple[tuple[str, str], ...]) -> tuple[str, str]:
    """What the body of a request is, and the body."""
    data = _part(request, "postData")
    said = _text(data, "mimeType") or dict(headers).get("content-type", "")
    mime, text = said.partition(";")[0].strip().lower(), _text(data, "text")
    if mime == "application/x-www-form-urlencoded":
        text = _HEAD.sub("", text)
        if not text:
            text = urlencode(list(_pairs(data.get("params"))))
    return mime, text if len(text) <= BODY_MAX else ""


def _headers(message: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names in lower case, the pseudo headers of HTTP/2 (`:authority`) among them.

    Browsers join several cookies of one answer with line ends.
    """
    for name, value in _pairs(message.get("headers")):
        for line in value.split("\n"):
            yield name.lower(), line.strip()


def _pairs(given: object) -> Iterator[tuple[str, str]]:
    for one in given if isinstance(given, list) else ():
        name, value = _part_of(one, "name"), _part_of(one, "value")
        if isinstance(name, str) and isinstance(value, str):
            yield name, value


def _part(of: object, name: str) -> Mapping[str, Any]:
    found = _part_of(of, name)
    return found if isinstance(found, dict) else {}


def _text(of: object, name: str) -> str:
    found = _part_of(of, name)
    return found if isinstance(found, str) else ""


def _part_of(of: object, name: str) -> object:
    return of.get(name) if isinstance(of, Mapping) else None


def _at_s(entry: object) -> float | None:
    try:
        return datetime.fromisoformat(_text(entry, "startedDateTime")).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
