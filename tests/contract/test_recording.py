"""Recording stable, from real sockets to a policy that passes there."""

import asyncio
import json

import pytest

from gate.core.evidence import Outcome
from gate.core.policy import IdentityRule, ServiceName
from gate.core.recording import Asked, Form, Heard, Page, Recording, Sample, Socket
from gate.core.redaction import Redactor
from gate.drafting.draft import draft
from gate.drafting.writing import write_draft
from gate.policyfile import check_policy, load_policy
from gate.ports import Target
from gate.probes.recording import Recorder
from gate.probes.runner import ProbeRunner
from tests.contract.probe_servers import SystemClock, tcp
from tests.contract.test_probe_websocket_hostile import frame, shake

PATHS = ("/health", "/ready", "/")
LOG = IdentityRule(request_log=True)


def serves(pages, head=b""):
    """A server with these pages: path to (status line, headers, body), or to a function of n."""
    counts = {}

    async def handler(reader, writer):
        request = await reader.readuntil(b"\r\n\r\n")
        host = request.lower().partition(b"host: ")[2].partition(b"\r\n")[0]
        path = request.split(b" ")[1].decode()
        counts[path] = counts.get(path, 0) + 1
        page = pages.get(path, ("404 Not Found", b"", b"no"))
        status, headers, body = page(counts[path]) if callable(page) else page
        headers = headers.replace(b"HOST", host)
        length = b"content-length: %d\r\n" % len(body)
        writer.write(b"HTTP/1.1 " + status.encode() + b"\r\n" + length + head + headers)
        writer.write(b"\r\n" + body)
        await writer.drain()

    return handler


def as_json(value, status="200 OK"):
    return status, b"content-type: application/json\r\n", json.dumps(value).encode()


async def recorded(handler, folder, secrets=None, revisions=(), **asked):
    """The recording, its draft, and what the draft's probes say of the same server."""
    secrets = secrets or {}
    within = {"timeout_s": 5.0, "start_within_s": 5.0}
    asking = Asked(asked.pop("paths", PATHS), apart_s=0.02, **{**within, **asked})
    async with tcp(handler) as place:
        target = Target(f"http://{place}")
        recording = await Recorder(target, secrets, SystemClock()).record(asking, revisions)
        drafted = draft(recording, asking, ServiceName(), {}, folder="it", logs=False)
        if not drafted.asks:
            return recording, drafted, None, ()
        path = folder / "it.yaml"
        write_draft(drafted, path, force=False)
        assert check_policy(path).problems == ()
        policy = load_policy(path)
        runner = ProbeRunner(secrets, None, SystemClock(), Redactor(secrets))
        probes = [probe for probe in policy.probes if probe.name != "routes"]
        evidence = await runner.run(probes, target, lambda _: None)
    assert [item for item in evidence if item.outcome is not Outcome.PASSED] == []
    return recording, drafted, policy, evidence


async def judged(policy, handler):
    async with tcp(handler) as place:
        runner = ProbeRunner({}, None, SystemClock(), Redactor({}))
        evidence = await runner.run(policy.probes, Target(f"http://{place}"), lambda _: None)
    return {item.probe: item.outcome for item in evidence}


async def test_json_with_timestamps_is_held_by_its_words_and_its_shape(tmp_path):
    def health(number, **more):
        return as_json({"status": "healthy", "timestamp": 1.5 + number, "db": {"up": True}} | more)

    _, _, policy, _ = await recorded(serves({"/health": health}), tmp_path)
    assert [probe.name for probe in policy.probes] == ["health"]
    good = serves(
        {"/health": as_json({"status": "healthy", "timestamp": 9, "db": {"up": True}, "n": 1})}
    )
    assert await judged(policy, good) == {"health": Outcome.PASSED}
    for change in (
        {"status": "degraded"},
        {"timestamp": "now"},
        {"db": None},
        {"db": {}},
        {"db": {"up": False}},
    ):
        changed = serves({"/health": health(1, **change)})
        assert await judged(policy, changed) == {"health": Outcome.FAILED}, change
    wrapped = serves({"/health": as_json({"data": {"status": "healthy"}})})
    assert await judged(policy, wrapped) == {"health": Outcome.FAILED}


