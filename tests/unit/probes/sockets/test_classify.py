import pytest
from websockets.datastructures import Headers
from websockets.exceptions import InvalidMessage, InvalidStatus, NegotiationError
from websockets.http11 import Response

from gate.core.evidence import Outcome, Symptom
from gate.probes.sockets.classify import Ending, How, ended, error_label, no_answer, refused
from tests.unit.probes.plain import plain

URL = "https://candidate---backend.example/ws"


def status(code, body=b"", **headers):
    fields = Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return InvalidStatus(Response(code, "", fields, body))


def refusal(error, response=None, *, offered=True, head=b""):
    return refused(error, response, URL, offered=offered, head=head)


@pytest.mark.parametrize(
    ("ending", "symptom", "seen"),
    [
        (Ending(How.CLOSED, 1011, "Internal error"), Symptom.CLOSED, '1011 "Internal error" later'),
        (Ending(How.CLOSED, 4001), Symptom.CLOSED, "4001 later"),
        (Ending(How.BROKEN), Symptom.ABNORMAL, "1006, no close frame later"),
        (
            Ending(How.BROKEN, reason="reset"),
            Symptom.ABNORMAL,
            "1006, no close frame (reset) later",
        ),
        (Ending(How.GARBLED, reason="no frame"), Symptom.PROTOCOL, "no frame later"),
        (Ending(How.TOO_LARGE, reason="too much"), Symptom.TOO_LARGE, "too much later"),
    ],
)
def test_each_ending_has_its_symptom(ending, symptom, seen):
    fault = ended(ending, "later", "", "close 1000")
    assert (fault.symptom, fault.seen, fault.expected) == (symptom, seen, "close 1000")


def test_an_error_frame_before_the_end_is_told():
    fault = ended(Ending(How.CLOSED, 1011), "later", "NO_TOKEN", "x")
    assert plain(fault.seen) == "1011 after an error frame (NO_TOKEN) later"


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (
            {"type": "error_message", "error_code": "AUTH_FAILED", "error_message": "x"},
            "AUTH_FAILED",
        ),
        ({"type": "error", "error": {"code": 1005, "component": "Database"}}, "1005"),
        ({"type": "error", "message": "x"}, "error"),
        ({"type": "x", "error": "broken"}, "broken"),
        ({"type": "agent_error"}, "agent_error"),
        ({"error": {"message": "m"}}, "m"),
        ({"type": "pong", "error": None}, ""),
        ({"type": "pong"}, ""),
        ({"type": 5}, ""),
        ([], ""),
        ("error", ""),
    ],
)
def test_error_frames_are_known_in_all_their_forms(value, label):
    assert error_label(value) == label


def test_a_status_is_told_with_its_body():
    one = refusal(status(500, b"Internal Server Error"))
    assert one.status == 500
    assert one.fault.symptom is Symptom.REFUSED
    assert plain(one.fault.seen) == "500 Internal Server Error, Internal Server Error"


def test_a_redirect_is_told_with_its_meaning():
    one = refusal(status(307, Location="/ws/"))
    assert one.fault.symptom is Symptom.REDIRECT
    assert one.fault.seen == "307 Temporary Redirect: a slash is added (/ws/)"


def test_a_dead_container_is_a_failure_a_busy_platform_is_not():
    dead = refusal(status(503, b"Service Unavailable"))
    assert dead.fault.outcome is Outcome.FAILED
    busy = refusal(status(429, b"Rate exceeded."))
    assert busy.fault.outcome is Outcome.INCONCLUSIVE
    assert busy.front_end.busy


def test_whose_fault_a_failed_negotiation_is():
    chosen = Response(101, "", Headers({"Sec-WebSocket-Protocol": "v9"}))
    theirs = refusal(NegotiationError("unsupported subprotocol: v9"), chosen)
    assert theirs.fault.symptom is Symptom.SUBPROTOCOL
    ours = refusal(NegotiationError("no subprotocols supported"), chosen, offered=False)
    assert ours.fault.symptom is Symptom.CLIENT
    extended = Response(101, "", Headers({"Sec-WebSocket-Extensions": "permessage-deflate"}))
    extension = refusal(NegotiationError("no extensions supported"), extended, offered=False)
    assert extension.fault.symptom is Symptom.PROTOCOL


@pytest.mark.parametrize(
    ("head", "symptom"),
    [
        (b"", Symptom.ABNORMAL),
        (b"HTT", Symptom.ABNORMAL),
        (b"HTTP/1.1 200 OK\r\n", Symptom.ABNORMAL),
        (b"SSH-2.0", Symptom.PROTOCOL),
    ],
)
def test_an_end_before_an_answer_is_told_from_garbage(head, symptom):
    error = InvalidMessage("did not receive a valid HTTP response")
    error.__cause__ = EOFError("closed")
    assert refusal(error, head=head).fault.symptom is symptom


def test_a_defect_of_the_library_is_ours():
    assert refusal(RuntimeError("?")).fault.symptom is Symptom.CLIENT


def test_no_answer_in_time():
    assert no_answer(0, "late").fault.symptom is Symptom.TIMEOUT
    assert no_answer(101, "late").fault.symptom is Symptom.TIMEOUT
    assert no_answer(503, "late").fault.symptom is Symptom.REFUSED
