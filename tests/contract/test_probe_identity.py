"""Whose answer it is: servers that answer as another revision first, always, now and then, or
without saying who they are."""

import asyncio
import contextlib
import json
from dataclasses import replace

import pytest
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from gate.core.evidence import Outcome, Symptom
from gate.core.expectations import Pattern
from gate.core.policy import IdentityRule
from gate.core.severity import Severity
from gate.kinds.http import HttpProbe
from gate.kinds.logs import LogPattern, LogsProbe
from gate.kinds.websocket import Await, Send, WebSocketProbe
from gate.ports import Target
from tests.contract.probe_servers import ARRIVAL_S, TOKEN, ask, ask_all, tcp
from tests.fakes.logs import FakeLogs

OLD, NEW = "backend-00001-old", "backend-00002-new"
HEADER = IdentityRule(header="X-Revision")
JSON = IdentityRule(path="/version", field="revision")
HEALTH = HttpProbe("/health", timeout_s=2)
GONE = b"<title>Error 404 (Not Found)!!1</title>"


class Reply:
    """One HTTP answer, by whom."""

    def __init__(self, name, status="200 OK", body=b"{}", headers=b"", length=None):
        self.name, self.status, self.body, self.headers = name, status, body, headers
        self.length = len(body) if length is None else length

    def bytes(self):
        named = b"x-revision: %s\r\n" % self.name.encode() if self.name else b""
        head = f"HTTP/1.1 {self.status}\r\ncontent-length: {self.length}\r\n".encode()
        return head + named + self.headers + b"\r\n" + self.body


class Address:
    """Answers each request with the next reply, the last one for ever; None never answers.

    Attributes:
        paths: what was asked, in order.
    """

    def __init__(self, *replies):
        self.replies = list(replies)
        self.paths = []

    def next(self):
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    async def __call__(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        self.paths.append(head.split(b" ")[1].decode())
        reply = self.reply(self.paths[-1])
        if reply is None:
            await asyncio.Event().wait()
        writer.write(reply.bytes())
        await writer.drain()
        if reply.length > len(reply.body):
            await asyncio.Event().wait()

    def reply(self, _):
        return self.next()


class Telling(Address):
    """Says at /version who it is, one name after the other; everything else is fine."""

    def __init__(self, *names, reply=None):
        super().__init__(*names)
        self.other = reply or Reply("")

    def reply(self, path):
        if path != "/version":
            return self.other
        name = self.next()
        return name if isinstance(name, Reply | None) else version(name)


def version(name):
    return Reply("", body=json.dumps({"revision": name}).encode())


def only(evidence, symptom, outcome=Outcome.INCONCLUSIVE):
    assert [finding.symptom for finding in evidence.findings] == [symptom], evidence
    assert evidence.outcome is outcome, evidence
    return evidence.findings[0]


async def identified(spec, place, rule=HEADER, **more):
    return await ask(spec, place, revision=NEW, identity=rule, **more)


# HTTP, by a header of every answer.


async def test_the_candidates_own_answer_is_evidence_and_says_whose_it_is():
    async with tcp(Address(Reply(NEW))) as place:
        evidence = await identified(HEALTH, place)
    assert evidence.passed, evidence
    assert evidence.answered_by == NEW


async def test_bad_answers_of_the_old_revision_are_not_held_against_the_new_one():
    address = Address(*[Reply(OLD, "500 Internal Server Error")] * 3, Reply(NEW))
    news = []
    async with tcp(address) as place:
        evidence = await identified(HEALTH, place, progress=news.append)
    assert evidence.passed, evidence
    assert evidence.answered_by == NEW
    assert len(address.paths) == 4
    assert any(line.startswith("= 3 times before: ") and OLD in line for line in evidence.excerpts)
    assert any("asking again" in one.text and OLD in one.text for one in news)


async def test_good_answers_of_the_old_revision_do_not_speak_for_the_new_one():
    address = Address(*[Reply(OLD)] * 3, Reply(NEW, "500 Internal Server Error"))
    async with tcp(address) as place:
        evidence = await identified(HEALTH, place)
    only(evidence, Symptom.STATUS, Outcome.FAILED)
    assert evidence.answered_by == NEW


@pytest.mark.parametrize("status", ["200 OK", "500 Internal Server Error"])
async def test_another_revision_for_ever_is_neither_a_pass_nor_a_failure(status):
    address = Address(Reply(OLD, status))
    async with tcp(address) as place:
        evidence = await identified(HEALTH, place)
    finding = only(evidence, Symptom.IDENTITY)
    assert f"another revision, {OLD}" in finding.seen
    assert status in finding.seen
    assert NEW in finding.expected
    assert finding.hint
    assert evidence.answered_by == OLD
    assert evidence.duration_s >= ARRIVAL_S
    assert len(address.paths) > 2


async def test_the_wait_for_the_candidate_is_the_whole_runs():
    address = Address(Reply(OLD))
    async with tcp(address) as place:
        target = Target(f"http://{place}", NEW, identity=HEADER)
        first, *others = await ask_all([HEALTH] * 4, target)
    assert first.duration_s >= ARRIVAL_S
    for evidence in others:
        only(evidence, Symptom.IDENTITY)
        assert evidence.duration_s < ARRIVAL_S
    assert address.paths[-3:] == ["/health"] * 3


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "500 Internal Server Error"])
async def test_an_answer_that_names_nobody_proves_nothing_and_is_not_waited_for(status):
    address = Address(Reply("", status))
    async with tcp(address) as place:
        evidence = await identified(HEALTH, place)
    finding = only(evidence, Symptom.IDENTITY)
    assert finding.seen.startswith(f"an answer without X-Revision: {status}")
    assert finding.expected == f"X-Revision: {NEW}"
    assert finding.hint
    assert evidence.answered_by == ""
    assert address.paths == ["/health"]


