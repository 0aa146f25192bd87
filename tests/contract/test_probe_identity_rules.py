"""Several rules of identity: of each answer, the first that applies counts. Real servers that name
their revision in a header, in JSON, in a message, or nowhere."""

import base64
import contextlib
import hashlib
import json
from dataclasses import replace

import pytest
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from gate.controller.request_log import REQUESTS, RequestLog
from gate.core.evidence import Outcome, Symptom
from gate.core.expectations import Pattern
from gate.core.policy import IdentityRule
from gate.core.severity import Severity
from gate.kinds.http import HttpProbe
from gate.kinds.soak import SoakProbe
from gate.kinds.websocket import Await, Send, WebSocketProbe
from gate.ports import LogEntry, Target
from tests.contract.probe_servers import ARRIVAL_S, ask, ask_all, tcp
from tests.fakes.clock import START, FakeClock
from tests.fakes.logs import FakeLogs

OLD, NEW = "backend-00001-old", "backend-00002-new"
HEADER = IdentityRule(header="X-Revision")
SAID = IdentityRule(message="server.revision")
OWN = IdentityRule(json="revision")
PATH = IdentityRule(path="/version", field="revision")
LOG = IdentityRule(request_log=True)
HEALTH = HttpProbe("/health", timeout_s=2)
WELCOME = Await(Pattern(json={"type": "welcome"}), within_s=2)
TOLD = Await(Pattern(json={"type": "told"}), within_s=2)
CHAT = WebSocketProbe("/ws", script=(WELCOME, Send({"id": "${nonce}"}), TOLD))
STRANGERS = WebSocketProbe("/ws", refused=(403,))
SOAK = SoakProbe("/ws", for_s=1, ping_every_s=0.5)


def either(*rules):
    return IdentityRule.first_of(rules)


async def identified(spec, place, *rules, arrival_s=60, **more):
    rule = either(*rules)
    return await ask(spec, place, revision=NEW, identity=rule, arrival_s=arrival_s, **more)


def only(evidence, symptom, outcome=Outcome.INCONCLUSIVE):
    assert [finding.symptom for finding in evidence.findings] == [symptom], evidence
    assert evidence.outcome is outcome, evidence
    return evidence.findings[0]


class Framework:
    """A service whose framework answers handshakes, so that only its messages name a revision.

    Attributes:
        names: of the revisions that take the connections, the last one for ever.
        late: whether a revision is named only in what answers a message.
        refuse: whether every handshake is refused before the application sees it.
        rude: whether the new revision names itself and says nothing else.
        heard: what each revision was told, by name.
    """

    def __init__(self, *names, late=False, refuse=False, rude=False, version=()):
        self.rude = rude
        self.names, self.late, self.refuse = list(names), late, refuse
        self.version = list(version)
        self.heard = dict.fromkeys(names, 0)
        self.taken = 0

    @contextlib.asynccontextmanager
    async def serving(self):
        async with serve(self.session, "127.0.0.1", 0, process_request=self.request) as server:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"

    def request(self, connection, request):
        if request.path == "/version":
            return connection.respond(200, json.dumps({"revision": self.version.pop(0)}))
        self.taken += 1
        return connection.respond(403, "") if self.refuse else None

    async def session(self, ws):
        name = self.names.pop(0) if len(self.names) > 1 else self.names[0]
        named = {"server": {"revision": name}} if name else {}
        with contextlib.suppress(ConnectionClosed):
            if name == OLD and not self.late:
                await ws.send('{"type": "error", "error_code": "OLD"}')
            kind = "hello" if self.rude and name == NEW else "welcome"
            await ws.send(json.dumps({"type": kind, **({} if self.late else named)}))
            async for _ in ws:
                self.heard[name] += 1
                await ws.send(json.dumps({"type": "told", **named}))


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("rules", [(SAID,), (HEADER, SAID), (HEADER, SAID, LOG)])
async def test_a_session_with_the_old_revision_by_its_message_is_no_session(rules, late):
    server = Framework(OLD, OLD, NEW, late=late)
    async with server.serving() as place:
        evidence = await identified(CHAT, place, *rules)
    assert evidence.passed, evidence
    assert evidence.named
    assert evidence.answered_by == NEW
    assert (server.taken, server.heard[NEW]) == (3, 1)


async def test_what_the_old_revision_said_does_not_count_for_the_new_one():
    welcomed = WebSocketProbe("/ws", script=(replace(WELCOME, within_s=0.3),))
    async with Framework(OLD, NEW, rude=True).serving() as place:
        evidence = await identified(welcomed, place, SAID)
    assert (evidence.outcome, evidence.answered_by) == (Outcome.FAILED, NEW)
    assert not any("OLD" in finding.seen for finding in evidence.findings)