async def test_a_root_that_redirects_is_asked_for_that_redirect_and_not_followed(tmp_path):
    pages = {
        "/": ("307 Temporary Redirect", b"location: /docs\r\n", b""),
        "/health": as_json({"status": "ok"}),
    }
    recording, _, policy, _ = await recorded(serves(pages), tmp_path)
    assert {page.path for page in recording.pages} == {*PATHS, "/docs"}
    (root,) = [probe.spec for probe in policy.probes if probe.name == "root"]
    (step,) = root.steps
    assert (step.expect.status, step.expect.redirect.to) == ((307,), "/docs")
    absolute = ("307 Temporary Redirect", b"location: http://HOST/docs?a=1\r\n", b"")
    assert (await judged(policy, serves({**pages, "/": absolute})))["root"] is Outcome.PASSED
    for location in (b"/signin", b"http://other.example/docs"):
        moved = ("307 Temporary Redirect", b"location: " + location + b"\r\n", b"")
        assert (await judged(policy, serves({**pages, "/": moved})))["root"] is Outcome.FAILED


async def test_an_address_in_a_redirect_is_not_held_since_the_candidate_has_its_own(tmp_path):
    pages = {
        "/": ("302 Found", b"location: https://stable.example/login?token=abc\r\n", b""),
        "/health": as_json({"status": "ok"}),
    }
    _, _, policy, _ = await recorded(serves(pages), tmp_path)
    (root,) = [probe.spec for probe in policy.probes if probe.name == "root"]
    assert root.answer_headers == ()
    assert "abc" not in (tmp_path / "it.yaml").read_text()


async def test_a_service_that_only_has_html_is_held_by_status_and_type(tmp_path):
    html = ("200 OK", b"content-type: text/html; charset=utf-8\r\n", b"<h1>hello</h1>")
    recording, _, policy, _ = await recorded(serves({"/": html}), tmp_path)
    assert recording.pages[2].samples[0].form is Form.TEXT
    (probe,) = policy.probes
    assert probe.spec.answer_headers == (("Content-Type", "text/html; charset=utf-8"),)
    down = serves({"/": ("500 Internal Server Error", b"", b"")})
    assert await judged(policy, down) == {"root": Outcome.FAILED}


async def test_a_service_that_lets_nobody_in_gives_nothing_to_gate_by(tmp_path):
    denied = as_json({"error": "unauthorized"}, "401 Unauthorized")
    _, drafted, _, _ = await recorded(serves(dict.fromkeys(PATHS, denied)), tmp_path)
    assert not drafted.asks
    assert list(tmp_path.iterdir()) == []


async def test_a_page_for_users_alone_stays_one(tmp_path):
    pages = {"/health": as_json({"status": "ok"}), "/ready": as_json({}, "401 Unauthorized")}
    _, _, policy, _ = await recorded(serves(pages), tmp_path)
    opened = serves({**pages, "/ready": as_json({})})
    assert await judged(policy, opened) == {"health": Outcome.PASSED, "ready": Outcome.FAILED}


async def test_a_refusal_is_held_by_its_challenge_its_words_and_its_shape(tmp_path):
    def denied(kind=b"application/json", challenge=b'Bearer realm="api"', **error):
        body = json.dumps({"error": "unauthorized", "at": 1} | error).encode()
        head = b"content-type: " + kind + b"\r\nwww-authenticate: " + challenge + b"\r\n"
        return "401 Unauthorized", head, body

    pages = {"/health": as_json({"status": "ok"}), "/ready": denied()}
    _, _, policy, _ = await recorded(serves(pages), tmp_path)
    assert await judged(policy, serves({**pages, "/ready": denied(at=2)})) == {
        "health": Outcome.PASSED,
        "ready": Outcome.PASSED,
    }
    for change in ({"kind": b"text/plain"}, {"challenge": b"Basic"}, {"error": "gone"}, {"at": ""}):
        changed = await judged(policy, serves({**pages, "/ready": denied(**change)}))
        assert changed["ready"] is Outcome.FAILED, change


async def test_an_address_in_a_challenge_is_not_held(tmp_path):
    head = b'www-authenticate: Bearer realm="https://stable.example/"\r\n'
    pages = {"/health": as_json({"status": "ok"}), "/": ("401 Unauthorized", head, b"")}
    _, _, policy, _ = await recorded(serves(pages), tmp_path)
    assert policy.probes[1].spec.answer_headers == ()


