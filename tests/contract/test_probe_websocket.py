"""The websocket probe against a real server: scripts, crowds, refusals, closes."""

import asyncio
import contextlib
import http
import json
import ssl
import subprocess
from dataclasses import replace

import pytest
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed
from websockets.server import ServerProtocol

from gate.core.evidence import Outcome, Symptom
from gate.core.expectations import Pattern, Schema
from gate.kinds.websocket import Await, Send, WebSocketProbe
from gate.probes.websocket.probe import HANDSHAKES_MAX
from tests.contract.probe_servers import SECRETS, TOKEN, ask, tcp

WELCOME = {"type": "system_message", "data": {"event": "connection_established"}}
PONG = Await(Pattern(json={"type": "pong"}), within_s=2)
TALK = (Await(Pattern(json=WELCOME), within_s=2), Send({"type": "ping", "id": "${nonce}"}), PONG)
ALICE = ("jwt-auth", "jwt.${alice|base64url}")


class Chat:
    """A small chat server; behaviours are switched on by arguments.

    Attributes:
        most: most connections that were open at once.
        heads: the headers of every handshake.
    """

    def __init__(self, script=None, select=None, refuse=None):
        self.script = script or self.talk
        self.select = select
        self.refuse = refuse
        self.open = self.most = self.total = 0
        self.heads = []
        self.sockets = set()
        self.closes = []
        self.empty = asyncio.Event()

    @contextlib.asynccontextmanager
    async def serving(self, **options):
        def first(connection, offered):
            return offered[0] if offered else None

        async with serve(
            self.session,
            "127.0.0.1",
            0,
            select_subprotocol=self.select or first,
            process_request=self.request,
            **options,
        ) as server:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"

    def request(self, connection, request):
        self.heads.append(dict(request.headers.raw_items()))
        return self.refuse(connection, request) if self.refuse else None

    async def session(self, ws):
        self.open += 1
        self.total += 1
        self.most = max(self.most, self.open)
        ws.number = self.total
        self.sockets.add(ws)
        self.empty.clear()
        try:
            await self.script(self, ws)
        except ConnectionClosed:
            pass
        finally:
            self.open -= 1
            self.sockets.discard(ws)
            self.closes.append(ws.close_code)
            if not self.open:
                self.empty.set()

    @staticmethod
    async def talk(chat, ws):
        await ws.send(json.dumps(WELCOME))
        async for text in ws:
            if json.loads(text)["type"] == "ping":
                await ws.send('{"type":"pong"}')


def only(evidence, symptom):
    assert [finding.symptom for finding in evidence.findings] == [symptom], evidence
    return evidence.findings[0]


async def test_a_session_that_goes_as_the_script_says_is_a_pass():
    chat = Chat()
    spec = WebSocketProbe("/ws?a=1", ALICE, script=TALK, close_code=1000, subprotocol="jwt-auth")
    async with chat.serving() as place:
        evidence = await ask(
            spec, place, headers=(("X-Serverless-Authorization", "Bearer idtoken99"),)
        )
    assert evidence.passed, evidence
    assert evidence.seen == "as expected"
    assert evidence.asked == "WebSocket /ws?a=1"
    head = chat.heads[0]
    assert head["Sec-WebSocket-Protocol"].startswith("jwt-auth, jwt.")
    assert "=" not in head["Sec-WebSocket-Protocol"]
    assert head["X-Serverless-Authorization"] == "Bearer idtoken99"
    assert head["traceparent"].split("-")[1] == evidence.trace
    assert head["User-Agent"].startswith("gate/")
    assert "Sec-WebSocket-Extensions" not in head
    assert chat.closes == [1000]
    shown = "\n".join(evidence.excerpts)
    assert "offering jwt-auth, jwt.${alice|base64url}" in shown
    assert '> {"type":"ping"' in shown
    assert "close 1000" in shown
    assert TOKEN not in repr(evidence)
    assert head["Sec-WebSocket-Protocol"].split("jwt.")[-1] not in repr(evidence)


