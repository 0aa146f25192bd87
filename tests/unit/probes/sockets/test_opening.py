import base64
import logging

import pytest

from gate.core.redaction import Redactor
from gate.kinds.websocket import WebSocketProbe
from gate.ports import Target
from gate.probes.inquiry import Nonces, Run
from gate.probes.outcome import CannotAskError
from gate.probes.sockets.opening import MESSAGE_MAX, Opening
from gate.probes.words import Words
from tests.fakes.clock import START, FakeClock

SECRETS = {"alice": "alice's own token?", "bob": "b.o.b"}


def run(url="http://x:8080", headers=()):
    return Run(
        Target(url, headers=headers),
        SECRETS,
        Nonces(),
        Words(Redactor(SECRETS)),
        FakeClock(),
        None,
        lambda: "context",
        START,
    )


def head(spec, user="", **where):
    one = run(**where)
    _, request = Opening(spec, one).handshake(one.values("n1", user))
    lines = request.decode().split("\r\n")
    assert lines[-2:] == ["", ""]
    return lines[0], dict(line.split(": ", 1) for line in lines[1:-2])


def test_templates_are_rendered_into_subprotocols_and_headers():
    line, headers = head(
        WebSocketProbe("/ws?x=1", ("jwt-auth", "jwt.${alice|base64url}"), (("X-Id", "${nonce}"),))
    )
    assert line == "GET /ws?x=1 HTTP/1.1"
    first, second = headers["Sec-WebSocket-Protocol"].split(", ")
    assert first == "jwt-auth"
    encoded = second.removeprefix("jwt.")
    assert (
        base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode() == SECRETS["alice"]
    )
    assert headers["X-Id"] == "n1"
    assert headers["Host"] == "x:8080"


def test_what_is_put_into_a_path_is_percent_encoded_and_shown_as_it_is_written():
    spec = WebSocketProbe("/${nonce}/ws?t=${alice}&u=${url}&l=$${")
    line, headers = head(spec)
    assert line == "GET /n1/ws?t=alice%27s%20own%20token%3F&u=http%3A%2F%2Fx%3A8080&l=${ HTTP/1.1"
    assert headers["Host"] == "x:8080"
    assert str(Opening(spec, run())) == f"GET http://x:8080{spec.path}"


def test_a_path_that_its_templates_lead_elsewhere_is_refused_without_a_word_of_them():
    one = run()
    values = {**one.values("n1"), "kept": "health"}
    with pytest.raises(CannotAskError) as caught:
        Opening(WebSocketProbe("/${kept}z"), one).handshake(values)
    assert "(/${kept}z)" in caught.value.fault.seen
    assert "healthz" not in caught.value.fault.seen


def test_a_user_named_in_the_path_is_no_bearer_as_well():
    _, headers = head(WebSocketProbe("/ws?token=${user}", users=("bob",)), user="bob")
    assert "Authorization" not in headers


def test_each_connection_has_its_own_key():
    spec = WebSocketProbe("/")
    one = run()
    opening = Opening(spec, one)
    values = one.values("n1")
    heads = {opening.handshake(values)[1] for _ in range(3)}
    assert len(heads) == 3


def test_users_are_bearers_unless_something_names_them():
    assert head(WebSocketProbe("/", users=("bob",)), "bob")[1]["Authorization"] == "Bearer b.o.b"
    named = WebSocketProbe("/", headers=(("X-User", "${user}"),), users=("bob",))
    assert "Authorization" not in head(named, "bob")[1]
    assert "Authorization" not in head(WebSocketProbe("/"))[1]


def test_tls_only_where_the_target_has_it():
    assert Opening(WebSocketProbe("/"), run("https://x")).tls == "context"
    assert Opening(WebSocketProbe("/"), run("https://x")).port == 443
    assert Opening(WebSocketProbe("/"), run("http://x")).tls is None


def test_it_shows_itself_without_secrets():
    spec = WebSocketProbe("/ws", ("jwt.${alice|base64url}",), (("X-A", "${bob}"),))
    assert str(Opening(spec, run())) == (
        "GET http://x:8080/ws; offering jwt.${alice|base64url}; X-A: ${bob}"
    )


def test_a_selected_subprotocol_is_shown_as_the_policy_writes_it():
    one = run()
    opening = Opening(WebSocketProbe("/", ("a", "jwt.${bob}")), one)
    assert opening.as_written("jwt.b.o.b", one.values("n1")) == "jwt.${bob}"
    assert opening.as_written("other", one.values("n1")) == "other"


@pytest.mark.parametrize("subprotocol", ["${alice}", "a,b", "a b", "", "jwt.x="])
def test_a_subprotocol_that_is_no_token_is_refused(subprotocol):
    one = run()
    with pytest.raises(CannotAskError) as caught:
        Opening(WebSocketProbe("/", (subprotocol,)), one).handshake(one.values("n1"))
    assert SECRETS["alice"] not in caught.value.fault.seen


@pytest.mark.parametrize("url", ["http://", "ftp://x", "http://[x", "http://x:99999999"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(CannotAskError):
        Opening(WebSocketProbe("/ws"), run(url))


def test_many_connections_share_the_memory_of_few():
    few = Opening(WebSocketProbe("/", connections=7), run())._protocol(())
    many = Opening(WebSocketProbe("/", connections=10_000), run())._protocol(())
    assert few.max_message_size == MESSAGE_MAX
    assert many.max_message_size == 65_536


def test_nothing_of_a_handshake_is_logged(caplog):
    caplog.set_level(logging.DEBUG)
    one = run()
    ws, _ = Opening(WebSocketProbe("/", ("jwt.${bob}",)), one).handshake(one.values("n1"))
    ws.receive_data(b"HTTP/1.1 403 no\r\ncontent-length: 0\r\n\r\n")
    assert caplog.records == []