@pytest.mark.parametrize(
    ("took_s", "start", "timeout_s"),
    [
        (0.02, {"start_s": 0.5}, 4.0),
        (1.1, {"start_s": 0.5}, 4.0),
        (1.2, {"start_s": 0.5}, 10.0),
        (0.02, {"start_s": 3.1}, 4.0),
        (0.02, {"start_s": 3.2}, 10.0),
        (0.02, {"start_s": 6.0}, 10.0),
        (0.02, {"start_s": 12.0}, 16.0),
        (0.02, {"first_s": 6.0}, 10.0),
        (0.02, {"first_s": 2.0}, 4.0),
        (0.02, {"first_s": 12.0, "start_s": 3.0}, 16.0),
        (0.02, {"first_s": 0.03}, 10.0),  # an instance was up: nobody knows
        (0.02, {}, 10.0),
    ],
)
def test_an_answer_may_take_what_leaves_room_above_the_slowest_and_a_start(
    tmp_path, took_s, start, timeout_s
):
    samples = [Sample(200, (), Form.JSON, {"status": "ok"}, one) for one in (took_s, 0.01)]
    recording = Recording((Page("/health", tuple(samples)),), **start)
    drafted = draft(recording, Asked(("/health",)), ServiceName(), {}, folder="it", logs=False)
    write_draft(drafted, tmp_path / "it.yaml", force=False)
    assert load_policy(tmp_path / "it.yaml").probes[0].spec.timeout_s == timeout_s
    assert f"took {took_s} s" in (tmp_path / "it.yaml").read_text()


async def test_a_page_of_an_instance_that_has_to_start_is_recorded_once_it_is_up(tmp_path):
    """Each answer before it is up would be late, and the first says how long a start takes."""
    up = asyncio.Event()
    serving = serves({"/health": as_json({"status": "ok"}), "/": ("200 OK", b"", b"hello")})

    async def starting(reader, writer):
        if not up.is_set():
            await asyncio.sleep(5.5)
            up.set()
        await serving(reader, writer)

    recording, drafted, *_ = await recorded(starting, tmp_path, timeout_s=5.0, start_within_s=60)
    assert recording.first_s >= 5.4
    assert {question.name for question in drafted.questions} == {"health", "root"}


def test_what_was_never_timed_has_the_time_of_a_long_start(tmp_path):
    heard = Heard(messages=(Sample(0, (), Form.TEXT),), close_code=1000)
    recording = Recording(
        (Page("/", (Sample(200, (), Form.TEXT, None, 0.1),)),),
        Socket("/ws", (heard,), (Heard(refused=401),)),
        openapi="/openapi.json",
        start_s=20,
    )
    drafted = draft(recording, Asked(("/",)), ServiceName(), {}, folder="it", logs=False)
    write_draft(drafted, tmp_path / "it.yaml", force=False)
    found = {one.name: one.spec for one in load_policy(tmp_path / "it.yaml").probes}
    assert found["routes"].timeout_s == 25
    sockets = ("websocket", "websocket-together", "websocket-again", "strangers")
    assert [found[name].open_within_s for name in sockets] == [25] * 4


async def test_the_probe_of_speed_that_is_only_proposed_can_be_used(tmp_path):
    await recorded(serves({"/health": as_json({"status": "ok"})}), tmp_path)
    path = tmp_path / "it.yaml"
    before, _, proposed = path.read_text().partition("  # speed:\n")
    lines = proposed.splitlines()
    path.write_text("\n".join([before, "  speed:", *(f"  {line[4:]}" for line in lines)]))
    assert check_policy(path).problems == ()
    assert {probe.name for probe in load_policy(path).probes} == {"health", "speed"}


async def test_pages_that_cannot_be_relied_on_are_left_out_and_named(tmp_path):
    def moody(number):
        return as_json({}, "200 OK" if number % 2 else "503 Service Unavailable")

    pages = {"/health": as_json({"a": 1}), "/ready": moody, "/": as_json({}, "500 Oops")}
    _, drafted, policy, _ = await recorded(serves(pages), tmp_path)
    assert [probe.name for probe in policy.probes] == ["health"]
    assert dict(drafted.left_out) == {
        "/ready": "answers 200 and 503 in turn",
        "/": "answers 500 on stable",
    }