async def test_every_session_finds_the_candidate_among_others():
    server = Framework(*[OLD, NEW] * 5, late=True)
    async with server.serving() as place:
        evidence = await identified(replace(CHAT, connections=5, repeat=2), place, SAID)
    assert evidence.passed, evidence
    assert (evidence.asked_times, evidence.right_times) == (10, 10)
    assert evidence.answered_by == NEW


@pytest.mark.parametrize("spec", [CHAT, SOAK])
async def test_another_revision_by_its_message_for_ever_is_told_at_once_and_proves_nothing(spec):
    news = []
    server = Framework(OLD)
    async with server.serving() as place:
        evidence = await identified(spec, place, SAID, progress=news.append, arrival_s=ARRIVAL_S)
    assert f"another revision, {OLD}" in only(evidence, Symptom.IDENTITY).seen
    assert evidence.answered_by == OLD
    assert server.taken > 2
    (told,) = [one.text for one in news if one.at_once]
    assert told.startswith(f"the front end still answers with revision {OLD}: asking again for at")


async def test_a_soak_is_held_with_the_right_revision():
    server = Framework(OLD, NEW)
    async with server.serving() as place:
        evidence = await identified(SOAK, place, SAID)
    assert evidence.passed, evidence
    assert (evidence.answered_by, server.taken) == (NEW, 2)


@pytest.mark.parametrize("spec", [CHAT, SOAK])
async def test_sessions_that_name_nobody_are_not_asked_again_and_wait_for_the_log(spec):
    server = Framework("")
    async with server.serving() as place:
        evidence = await identified(spec, place, HEADER, SAID)
        finding = only(evidence, Symptom.IDENTITY)
        assert server.taken == 1
        later = await identified(spec, place, HEADER, SAID, LOG)
    assert "without X-Revision or server.revision in a message" in finding.seen
    assert "{request_log: true}" in finding.hint
    assert later.passed
    assert not later.named