async def test_each_answer_counts_for_itself_while_front_ends_disagree():
    address = Address(*[Reply(name) for name in (OLD, NEW, OLD, OLD, NEW, NEW, "", NEW)])
    async with tcp(address) as place:
        target = Target(f"http://{place}", NEW, identity=HEADER)
        evidence = await ask_all([HEALTH] * 5, target, arrival_s=60)
    assert [one.passed for one in evidence] == [True, True, True, False, True]
    assert [one.answered_by for one in evidence] == [NEW, NEW, NEW, "", NEW]
    only(evidence[3], Symptom.IDENTITY)


async def test_several_names_in_one_answer_are_another_revision():
    async with tcp(Address(Reply(NEW, headers=b"x-revision: %s\r\n" % OLD.encode()))) as place:
        only(await identified(HEALTH, place), Symptom.IDENTITY)


async def test_without_a_revision_or_a_rule_any_answer_will_do():
    async with tcp(Address(Reply(OLD))) as place:
        assert (await ask(HEALTH, place, identity=HEADER)).passed
        assert (await ask(HEALTH, place, revision=NEW)).passed


LOCATION = b"location: http://backend.example/health\r\n"
MOVED = "307 Temporary Redirect"


async def test_a_redirect_of_the_candidate_to_another_host_is_its_failure():
    async with tcp(Address(Reply(NEW, MOVED, headers=LOCATION))) as place:
        finding = only(await identified(HEALTH, place), Symptom.REDIRECT, Outcome.FAILED)
    assert "to another host (http://backend.example/health)" in finding.seen


async def test_a_redirect_of_nobody_is_told_as_what_it_is_and_blames_nobody():
    async with tcp(Address(Reply("", MOVED, headers=LOCATION))) as place:
        finding = only(await identified(HEALTH, place), Symptom.REDIRECT)
    assert "to another host (http://backend.example/health)" in finding.seen
    assert "without X-Revision" in finding.seen


async def test_a_redirect_of_nobody_is_no_pass_where_one_is_expected():
    async with tcp(Address(Reply("", MOVED, headers=LOCATION))) as place:
        only(await identified(replace(HEALTH, status=(307,)), place), Symptom.IDENTITY)