async def test_a_script_may_send_plain_text_and_await_it():
    async def echo(chat, ws):
        async for message in ws:
            await ws.send(message)

    spec = WebSocketProbe(
        "/", script=(Send("hello ${nonce}"), Await(Pattern(json="hello ${nonce}")))
    )
    async with Chat(echo).serving() as place:
        assert (await ask(spec, place)).passed


async def test_connections_are_all_open_before_the_first_one_closes():
    chat = Chat()
    spec = WebSocketProbe("/ws", ALICE, connections=7, script=TALK, close_code=1000)
    async with chat.serving() as place:
        evidence = await ask(spec, place)
    assert evidence.passed
    assert chat.most == 7
    assert (evidence.asked_times, evidence.right_times) == (7, 7)


async def test_no_script_begins_before_the_last_handshake_has_ended():
    arrived = []
    waiting = asyncio.Event()

    async def slow_third(connection, request):
        arrived.append(request)
        if len(arrived) == 3:
            await asyncio.wait_for(waiting.wait(), 5)

    async def talk(chat, ws):
        async for _ in ws:
            assert waiting.is_set()
            await ws.send('{"type":"pong"}')

    chat = Chat(talk, refuse=slow_third)
    asyncio.get_running_loop().call_later(0.2, waiting.set)
    async with chat.serving() as place:
        evidence = await ask(WebSocketProbe("/", connections=3, script=(Send("hi"), PONG)), place)
    assert evidence.passed, evidence


async def test_rounds_come_one_after_the_other_with_new_connections():
    chat = Chat()
    seen = []
    spec = WebSocketProbe("/ws", connections=2, repeat=5, script=TALK)
    async with chat.serving() as place:
        evidence = await ask(spec, place, progress=seen.append)
    assert evidence.passed
    assert (chat.total, chat.most) == (10, 2)
    assert evidence.asked_times == 10
    assert any(one.text.startswith("round 5 of 5") for one in seen)
    assert seen[-1].evidence is evidence


async def test_users_take_turns_and_come_as_bearers_unless_the_policy_says_how():
    chat = Chat()
    async with chat.serving() as place:
        await ask(WebSocketProbe("/", users=("alice", "bob"), connections=3), place)
        await ask(WebSocketProbe("/", ("t.${user|base64url}",), users=("bob",)), place)
    said = sorted(head["Authorization"] for head in chat.heads[:3])
    assert said == sorted(f"Bearer {SECRETS[name]}" for name in ("alice", "bob", "alice"))
    assert "Authorization" not in chat.heads[3]
    assert chat.heads[3]["Sec-WebSocket-Protocol"].startswith("t.")


async def test_the_sixth_connection_of_a_user_closed_after_an_error_frame_is_counted():
    async def limited(chat, ws):
        if chat.open > 5:
            error = {"type": "error_message", "error_code": "FACTORY_INIT_FAILED", "ts": ws.number}
            await ws.send(json.dumps(error))
            await ws.close(1011, "Factory SSOT validation failed")
        await Chat.talk(chat, ws)

    spec = WebSocketProbe("/ws", ALICE, connections=7, script=TALK, close_code=1000)
    async with Chat(limited).serving() as place:
        evidence = await ask(spec, place)
    finding = only(evidence, Symptom.CLOSED)
    assert evidence.outcome is Outcome.FAILED
    assert finding.seen.startswith(
        '1011 "Factory SSOT validation failed" after an error frame (FACTORY_INIT_FAILED)'
    )
    assert finding.expected == "close 1000"
    assert finding.count == 2
    assert (evidence.asked_times, evidence.right_times) == (7, 5)
    assert evidence.seen.startswith("5 of 7 sessions right")
    assert any("FACTORY_INIT_FAILED" in line for line in evidence.excerpts)


