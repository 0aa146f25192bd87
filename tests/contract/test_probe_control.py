"""Candidate and stable as real servers: who is asked, when, how often, and what comes of it."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from websockets.asyncio.server import serve

from gate.core.attribution import attributed
from gate.core.control import Contract, Repeats
from gate.core.evidence import STABLE, Outcome, Repeat, Symptom
from gate.core.expectations import Pattern
from gate.core.fail_fast import NotAsked, not_asked
from gate.core.policy import IdentityRule, Probe
from gate.core.redaction import Redactor
from gate.core.severity import Severity
from gate.core.statistics import sample_size
from gate.kinds.http import HttpProbe
from gate.kinds.logs import LogPattern, LogsProbe
from gate.kinds.soak import SoakProbe
from gate.kinds.websocket import Await, WebSocketProbe
from gate.ports import LogEntry, Target
from gate.probes.runner import ProbeRunner
from tests.contract.probe_servers import ARRIVAL_S, SECRETS, SystemClock, tcp
from tests.fakes.logs import FakeLogs

NEW, OLD = "backend-00002-new", "backend-00001-old"
SECRET = SECRETS["bob"]
RULE = IdentityRule(header="x-revision")
HEALTH = Probe("health", HttpProbe("/health"))
HURRIED = replace(HEALTH, spec=HttpProbe("/health", timeout_s=1))
"""For sides that never answer."""
RIGHT, WRONG, SILENT = Repeat.RIGHT, Repeat.WRONG, Repeat.SILENT


class Side:
    """One of the two: answers its requests from a list of statuses, the last one for ever."""

    def __init__(self, name, diary, *statuses, body=None):
        self.name, self.diary, self.statuses = name, diary, list(statuses) or [200]
        self.body = {"a": 1} if body is None else body
        self.asked = asyncio.Event()

    async def answer(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.set()
        self.diary.append((self.name, head.split()[1].decode()))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status is None:
            await reader.read()
        body = json.dumps(self.body).encode() if not isinstance(self.body, bytes) else self.body
        lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", f"x-revision: {self.name}"]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()


@asynccontextmanager
async def both(candidate, stable):
    async with tcp(candidate.answer) as here, tcp(stable.answer) as there:
        control = Target(f"http://{there}", OLD, identity=RULE)
        yield Target(f"http://{here}", NEW, identity=RULE, stable=control, repeats=Repeats())


async def run(probes, target, logs=None, news=lambda _: None):
    runner = ProbeRunner(
        SECRETS, logs, SystemClock(), Redactor(SECRETS), arrival_within_s=ARRIVAL_S
    )
    found = attributed(probes, await runner.run(probes, target, news))
    own = {item.probe: item for item in found if not item.control}
    return own, {item.probe: item for item in found if item.control}


async def ask(candidate, stable, probe=HEALTH, **changes):
    async with both(candidate, stable) as target:
        own, control = await run([probe], replace(target, **changes))
        return own[probe.name], control[probe.name]


async def test_both_are_asked_in_turns_probe_by_probe():
    diary = []
    probes = [HEALTH, Probe("other", HttpProbe("/other"))]
    async with both(Side(NEW, diary), Side(OLD, diary)) as target:
        own, control = await run(probes, target)
    assert diary == [(NEW, "/health"), (OLD, "/health"), (NEW, "/other"), (OLD, "/other")]
    assert all(item.passed for item in (*own.values(), *control.values()))
    assert [control[name].answered_by for name in own] == [OLD, OLD]


async def test_a_regression_is_asked_again_in_turns_until_it_is_known():
    diary = []
    own, control = await ask(Side(NEW, diary, 500), Side(OLD, diary))
    assert diary == [(NEW, "/health"), (OLD, "/health")] * 3
    assert own.repeats == (WRONG,) * 3
    assert control.repeats == (RIGHT,) * 3
    assert own.attribution.value == "regression"


HELD = Probe("held", SoakProbe("/held", for_s=600))
LAST = Probe("last", HttpProbe("/last"))


@pytest.mark.parametrize(
    ("here", "there", "probe", "fast", "asked"),
    [
        ([500], [200], HEALTH, True, False),
        ([500], [200], HEALTH, False, True),
        ([500, 200], [200], HEALTH, True, True),
        ([500], [500], HEALTH, True, True),
        ([500], [200], replace(HEALTH, required=False), True, True),
        ([200], [500], HEALTH, True, True),
    ],
    ids=["regression", "switched off", "flaky", "already there", "not required", "passes"],
)
async def test_what_takes_long_is_left_out_after_a_regression(here, there, probe, fast, asked):
    diary = []
    probes = [probe, HELD, LAST]
    async with both(Side(NEW, diary, *here), Side(OLD, diary, *there)) as target:
        own, control = await run(probes, replace(target, fail_fast=fast))
    assert ("held" in own, "held" in control) == (asked, asked)
    assert ("last" in own, "last" in control) == (True, True)
    assert ((NEW, "/held") in diary) is asked
    left_out = not_asked(probes, [*own.values(), *control.values()], Repeats())
    assert left_out == (NotAsked() if asked else NotAsked(("held",), "health"))


async def test_without_stable_a_plain_failure_is_beyond_doubt():
    async with both(Side(NEW, [], 404), Side(OLD, [])) as target:
        own, _ = await run([HEALTH, HELD, LAST], replace(target, stable=None, fail_fast=True))
    assert list(own) == ["health", "last"]


async def test_what_failed_at_one_address_is_not_asked_at_length_at_the_other():
    diary = []
    async with both(Side(NEW, diary, 500), Side(OLD, diary)) as target:
        alone = replace(target, stable=None, fail_fast=True)
        runner = ProbeRunner(SECRETS, None, SystemClock(), Redactor(SECRETS), arrival_within_s=0.1)
        first = await runner.run([HEALTH], alone, lambda _: None)
        users = replace(target.stable, fail_fast=True, before=first)
        second = await runner.run([HEALTH, HELD], users, lambda _: None)
    assert [item.probe for item in second] == ["health"]


@pytest.mark.parametrize(
    ("here", "there", "tries", "word"),
    [
        ([500, 200], [200], (WRONG, *[RIGHT] * 6), "flaky"),
        ([500], [500], (WRONG,) * 3, "already there"),
        ([401], [403], (WRONG,) * 3, "probe fault"),
        ([503], [504], (WRONG,) * 3, "environment"),
        ([None], [None], (SILENT,) * 3, "environment"),
        ([None, 200], [200], (SILENT, *[RIGHT] * 6), "flaky"),
        ([None], [200], (SILENT,) * 3, "regression"),
        ([404], [500], (WRONG,) * 3, "unknown"),
    ],
)
async def test_what_the_tries_come_to(here, there, tries, word):
    probe = HURRIED if None in (*here, *there) else HEALTH
    own, control = await ask(Side(NEW, [], *here), Side(OLD, [], *there), probe)
    assert (own.repeats, own.attribution.value) == (tries, word)
    assert len(control.repeats) == len(tries)
    assert own.outcome is Outcome.FAILED


async def test_a_pass_is_never_asked_again_whatever_stable_does():
    diary = []
    own, control = await ask(Side(NEW, diary), Side(OLD, diary, 500))
    assert (len(diary), own.repeats, control.repeats) == (2, (), ())
    assert own.passed
    assert not control.passed


async def test_tries_are_bounded_by_number_and_by_the_deadline():
    most = Repeats(at_most=1)
    own, _ = await ask(Side(NEW, [], 500), Side(OLD, []), repeats=most)
    assert len(own.repeats) == 2
    soon = datetime.now(UTC) + timedelta(seconds=0.5)
    own, _ = await ask(Side(NEW, [], None), Side(OLD, []), HURRIED, until=soon)
    assert own.repeats == ()
    for once in ({"repeats": Repeats(at_most=0)}, {"repeats": None}):
        own, _ = await ask(Side(NEW, [], 500), Side(OLD, []), **once)
        assert (own.repeats, own.attribution.value) == ((), "regression")


async def test_once_one_regression_is_known_others_are_asked_once():
    diary = []
    probes = [HEALTH, Probe("other", HttpProbe("/other"))]
    async with both(Side(NEW, diary, 500), Side(OLD, diary)) as target:
        own, _ = await run(probes, target)
    assert (len(own["health"].repeats), own["other"].repeats) == (3, ())
    assert own["other"].attribution.value == "regression"


@pytest.mark.parametrize(
    ("body", "contract", "seen"),
    [
        ({"b": 1}, Contract.STABLE, "another shape than stable's: $.a missing"),
        ({"a": "1"}, Contract.STABLE, "another shape than stable's: $.a is string"),
        (b"<html>", Contract.STABLE, "another shape than stable's: the answer is no JSON"),
        ({"a": 7, "b": 1}, Contract.STABLE, ""),
        ({"b": 1}, Contract.DECLARED, ""),
    ],
)
async def test_a_pass_in_another_shape_than_stables_is_none(body, contract, seen):
    probe = replace(HEALTH, contract=contract)
    own, _ = await ask(Side(NEW, [], body=body), Side(OLD, []), probe)
    if not seen:
        assert own.passed
        return
    assert (own.outcome, own.seen) == (Outcome.FAILED, seen)
    assert own.findings[0].symptom is Symptom.SCHEMA
    assert own.attribution.value == "contract change"


async def test_what_the_probe_expects_declares_a_contract_that_stable_does_not_keep_yet():
    probe = replace(HEALTH, spec=HttpProbe("/health", answer=Pattern(json={"v": 2})))
    old = Side(OLD, [], body={"v": 1, "gone": 1})
    own, control = await ask(Side(NEW, [], body={"v": 2}), old, probe)
    assert (own.passed, control.passed) == (True, False)


async def test_what_changes_in_stables_own_answers_is_no_contract():
    """Its first answer has a key that its second lacks: asked again, the candidate passes."""
    old = Side(OLD, [], body={"a": 1, "only-once": 1})

    async def answer(reader, writer):
        await Side.answer(old, reader, writer)
        old.body = {"a": 1}

    async with tcp(Side(NEW, []).answer) as here, tcp(answer) as there:
        control = Target(f"http://{there}", OLD, identity=RULE)
        target = Target(f"http://{here}", NEW, identity=RULE, stable=control, repeats=Repeats())
        own, _ = await run([HEALTH], target)
    assert own["health"].passed
    assert own["health"].repeats == (RIGHT, RIGHT)


async def test_stable_must_prove_who_it_is():
    own, control = await ask(Side(NEW, [], 500), Side(NEW, [], 500))
    assert control.findings[0].symptom is Symptom.IDENTITY
    assert own.attribution.value == "unknown"


async def test_a_stable_that_cannot_be_reached_excuses_nothing():
    async with tcp(Side(NEW, [], 500).answer) as here:
        async with tcp(Side(OLD, []).answer) as gone:
            pass
        control = Target(f"http://{gone}", OLD)
        own, _ = await run([HEALTH], Target(f"http://{here}", NEW, stable=control))
    assert own["health"].attribution.value == "unknown"


async def test_the_live_view_hears_of_stable_as_stable():
    news = []
    async with both(Side(NEW, [], 500), Side(OLD, [])) as target:
        await run([HEALTH], target, news=news.append)
    ended = [(one.address, one.evidence.address) for one in news if one.evidence is not None]
    assert ended == [("", ""), (STABLE, STABLE)]
    assert {one.address for one in news} == {"", STABLE}
    assert any("asking both again" in one.text for one in news)


def entry(text):
    return LogEntry(datetime.now(UTC), Severity.ERROR, text)


async def test_stables_logs_are_read_only_where_the_candidates_match():
    probe = Probe("logs", LogsProbe((LogPattern(Severity.ERROR),), settle_s=0))
    since = datetime.now(UTC) - timedelta(minutes=1)
    stable = Target("http://y", OLD, since=since)
    target = Target("http://x", NEW, since=since, stable=stable, repeats=Repeats())
    logs = FakeLogs()
    own, control = await run([probe], target, logs)
    assert own["logs"].passed
    assert not control
    assert {query.revision for query in logs.queries} == {NEW}
    for text, word in (("boom", "already there"), ("another", "unknown")):
        logs = FakeLogs()
        logs.add(NEW, entry("boom"))
        logs.add(OLD, entry(text))
        own, _ = await run([probe], target, logs)
        assert own["logs"].attribution.value == word
        assert own["logs"].repeats == ()


async def test_what_stable_wrote_last_has_time_to_arrive():
    """Both write the same; stable was asked later, and its entry is not there at once."""
    now = datetime.now(UTC)
    probe = Probe("logs", LogsProbe((LogPattern(Severity.ERROR),), settle_s=0.5))
    logs = FakeLogs(SystemClock(), delay_s=0.3)
    logs.add(NEW, replace(entry("boom"), at=now - timedelta(seconds=1)))
    logs.add(OLD, replace(entry("boom"), at=now))
    stable = Target("http://y", OLD, since=now - timedelta(minutes=1))
    own, _ = await run([probe], Target("http://x", NEW, since=stable.since, stable=stable), logs)
    assert own["logs"].attribution.value == "already there"


async def test_stables_logs_are_not_waited_for_once_the_verdict_is_known():
    began = asyncio.get_running_loop().time()
    probe = Probe("logs", LogsProbe((LogPattern(Severity.ERROR),), settle_s=30))
    logs = FakeLogs()
    logs.add(NEW, replace(entry("boom"), at=datetime.now(UTC) + timedelta(seconds=1)))
    async with both(Side(NEW, [], 500), Side(OLD, [])) as target:
        own, control = await run([HEALTH, probe], target, logs)
    assert own["health"].attribution.value == own["logs"].attribution.value == "regression"
    assert control["logs"].passed
    assert asyncio.get_running_loop().time() - began < 15


def chat(welcome, code=1000):
    async def session(connection):
        await connection.send(json.dumps(welcome))
        if code != 1000:
            await connection.close(code, "broken")
        await connection.wait_closed()

    return session


@pytest.mark.parametrize(
    ("here", "there", "word"),
    [
        (chat({"type": "welcome", "a": 1}), chat({"type": "welcome", "a": 2}), None),
        (chat({"type": "welcome"}), chat({"type": "welcome", "a": 2}), "contract change"),
        (chat({"type": "hello"}), chat({"type": "welcome"}), "contract change"),
        (chat({"type": "welcome"}, 1011), chat({"type": "welcome"}), "regression"),
        (chat({"type": "x"}, 1011), chat({"type": "x"}, 1011), "already there"),
        (chat({"type": "x"}), chat({"type": "x"}), "already there"),
    ],
)
async def test_conversations_are_compared_message_by_message(here, there, word):
    script = (Await(Pattern(json={"type": "welcome"}), within_s=0.3),)
    probe = Probe("chat", WebSocketProbe("/ws", script=script, hold_s=0.1, close_code=1000))
    async with serve(here, "127.0.0.1", 0) as one, serve(there, "127.0.0.1", 0) as other:
        ports = [server.sockets[0].getsockname()[1] for server in (one, other)]
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        target = Target(urls[0], stable=Target(urls[1]), repeats=Repeats())
        own, _ = await run([probe], target)
    attribution = own["chat"].attribution
    assert (attribution and attribution.value) == word


HI = {"type": "hi"}


def saying(*messages):
    """Says these, and stays."""

    async def session(connection):
        for message in messages:
            await connection.send(message if isinstance(message, str) else json.dumps(message))
        await connection.wait_closed()

    return session


@pytest.mark.parametrize(
    ("here", "there", "seen"),
    [
        (("DEBUG: up", HI), (HI,), "stable does not send a message that is no JSON object"),
        (("[1]", HI), (HI,), "stable does not send a message that is no JSON object"),
        (({"type": "error"}, HI), (HI,), "stable does not send message error"),
        (({"type": "new"}, HI), (HI,), "stable does not send message new before the first"),
        ((HI, "DEBUG: up"), (HI,), "stable does not send a message that is no JSON object"),
        (("DEBUG: up", HI), ("DEBUG: ready", HI), None),
        (({"type": "new"}, HI), (HI, {"type": "new"}), None),  # in another order
        (({"type": "ping"}, HI), (HI,), None),  # may come at any time
        ((HI, {"type": "new"}), (HI,), None),  # only told: clients pass it over
        (({"type": "b"}, HI), ({"type": "a"}, HI), None),  # in the place of what they pass over
        (({"type": "a"}, {"type": "b"}, HI), ({"type": "a"}, HI), "stable does not send message b"),
    ],
)
async def test_a_message_that_nobody_awaits_and_stable_does_not_send(here, there, seen):
    script = (Await(Pattern(json=HI), within_s=5),)
    probe = Probe("chat", WebSocketProbe("/ws", script=script, hold_s=0.1))
    async with (
        serve(saying(*here), "127.0.0.1", 0) as one,
        serve(saying(*there), "127.0.0.1", 0) as other,
    ):
        ports = [server.sockets[0].getsockname()[1] for server in (one, other)]
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        target = Target(urls[0], stable=Target(urls[1]), repeats=Repeats())
        own, control = await run([probe], target)
    assert control["chat"].passed
    assert own["chat"].passed is (seen is None), own["chat"].seen
    if seen:
        assert own["chat"].seen.startswith(seen)
        assert own["chat"].attribution.value == "regression"


def unreliable(every):
    """Closes every so-manieth connection with 1011, 0 for none."""
    numbers = count(1)

    async def session(connection):
        bad = every and next(numbers) % every == 0
        await (connection.close(1011, "accept race") if bad else connection.wait_closed())

    return session


@pytest.mark.parametrize(
    ("here", "there", "percent", "ended"),
    [
        (0, 0, 100, (Outcome.PASSED, None)),
        (10, 0, 100, (Outcome.FAILED, "regression")),
        (10, 10, 100, (Outcome.FAILED, "already there")),
        (10, 0, 95, (Outcome.FAILED, "regression")),
        (50, 0, 95, (Outcome.PASSED, None)),
        (3, 30, 95, (Outcome.FAILED, "regression")),
    ],
)
async def test_a_service_that_fails_one_time_in_ten_is_told_from_one_that_never_does(
    here, there, percent, ended
):
    size = sample_size(1 - percent / 100, bad=0.1)
    spec = WebSocketProbe("/ws", connections=10, repeat=-(-size // 10), success_percent=percent)
    probe = Probe("chat", replace(spec, hold_s=0.02, close_code=1000))
    async with (
        serve(unreliable(here), "127.0.0.1", 0) as one,
        serve(unreliable(there), "127.0.0.1", 0) as other,
    ):
        ports = [server.sockets[0].getsockname()[1] for server in (one, other)]
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        own, _ = await run([probe], Target(urls[0], stable=Target(urls[1]), repeats=Repeats()))
    word = own["chat"].attribution
    assert (own["chat"].outcome, word and word.value) == ended


async def test_no_key_shows_a_secret():
    own, control = await ask(Side(NEW, [], body={SECRET: 1}), Side(OLD, [], body={SECRET: "1"}))
    assert own.outcome is Outcome.FAILED
    assert SECRET[:12] not in repr(own)
    assert SECRET[:12] not in repr(control.shape)


async def test_a_run_that_is_cancelled_leaves_nothing_behind():
    stable = Side(OLD, [], None)
    async with both(Side(NEW, [], 500), stable) as target:
        slow = replace(HEALTH, spec=HttpProbe("/health", timeout_s=30))
        task = asyncio.create_task(run([slow], target))
        await stable.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