async def test_a_redirect_of_another_revision_is_not_the_candidates():
    address = Address(Reply(OLD, MOVED, headers=LOCATION), Reply(NEW))
    async with tcp(address) as place:
        assert (await identified(HEALTH, place)).passed


async def test_no_answer_is_the_candidates_failure():
    async with tcp(Address(Reply(NEW), None)) as place:
        target = Target(f"http://{place}", NEW, identity=HEADER)
        _, late = await ask_all([HEALTH, replace(HEALTH, timeout_s=0.3)], target)
    only(late, Symptom.TIMEOUT, Outcome.FAILED)


async def test_no_answer_right_after_another_revisions_is_nobodys():
    address = Address(Reply(OLD), None)
    async with tcp(address) as place:
        finding = only(await identified(replace(HEALTH, timeout_s=0.3), place), Symptom.TIMEOUT)
    assert OLD in finding.hint
    assert len(address.paths) == 2  # nothing that the candidate may have seen is asked again


async def test_a_container_that_broke_right_after_another_revisions_answer_is_nobodys():
    broke = Reply("", "503 Service Unavailable", b"Service Unavailable")
    async with tcp(Address(Reply(OLD), broke)) as place:
        only(await identified(HEALTH, place), Symptom.PLATFORM)
    async with tcp(Address(broke)) as place:
        only(await identified(HEALTH, place), Symptom.PLATFORM, Outcome.FAILED)


async def test_an_answer_without_end_belongs_to_whom_it_names():
    brief = replace(HEALTH, timeout_s=1.5)
    async with tcp(Address(Reply(OLD, length=9), Reply(NEW))) as place:
        assert (await identified(brief, place)).passed
    async with tcp(Address(Reply(NEW, length=9))) as place:
        evidence = await identified(brief, place)
    only(evidence, Symptom.TIMEOUT, Outcome.FAILED)
    assert evidence.answered_by == NEW
    async with tcp(Address(Reply("", length=9))) as place:
        only(await identified(brief, place), Symptom.IDENTITY)


async def test_what_names_the_candidate_is_not_taken_for_the_front_ends():
    async with tcp(Address(Reply(NEW, "404 Not Found", GONE))) as place:
        evidence = await identified(HEALTH, place)
    only(evidence, Symptom.STATUS, Outcome.FAILED)


async def test_an_address_that_the_front_end_does_not_know_yet_is_waited_for():
    address = Address(Reply("", "404 Not Found", GONE), Reply(OLD), Reply(NEW))
    async with tcp(address) as place:
        assert (await identified(HEALTH, place)).passed


async def test_what_another_revision_calls_itself_is_made_fit_to_show():
    news = []
    name = f"\x1b[2J{TOKEN}" + "x" * 5000
    async with tcp(Address(Reply(name), Reply(name, f"500 {TOKEN}", TOKEN.encode()))) as place:
        evidence = await identified(HEALTH, place, progress=news.append)
    only(evidence, Symptom.IDENTITY)
    for shown in (repr(evidence), repr(news)):
        assert TOKEN not in shown
        assert "\x1b" not in shown
        assert len(shown) < 20_000


# HTTP and WebSocket, by a path whose JSON answer has the name.


async def test_the_path_is_asked_before_each_probe_and_after_it():
    address = Telling(NEW)
    async with tcp(address) as place:
        target = Target(f"http://{place}", NEW, identity=JSON)
        evidence = await ask_all([HEALTH, HttpProbe("/api")], target)
    assert all(one.passed for one in evidence), evidence
    assert {one.answered_by for one in evidence} == {NEW}
    assert address.paths == ["/version", "/health", "/version", "/version", "/api", "/version"]


async def test_the_probe_is_not_asked_before_the_candidate_answers():
    address = Telling(OLD, OLD, OLD, NEW)
    news = []
    async with tcp(address) as place:
        evidence = await identified(HEALTH, place, JSON, progress=news.append)
    assert evidence.passed, evidence
    assert address.paths == [*["/version"] * 4, "/health", "/version"]
    assert any("asking again" in one.text and OLD in one.text for one in news)