async def test_a_share_of_the_sessions_may_be_asked_for():
    async def seventh(chat, ws):
        if ws.number == 7:
            await ws.close(1011)
        await Chat.talk(chat, ws)

    for percent, outcome in ((85, Outcome.PASSED), (86, Outcome.FAILED)):
        spec = WebSocketProbe("/", connections=7, script=TALK, success_percent=percent)
        async with Chat(seventh).serving() as place:
            evidence = await ask(spec, place)
        assert evidence.outcome is outcome
        assert evidence.right_times == 6
        assert bool(evidence.findings) is (outcome is Outcome.FAILED)
        assert "1011" in evidence.seen


async def test_a_close_while_held_open_is_a_failure():
    async def leave(chat, ws):
        await ws.send(json.dumps(WELCOME))
        await asyncio.sleep(0.1)
        await ws.close(1001, "bye")

    spec = WebSocketProbe("/", script=TALK[:1], hold_s=60)
    async with Chat(leave).serving() as place:
        evidence = await ask(spec, place)
    finding = only(evidence, Symptom.CLOSED)
    assert finding.seen == '1001 "bye" while it was held open'
    assert evidence.duration_s < 30


async def test_json_and_protocol_pings_are_answered_while_waiting_and_while_holding():
    pongs = []

    async def pinging(chat, ws):
        for _ in range(3):
            await ws.send('{"type":"ping"}')
            pongs.append(json.loads(await asyncio.wait_for(ws.recv(), 2)))
            await asyncio.wait_for(await ws.ping(), 2)
        await ws.send('{"type":"done"}')
        await ws.send('{"type":"ping"}')
        pongs.append(json.loads(await asyncio.wait_for(ws.recv(), 2)))
        await ws.wait_closed()

    spec = WebSocketProbe("/", script=(Await(Pattern(json={"type": "done"})),), hold_s=0.3)
    async with Chat(pinging).serving() as place:
        evidence = await ask(spec, place)
    assert evidence.passed, evidence
    assert pongs == [{"type": "pong"}] * 4


async def test_a_json_ping_may_be_awaited_and_is_answered_all_the_same():
    answered = asyncio.Event()

    async def pinging(chat, ws):
        await ws.send('{"type":"ping"}')
        assert json.loads(await ws.recv()) == {"type": "pong"}
        answered.set()
        await ws.wait_closed()

    spec = WebSocketProbe("/", script=(Await(Pattern(json={"type": "ping"})),))
    async with Chat(pinging).serving() as place:
        assert (await ask(spec, place)).passed
    assert answered.is_set()


EVENTS = ("agent_started", "agent_thinking", "agent_completed")
AGENT = Await(
    Pattern(json={"final_response": "42"}),
    sequence=EVENTS,
    where=(("thread_id", "${nonce}"),),
    never=Pattern(json={"fallback": True}),
    within_s=20,
)


def agent(*events, thread=None, **more):
    """A server that answers a message with these events, the last of them with `more`."""

    async def script(chat, ws):
        asked = json.loads(await ws.recv())
        for event in events:
            extra = more if event == events[-1] else {}
            own = thread or asked["thread_id"]
            await ws.send(json.dumps({"type": event, "thread_id": own, **extra}))
        await ws.wait_closed()

    return script


async def run_agent(script, asked=AGENT):
    spec = WebSocketProbe("/", script=(Send({"type": "message", "thread_id": "${nonce}"}), asked))
    async with Chat(script).serving() as place:
        return await ask(spec, place)


async def test_a_whole_sequence_passes_with_other_messages_in_between():
    script = agent("hello", *EVENTS[:2], "agent_thinking", "chunk", EVENTS[2], final_response="42")
    assert (await run_agent(script)).passed


async def test_a_sequence_that_stops_says_where():
    evidence = await run_agent(agent(*EVENTS[:2]), replace(AGENT, within_s=1))
    finding = only(evidence, Symptom.SEQUENCE)
    assert finding.seen == "agent_started → agent_thinking, then nothing more within 1 s"
    assert finding.expected.startswith("agent_completed next in")


