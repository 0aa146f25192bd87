"""The keys of each kind check themselves, however they are made."""

import pytest

from gate.core.expectations import Pattern
from gate.core.policy import Probe
from gate.core.severity import Severity
from gate.errors import ValueProblem
from gate.kinds.diff import DiffProbe
from gate.kinds.grpc import GrpcProbe
from gate.kinds.http import HttpProbe
from gate.kinds.logs import LogPattern, LogsProbe
from gate.kinds.plugin import PluginProbe
from gate.kinds.routes import RoutesProbe
from gate.kinds.soak import SoakProbe
from gate.kinds.startup import StartupProbe
from gate.kinds.websocket import Await, Send, WebSocketProbe

PONG = Pattern(json={"type": "pong"})


def refused(field, build):
    with pytest.raises(ValueProblem) as caught:
        build()
    assert caught.value.field == field
    return caught.value


@pytest.mark.parametrize("path", ["", "health", "https://other.example/", "//other.example/x"])
def test_a_path_is_on_the_candidate(path):
    for probe in (HttpProbe, WebSocketProbe):
        problem = refused("path", lambda probe=probe: probe(path))
        assert repr(path) in problem.message


@pytest.mark.parametrize(
    "path",
    ["/healthz", "/healthz?deep=1", "/%68ealthz", "/eventlog", "/eventlog?x", "/_ah/x", "/_ah/"],
)
def test_what_the_front_end_keeps_never_reaches_a_container(path):
    problem = refused("path", lambda: HttpProbe(path))
    assert "never reaches a container" in problem.message
    assert "z" not in problem.hint


@pytest.mark.parametrize(
    "path",
    ["/", "/healthz/", "/healthzz", "/readyz", "/eventlogs", "/_ahead", "/api//x", "/x?y=//z"],
)
def test_other_paths_are_fine(path):
    assert HttpProbe(path).path == path


@pytest.mark.parametrize(
    "name", ["Host", "host", "CONNECTION", "Content-Length", "traceparent", "Transfer-Encoding"]
)
def test_headers_that_a_probe_writes_itself_are_refused(name):
    for probe in (HttpProbe, WebSocketProbe):
        refused("headers", lambda probe=probe: probe("/x", headers=((name, "v"),)))


def test_websocket_headers_are_negotiated_by_the_probe():
    problem = refused(
        "headers", lambda: WebSocketProbe("/ws", headers=(("Sec-WebSocket-Protocol", "x"),))
    )
    assert "subprotocols" in problem.hint


@pytest.mark.parametrize("seconds", [0, -3, float("nan")])
def test_durations_are_more_than_nothing(seconds):
    refused("timeout", lambda: HttpProbe("/x", timeout_s=seconds))
    refused("open_within", lambda: WebSocketProbe("/x", open_within_s=seconds))
    refused("within", lambda: Await(PONG, within_s=seconds))


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("connections", {"connections": 0}),
        ("connections", {"connections": 10_001}),
        ("repeat", {"repeat": 0}),
        ("hold", {"hold_s": -1}),
        ("hold", {"hold_s": 86_401}),
        ("success", {"success_percent": 0}),
        ("success", {"success_percent": 101}),
        ("success", {"success_percent": float("nan")}),
        ("foreign_messages", {"foreign_messages": -1}),
        ("refused", {"refused": (401,), "script": (Send("hello"),)}),
    ],
)
def test_impossible_sessions(field, change):
    refused(field, lambda: WebSocketProbe("/ws", **change))


def test_a_step_must_ask_for_something():
    refused("expect", Await)
    assert Await(sequence=("a",)).sequence == ("a",)


def test_a_status_must_be_given():
    refused("status", lambda: HttpProbe("/x", status=()))


def test_log_patterns():
    refused("none", LogPattern)
    refused("none", lambda: LogsProbe(()))
    refused("settle", lambda: LogsProbe((LogPattern(Severity.ERROR),), settle_s=601))
    assert LogsProbe((LogPattern(text="x"),)).settle_s == 15


def test_values_can_be_hashed_also_with_documents_in_them():
    assert isinstance(hash(Probe("x", HttpProbe("/x", body={"a": [1]}))), int)
    assert isinstance(hash(WebSocketProbe("/x", script=(Send({"a": 1}), Await(PONG)))), int)


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("path", lambda: StartupProbe("/healthz")),
        ("first", lambda: StartupProbe("/", first_s=0)),
        ("warm", lambda: StartupProbe("/", warm_s=-1)),
        ("warm_requests", lambda: StartupProbe("/", warm_requests=0)),
        ("status", lambda: StartupProbe("/", status=())),
        ("for", lambda: SoakProbe("/ws", for_s=0.5)),
        ("ping_every", lambda: SoakProbe("/ws", ping_every_s=0)),
        ("open_within", lambda: SoakProbe("/ws", open_within_s=0)),
        ("server_pings", lambda: SoakProbe("/ws", server_pings=-1)),
        ("timeout", lambda: RoutesProbe(timeout_s=0)),
        ("path", lambda: RoutesProbe("openapi.json")),
        ("within", lambda: GrpcProbe(within_s=0)),
        ("timeout", lambda: PluginProbe("x", timeout_s=0)),
        ("diff", lambda: DiffProbe(*[False] * 9)),
    ],
)
def test_impossible_values_are_refused(field, make):
    refused(field, make)