async def test_nothing_is_asked_of_another_revision_for_ever():
    address = Telling(OLD)
    async with tcp(address) as place:
        evidence = await identified(HEALTH, place, JSON)
    finding = only(evidence, Symptom.IDENTITY)
    assert OLD in finding.seen
    assert NEW in finding.expected
    assert evidence.answered_by == OLD
    assert evidence.duration_s >= ARRIVAL_S
    assert set(address.paths) == {"/version"}


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(NEW, body=b'{"version": "1"}'), "an answer without revision in /version: GET /v"),
        (Reply("", body=b'{"revision": 2}'), "an answer without revision in /version"),
        (Reply("", body=b'["revision"]'), "an answer without revision in /version"),
        (Reply("", body=b"backend-00002-new"), "an answer without revision in /version"),
        (Reply("", "500 Internal Server Error", b"{}"), "500 Internal Server Error"),
    ],
)
async def test_a_path_that_names_nobody_proves_nothing(reply, says):
    address = Telling(reply)
    async with tcp(address) as place:
        evidence = await identified(HEALTH, place, JSON)
    assert says in only(evidence, Symptom.IDENTITY).seen
    assert address.paths == ["/version"]


@pytest.mark.parametrize(
    ("reply", "symptom", "says"),
    [
        (Reply("", MOVED, headers=LOCATION), Symptom.REDIRECT, "to another host"),
        (Reply("", "404 Not Found", GONE), Symptom.PLATFORM, "knows no such address"),
        (
            Reply("", "503 Service Unavailable", b"Service Unavailable"),
            Symptom.PLATFORM,
            "no container answered",
        ),
        (Reply("", length=9), Symptom.ABNORMAL, "the connection broke off"),
    ],
)
async def test_what_comes_in_place_of_the_name_is_told_as_what_it_is(reply, symptom, says):
    class Cut(Telling):
        async def __call__(self, reader, writer):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(super().__call__(reader, writer), 0.2)

    address = Cut(reply)
    async with tcp(address) as place:
        finding = only(await identified(HEALTH, place, JSON), symptom)
    assert finding.seen.startswith("GET /version: ")
    assert says in finding.seen
    assert finding.expected == f"revision in /version: {NEW}"
    assert set(address.paths) == {"/version"}


async def test_nobody_at_the_address_is_no_connection():
    async with tcp(Address(None)) as place:
        pass
    only(await identified(HEALTH, place, JSON), Symptom.CONNECT)


async def test_a_probe_is_asked_again_if_another_revision_answers_right_after_it():
    address = Telling(NEW, OLD, NEW)
    async with tcp(address) as place:
        evidence = await identified(HEALTH, place, JSON)
    assert evidence.passed, evidence
    assert address.paths.count("/health") == 2
    (line,) = [line for line in evidence.excerpts if OLD in line]
    assert line.startswith("= 1 times before: ")
    assert line.endswith("right after the probe")


async def test_a_failure_before_another_revisions_answer_is_not_the_candidates():
    address = Telling(*[NEW, OLD] * 9, reply=Reply("", "500 Internal Server Error"))
    async with tcp(address) as place:
        evidence = await identified(HEALTH, place, JSON)
    only(evidence, Symptom.IDENTITY)
    assert evidence.answered_by == OLD
    assert address.paths.count("/health") == 3


async def test_the_target_is_let_in_by_the_same_headers_at_the_path():
    heads = []

    class Private(Telling):
        async def __call__(self, reader, writer):
            peek = await reader.readuntil(b"\r\n\r\n")
            heads.append(peek.decode().lower())
            fed = asyncio.StreamReader()
            fed.feed_data(peek)
            await super().__call__(fed, writer)

    async with tcp(Private(NEW)) as place:
        headers = (("X-Serverless-Authorization", "Bearer idtoken99"),)
        assert (await identified(HEALTH, place, JSON, headers=headers)).passed
    assert len(heads) == 3
    assert all("x-serverless-authorization: bearer idtoken99" in head for head in heads)