async def test_a_sequence_out_of_order_fails_before_its_time_is_up():
    evidence = await run_agent(agent("agent_started", "agent_completed"))
    assert only(evidence, Symptom.SEQUENCE).seen == "agent_completed after agent_started"
    assert evidence.duration_s < AGENT.within_s


async def test_messages_of_another_thread_do_not_count():
    evidence = await run_agent(
        agent(*EVENTS, thread="another", final_response="42"), replace(AGENT, within_s=1)
    )
    only(evidence, Symptom.TIMEOUT)


async def test_the_last_of_a_sequence_must_match():
    finding = only(await run_agent(agent(*EVENTS, final_response="41")), Symptom.BODY)
    assert finding.seen == 'agent_completed with /final_response = "41"'
    assert finding.expected == '/final_response = "42"'


async def test_a_forbidden_message_fails_the_step():
    evidence = await run_agent(agent(*EVENTS, final_response="42", fallback=True))
    finding = only(evidence, Symptom.FORBIDDEN)
    assert "${nonce}" in finding.seen
    assert finding.expected == 'no message with {"fallback":true}'


async def test_a_welcome_in_another_wrapper_is_a_matter_of_its_schema():
    schema = Schema("schemas/welcome.json", {"required": ["data"]})

    async def flat(chat, ws):
        await ws.send('{"type":"ping"}')
        await ws.send('{"type":"connection_established","mode":"main"}')
        await ws.wait_closed()

    spec = WebSocketProbe("/", script=(Await(Pattern(schema=schema), within_s=0.3),))
    async with Chat(flat).serving() as place:
        finding = only(await ask(spec, place), Symptom.SCHEMA)
    assert finding.seen == "the answer: 'data' is a required property (only message in 0.3 s)"
    assert finding.expected == "schemas/welcome.json"


async def test_a_mute_server_is_a_timeout():
    async def mute(chat, ws):
        await ws.wait_closed()

    spec = WebSocketProbe("/", script=(Await(Pattern(json={"type": "pong"}), within_s=0.2),))
    async with Chat(mute).serving() as place:
        finding = only(await ask(spec, place), Symptom.TIMEOUT)
    assert finding.seen == "no message within 0.2 s"
    assert finding.expected == '{"type":"pong"}'


# Isolation.


async def test_a_message_with_another_connections_nonce_is_foreign_even_in_later_rounds():
    heard = []

    async def gossip(chat, ws):
        async for text in ws:
            heard.append(json.loads(text)["text"])
            for other in list(chat.sockets):
                if other is not ws:
                    await other.send(json.dumps({"type": "news", "text": text}))
            if len(heard) == 3:  # a later connection of the same run hears of the first
                await ws.send(json.dumps({"type": "news", "text": heard[0]}))
            await ws.send('{"type":"pong"}')

    talk = (Send({"type": "say", "text": "${nonce}"}), PONG)
    spec = WebSocketProbe(
        "/", users=("alice", "bob"), connections=2, repeat=2, script=talk, hold_s=0.1
    )
    async with Chat(gossip).serving() as place:
        evidence = await ask(spec, place)
    finding = only(evidence, Symptom.FOREIGN)
    assert evidence.outcome is Outcome.FAILED
    assert finding.count == 5
    assert evidence.right_times == 0
    assert len(set(heard)) == 4
    async with Chat(gossip).serving() as place:
        tolerant = WebSocketProbe("/", connections=2, script=talk, foreign_messages=9, hold_s=0.1)
        assert (await ask(tolerant, place)).passed