async def test_a_message_that_comes_with_the_handshake_counts():
    def answered(key):
        magic = (key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()
        accept = base64.b64encode(hashlib.sha1(magic, usedforsecurity=False).digest())
        name = names.pop(0)
        text = json.dumps({"type": "welcome", "server": {"revision": name}}).encode()
        head = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        accepted = b"sec-websocket-accept: %s\r\n\r\n" % accept
        return head + accepted + bytes((0x81, len(text))) + text

    async def server(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if line)
        key = next(line.split(": ", 1)[1] for line in head.splitlines() if "-key" in line.lower())
        assert lines["upgrade"] == "websocket"
        writer.write(answered(key))
        await writer.drain()
        await reader.read()

    names = [OLD, NEW]
    async with tcp(server) as place:
        evidence = await identified(replace(CHAT, script=(WELCOME,)), place, SAID)
    assert evidence.passed, evidence
    assert evidence.answered_by == NEW
    assert names == []


def logged(evidence, revision):
    logs = FakeLogs()
    entry = LogEntry(
        START, Severity.INFO, "GET /ws -> 403", REQUESTS, evidence.trace, revision=revision
    )
    logs.add(revision, entry)
    return RequestLog(logs, FakeClock()).confirmed((evidence,), NEW, START)


async def test_a_handshake_refused_before_the_application_is_the_candidates_by_the_log():
    async with Framework("", refuse=True).serving() as place:
        by_header = await identified(STRANGERS, place, HEADER, SAID)
        evidence = await identified(STRANGERS, place, HEADER, SAID, LOG)
        let_in = await identified(CHAT, place, HEADER, LOG)
    only(by_header, Symptom.IDENTITY)
    (seen,) = await logged(evidence, NEW)
    assert (seen.passed, seen.answered_by) == (True, NEW)
    (other,) = await logged(evidence, OLD)
    assert (other.outcome, other.answered_by) == (Outcome.INCONCLUSIVE, OLD)
    (failed,) = await logged(let_in, NEW)
    only(failed, Symptom.REFUSED, Outcome.FAILED)
    (others,) = await logged(let_in, OLD)
    assert others.outcome is Outcome.INCONCLUSIVE


async def test_what_names_the_candidate_itself_is_not_looked_up():
    async with Framework(NEW).serving() as place:
        evidence = await identified(CHAT, place, SAID, LOG)
    logs = FakeLogs()
    assert await RequestLog(logs, FakeClock()).confirmed((evidence,), NEW, START) == (evidence,)
    assert logs.queries == []


# HTTP: the probe's own JSON answer, and paths beside it.


class Pages:
    """Answers each path with its next answer, the last one for ever: status, header, body."""

    def __init__(self, **answers):
        self.answers = {path: list(those) for path, those in answers.items()}
        self.paths = []

    async def __call__(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ")[1].decode().strip("/")
        self.paths.append(path)
        known = self.answers[path]
        status, header, value = known.pop(0) if len(known) > 1 else known[0]
        body = json.dumps(value).encode()
        named = f"x-revision: {header}\r\n" if header else ""
        lines = f"HTTP/1.1 {status} X\r\n{named}content-length: {len(body)}\r\n\r\n"
        writer.write(lines.encode() + body)
        await writer.drain()


def says(name, status=200, header=""):
    return (status, header, {"revision": name} if name else {})


@pytest.mark.parametrize(
    ("rules", "answers", "outcome", "by"),
    [
        ((OWN,), [says(OLD, 500), says(OLD), says(NEW)], Outcome.PASSED, NEW),
        ((OWN,), [says(OLD), says(NEW, 500)], Outcome.FAILED, NEW),
        ((OWN,), [says("")], Outcome.INCONCLUSIVE, ""),
        ((OWN,), [says("1.4.2")], Outcome.INCONCLUSIVE, ""),
        ((HEADER, OWN), [says(OLD, header=NEW)], Outcome.PASSED, NEW),
        ((OWN, HEADER), [says(OLD, header=NEW), says(NEW)], Outcome.PASSED, NEW),
        ((OWN, HEADER), [says("", header=OLD), says("", 500, NEW)], Outcome.FAILED, NEW),
        ((HEADER, OWN, LOG), [says("", 500)], Outcome.FAILED, ""),
    ],
)
async def test_of_an_answer_the_first_rule_that_applies_counts(rules, answers, outcome, by):
    pages = Pages(health=answers)
    async with tcp(pages) as place:
        evidence = await identified(HEALTH, place, *rules)
    assert (evidence.outcome, evidence.answered_by) == (outcome, by), evidence
    assert evidence.named == (by == NEW)
    assert len(pages.paths) == len(answers)  # what names nobody is not asked again


@pytest.mark.parametrize(
    ("rules", "health", "version", "outcome"),
    [
        ((PATH, HEADER), says("", header=NEW), says(""), Outcome.PASSED),
        ((PATH, HEADER), says(""), says("", 404), Outcome.INCONCLUSIVE),
        ((PATH, LOG), says(""), says("", 404), Outcome.PASSED),  # as far as probes can tell
        ((HEADER, PATH), says("", header=NEW), says("", 404), Outcome.PASSED),
        ((HEADER, PATH), says("", header=NEW), says(OLD), Outcome.PASSED),
        ((HEADER, PATH), says(""), says(NEW), Outcome.PASSED),
        ((HEADER, PATH), says(""), says(OLD), Outcome.INCONCLUSIVE),
        ((PATH, HEADER), says("", header=NEW), says(OLD), Outcome.INCONCLUSIVE),
        ((PATH, LOG), says(""), says(OLD), Outcome.INCONCLUSIVE),
        ((PATH,), says("", header=NEW), says(""), Outcome.INCONCLUSIVE),
    ],
)
async def test_a_path_decides_in_its_place_of_the_list(rules, health, version, outcome):
    async with tcp(Pages(health=[health], version=[version])) as place:
        evidence = await identified(HEALTH, place, *rules, arrival_s=ARRIVAL_S)
    assert evidence.outcome is outcome, evidence
    assert evidence.named == (outcome is Outcome.PASSED and LOG not in rules)


async def test_sessions_that_name_nobody_lie_between_two_proofs():
    async with Framework("", version=[OLD, NEW, NEW]).serving() as place:
        evidence = await identified(CHAT, place, HEADER, PATH, LOG)
    assert evidence.passed, evidence
    assert (evidence.named, evidence.answered_by) == (True, NEW)


async def test_candidate_and_stable_are_waited_for_together():
    pages = Pages(health=[says(OLD)])
    async with tcp(pages) as place:
        rule = either(OWN)
        stable = Target(f"http://{place}", "backend-00000-was", identity=rule)
        target = Target(f"http://{place}", NEW, identity=rule, stable=stable)
        news = []
        evidence = await ask_all([HEALTH] * 3, target, progress=news.append)
    assert [one.outcome for one in evidence] == [Outcome.INCONCLUSIVE] * 6
    assert sum(one.duration_s >= ARRIVAL_S for one in evidence) <= 1
    waited = [index for index, one in enumerate(evidence) if "before: " in " ".join(one.excerpts)]
    assert waited in ([], [0])  # the first has used up what there was for all of them
    assert any(one.at_once for one in news)
