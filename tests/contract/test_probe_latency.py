"""The latency probe against real sockets: what it asks, what it sees, what it refuses to judge.

What is measured here are differences of a tenth of a second and more: a busy machine makes less.
"""

import asyncio
import contextlib
import ssl
import time
from dataclasses import replace

import pytest
import trustme

from gate.core.evidence import STABLE, Outcome, Symptom
from gate.core.percentiles import percentile
from gate.core.policy import IdentityRule
from gate.core.redaction import Redactor
from gate.kinds.latency import LatencyProbe
from gate.ports import Target
from gate.probes.frontend import Arrival
from gate.probes.headers import Trace
from gate.probes.identity import Identity
from gate.probes.inquiry import Inquiry, Nonces, Run
from gate.probes.latency.client import Client, Question
from gate.probes.latency.probe import ask as ask_latency
from gate.probes.latency.telling import DRAWN
from gate.probes.words import Words
from tests.contract.probe_servers import SECRETS, TOKEN, SystemClock, ask, ask_all, tcp

QUICK = LatencyProbe("/x", rate_per_s=100, for_s=1, warm_up_s=0.1, timeout_s=2)
VERSUS = replace(QUICK, slower_percent=50)
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


def serving(answer):
    """A server that keeps connections open; `answer(number, head)` gives bytes, or None to hang."""
    asked = 0

    async def handler(reader, writer):
        nonlocal asked
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                asked += 1
                said = await answer(asked, head)
                if said is None:
                    return
                writer.write(said)
                await writer.drain()

    return handler


def steady(seconds=0.0, said=OK):
    async def answer(number, head):
        await asyncio.sleep(seconds)
        return said

    return serving(answer)


def frozen(at: int, for_s: float):
    """Answers at once, but for a time from request number `at` on, in which nobody is answered."""
    thaws = None

    async def answer(number, head):
        nonlocal thaws
        loop = asyncio.get_running_loop()
        if number >= at and thaws is None:
            thaws = loop.time() + for_s
        if thaws is not None:
            await asyncio.sleep(max(0.0, thaws - loop.time()))
        return OK

    return serving(answer)


@contextlib.asynccontextmanager
async def machine_ms():
    """By how many milliseconds a short sleep of this process is late, meanwhile."""
    late_ms = [0.0]

    async def measure():
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + 0.01
            await asyncio.sleep(0.01)
            late_ms.append((loop.time() - due) * 1000)

    measuring = asyncio.create_task(measure())
    try:
        yield late_ms
    finally:
        measuring.cancel()


def run_at(place, *, scheme="http", tls=None, identity=None):
    target = Target(f"{scheme}://{place}")
    return Run(
        target=target,
        secrets=SECRETS,
        nonces=Nonces(),
        words=Words(Redactor(SECRETS)),
        clock=SystemClock(),
        logs=None,
        tls=lambda: tls,
        since=SystemClock().now(),
        arrival=Arrival(0.4),
        identity=identity or Identity(),
    )


async def once(run, spec=QUICK):
    async with Client(run, Question.of(spec), Trace()) as client:
        return await client.ask(client.prepare(), time.monotonic())


def symptoms(evidence):
    return {finding.symptom for finding in evidence.findings}


def milliseconds(evidence, name, line=0):
    """A percentile that an excerpt tells."""
    told = next(one for one in evidence.excerpts[line:] if f"{name} " in one)
    return float(told.split(f"{name} ")[1].split(" ms")[0])


async def test_it_asks_as_the_policy_says_and_tells_what_it_saw():
    heads = []

    async def answer(number, head):
        heads.append(head.decode())
        return OK

    spec = replace(QUICK, headers=(("Authorization", "Bearer ${alice}"), ("X-N", "${nonce}")))
    async with tcp(serving(answer)) as place:
        evidence = await ask(
            replace(spec, p95_s=1.5), place, headers=(("X-Let-Me-In", "idtoken99"),)
        )
    assert evidence.passed, evidence
    assert len(heads) == 1 + 10 + 100  # the first one, the warm-up, and what is measured
    assert (evidence.asked_times, evidence.right_times) == (100, 100)
    assert evidence.kind == "latency"
    assert evidence.asked == "GET /x, 100/s for 1 s"
    assert evidence.seen.endswith("0 of 100 wrong")
    assert evidence.seen.startswith("p95 ")
    lines = [dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2]) for head in heads]
    assert {head.split("\r\n")[0] for head in heads} == {"GET /x HTTP/1.1"}
    assert {line["Authorization"] for line in lines} == {f"Bearer {TOKEN}"}
    assert {line["X-Let-Me-In"] for line in lines} == {"idtoken99"}
    assert {line["traceparent"].split("-")[1] for line in lines} == {evidence.trace}
    assert len({line["X-N"] for line in lines}) == len(lines)
    assert all(line["User-Agent"].startswith("gate/") for line in lines)
    assert TOKEN not in repr(evidence)
    assert "idtoken99" not in repr(evidence)
    told = "\n".join(evidence.excerpts)
    for part in (
        "seed ",
        "first answer",
        "warm-up, not counted: 10",
        "late (p95)",
        "trivial server",
    ):
        assert part in told
    assert milliseconds(evidence, "answers us in p50") < 1000