async def test_a_foreign_message_is_nobodys_answer():
    async def crossed(chat, ws):
        async for text in ws:
            for other in list(chat.sockets):
                if other is not ws:
                    await other.send(json.dumps({"type": "pong", "to": text}))

    talk = (Send("${nonce}"), Await(Pattern(json={"type": "pong"}), within_s=0.3))
    spec = WebSocketProbe("/", connections=2, script=talk, foreign_messages=5)
    async with Chat(crossed).serving() as place:
        evidence = await ask(spec, place)
    assert only(evidence, Symptom.TIMEOUT).count == 2


# Refusals.


def refusing(status, body="no\n", headers=()):
    def refuse(connection, request):
        response = connection.respond(http.HTTPStatus(status), body)
        for name, value in headers:
            response.headers[name] = value
        return response

    return refuse


async def test_a_refused_handshake_names_its_status_and_quotes_the_body():
    async with Chat(refuse=refusing(403, "Not authenticated")).serving() as place:
        evidence = await ask(WebSocketProbe("/ws", connections=3), place)
    finding = only(evidence, Symptom.REFUSED)
    assert finding.seen == "403 Forbidden, Not authenticated"
    assert finding.count == 3
    assert evidence.outcome is Outcome.FAILED


async def test_a_redirected_handshake_says_what_the_location_means():
    refuse = refusing(307, headers=[("Location", "/ws/")])
    async with Chat(refuse=refuse).serving() as place:
        finding = only(await ask(WebSocketProbe("/ws"), place), Symptom.REDIRECT)
    assert "a slash is added" in finding.seen


@pytest.mark.parametrize("status", [401, 403])
async def test_strangers_may_be_refused_at_the_handshake(status):
    async with Chat(refuse=refusing(status)).serving() as place:
        spec = WebSocketProbe("/ws", ("jwt-auth",), connections=2, refused=(401, 403, 1008))
        evidence = await ask(spec, place)
    assert evidence.passed, evidence
    assert evidence.right_times == 2
    assert evidence.expected == "all 2 sessions refused with 401 or 403 or 1008"
    assert evidence.seen == f"2 of 2 sessions right: refused with {status} (2)"


async def test_strangers_may_be_refused_after_the_handshake():
    async def refuse(chat, ws):
        await ws.send('{"type":"error_message","error_code":"AUTH_FAILED"}')
        await asyncio.sleep(0.1)
        await ws.close(1008, "SSOT Auth failed")

    async with Chat(refuse).serving() as place:
        evidence = await ask(WebSocketProbe("/ws", refused=(401, 403, 1008)), place)
    assert evidence.passed
    assert evidence.seen == "refused with 1008"


async def test_a_stranger_who_is_let_in_is_a_failure():
    async with Chat().serving() as place:
        spec = WebSocketProbe("/ws", refused=(401, 403, 1008), open_within_s=0.3)
        evidence = await ask(spec, place)
    finding = only(evidence, Symptom.NOT_REFUSED)
    assert finding.expected == "refused with 401 or 403 or 1008"
    assert evidence.outcome is Outcome.FAILED


async def test_strangers_refused_in_another_way_are_a_failure():
    async def crash(chat, ws):
        await ws.close(1011, "Internal error")

    async with Chat(refuse=refusing(500)).serving() as place:
        only(await ask(WebSocketProbe("/ws", refused=(401, 1008)), place), Symptom.REFUSED)
    async with Chat(crash).serving() as place:
        only(await ask(WebSocketProbe("/ws", refused=(401, 1008)), place), Symptom.CLOSED)


async def test_the_front_ends_own_refusal_is_not_the_apps():
    page = "<html><title>403 Forbidden</title>Your client does not have permission to get URL"
    async with Chat(refuse=refusing(403, page)).serving() as place:
        evidence = await ask(WebSocketProbe("/ws", refused=(401, 403)), place)
    only(evidence, Symptom.PLATFORM)
    assert evidence.outcome is Outcome.INCONCLUSIVE


