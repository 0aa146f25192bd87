import pytest

from gate.local.frontend.trace import follow

TRACE = "0af7651916cd43dd8448eb211c80319c"
OTHER = "1" * 32
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01".encode()


def test_the_trace_of_the_caller_goes_on_under_a_span_of_our_own():
    trace = follow({b"traceparent": PARENT})
    assert (trace.trace_id, trace.sampled) == (TRACE, True)
    assert trace.span_id != "00f067aa0ba902b7"
    assert trace.request_fields().decode() == (
        f"X-Cloud-Trace-Context: {TRACE}/{int(trace.span_id, 16)};o=1\r\n"
        f"traceparent: 00-{TRACE}-{trace.span_id}-01\r\n"
    )
    assert trace.response_field() == f"x-cloud-trace-context: {TRACE};o=1\r\n".encode()


@pytest.mark.parametrize(
    ("header", "sampled"),
    [(f"{TRACE}/123;o=1", True), (f"{TRACE}/123;o=0", False), (TRACE.upper(), False)],
)
def test_the_older_header(header, sampled):
    trace = follow({b"x-cloud-trace-context": header.encode()})
    assert (trace.trace_id, trace.sampled) == (TRACE, sampled)


def test_traceparent_wins():
    found = {b"traceparent": PARENT, b"x-cloud-trace-context": OTHER.encode()}
    assert follow(found).trace_id == TRACE


@pytest.mark.parametrize(
    "found",
    [
        {},
        {b"traceparent": b"nonsense"},
        {b"traceparent": b"ff" + PARENT[2:]},
        {b"traceparent": b"00-" + b"0" * 32 + PARENT[35:]},
        {b"traceparent": PARENT[:36] + b"0" * 16 + b"-01"},
        {b"traceparent": PARENT + b"\r\nX: y"},
        {b"x-cloud-trace-context": b"short/1;o=1"},
        {b"x-cloud-trace-context": b"0" * 32},
    ],
)
def test_otherwise_a_new_one(found):
    trace = follow(found)
    assert trace.trace_id not in {TRACE, "0" * 32}
    assert len(bytes.fromhex(trace.trace_id)) == 16
    assert len(bytes.fromhex(trace.span_id)) == 8
    assert trace.trace_id != follow(found).trace_id
