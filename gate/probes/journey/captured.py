"""What is taken out of an answer for later steps."""

from gate.core.evidence import Symptom
from gate.core.patterns import compiled
from gate.core.policy import Json
from gate.kinds.steps import Capture
from gate.probes.expect import compact
from gate.probes.outcome import Fault
from gate.probes.web.content import PATTERN_WITHIN_S, Body
from gate.probes.web.markup import TooLargeError

VALUE_MAX = 8192
"""Most characters of a captured value: more is no token, no id and no address."""


class NotThereError(Exception):
    """There is nothing to capture.

    Args:
        fault: what was seen instead.
    """

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.seen)
        self.fault = fault


def captured(name: str, capture: Capture, body: Body) -> str:
    """The value.

    Args:
        name: what it is called, for messages.
        capture: where it is.
        body: of the answer.

    Raises:
        NotThereError: the answer has none there, or one that is too long.
    """
    value = _found(capture, body)
    if value is not None and capture.regex:
        value = _searched(capture.regex, value)
    if not value:
        more = f" by {capture.regex}" if capture.regex else ""
        raise _not_there(name, capture, f"nothing at {capture.place}{more}")
    if any("\ud800" <= character <= "\udfff" for character in value[:VALUE_MAX]):
        raise _not_there(name, capture, f"half a character at {capture.place}")
    if len(value) > VALUE_MAX:
        raise _not_there(name, capture, f"{len(value)} characters at {capture.place}")
    return value


def _found(capture: Capture, body: Body) -> str | None:
    if capture.json:
        try:
            values = body.by_path(capture.json)
        except ValueError:
            return None
        return _text(values[0]) if values else None
    if capture.css:
        try:
            return next(iter(body.markup.found(capture.css)), None)
        except TooLargeError:
            return None
    if capture.header:
        return body.answer.header(capture.header)
    if capture.cookie:
        return _set_cookie(capture.cookie, body)
    return body.answer.text


def _set_cookie(name: str, body: Body) -> str | None:
    """The value that this answer gives a cookie."""
    given = [value for key, value in body.answer.headers if key == "set-cookie"]
    pairs = (one.partition(";")[0].partition("=") for one in given)
    return next((value.strip() for key, _, value in pairs if key.strip() == name), None)


def _text(value: Json) -> str | None:
    return value if value is None or isinstance(value, str) else compact(value)


def _searched(pattern: str, text: str) -> str | None:
    try:
        match = compiled(pattern).search(text, timeout=PATTERN_WITHIN_S)
    except (TimeoutError, MemoryError):
        return None
    if match is None:
        return None
    groups = match.groups()  # type: ignore[attr-defined]
    return next((one for one in groups if one), "") if groups else str(match[0])  # type: ignore[index]


def _not_there(name: str, capture: Capture, seen: str) -> NotThereError:
    symptom = Symptom.HEADER if capture.header or capture.cookie else Symptom.BODY
    return NotThereError(Fault(symptom, seen, f"a value there, to be captured as {name}"))