async def test_without_an_instance_the_handshake_is_tried_again():
    count = 0

    def busy_at_first(connection, request):
        nonlocal count
        count += 1
        if count < 3:
            text = "The request was aborted because there was no available instance."
            return connection.respond(http.HTTPStatus(429), text)
        return None

    async with Chat(refuse=busy_at_first).serving() as place:
        evidence = await ask(WebSocketProbe("/ws", script=TALK, open_within_s=8), place)
    assert evidence.passed, evidence
    assert count == 3


async def test_an_address_that_the_front_end_does_not_know_yet_is_waited_for():
    count = 0

    def unknown_at_first(connection, request):
        nonlocal count
        count += 1
        page = "<title>Error 404 (Not Found)!!1</title>"
        return connection.respond(http.HTTPStatus(404), page) if count < 4 else None

    async with Chat(refuse=unknown_at_first).serving() as place:
        evidence = await ask(WebSocketProbe("/ws", connections=2, script=TALK), place)
    assert evidence.passed, evidence
    assert count == 5


async def test_a_stranger_is_not_refused_by_the_front_ends_404():
    page = (
        "<title>404 Page not found</title><h1>Error: Page not found</h1>"
        "<h2>The requested URL was not found on this server.</h2>"
    )

    def unknown(connection, request):
        return connection.respond(http.HTTPStatus(404), page)

    async with Chat(refuse=unknown).serving() as place:
        evidence = await ask(WebSocketProbe("/ws", refused=(404,)), place)
    only(evidence, Symptom.PLATFORM)
    assert evidence.outcome is Outcome.INCONCLUSIVE


# Subprotocols and closes.


async def test_the_selected_subprotocol_must_be_the_expected_one():
    async with Chat(select=lambda connection, offered: offered[1]).serving() as place:
        spec = WebSocketProbe("/", ALICE, subprotocol="jwt-auth")
        evidence = await ask(spec, place)
    finding = only(evidence, Symptom.SUBPROTOCOL)
    assert (finding.seen, finding.expected) == ("jwt.${alice|base64url}", "jwt-auth")
    async with Chat(select=lambda connection, offered: None).serving() as place:
        finding = only(await ask(spec, place), Symptom.SUBPROTOCOL)
    assert finding.seen == "none selected"


async def test_a_subprotocol_that_was_not_offered_is_the_servers_fault():
    async with Chat(select=lambda connection, offered: "v9").serving() as place:
        evidence = await ask(WebSocketProbe("/", ("v1",)), place)
    assert "v9" in only(evidence, Symptom.SUBPROTOCOL).seen
    assert evidence.outcome is Outcome.FAILED


async def test_a_subprotocol_although_none_was_offered_is_ours():
    async with Chat(select=lambda connection, offered: "jwt-auth").serving() as place:
        evidence = await ask(WebSocketProbe("/"), place)
    finding = only(evidence, Symptom.CLIENT)
    assert "offers no subprotocol" in finding.seen
    assert evidence.outcome is Outcome.INCONCLUSIVE


async def test_a_secret_that_is_no_token_is_our_own_fault():
    async with Chat().serving() as place:
        evidence = await ask(WebSocketProbe("/", ("jwt.${alice}==",)), place)
    assert only(evidence, Symptom.CLIENT).seen == "a subprotocol that is no token: jwt.${alice}=="
    assert TOKEN not in repr(evidence)


async def test_a_server_that_never_closes_is_a_failure_only_where_the_close_matters():
    async def deaf(reader, writer):
        protocol = ServerProtocol()
        protocol.receive_data(await reader.readuntil(b"\r\n\r\n"))
        (request,) = protocol.events_received()
        protocol.send_response(protocol.accept(request))
        writer.writelines(protocol.data_to_send())
        await asyncio.Event().wait()

    async with tcp(deaf) as place:
        strict = await ask(WebSocketProbe("/", close_code=1000), place)
        loose = await ask(WebSocketProbe("/"), place)
    assert only(strict, Symptom.TIMEOUT).seen == "no close frame within 5 s of ours"
    assert loose.passed


