"""What a log entry says of its own severity where Cloud Logging has none for it.

Cloud Run takes a severity from the JSON field `severity` alone
(https://cloud.google.com/run/docs/logging). Most loggers call it otherwise, or number it.
"""

import re
from collections.abc import Iterator, Mapping

from gate.cloud.documents import Document
from gate.core.policy import Json
from gate.core.severity import Severity

_FIELDS = ("severity", "level", "levelname", "loglevel", "lvl", "@l", "severitytext")
"""Of winston, zap, zerolog, logrus, structlog, python-json-logger, ECS, Serilog, .NET,
OpenTelemetry: in any case, and with any separators."""
_SEPARATORS = re.compile(r"[-_.]")
_OFFSET = re.compile(r"[+-]\d+$")
_NUMBERS = ("level", "severity", "severity_number", "severityNumber", "SeverityNumber")
_NAMES: Mapping[str, Severity] = {
    **{one.name: one for one in Severity},
    "TRACE": Severity.DEBUG,
    "VERBOSE": Severity.DEBUG,
    "FINE": Severity.DEBUG,
    "D": Severity.DEBUG,
    "INFORMATION": Severity.INFO,
    "INFORMATIONAL": Severity.INFO,
    "I": Severity.INFO,
    "WARN": Severity.WARNING,
    "W": Severity.WARNING,
    "ERR": Severity.ERROR,
    "EROR": Severity.ERROR,
    "FAIL": Severity.ERROR,
    "E": Severity.ERROR,
    "EXCEPTION": Severity.ERROR,
    "SEVERE": Severity.ERROR,
    "FATAL": Severity.CRITICAL,
    "F": Severity.CRITICAL,
    "FTL": Severity.CRITICAL,
    "CRIT": Severity.CRITICAL,
    "PANIC": Severity.CRITICAL,
    "DPANIC": Severity.CRITICAL,
    "EMERG": Severity.EMERGENCY,
}
_OTEL = ("severity_number", "severityNumber", "SeverityNumber")


def declared(payload: Document) -> Severity:
    """The severity that a JSON entry gives itself; DEFAULT for none.

    Args:
        payload: the entry's jsonPayload.
    """
    named = {_SEPARATORS.sub("", name).lower(): value for name, value in payload.items()}
    candidates = [*(named.get(name) for name in _FIELDS), *_nested(payload)]
    for value in candidates:
        if (found := _NAMES.get(_word(value))) is not None:
            return found
    for name in _NUMBERS:
        number = _number(payload.get(name))
        if number is not None:
            return _numbered(number, payload, otel=name in _OTEL)
    return Severity.DEFAULT


def _nested(payload: Document) -> Iterator[Json]:
    """Of ECS (`log.level`), and loguru (`record.level.name`)."""
    for name in ("log", "record"):
        if isinstance(within := payload.get(name), dict):
            yield within.get("level")
    for within in (payload, payload.get("record")):
        if isinstance(within, dict) and isinstance(level := within.get("level"), dict):
            yield level.get("name")


def _word(value: Json) -> str:
    """The name of a level in capitals; slog's have an offset, `ERROR+2`."""
    word = value.strip().strip("[]").upper() if isinstance(value, str) else ""
    return _OFFSET.sub("", word)


def _number(value: Json) -> float | None:
    if isinstance(value, str) and value.strip().isdecimal():
        return float(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None  # type: ignore[arg-type]


def _numbered(number: float, payload: Document, *, otel: bool) -> Severity:
    """By OpenTelemetry's numbers, Cloud Logging's own, syslog's (GELF), or pino's and bunyan's."""
    if otel:
        return _at_most(
            number, ((21, Severity.CRITICAL), (17, Severity.ERROR), (13, Severity.WARNING))
        )
    if number >= Severity.DEBUG.value:
        return max((one for one in Severity if one.value <= number), key=lambda one: one.value)
    if "short_message" in payload or "gelf" in str(payload.get("version", "")):
        return _syslog(number)
    return _at_most(number, ((60, Severity.CRITICAL), (50, Severity.ERROR), (40, Severity.WARNING)))


def _at_most(number: float, steps: tuple[tuple[int, Severity], ...]) -> Severity:
    """The first step that the number reaches; INFO below all of them."""
    return next((severity for least, severity in steps if number >= least), Severity.INFO)


def _syslog(number: float) -> Severity:
    worst_first = (
        Severity.EMERGENCY,
        Severity.ALERT,
        Severity.CRITICAL,
        Severity.ERROR,
        Severity.WARNING,
        Severity.NOTICE,
        Severity.INFO,
        Severity.DEBUG,
    )
    return worst_first[int(number)] if 0 <= number < len(worst_first) else Severity.DEFAULT