@pytest.mark.parametrize("rule", [HEADER, JSON])
async def test_logs_belong_to_a_revision_whoever_answers(rule):
    logs = LogsProbe((LogPattern(Severity.ERROR),), settle_s=0)
    async with tcp(Telling(OLD)) as place:
        target = Target(f"http://{place}", NEW, identity=rule)
        (evidence,) = await ask_all([logs], target, logs=FakeLogs())
    assert evidence.passed


# WebSockets, by a header of the handshake.

WELCOME = {"type": "welcome"}
TALK = (Await(Pattern(json=WELCOME), within_s=2), Send({"type": "ask", "id": "${nonce}"}))
SPEC = WebSocketProbe("/ws", script=(*TALK, Await(Pattern(json={"type": "told"}), within_s=2)))


class Chat:
    """Takes each connection as the next revision, the last one for ever.

    The old one says what nobody may hear, and breaks; what it tells includes everything that it has
    heard in X-Run.

    Attributes:
        refuse: status with which a revision refuses every handshake, by name.
    """

    def __init__(self, *names, refuse=None, tells_after_s=0.0):
        self.names = list(names)
        self.tells_after_s = tells_after_s
        self.refuse = refuse or {}
        self.taken = 0
        self.heard = []

    @contextlib.asynccontextmanager
    async def serving(self):
        async with serve(
            self.session,
            "127.0.0.1",
            0,
            process_request=self.request,
            process_response=self.response,
        ) as server:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"

    def request(self, connection, request):
        connection.name = self.names.pop(0) if len(self.names) > 1 else self.names[0]
        self.taken += 1
        self.heard += request.headers.get_all("X-Run")
        status = self.refuse.get(connection.name)
        return connection.respond(status, "no") if status else None

    def response(self, connection, _, response):
        if connection.name:
            response.headers["X-Revision"] = connection.name
        return response

    async def session(self, ws):
        with contextlib.suppress(ConnectionClosed):
            if ws.name != NEW:
                await asyncio.sleep(self.tells_after_s)
                for text in self.heard:
                    await ws.send(json.dumps({"type": "error", "error_code": "OLD", "t": text}))
                await ws.close(1011, "broken")
            await ws.send(json.dumps(WELCOME))
            async for _ in ws:
                await ws.send('{"type":"told"}')


async def test_a_session_with_the_old_revision_is_no_session():
    chat = Chat(OLD, OLD, NEW)
    async with chat.serving() as place:
        evidence = await identified(SPEC, place)
    assert evidence.passed, evidence
    assert evidence.answered_by == NEW
    assert chat.taken == 3
    assert any(OLD in line and "asking again" in line for line in evidence.excerpts)


@pytest.mark.parametrize("refuse", [{}, {OLD: 500}])
async def test_sessions_with_another_revision_for_ever_are_inconclusive(refuse):
    chat = Chat(OLD, refuse=refuse)
    async with chat.serving() as place:
        evidence = await identified(replace(SPEC, connections=3), place)
    finding = only(evidence, Symptom.IDENTITY)
    assert f"another revision, {OLD}" in finding.seen
    assert finding.count == 3
    assert NEW in finding.expected
    assert evidence.answered_by == OLD
    assert evidence.right_times == 0
    assert chat.taken > 6


@pytest.mark.parametrize("refuse", [{}, {"": 500}])
async def test_a_handshake_that_names_nobody_proves_nothing_and_is_not_waited_for(refuse):
    chat = Chat("", refuse=refuse)
    async with chat.serving() as place:
        finding = only(await identified(SPEC, place), Symptom.IDENTITY)
    assert finding.seen.startswith("an answer without X-Revision: ")
    assert finding.expected == f"X-Revision: {NEW}"
    assert chat.taken == 1