async def test_the_header_that_names_the_revision_becomes_the_identity(tmp_path):
    pages = {"/health": as_json({"status": "ok"})}
    head = b"x-request-id: backend-00001-abc\r\nx-revision: backend-00001-abc\r\n"
    _, drafted, _, _ = await recorded(
        serves(pages, head), tmp_path, revisions=["backend-00001-abc"]
    )
    assert drafted.identity == IdentityRule(header="x-revision", otherwise=(LOG,))


async def test_a_field_that_names_the_revision_becomes_the_identity(tmp_path):
    pages = {"/health": as_json({"status": "ok", "rev": "backend-00001-abc"})}
    _, drafted, _, _ = await recorded(serves(pages), tmp_path, revisions=["backend-00001-abc"])
    assert drafted.identity == IdentityRule(path="/health", field="rev", otherwise=(LOG,))


async def test_an_openapi_document_says_what_else_to_ask(tmp_path):
    paths = {
        "/items": {"get": {}},
        "/items/{id}": {"get": {"parameters": [{"name": "id", "required": True}]}},
        "/search": {"get": {"parameters": [{"name": "q", "required": True}]}},
        "/logout": {"get": {}},
        "/orders": {"post": {}},
        "/a\nversion: 2": {"get": {}},
        "/${alice}": {"get": {}},
        "//other.example/x": {"get": {}},
    }
    pages = {
        "/openapi.json": as_json({"openapi": "3.1.0", "paths": paths}),
        "/items": as_json([{"name": "a"}]),
    }
    recording, _, policy, _ = await recorded(serves(pages), tmp_path)
    assert [page.path for page in recording.pages] == [*PATHS, "/items"]
    assert [probe.name for probe in policy.probes] == ["items", "routes"]


async def test_nothing_that_a_service_says_leaves_the_place_where_it_is_written(tmp_path):
    evil = 'x\n  evil: {http: {path: /evil}}\n# "\x1b[31m\u2028\u202e'
    body = {evil: evil, "status": evil, "list": [{evil: 1}], "${alice}": "${alice}"}
    head = b"x-evil: a#b: c\r\ncontent-type: text/html # {evil: 1}\r\n"
    recording, _, policy, _ = await recorded(
        serves({"/health": as_json(body), "/": ("200 OK", b"", b"<p>")}, head), tmp_path
    )
    assert recording.pages[0].samples
    assert [probe.name for probe in policy.probes] == ["health", "root"]
    text = (tmp_path / "it.yaml").read_text()
    assert "evil" not in text
    assert text.isascii()
    assert all(line.isprintable() for line in text.splitlines())


async def test_an_answer_with_a_secret_in_it_is_not_kept(tmp_path):
    secret = "thewholesecretword"
    pages = {"/health": as_json({"status": "ok", "echo": secret}), "/ready": as_json({secret: 1})}
    recording, _, _, _ = await recorded(serves(pages), tmp_path, {"alice": secret})
    assert secret not in repr(recording)
    for file in tmp_path.rglob("*"):
        assert file.is_dir() or secret not in file.read_text()


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"[" * 300 + b"]" * 300,
        json.dumps([{f"k{n % 999}": n} for n in range(9999)]).encode(),
    ],
    ids=["no end", "deep", "wide"],
)
async def test_json_that_no_schema_could_say_is_held_by_its_status(tmp_path, body):
    pages = {"/health": ("200 OK", b"", body)}
    _, _, policy, _ = await recorded(serves(pages), tmp_path)
    assert policy.probes[0].spec.answer.empty


async def test_servers_that_never_end_cost_one_limit_each_and_no_more(tmp_path):
    asked = []

    async def handler(reader, writer):
        request = await reader.readuntil(b"\r\n\r\n")
        asked.append(request.split()[1].decode())
        if asked[-1] == "/health":
            await serves({"/health": as_json({"status": "ok"})})(Again(request), writer)
        else:
            await asyncio.Event().wait()

    class Again:
        def __init__(self, request):
            self._request = request

        async def readuntil(self, _):
            return self._request

    _, drafted, _, _ = await recorded(handler, tmp_path, timeout_s=2.0, start_within_s=2.0)
    assert [path for path, _ in drafted.left_out] == ["/ready", "/"]
    assert (asked.count("/ready"), asked.count("/")) == (1, 2), asked  # which starts it, too


