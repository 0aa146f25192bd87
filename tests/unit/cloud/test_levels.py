import pytest

from gate.cloud.levels import declared
from gate.cloud.logs import entry_value
from gate.core.severity import Severity


@pytest.mark.parametrize(
    ("payload", "severity"),
    [
        ({"level": "error", "msg": "x"}, Severity.ERROR),
        ({"level": 50.0, "time": 1.0}, Severity.ERROR),
        ({"level": 60}, Severity.CRITICAL),
        ({"level": 30}, Severity.INFO),
        ({"level": "50"}, Severity.ERROR),
        ({"severity": "error"}, Severity.ERROR),
        ({"levelname": "CRITICAL"}, Severity.CRITICAL),
        ({"log": {"level": "warn"}}, Severity.WARNING),
        ({"log.level": "fatal"}, Severity.CRITICAL),
        ({"@l": "Error"}, Severity.ERROR),
        ({"version": "1.1", "short_message": "x", "level": 3}, Severity.ERROR),
        ({"severityNumber": 17}, Severity.ERROR),
        ({"severity": 500}, Severity.ERROR),
        ({"level": "info", "error": "x"}, Severity.INFO),
        ({"LogLevel": "Error", "Category": "x"}, Severity.ERROR),
        ({"log-level": "fatal"}, Severity.CRITICAL),
        ({"level": "ERROR+2"}, Severity.ERROR),
        ({"lvl": "eror"}, Severity.ERROR),
        ({"level": {"name": "error"}}, Severity.ERROR),
        ({"text": "x", "record": {"level": {"name": "ERROR", "no": 40}}}, Severity.ERROR),
        ({"level": "\xb2"}, Severity.DEFAULT),
        ({"level": "L3"}, Severity.DEFAULT),
        ({"level": True}, Severity.DEFAULT),
        ({"message": "error"}, Severity.DEFAULT),
        ({}, Severity.DEFAULT),
    ],
)
def test_an_entry_says_itself_how_bad_it_is(payload, severity):
    assert declared(payload) is severity


def test_the_platforms_own_severity_goes_before_it():
    assert entry_value({"jsonPayload": {"level": "error"}}).severity is Severity.ERROR
    said = {"severity": "INFO", "jsonPayload": {"level": "error"}}
    assert entry_value(said).severity is Severity.INFO