async def test_every_connection_finds_the_candidate_among_others():
    chat = Chat(*[OLD, NEW] * 6)
    spec = replace(SPEC, connections=6, headers=(("X-Run", "${nonce}"),))
    async with chat.serving() as place:
        evidence = await identified(spec, place)
    assert evidence.passed, evidence  # nor is what the old one told the others a foreign message
    assert (evidence.asked_times, evidence.right_times) == (6, 6)
    assert evidence.answered_by == NEW


@pytest.mark.parametrize("tells_after_s", [0.0, 0.1])
async def test_what_another_revision_tells_is_not_a_foreign_message_of_the_candidate(tells_after_s):
    chat = Chat(NEW, NEW, OLD, tells_after_s=tells_after_s)
    spec = replace(SPEC, connections=3, headers=(("X-Run", "${nonce}"),), hold_s=0.3)
    async with chat.serving() as place:
        evidence = await identified(spec, place)
    only(evidence, Symptom.IDENTITY)
    assert evidence.right_times == 2
    assert evidence.answered_by == f"{OLD}, {NEW}"


async def test_a_refusal_by_another_revision_is_not_the_candidates():
    strangers = WebSocketProbe("/ws", refused=(403,), open_within_s=0.3)
    async with Chat(OLD, OLD, NEW, refuse={OLD: 403}).serving() as place:
        evidence = await identified(strangers, place)
    assert evidence.outcome is Outcome.FAILED  # the candidate lets everybody in
    async with Chat(OLD, NEW, refuse={NEW: 403}).serving() as place:
        evidence = await identified(strangers, place)
    assert evidence.passed, evidence
    assert evidence.answered_by == NEW


@pytest.mark.parametrize("status", [403, 307])
async def test_a_refusal_by_nobody_is_no_pass(status):
    strangers = WebSocketProbe("/ws", refused=(403, 307))
    async with Chat("", refuse={"": status}).serving() as place:
        evidence = await identified(strangers, place)
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert "without X-Revision" in evidence.seen


async def test_a_refusal_whose_body_has_no_end_is_no_pass():
    async with tcp(Address(Reply(NEW, "403 Forbidden", b"no", length=9))) as place:
        evidence = await identified(WebSocketProbe("/", refused=(403,), open_within_s=0.3), place)
    assert evidence.outcome is Outcome.INCONCLUSIVE


async def test_a_redirected_handshake_of_nobody_is_told_as_what_it_is():
    async with tcp(Address(Reply("", MOVED, headers=LOCATION))) as place:
        finding = only(await identified(SPEC, place), Symptom.REDIRECT)
    assert "to another host" in finding.seen
    async with tcp(Address(Reply(NEW, MOVED, headers=LOCATION))) as place:
        only(await identified(SPEC, place), Symptom.REDIRECT, Outcome.FAILED)


async def test_no_handshake_right_after_another_revisions_is_nobodys():
    brief = replace(SPEC, open_within_s=0.3)
    async with tcp(Address(Reply(OLD, "403 Forbidden"), None)) as place:
        only(await identified(brief, place), Symptom.TIMEOUT)
    async with tcp(Address(None)) as place:
        only(await identified(brief, place), Symptom.TIMEOUT, Outcome.FAILED)


async def test_a_front_end_refusal_that_names_the_candidate_is_its_own():
    reply = Reply(NEW, "503 Service Unavailable", b"Service Unavailable")
    async with tcp(Address(reply)) as place:
        only(await identified(SPEC, place), Symptom.REFUSED, Outcome.FAILED)


async def test_sessions_between_two_proofs_of_who_answers():
    chat = Chat("")
    names = iter([OLD, NEW, NEW])

    def request(connection, request):
        connection.name = NEW
        if request.path == "/version":
            return connection.respond(200, json.dumps({"revision": next(names)}))
        return None

    chat.request = request
    async with chat.serving() as place:
        evidence = await identified(SPEC, place, JSON)
    assert evidence.passed, evidence
    assert evidence.answered_by == NEW
    assert next(names, None) is None
