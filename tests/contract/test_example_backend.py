"""The example backend as a process, release by release, against the contract it stands for."""

import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from examples.backend.tokens import mint, subprotocol

ROOT = Path(__file__).parents[2]
DEADLINE_S = 10
REVISION = "backend-00007-abc"
TRACE = "0af7651916cd43dd8448eb211c80319c"
EVENTS = ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"]
GOOD = ["v1", "v6"]


class Running:
    """One instance of a release, as Cloud Run would run it."""

    def __init__(self, release, folder, **environment):
        self.key = secrets.token_urlsafe(32)
        self.out, self.err = folder / f"{release}.out", folder / f"{release}.err"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.base, self.ws = f"http://127.0.0.1:{self.port}", f"ws://127.0.0.1:{self.port}/ws"
        self._client = httpx.Client(base_url=self.base, timeout=DEADLINE_S, trust_env=False)
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "examples.backend"],
                cwd=ROOT, env=self._environment(release) | environment, stdout=out, stderr=err,
            )  # fmt: skip

    def _environment(self, release):
        return {
            **os.environ,
            "BACKEND_RELEASE": release,
            "JWT_SECRET_KEY": self.key,
            "PORT": str(self.port),
            "K_SERVICE": "backend",
            "K_REVISION": REVISION,
            "K_CONFIGURATION": "backend",
        }

    def listening(self):
        self.until(self._answers, "listens")
        return self

    def until(self, condition, what):
        """Waits for something that the process does; gives what the condition gives."""
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end and self.process.poll() is None:
            if found := condition():
                return found
            time.sleep(0.01)
        raise AssertionError(f"never {what}: {self.err.read_text()}")

    def _answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def token(self, user="alice"):
        return mint(user, self.key)

    def chat(self, user="alice"):
        return connect(self.ws, subprotocols=["jwt-auth", subprotocol(self.token(user))])

    def ask(self, method, path, **options):
        return self._client.request(method, path, **options)

    def get(self, path, **options):
        return self.ask("GET", path, **options)

    def logs(self):
        text = self.out.read_text() + self.err.read_text()
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def stop(self):
        self._client.close()
        self.process.kill()
        self.process.wait(DEADLINE_S)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Instances of releases that forget nothing between tests, started when first asked for."""
    started = {}

    def running(release):
        if release not in started:
            started[release] = Running(release, tmp_path_factory.mktemp("backend")).listening()
        return started[release]

    yield running
    for instance in started.values():
        instance.stop()


@pytest.fixture
def fresh(tmp_path):
    """Instances of one test alone."""
    started = []

    def running(release, **environment):
        started.append(Running(release, tmp_path, **environment))
        return started[-1]

    yield running
    for instance in started:
        instance.stop()


@pytest.fixture(params=GOOD)
def good(request, shared):
    return shared(request.param)


async def receive(websocket):
    async with asyncio.timeout(DEADLINE_S):
        return json.loads(await websocket.recv())


async def ask(websocket, **message):
    await websocket.send(json.dumps(message))
    return await receive(websocket)


async def the_end(websocket):
    """Everything until the close: the types of the frames, the code, the reason."""
    frames = []
    try:
        while True:
            frames.append(await receive(websocket))
    except ConnectionClosed as closed:
        return frames, closed.rcvd.code, closed.rcvd.reason


def is_welcome(frame):
    return frame["type"] == "system_message" and frame["data"]["event"] == "connection_established"


# --- HTTP, good releases ---

PAGES = {
    "/health": {"status": "healthy", "service": "chat-backend", "version": "1.0.0"},
    "/health/": {"status": "healthy"},
    "/health/ready": {"status": "ready", "core_db": "connected", "environment": "staging"},
    "/health/live": {"status": "healthy", "service": "chat-backend"},
    "/api/health": {"status": "healthy", "environment": "staging"},
    "/api/discovery/services": {"available": True},
    "/api/mcp/config": {},
    "/api/mcp/servers": {"status": "success"},
    "/ws/health": {"status": "healthy", "errors": [], "e2e_testing": {"auth_bypass_active": False}},
    "/ws/config": {"status": "healthy"},
}


@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers_200_with_the_revision(good, path):
    answer = good.get(path)
    assert answer.status_code == 200
    assert answer.headers["x-revision"] == REVISION
    assert answer.json().items() >= PAGES[path].items()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_health_answers_every_method_of_a_monitor(good, method):
    answer = good.ask(method, "/health")
    assert answer.status_code == 200
    assert answer.headers["api-version"] == "1.0"
    assert isinstance(good.get("/health").json()["timestamp"], float)


def test_readiness_names_each_dependency(good):
    checks = good.get("/api/health").json()["checks"]
    assert set(checks) == {"postgresql", "redis", "clickhouse"}
    assert all(check["connected"] and check["error"] is None for check in checks.values())
    assert good.get("/api/health").json()["uptime_seconds"] > 0


def test_discovery_gives_the_addresses_by_which_the_client_came(good):
    headers = {"host": "backend.example.com", "x-forwarded-proto": "https"}
    services = good.get("/api/discovery/services", headers=headers).json()["services"]
    assert set(services) == {"backend", "frontend", "auth"}
    assert services["backend"]["url"] == "https://backend.example.com"
    assert services["backend"]["ws_url"] == "wss://backend.example.com/ws"
    assert services["backend"]["api_url"] == "https://backend.example.com/api"


def test_mcp_pages_list_what_tools_need(good):
    config = good.get("/api/mcp/config").json()
    assert set(config) == {"claude", "cursor", "mcp", "http", "websocket"}
    (server,) = good.get("/api/mcp/servers").json()["data"]
    assert (server["name"], server["status"]) == ("chat-mcp", "connected")


def test_the_api_document_lists_the_pages_and_not_itself(good):
    document = good.get("/openapi.json").json()
    assert document["openapi"].startswith("3.")
    paths = document["paths"]
    assert {"/health", "/api/health", "/api/mcp/config", "/ws/config"} <= set(paths)
    assert not {"/openapi.json", "/ws", "/{path:path}"} & set(paths)
    assert set(paths["/api/agents/execute"]) == {"post"}


@pytest.mark.parametrize("path", ["/nope", "/api/nope", "/websocket", "/api/health/x", "/ws"])
def test_an_unknown_page_is_404_in_json(good, path):
    answer = good.get(path)
    assert answer.status_code == 404
    assert len(answer.content) > 10
    assert answer.json()["error"] == "not_found"
    assert answer.headers["x-revision"] == REVISION


@pytest.mark.parametrize("name", ["messages", "threads", "conversations", "chat", "agents"])
def test_users_pages_want_a_token(good, name):
    refused = good.get(f"/api/{name}")
    assert refused.status_code == 401
    assert refused.json()["error"] == "NO_TOKEN"
    headers = {"authorization": f"Bearer {good.token('bob')}"}
    assert good.get(f"/api/{name}", headers=headers).json()["user_id"] == "bob"


@pytest.mark.parametrize("name", ["admin", "users", "config", "internal"])
def test_administrators_pages_are_closed_to_everybody(good, name):
    assert good.get(f"/api/{name}").status_code == 401
    headers = {"authorization": f"Bearer {good.token()}"}
    assert good.get(f"/api/{name}", headers=headers).status_code == 403


def test_an_agent_is_not_run_for_strangers(good):
    answer = good.ask("POST", "/api/agents/execute", json={})
    assert answer.status_code == 401
    headers = {"authorization": "Bearer " + mint("alice", "x" * 32)}
    answer = good.ask("POST", "/api/agents/execute", headers=headers)
    assert answer.json()["error"] == "AUTH_FAILED"


# --- WebSocket, good releases ---


async def test_a_chat_begins_with_its_welcome(good):
    async with good.chat() as websocket:
        assert websocket.subprotocol == "jwt-auth"
        assert websocket.response.headers["x-revision"] == REVISION
        frame = await receive(websocket)
    assert is_welcome(frame)
    data = frame["data"]
    assert data["user_id"] == "alice"
    assert data["connection_ready"] is data["startup_complete"] is True
    assert data["connection_id"].startswith("ws_")
    assert data["config"] == {"heartbeat_interval": 30, "max_message_size": 8192}
    assert frame["server_id"] is frame["correlation_id"] is None


async def test_the_header_carries_a_token_too_and_then_no_subprotocol_is_chosen(good):
    headers = {"Authorization": f"Bearer {good.token('bob')}"}
    async with connect(good.ws, additional_headers=headers) as websocket:
        assert websocket.subprotocol is None
        assert (await receive(websocket))["data"]["user_id"] == "bob"


async def test_the_header_goes_before_the_subprotocol(good):
    offered = ["jwt-auth", subprotocol(good.token("alice"))]
    headers = {"Authorization": f"Bearer {good.token('bob')}"}
    async with connect(good.ws, subprotocols=offered, additional_headers=headers) as websocket:
        assert websocket.subprotocol == "jwt-auth"
        assert (await receive(websocket))["data"]["user_id"] == "bob"


async def test_a_json_ping_gets_a_json_pong_and_a_heartbeat_its_answer(good):
    async with good.chat() as websocket:
        await receive(websocket)
        pong = await ask(websocket, type="ping")
        assert (pong["type"], pong["data"]["user_id"]) == ("pong", "alice")
        assert (await ask(websocket, type="heartbeat"))["type"] == "heartbeat_ack"


TRIGGERS = [
    {"type": "message", "content": "one three"},
    {"type": "user_message", "content": "one three"},
    {"type": "chat", "content": "one three"},
    {"type": "start_agent", "payload": {"query": "one three", "user_id": "alice"}},
    {"type": "execute_agent", "payload": {"query": "one three"}},
]


@pytest.mark.parametrize("message", TRIGGERS, ids=[message["type"] for message in TRIGGERS])
async def test_every_trigger_runs_the_agent_in_five_events(good, message):
    async with good.chat() as websocket:
        await receive(websocket)
        await websocket.send(json.dumps({**message, "thread_id": "t-1"}))
        events = [await receive(websocket) for _ in EVENTS]
    assert [event["type"] for event in events] == EVENTS
    assert all(event["thread_id"] == "t-1" and event["user_id"] == "alice" for event in events)
    assert "2 words and 9 characters" in events[-1]["final_response"]
    assert "one three" not in events[-1]["final_response"]


async def strangers_end(running, **options):
    async with connect(running.ws, **options) as websocket:
        return await the_end(websocket)


@pytest.mark.parametrize(
    ("code", "offered"),
    [
        ("NO_TOKEN", lambda _: []),
        ("NO_TOKEN", lambda _: ["jwt-auth"]),
        ("NO_TOKEN", lambda _: ["jwt-auth", "jwt.bm90LWEtdG9rZW4"]),
        ("NO_TOKEN", lambda running: ["jwt", running.token()]),
        ("AUTH_FAILED", lambda _: ["jwt-auth", subprotocol("a.b.c")]),
        ("AUTH_FAILED", lambda _: ["jwt-auth", subprotocol(mint("alice", "x" * 32))]),
        ("AUTH_FAILED", lambda running: [subprotocol(mint("alice", running.key, lifetime_s=-9))]),
        ("AUTH_FAILED", lambda running: [subprotocol(mint("mallory", running.key))]),
    ],
)
async def test_strangers_get_an_error_frame_and_1008(good, code, offered):
    frames, *end = await strangers_end(good, subprotocols=offered(good) or None)
    assert [(frame["type"], frame["error_code"]) for frame in frames] == [("error_message", code)]
    assert end == [1008, "SSOT Auth failed"]


async def test_a_websocket_elsewhere_is_refused_at_the_handshake(good):
    with pytest.raises(InvalidStatus) as caught:
        async with connect(good.ws + "/test"):
            pass
    assert caught.value.response.status_code == 404
    assert caught.value.response.headers["x-revision"] == REVISION
    assert json.loads(caught.value.response.body)["error"] == "not_found"


async def conversation(running, user, nonce):
    """The whole of a chat, and its own nonce in every event."""
    async with running.chat(user) as websocket:
        assert is_welcome(await receive(websocket))
        await websocket.send(json.dumps({"type": "message", "content": "x", "thread_id": nonce}))
        return [(await receive(websocket))["thread_id"] for _ in EVENTS]


async def test_many_chats_of_both_users_at_once_keep_apart(good):
    nonces = [f"{user}-{n}" for user in ("alice", "bob") for n in range(10)]
    found = await asyncio.gather(
        *(conversation(good, nonce.partition("-")[0], nonce) for nonce in nonces)
    )
    assert found == [[nonce] * len(EVENTS) for nonce in nonces]


async def open_together(running, count, stack):
    frames = []
    for _ in range(count):
        websocket = await stack.enter_async_context(running.chat())
        frames.append((await receive(websocket), websocket))
    return frames


async def test_seven_open_chats_of_one_user_are_no_trouble(good):
    async with AsyncExitStack() as stack:
        opened = await open_together(good, 7, stack)
        assert all(is_welcome(frame) for frame, _ in opened)
        assert good.get("/ws/health").json()["metrics"]["websocket"]["active_connections"] >= 7


async def test_chats_one_after_the_other_leave_nothing_behind(good):
    for _ in range(25):
        async with good.chat("bob") as websocket:
            assert is_welcome(await receive(websocket))


async def test_what_cannot_be_routed_is_answered_and_the_fifth_time_ends_it(good):
    async with good.chat() as websocket:
        await receive(websocket)
        for junk in ("not json", "[]", '{"type": "dance"}', b"\xff", "[" * 5000):
            await websocket.send(junk)
        frames, code, _ = await the_end(websocket)
    assert [frame["error_code"] for frame in frames] == ["FORMAT_ERROR"] * 5
    assert code == 1008


async def test_an_oversize_message_is_passed_over_and_an_empty_one_is_not(good):
    async with good.chat() as websocket:
        await receive(websocket)
        await websocket.send(json.dumps({"type": "message", "content": "x" * 9000}))
        assert (await ask(websocket, type="message"))["error_code"] == "FORMAT_ERROR"
        assert (await ask(websocket, type="ping"))["type"] == "pong"


async def test_too_many_messages_in_a_minute_are_refused(good):
    async with good.chat() as websocket:
        await receive(websocket)
        answers = [await ask(websocket, type="ping") for _ in range(101)]
    assert [answer["type"] for answer in answers[:100]] == ["pong"] * 100
    assert answers[100]["error_code"] == "RATE_LIMITED"


# --- how it runs ---


async def test_a_chat_is_sent_json_pings_and_one_that_never_answers_is_closed(fresh):
    running = fresh("v1", BACKEND_HEARTBEAT_S="0.1").listening()
    async with running.chat() as websocket:
        await receive(websocket)
        pings = [await receive(websocket) for _ in range(3)]
        _, *end = await the_end(websocket)
    assert [frame["type"] for frame in pings] == ["ping"] * 3
    assert end == [1001, "Heartbeat timeout"]


async def test_a_chat_that_answers_the_pings_goes_on(fresh):
    running = fresh("v1", BACKEND_HEARTBEAT_S="0.1").listening()
    async with running.chat() as websocket:
        await receive(websocket)
        for _ in range(12):
            assert (await receive(websocket))["type"] == "ping"
            await websocket.send('{"type": "pong"}')


async def test_sigterm_ends_it_also_with_open_chats(fresh):
    running = fresh("v1").listening()
    async with running.chat() as websocket:
        await receive(websocket)
        running.process.send_signal(signal.SIGTERM)
        _, code, _ = await the_end(websocket)
    assert code == 1012
    assert running.process.wait(DEADLINE_S) in {0, -signal.SIGTERM}


async def test_logs_are_json_with_severity_and_hold_no_token(fresh):
    running = fresh("v1").listening()
    tokens = [running.token(), running.token("bob"), mint("alice", "x" * 32)]
    for token in tokens:
        headers = {"authorization": f"Bearer {token}"}
        running.get(f"/api/messages?token={token}", headers=headers)
        async with connect(f"{running.ws}?token={token}", additional_headers=headers) as websocket:
            await receive(websocket)
    with pytest.raises(InvalidStatus):
        async with connect(f"{running.ws}/test?token={tokens[0]}"):
            pass
    running.process.terminate()
    running.process.wait(DEADLINE_S)
    text = running.out.read_text() + running.err.read_text()
    assert all(json.loads(line)["severity"] for line in text.splitlines())
    assert not [line for line in running.logs() if line["severity"] == "ERROR"]
    assert len([line for line in running.logs() if line["message"] == "chat opened"]) == 2
    assert not [secret for secret in [*tokens, running.key] if secret in text]


# --- v2: three defects ---


def test_v2_redirects_readiness_to_a_slash_without_tls(shared):
    answer = shared("v2").get("/api/health", headers={"x-forwarded-proto": "https"})
    assert answer.status_code == 307
    assert answer.headers["location"] == f"{shared('v2').base}/api/health/"
    assert answer.headers["location"].startswith("http://")
    assert answer.headers["x-revision"] == REVISION
    assert shared("v2").get("/api/health/").status_code == 200


def test_v2_fails_at_discovery_and_says_so_in_its_log(shared):
    headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    answer = shared("v2").get("/api/discovery/services", headers=headers)
    assert answer.status_code == 500
    assert answer.json()["error"] == "internal_error"
    assert answer.headers["x-revision"] == REVISION
    (line,) = shared("v2").until(
        lambda: [x for x in shared("v2").logs() if x.get("logging.googleapis.com/trace") == TRACE],
        "logs the error",
    )
    assert line["severity"] == "ERROR"
    assert "service-registry" in line["stack_trace"]


async def test_v2_closes_the_sixth_open_chat_of_one_user_after_an_error_frame(fresh):
    running = fresh("v2").listening()
    async with AsyncExitStack() as stack:
        opened = await open_together(running, 7, stack)
        assert [is_welcome(frame) for frame, _ in opened] == [True] * 5 + [False] * 2
        for frame, websocket in opened[5:]:
            assert frame["type"] == "error_message"
            assert frame["error_code"] == "FACTORY_INIT_FAILED"
            assert await the_end(websocket) == ([], 1011, "Factory SSOT validation failed")
        async with running.chat("bob") as websocket:
            assert is_welcome(await receive(websocket))
    errors = [line["message"] for line in running.logs() if line["severity"] == "ERROR"]
    assert len(errors) == 2
    assert all("SSOT validation failed" in message for message in errors)


async def test_v2_releases_what_was_closed_so_one_at_a_time_never_fails(fresh):
    running = fresh("v2").listening()
    for _ in range(25):
        async with running.chat() as websocket:
            assert is_welcome(await receive(websocket))


# --- v3: cannot boot ---


def test_v3_ends_with_1_and_an_error_that_says_why(fresh):
    running = fresh("v3")
    assert running.process.wait(DEADLINE_S) == 1
    (line,) = running.logs()
    assert line["severity"] == "ERROR"
    assert "K_INSTANCE_ATTESTATION" in line["message"]
    text = running.err.read_text()
    assert "Traceback (most recent call last):" in text
    assert text.rstrip().splitlines()[-1].startswith("examples.backend.startup.StartupError: ")


# --- v4: the limit is higher, and leaks ---


@pytest.mark.parametrize("path", ["/api/health", "/api/discovery/services"])
def test_v4_repaired_the_pages(shared, path):
    assert shared("v4").get(path).status_code == 200


async def test_v4_takes_seven_at_once(fresh):
    running = fresh("v4").listening()
    async with AsyncExitStack() as stack:
        opened = await open_together(running, 7, stack)
        assert all(is_welcome(frame) for frame, _ in opened)


async def test_v4_fails_from_the_21st_chat_of_one_user_on(fresh):
    running = fresh("v4").listening()
    welcomed = []
    for _ in range(25):
        async with running.chat() as websocket:
            frame = await receive(websocket)
            welcomed.append(is_welcome(frame))
            if not is_welcome(frame):
                assert frame["error_code"] == "FACTORY_INIT_FAILED"
                assert (await the_end(websocket))[1] == 1011
    assert welcomed == [True] * 20 + [False] * 5
    async with running.chat("bob") as websocket:
        assert is_welcome(await receive(websocket))


# --- v5: another welcome ---


async def test_v5_welcomes_in_another_wrapper_and_is_sound_otherwise(shared):
    running = shared("v5")
    async with running.chat() as websocket:
        frame = await receive(websocket)
        assert frame["type"] == "connection_established"
        assert frame["mode"] == "main"
        assert frame["connection_id"].startswith("main_")
        assert frame["golden_path_events"] == EVENTS
        assert "data" not in frame
        assert (await ask(websocket, type="ping"))["type"] == "pong"
    assert all(running.get(path).status_code == 200 for path in PAGES)
    async with AsyncExitStack() as stack:
        opened = await open_together(running, 7, stack)
        assert {frame["type"] for frame, _ in opened} == {"connection_established"}


# --- tokens, as a person makes them ---


def tokens_command(*arguments, key):
    return subprocess.run(
        [sys.executable, "-m", "examples.backend.tokens", *arguments],
        cwd=ROOT, env={**os.environ, "JWT_SECRET_KEY": key}, capture_output=True, text=True,
        timeout=DEADLINE_S, check=False,
    )  # fmt: skip


async def test_a_printed_token_opens_a_chat(good):
    made = tokens_command("bob", key=good.key)
    assert (made.returncode, made.stderr) == (0, "")
    headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
    async with connect(good.ws, additional_headers=headers) as websocket:
        assert (await receive(websocket))["data"]["user_id"] == "bob"


def test_no_token_is_printed_without_a_key_or_for_a_stranger():
    assert tokens_command("alice", key="").returncode == 2
    assert tokens_command("mallory", key="k" * 32).returncode == 2