async def test_another_close_code_than_expected_is_a_failure():
    async with Chat().serving() as place:
        evidence = await ask(WebSocketProbe("/", close_code=4000), place)
    finding = only(evidence, Symptom.CLOSED)
    assert (finding.seen, finding.expected) == ("1000 after our close", "close 4000")


# Bounds, cancellation, TLS.


async def test_what_cannot_pass_any_more_and_never_goes_right_ends_early():
    async with Chat(refuse=refusing(500)).serving() as place:
        evidence = await ask(WebSocketProbe("/", repeat=1000), place)
    assert evidence.asked_times == 3
    assert evidence.outcome is Outcome.FAILED
    assert "997 more not tried" in evidence.seen


async def test_nobody_listening_is_inconclusive():
    async with Chat().serving() as place:
        pass
    evidence = await ask(WebSocketProbe("/", connections=3), place)
    assert only(evidence, Symptom.CONNECT).count == 3
    assert evidence.outcome is Outcome.INCONCLUSIVE


async def test_a_crowd_is_opened_in_bounded_steps_and_all_are_held_together():
    shaking = most = 0

    async def slowly(connection, request):
        nonlocal shaking, most
        shaking += 1
        most = max(most, shaking)
        await asyncio.sleep(0.02)
        shaking -= 1

    chat = Chat(refuse=slowly)
    spec = WebSocketProbe("/", connections=450, script=TALK, open_within_s=30)
    async with chat.serving(compression=None) as place:
        evidence = await ask(spec, place)
    assert evidence.passed, evidence
    assert chat.most == 450
    assert 1 < most <= HANDSHAKES_MAX


async def test_cancelling_closes_every_connection():
    chat = Chat()
    spec = WebSocketProbe("/", connections=5, hold_s=600, script=TALK)
    holding = asyncio.Event()

    def progress(one):
        if one.text.startswith("holding"):
            holding.set()

    async with chat.serving() as place:
        task = asyncio.create_task(ask(spec, place, progress=progress))
        await asyncio.wait_for(holding.wait(), 5)
        assert chat.open == 5
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(chat.empty.wait(), 5)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 "
        f"-keyout {folder}/key.pem -out {folder}/cert.pem"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    return folder


async def test_over_tls_one_context_serves_all_and_an_unknown_certificate_is_inconclusive(
    certificate,
):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    trusting = ssl.create_default_context(cafile=certificate / "cert.pem")
    chat = Chat()
    spec = WebSocketProbe("/", connections=5, script=TALK, close_code=1000)
    async with chat.serving(ssl=server) as place:
        evidence = await ask(spec, place, scheme="https", tls=trusting)
        assert evidence.passed, evidence
        stranger = await ask(spec, place, scheme="https")
    only(stranger, Symptom.CONNECT)
    assert stranger.outcome is Outcome.INCONCLUSIVE
    assert "certificate" in stranger.findings[0].seen.lower()


async def test_a_path_may_hold_the_nonce_of_its_connection_and_its_users_secret():
    async def echo(chat, ws):
        async for text in ws:
            await ws.send(json.dumps({"path": ws.request.path, "said": text}))

    spec = WebSocketProbe(
        "/chat?room=${nonce}&token=${user}",
        users=("alice", "bob"),
        connections=2,
        script=(Send("${nonce}"), Await(Pattern({"said": "${nonce}"}), within_s=5)),
    )
    chat = Chat(echo)
    paths = []
    chat.refuse = lambda _, request: paths.append(request.path)
    async with chat.serving() as place:
        evidence = await ask(spec, place)
    assert evidence.passed, evidence
    rooms = {path.split("&")[0] for path in paths}
    assert len(rooms) == 2
    assert {path.partition("token=")[2] for path in paths} == {*SECRETS.values()}
    assert evidence.asked.startswith("WebSocket /chat?room=${nonce}&token=${user}, 2 connections")
    assert not any(secret in repr(evidence) for secret in SECRETS.values())
