"""What a policy may not ask of a request, whichever probe sends it."""

import pytest

from gate.errors import ValueProblem
from gate.kinds.http import HttpProbe
from gate.kinds.websocket import WebSocketProbe

KINDS = [HttpProbe, WebSocketProbe]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", ["/a b", "/a\r\nHost: other", "/a#b", "/a\x7f", "/\x00"])
def test_a_path_that_would_break_the_request_line_is_refused(kind, path):
    with pytest.raises(ValueProblem, match="path") as caught:
        kind(path)
    assert caught.value.hint


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", ["/", "/a%20b?c=d&e=%23", "/ümlaut"])
def test_any_other_path_is_fine(kind, path):
    assert kind(path).path == path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["Host", "CONNECTION", "content-length", "Traceparent"])
def test_headers_that_the_probe_writes_itself_are_refused(kind, name):
    with pytest.raises(ValueProblem, match=name):
        kind("/", headers=(("X-Fine", "1"), (name, "x")))


@pytest.mark.parametrize("kind", KINDS)
def test_a_subprotocol_is_offered_and_not_written_by_hand(kind):
    with pytest.raises(ValueProblem, match="Sec-WebSocket-Protocol") as caught:
        kind("/", headers=(("Sec-WebSocket-Protocol", "jwt"),))
    assert "subprotocols" in caught.value.hint