# WebSockets.


def chat(*messages, refuse=b""):
    """Welcomes whoever comes, echoes in JSON, answers closes."""

    async def handler(reader, writer):
        if refuse:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(refuse)
            return
        await shake(reader, writer)
        for message in messages:
            writer.write(frame(json.dumps(message).encode()))
        await writer.drain()
        while True:
            first, size = await reader.readexactly(2)
            mask = await reader.readexactly(4)
            data = await reader.readexactly(size & 127)
            if first == 0x88:
                writer.write(frame(bytes(a ^ mask[i % 4] for i, a in enumerate(data)), first=0x88))
                await writer.drain()
                return
            writer.write(frame(b'{"type": "echo"}'))

    async def both(reader, writer):
        line = await reader.readuntil(b"\r\n")
        rest = asyncio.StreamReader()
        rest.feed_data(line)
        if b"GET /ws " not in line:
            rest.feed_data(await reader.readuntil(b"\r\n\r\n"))
            return await serves({"/health": as_json({"status": "ok"})})(rest, writer)
        rest.feed_data(await reader.readuntil(b"\r\n\r\n"))
        pump = asyncio.create_task(_pump(reader, rest))
        try:
            await handler(rest, writer)
        finally:
            pump.cancel()

    return both


def hurried(folder):
    """The policy as written, with less patience."""
    path = folder / "it.yaml"
    text = path.read_text().replace("within: 5s", "within: 300ms")
    path.write_text(text.replace("{path: /ws}", "{path: /ws, open_within: 300ms}"))
    return load_policy(path)


async def _pump(reader, rest):
    while data := await reader.read(4096):
        rest.feed_data(data)
    rest.feed_eof()


async def test_a_websocket_is_held_by_its_welcome_and_its_reply(tmp_path):
    welcome = {"type": "welcome", "id": "a1"}
    _, _, policy, _ = await recorded(
        chat(welcome), tmp_path, websocket="/ws", say='{"type":"hi"}', timeout_s=2.0
    )
    names = ["health", "websocket", "websocket-together", "websocket-again"]
    assert [probe.name for probe in policy.probes] == names
    policy = hurried(tmp_path)
    for other in (chat({"type": "hello", "id": "a1"}), chat({"welcome": welcome}), chat()):
        outcomes = await judged(policy, other)
        assert outcomes.pop("health") is Outcome.PASSED
        assert set(outcomes.values()) == {Outcome.FAILED}


async def test_a_message_that_names_the_revision_is_a_rule_beside_the_pages(tmp_path):
    name = "backend-00001-abc"
    _, drafted, policy, _ = await recorded(
        chat({"type": "welcome", "rev": name}), tmp_path, websocket="/ws", revisions=[name]
    )
    assert drafted.identity == IdentityRule(message="rev", otherwise=(LOG,))
    assert policy.candidate.identity == drafted.identity


@pytest.mark.parametrize("status", [400, 404, 405, 426, 501])
async def test_a_websocket_that_is_not_there_refuses_nobody(tmp_path, status):
    lost = b"HTTP/1.1 %d No\r\ncontent-length: 0\r\n\r\n" % status
    _, drafted, policy, _ = await recorded(chat(refuse=lost), tmp_path, websocket="/ws")
    assert [probe.name for probe in policy.probes] == ["health"]
    assert [path for path, _ in drafted.left_out] == ["/ws"]


async def test_a_websocket_that_refuses_strangers_goes_on_doing_so(tmp_path):
    refusal = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"
    _, drafted, policy, _ = await recorded(chat(refuse=refusal), tmp_path, websocket="/ws")
    assert [probe.name for probe in policy.probes] == ["health", "strangers"]
    assert drafted.left_out == (("/ws", "401 Unauthorized"),)
    outcomes = await judged(hurried(tmp_path), chat({"type": "welcome"}))
    assert outcomes["strangers"] is Outcome.FAILED
