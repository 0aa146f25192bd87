from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.local.instances.logs import STDERR, STDOUT, LineSplitter, parse_line
from gate.local.ports import RevisionKey, ServiceKey

KEY = RevisionKey(ServiceKey("demo", "us-central1", "backend"), "backend-00001-abc")
AT = datetime(2026, 1, 1, tzinfo=UTC)
TRACE = "0af7651916cd43dd8448eb211c80319c"


def line(text, log_id=STDOUT):
    return parse_line(KEY, log_id, AT, text, {"instanceId": "i1"})


def split(chunks, line_bytes=1000):
    splitter = LineSplitter(line_bytes)
    lines = [text for chunk in chunks for text in splitter.feed(chunk)]
    return lines + list(splitter.flush())


@pytest.mark.parametrize("log_id", [STDOUT, STDERR])
def test_text_has_no_severity_on_either_stream(log_id):
    said = line("Traceback (most recent call last):", log_id)
    assert (said.log_id, said.severity) == (log_id, "DEFAULT")
    assert said.payload == "Traceback (most recent call last):"
    assert said.labels == {"instanceId": "i1"}


def test_a_json_object_is_a_payload_and_gives_up_what_the_platform_understands():
    said = line(
        '{"severity": "error", "message": "m", "n": 1, "logging.googleapis.com/trace": '
        f'"projects/demo/traces/{TRACE}", "logging.googleapis.com/spanId": "00F067AA0BA902B7", '
        '"logging.googleapis.com/trace_sampled": true, '
        '"logging.googleapis.com/labels": {"user": "a", "n": 1}}'
    )
    assert said.severity == "ERROR"
    assert said.payload == {"message": "m", "n": 1}
    assert (said.trace, said.span_id, said.trace_sampled) == (TRACE, "00f067aa0ba902b7", True)
    assert said.labels == {"instanceId": "i1", "user": "a"}


@pytest.mark.parametrize(
    ("given_", "understood"),
    [("warn", "WARNING"), ("FATAL", "CRITICAL"), ("nonsense", "DEFAULT"), ("notice", "NOTICE")],
)
def test_severity_names(given_, understood):
    assert line(f'{{"severity": "{given_}"}}').severity == understood


def test_a_bare_trace_is_a_trace_and_anything_else_is_none():
    assert line(f'{{"logging.googleapis.com/trace": "{TRACE}"}}').trace == TRACE
    assert line('{"logging.googleapis.com/trace": "../../x"}').trace == ""
    assert line('{"logging.googleapis.com/spanId": 7}').span_id == ""


@pytest.mark.parametrize(
    "text",
    [
        "{not json}",
        '["a"]',
        '{"a": NaN}',
        '{"a":' * 5000 + "1" + "}" * 5000,
        '{"n": ' + "9" * 5000 + "}",
        '{"a": 1} trailing',
    ],
)
def test_what_only_looks_like_json_stays_text(text):
    assert line(text).payload == text


def test_lines_are_cut_at_newlines_and_empty_ones_left_out():
    assert split([b"a\r\n\n\nb\nc"]) == ["a", "b", "c"]


def test_a_long_line_is_cut_and_the_next_one_is_whole():
    assert split([b"x" * 700, b"x" * 700, b"\nnext\n"], line_bytes=1000) == ["x" * 1000, "next"]


def test_bytes_that_are_not_text_are_replaced():
    assert split([b"\xff\xfe\n"]) == ["\ufffd\ufffd"]


@given(st.lists(st.binary(max_size=20), max_size=20))
def test_the_cuts_between_reads_do_not_matter(chunks):
    assert split(chunks) == split([b"".join(chunks)])
