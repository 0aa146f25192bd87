import json
import logging
import sys

import pytest

from examples.backend import log

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(autouse=True)
def no_trace_left():
    token = log.current.set(None)
    yield
    log.current.reset(token)


def written(message="hello", *, level=logging.INFO, project="", **extra):
    record = logging.LogRecord("backend", level, __file__, 1, message, (), extra.pop("exc", None))
    for key, value in extra.items():
        setattr(record, key, value)
    return json.loads(log.CloudFormatter(project).format(record))


def test_a_line_is_json_with_the_severity_cloud_run_reads():
    line = written(level=logging.WARNING, **log.fields(user_id="alice"))
    assert line["severity"] == "WARNING"
    assert line["message"] == "hello"
    assert line["user_id"] == "alice"
    assert "logging.googleapis.com/trace" not in line


def test_the_trace_of_the_request_is_on_its_lines():
    log.current.set(log.trace_of({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}))
    line = written(project="demo")
    assert line["logging.googleapis.com/trace"] == f"projects/demo/traces/{TRACE}"
    assert line["logging.googleapis.com/spanId"] == "00f067aa0ba902b7"
    assert line["logging.googleapis.com/trace_sampled"] is True
    assert written()["logging.googleapis.com/trace"] == TRACE


def test_an_exception_is_one_line_with_its_trace():
    try:
        raise ValueError("boom")  # noqa: TRY301
    except ValueError:
        line = written("failed\n", level=logging.ERROR, exc=sys.exc_info())
    assert line["message"] == "failed"
    assert "ValueError: boom" in line["stack_trace"]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"traceparent": "garbage"}, None),
        ({"x-cloud-trace-context": f"{TRACE}/1;o=1"}, log.Trace(TRACE, f"{1:016x}", sampled=True)),
        ({"x-cloud-trace-context": TRACE.upper()}, log.Trace(TRACE)),
        (
            {"x-cloud-trace-context": f"{TRACE}/{'9' * 20};o=0"},
            log.Trace(TRACE, "6bc75e2d630fffff"),
        ),
        ({"x-cloud-trace-context": "short/1"}, None),
    ],
)
def test_trace_contexts(headers, expected):
    assert log.trace_of(headers) == expected
