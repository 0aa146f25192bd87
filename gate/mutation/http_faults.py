"""What a fault does to an HTTP answer. Pure."""

import json
from dataclasses import dataclass, replace

from gate.core.policy import Json
from gate.http1.headers import values
from gate.http1.packing import decoded
from gate.mutation import faults
from gate.mutation.edits import CHANGED_TO, edited
from gate.mutation.html_edits import is_page, with_braces, with_other_values, without_fields

BODY_MAX = 4 << 20
"""Most bytes of a body that is changed; a larger one passes as it is."""
Headers = tuple[tuple[bytes, bytes], ...]
_OF_THE_BODY = frozenset(
    {b"content-length", b"transfer-encoding", b"content-encoding", b"content-type", b"etag"}
)
_SWITCHING = frozenset({b"upgrade", b"connection"})
_PAGE = b"<!doctype html><html><head><title>app</title></head><body></body></html>"
_JSON = (b"content-type", b"application/json")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came; names of headers as they were written."""

    status: int
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of a header, None if it is not there."""
        return next(iter(values(self.headers, name)), None)

    @property
    def json(self) -> Json:
        """The body's JSON value.

        Raises:
            ValueError: it is none.
        """
        encoding = self.header("content-encoding") or ""
        value: Json = json.loads(decoded(self.body, encoding, BODY_MAX))
        return value


def faulty(answer: Answer, fault: faults.AnswerFault | faults.HeadFault, target: str) -> Answer:
    """The answer after the fault; equal to what it was where the fault finds nothing to do.

    What is replaced keeps the other headers: it comes from the same revision.
    """
    try:
        return _faulty(answer, fault, target)
    except (ValueError, LookupError, RecursionError):
        return answer


def changed_head(headers: Headers, fault: faults.HeadFault) -> Headers:
    """The headers after the fault."""
    match fault:
        case faults.HeaderGone(name):
            return without(headers, name)
        case faults.HeaderSet(name, value):
            return with_header(headers, name, value)


def _faulty(answer: Answer, fault: faults.AnswerFault | faults.HeadFault, target: str) -> Answer:
    match fault:
        case faults.HeaderGone() | faults.HeaderSet():
            return replace(answer, headers=changed_head(answer.headers, fault))
        case faults.Status(status):
            error: Json = {"error": CHANGED_TO, "message": CHANGED_TO}
            return answer if answer.status == status else _with_json(answer, status, error)
        case faults.Redirect():
            moved = _with_body(answer, 307, b"")
            to = f"http://{CHANGED_TO}.invalid{target.partition('?')[0]}/"
            return replace(moved, headers=with_header(moved.headers, "location", to))
        case faults.Blank():
            return _with_body(answer, answer.status, b"") if answer.body else answer
        case faults.Html() | faults.Fieldless() | faults.OtherValues() | faults.Unrendered():
            return _with_html(answer, fault)
        case faults.LetIn(body):
            return _with_body(answer, 200, body, _JSON) if answer.status in (401, 403) else answer
        case faults.Wrapped() | faults.Unwrapped() | faults.Field():
            return _with_json(answer, answer.status, _reshaped(answer.json, fault))


def _with_html(answer: Answer, fault: faults.Html | faults.HtmlFault) -> Answer:
    if isinstance(fault, faults.Html):
        return _with_body(answer, 200, _PAGE, (b"content-type", b"text/html"))
    content_type = answer.header("content-type") or "text/html"
    body = decoded(answer.body, answer.header("content-encoding") or "", BODY_MAX)
    if not is_page(body, content_type):
        return answer
    changed = _edited_page(body, fault)
    if changed == body:
        return answer
    written = (b"content-type", content_type.encode("latin-1"))
    return _with_body(answer, answer.status, changed, written)


def _edited_page(body: bytes, fault: faults.HtmlFault) -> bytes:
    match fault:
        case faults.Fieldless():
            return without_fields(body)
        case faults.OtherValues():
            return with_other_values(body)
        case faults.Unrendered():
            return with_braces(body)


def _reshaped(value: Json, fault: faults.Wrapped | faults.Unwrapped | faults.Field) -> Json:
    match fault:
        case faults.Wrapped(name):
            return {name: value}
        case faults.Unwrapped(name):
            return dict(value if isinstance(value, dict) else {})[name]
        case faults.Field(edit):
            return edited(value, edit)


def without(headers: Headers, name: str) -> Headers:
    """The headers without those of this name."""
    gone = name.lower().encode("latin-1")
    return tuple(pair for pair in headers if pair[0].lower() != gone)


def with_header(headers: Headers, name: str, value: str) -> Headers:
    """The headers with exactly one of this name."""
    return (*without(headers, name), (name.encode("latin-1"), value.encode("latin-1")))


def stripped(headers: Headers) -> Headers:
    """The headers that say nothing of a body, nor of switching protocols."""
    return tuple(
        pair
        for pair in headers
        if pair[0].lower() not in _OF_THE_BODY | _SWITCHING
        and not pair[0].lower().startswith(b"sec-websocket-")
    )


def framed(headers: Headers, size_bytes: int) -> Headers:
    """The headers with a length, in place of what they say of it."""
    headers = without(without(headers, "transfer-encoding"), "content-length")
    return (*headers, (b"content-length", b"%d" % size_bytes))


def _with_json(answer: Answer, status: int, value: Json) -> Answer:
    body = json.dumps(value).encode()
    kept = answer.header("content-type") or ""
    written = (b"content-type", kept.encode("latin-1")) if "json" in kept.lower() else _JSON
    return _with_body(answer, status, body, written)


def _with_body(
    answer: Answer, status: int, body: bytes, content_type: tuple[bytes, bytes] | None = None
) -> Answer:
    headers = stripped(answer.headers)
    if content_type is not None:
        headers = (*headers, content_type)
    return Answer(status, framed(headers, len(body)), body)
