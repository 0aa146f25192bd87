"""What a log entry says of its own severity where Cloud Logging has none for it.

Cloud Run takes a severity from the JSON field `severity` alone
(https://cloud.google.com/run/docs/logging). Most loggers call it otherwise, or number it.
"""

from collections.abc import Mapping

from gate.cloud.documents import Document
from gate.core.policy import Json
from gate.core.severity import Severity

_FIELDS = (
    "severity",
    "level",
    "levelname",
    "level_name",
    "log.level",
    "loglevel",
    "logLevel",
    "log_level",
    "lvl",
    "@l",
    "Level",
    "Severity",
    "SeverityText",
    "severityText",
    "severity_text",
)
"""Of winston, zap, zerolog, logrus, structlog, python-json-logger, ECS, Serilog, OpenTelemetry."""
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
    "E": Severity.ERROR,
    "EXCEPTION": Severity.ERROR,
    "SEVERE": Severity.ERROR,
    "FATAL": Severity.CRITICAL,
    "F": Severity.CRITICAL,
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
    nested = payload.get("log")
    if isinstance(nested, dict) and isinstance(nested.get("level"), str):
        payload = {**payload, "log.level": nested["level"]}
    for name in _FIELDS:
        if (found := _NAMES.get(_word(payload.get(name)))) is not None:
            return found
    for name in _NUMBERS:
        number = _number(payload.get(name))
        if number is not None:
            return _numbered(number, payload, otel=name in _OTEL)
    return Severity.DEFAULT


def _word(value: Json) -> str:
    return value.strip().strip("[]").upper() if isinstance(value, str) else ""


def _number(value: Json) -> float | None:
    if isinstance(value, str) and value.strip().isdigit():
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