async def test_the_environments_proxy_is_not_asked(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with tcp(steady()) as place:
        assert (await ask(QUICK, place)).passed


@pytest.mark.parametrize("open_max", [500, 4])
async def test_a_freeze_is_seen_by_every_request_that_was_due_in_it(open_max):
    """Half of a second of two, at 100/s: 50 of 200 wait, the longest 0.5 s, 10 more than 0.4 s.

    With four connections most of them cannot even be sent: they are late all the same. Counted
    from when they were sent, nearly nobody waited (coordinated omission).
    """
    spec = replace(QUICK, for_s=2, warm_up_s=0)
    async with tcp(frozen(at=60, for_s=0.5)) as place:
        inquiry = Inquiry("x", spec, run_at(place), lambda *_: None)
        async with machine_ms() as late_ms:
            evidence = await ask_latency(inquiry, open_max=open_max, seed=1)
    assert evidence.passed
    assert 380 <= milliseconds(evidence, "p95") <= 600
    assert 460 <= milliseconds(evidence, "p99") <= 700
    assert milliseconds(evidence, "p50") < 100
    own_ms = milliseconds(evidence, "our own part: sent")
    assert own_ms < 250 + percentile(late_ms, 95)  # nobody's freeze delays the asking


async def test_a_slow_candidate_misses_its_limit():
    async with tcp(steady(0.3)) as place:
        evidence = await ask(replace(QUICK, p95_s=0.1), place)
    assert evidence.outcome is Outcome.FAILED
    assert symptoms(evidence) == {Symptom.SLOW}
    assert evidence.findings[0].expected == "p95 of at most 100 ms"


@pytest.mark.parametrize(
    ("candidate_s", "stable_s", "outcome"),
    [(0.45, 0.15, Outcome.FAILED), (0.25, 0.25, Outcome.PASSED), (0.1, 0.4, Outcome.PASSED)],
)
async def test_candidate_and_stable_are_compared(candidate_s, stable_s, outcome):
    async with tcp(steady(candidate_s)) as here, tcp(steady(stable_s)) as there:
        target = Target(f"http://{here}", stable=Target(f"http://{there}"))
        evidence, control = await ask_all([VERSUS], target)
    assert evidence.outcome is outcome, evidence
    assert "(stable: p95 " in evidence.seen
    assert any("times stable's" in line and "98% sure" in line for line in evidence.excerpts)
    assert (control.address, control.outcome) == (STABLE, Outcome.PASSED)
    assert (control.asked_times, evidence.asked_times) == (100, 100)
    for one, took_s in ((evidence, candidate_s), (control, stable_s)):
        percents, took_us = zip(*one.percentiles, strict=True)
        assert percents == DRAWN
        assert sorted(took_us) == [*took_us]
        assert took_us[0] >= 0.9e6 * took_s
    if outcome is Outcome.FAILED:
        assert symptoms(evidence) == {Symptom.SLOW}


async def test_what_was_slow_before_is_shown_of_stable_too():
    async with tcp(steady(0.3)) as here, tcp(steady(0.3)) as there:
        target = Target(f"http://{here}", stable=Target(f"http://{there}"))
        evidence, control = await ask_all([replace(QUICK, p95_s=0.1)], target)
    assert [one.outcome for one in (evidence, control)] == [Outcome.FAILED, Outcome.FAILED]
    assert symptoms(control) == {Symptom.SLOW}


async def test_without_stable_there_is_nothing_to_compare_with():
    async with tcp(steady()) as place:
        evidence = await ask(VERSUS, place)
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert evidence.findings[0].hint == "set `baseline: stable` in the policy"


async def test_a_stable_that_does_not_answer_is_not_the_candidates_fault():
    async with (
        tcp(steady()) as here,
        tcp(steady(said=b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")) as there,
    ):
        target = Target(f"http://{here}", stable=Target(f"http://{there}"))
        (evidence,) = await ask_all([VERSUS], target)
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert "stable itself does not answer: 500" in evidence.findings[0].seen


async def test_a_wrong_first_answer_ends_it_at_once():
    asked = []

    async def answer(number, head):
        asked.append(number)
        return b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy"

    async with tcp(serving(answer)) as place:
        evidence = await ask(QUICK, place)
    assert (evidence.outcome, symptoms(evidence)) == (Outcome.FAILED, {Symptom.STATUS})
    assert asked == [1]


async def test_wrong_answers_are_counted_apart_from_latency():
    async def answer(number, head):
        if number > 5 and number % 4 == 0:
            return b"HTTP/1.1 307 T\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
        await asyncio.sleep(0.15)
        return OK

    async with tcp(serving(answer)) as place:
        evidence = await ask(QUICK, place)
        forgiven = await ask(replace(QUICK, errors_percent=40), place)
    (finding,) = evidence.findings
    assert (finding.symptom, evidence.outcome) == (Symptom.REDIRECT, Outcome.FAILED)
    assert 20 <= finding.count <= 30
    assert evidence.right_times == 100 - finding.count
    assert forgiven.passed
    assert milliseconds(forgiven, "p50") >= 150  # the quick redirects are not among them
    assert any("307" in line for line in forgiven.excerpts)


async def test_a_timeout_counts_as_no_less_than_it_waited():
    async def answer(number, head):
        if number > 12 and number % 2 == 0:
            await asyncio.sleep(60)
        return OK

    spec = replace(QUICK, timeout_s=0.6, errors_percent=90, p95_s=0.6)
    async with tcp(serving(answer)) as place:
        evidence = await ask(spec, place)
    assert milliseconds(evidence, "p95") >= 600
    assert any("given up at their timeout" in line for line in evidence.excerpts)
    assert any("timeout: no whole answer within 0.6 s" in line for line in evidence.excerpts)


async def test_an_address_where_nobody_listens_is_not_the_candidates_fault():
    async with tcp(steady()) as place:
        pass
    evidence = await ask(QUICK, place)
    assert (evidence.outcome, symptoms(evidence)) == (Outcome.INCONCLUSIVE, {Symptom.CONNECT})


async def test_a_broken_connection_is_not_hidden_by_asking_once_more():
    async def answer(number, head):
        return None if number > 12 and number % 10 == 0 else OK

    async with tcp(serving(answer)) as place:
        evidence = await ask(QUICK, place)
    (finding,) = evidence.findings
    assert (finding.symptom, evidence.outcome) == (Symptom.ABNORMAL, Outcome.FAILED)
    assert finding.count >= 8


def revision(name):
    return b"HTTP/1.1 200 OK\r\nx-revision: %s\r\ncontent-length: 0\r\n\r\n" % name


async def test_answers_of_another_revision_are_no_evidence():
    async def answer(number, head):
        return revision(b"old" if number < 3 or number > 60 else b"new")

    rule = IdentityRule(header="x-revision")
    async with tcp(serving(answer)) as place:
        evidence = await ask(QUICK, place, revision="new", identity=rule)
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert symptoms(evidence) == {Symptom.IDENTITY}
    assert evidence.answered_by == "new, old"
    assert evidence.right_times < 60
    assert any("times before" in line for line in evidence.excerpts)


async def test_stable_must_be_stable_to_be_compared_with():
    rule = IdentityRule(header="x-revision")
    async with tcp(steady(said=revision(b"new"))) as place:
        stable = Target(f"http://{place}", "old", identity=rule)
        target = Target(f"http://{place}", "new", identity=rule, stable=stable)
        evidence, *_ = await ask_all([VERSUS], target)
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert (
        "stable itself does not answer: an answer from another revision"
        in evidence.findings[0].seen
    )


@pytest.mark.parametrize(
    ("said", "symptom"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (3 << 20), Symptom.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * (1 << 20), Symptom.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * (1 << 17), Symptom.TOO_LARGE),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", Symptom.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort", Symptom.ABNORMAL),
        (b"HTTP/1.1 \x1b[31m\r\n\r\n", Symptom.PROTOCOL),
    ],
)
async def test_hostile_answers_are_bounded_and_named(said, symptom):
    async def handler(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()

    async with tcp(handler) as place:
        reply = await once(run_at(place))
    assert reply.fault.symptom is symptom, reply


async def test_the_front_ends_own_answers_are_told_apart():
    said = b"HTTP/1.1 429 Too Many\r\ncontent-length: 14\r\n\r\nRate exceeded."
    async with tcp(steady(said=said)) as place:
        reply = await once(run_at(place))
    assert reply.fault.symptom is Symptom.PLATFORM


async def test_tls_is_verified():
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    knows = ssl.create_default_context()
    authority.configure_trust(knows)
    async with tcp(steady(), server) as place:
        trusted = await once(run_at(place, scheme="https", tls=knows))
        other = await once(run_at(place, scheme="https", tls=ssl.create_default_context()))
        whole = await ask(QUICK, place, scheme="https", tls=knows)
    assert trusted.fault is None
    assert whole.passed
    assert (other.fault.symptom, "certificate" in other.fault.seen) == (Symptom.CONNECT, True)


async def test_when_cancelled_every_connection_is_closed():
    open_ones, all_gone, going = set(), asyncio.Event(), asyncio.Event()

    async def handler(reader, writer):
        open_ones.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(OK)
            await reader.readuntil(b"\r\n\r\n")
            await reader.read()
        open_ones.discard(writer)
        if not open_ones:
            all_gone.set()

    def progress(one):
        if one.text.startswith("asked for 1 of"):
            going.set()

    async with tcp(handler) as place:
        task = asyncio.create_task(ask(replace(QUICK, for_s=30), place, progress=progress))
        await asyncio.wait_for(going.wait(), 10)
        assert len(open_ones) > 10
        all_gone.clear()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(all_gone.wait(), 5)
