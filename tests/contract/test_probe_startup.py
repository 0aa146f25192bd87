"""The startup probe against real sockets: the first answer and the warm ones, each on its own."""

import asyncio
import itertools
import json
import re
import time

import pytest

from gate.core.attribution import EXCUSED, Attribution, attributed
from gate.core.evidence import Outcome, Symptom
from gate.core.policy import IdentityRule, Probe
from gate.kinds.http import HttpProbe
from gate.kinds.startup import StartupProbe
from gate.ports import Target
from tests.contract.probe_servers import answers, ask, ask_all, http, tcp

SLOW_S, LIMIT_S = 2.5, 2.0
"""An answer that is late, and a limit that no other comes near, on a busy machine neither."""
OLD, NEW = "backend-00001-aaa", "backend-00002-bbb"
NO_INSTANCE = b"The request was aborted because there was no available instance."


def one_after_the_other(*handlers):
    """Each connection gets the next handler, the last one all that follow."""
    rest = itertools.chain(handlers, itertools.repeat(handlers[-1]))

    async def handler(reader, writer):
        await next(rest)(reader, writer)

    return handler


def late(seconds):
    return answers(seconds, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")


def first_ms(evidence):
    line = next(line for line in evidence.excerpts if line.startswith("= first: "))
    number, unit = line.split()[2:4]
    return float(number) * (1000 if unit == "s" else 1)


async def test_a_slow_first_answer_is_told_apart_from_the_warm_ones():
    async with tcp(one_after_the_other(late(SLOW_S), http())) as place:
        evidence = await ask(StartupProbe("/ready", warm_requests=3, warm_s=LIMIT_S), place)
    assert evidence.passed, evidence
    assert evidence.asked == "GET /ready"
    assert (evidence.asked_times, evidence.right_times) == (4, 4)
    assert first_ms(evidence) >= SLOW_S * 1000
    assert re.match(r"first answer after \d+\.\d+ s", evidence.seen), evidence.seen
    assert "3 warm ones in" in evidence.seen
    assert len([line for line in evidence.excerpts if line.startswith("= warm")]) == 3


async def test_a_first_answer_beyond_its_limit_fails():
    async with tcp(one_after_the_other(late(SLOW_S), http())) as place:
        evidence = await ask(StartupProbe("/", first_s=0.2), place)
    assert evidence.outcome is Outcome.FAILED
    assert [one.symptom for one in evidence.findings] == [Symptom.TIMEOUT]
    assert evidence.asked_times == 1


async def test_a_warm_answer_beyond_its_limit_fails_with_its_time():
    async with tcp(one_after_the_other(http(), http(), late(SLOW_S), http())) as place:
        evidence = await ask(StartupProbe("/", warm_requests=4, warm_s=LIMIT_S), place)
    assert evidence.outcome is Outcome.FAILED
    (finding,) = evidence.findings
    assert finding.symptom is Symptom.SLOW
    assert finding.expected == "within 2 s"
    assert re.match(r"a warm answer after \d+\.\d+ s", finding.seen), finding.seen
    assert (evidence.asked_times, evidence.right_times) == (5, 4)


async def test_warm_answers_end_with_the_first_that_is_wrong():
    broken = http(b"", "500 Internal Server Error")
    async with tcp(one_after_the_other(http(), http(), broken, http())) as place:
        evidence = await ask(StartupProbe("/", warm_requests=50), place)
    assert evidence.outcome is Outcome.FAILED
    assert [one.symptom for one in evidence.findings] == [Symptom.STATUS]
    assert (evidence.asked_times, evidence.right_times) == (3, 2)


async def test_waiting_for_an_instance_belongs_to_the_first_answer():
    busy = http(NO_INSTANCE, "503 Service Unavailable")
    async with tcp(one_after_the_other(busy, http())) as place:
        evidence = await ask(StartupProbe("/", first_s=5, warm_requests=1), place)
    assert evidence.passed, evidence
    assert first_ms(evidence) >= 500  # the first pause before it is asked again


async def test_waiting_for_the_front_end_does_not():
    unknown = http(b"<title>Error 404 (Not Found)!!1</title>", "404 Not Found")
    inner = one_after_the_other(unknown, unknown, unknown, http())
    began, ended = [], []

    async def timed(reader, writer):
        began.append(time.monotonic())
        await inner(reader, writer)
        ended.append(time.monotonic())

    async with tcp(timed) as place:
        evidence = await ask(StartupProbe("/", first_s=30, warm_requests=1), place)
    assert evidence.passed, evidence
    assert any("times before" in line for line in evidence.excerpts)
    # From the last refusal to the next request: the waiting before that is no part of it.
    assert first_ms(evidence) < 1000 * (began[4] - ended[2]) + 1, evidence


async def test_it_is_the_first_request_of_all():
    paths = []

    async def handler(reader, writer):
        paths.append((await reader.readuntil(b"\r\n\r\n")).split()[1].decode())
        body = json.dumps({"revision": NEW}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    specs = [HttpProbe("/a"), StartupProbe("/cold", warm_requests=1)]
    async with tcp(handler) as place:
        rule = IdentityRule(path="/version", field="revision")
        target = Target(f"http://{place}", NEW, identity=rule)
        evidence = await ask_all(specs, target)
    assert paths == ["/cold", "/cold", "/version", "/version", "/a", "/version"]
    assert all(one.passed and one.answered_by == NEW for one in evidence)


async def test_another_revisions_start_is_no_evidence():
    body = json.dumps({"revision": OLD}).encode()
    async with tcp(http(body)) as place:
        rule = IdentityRule(path="/version", field="revision")
        target = Target(f"http://{place}", NEW, identity=rule)
        (evidence,) = await ask_all([StartupProbe("/", warm_requests=1)], target)
        named = Target(f"http://{place}", NEW, identity=IdentityRule("x-revision"))
        (nameless,) = await ask_all([StartupProbe("/", warm_requests=1)], named)
    for one in (evidence, nameless):
        assert one.outcome is Outcome.INCONCLUSIVE
        assert one.findings[0].symptom is Symptom.IDENTITY


@pytest.mark.parametrize("endless", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nx: "])
async def test_an_endless_answer_ends(endless):
    async def handler(reader, writer):
        writer.write(endless)
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            await asyncio.sleep(0)

    async with tcp(handler) as place:
        evidence = await ask(StartupProbe("/", first_s=5), place)
    assert evidence.outcome is Outcome.FAILED
    assert evidence.findings[0].symptom is Symptom.TOO_LARGE


async def beside(candidate, stable, spec):
    async with tcp(candidate) as here, tcp(stable) as there:
        target = Target(f"http://{here}", NEW, stable=Target(f"http://{there}", OLD))
        return attributed([Probe("probe", spec)], await ask_all([spec], target))


async def test_a_page_that_is_slow_or_broken_at_stable_too_is_nobodys_fault():
    """In other units at that: what takes 0.96 s here takes 1.06 s there."""
    spec = StartupProbe("/", warm_requests=1, warm_s=0.5)
    own, control = await beside(late(0.96), late(1.06), spec)
    assert (own.outcome, control.outcome) == (Outcome.FAILED, Outcome.FAILED)
    assert own.attribution is Attribution.ALREADY_THERE
    broken = http(b"", "500 Internal Server Error")
    own, _ = await beside(broken, broken, spec)
    assert own.attribution is Attribution.ALREADY_THERE


async def test_a_slow_first_answer_is_not_excused_by_slow_warm_ones():
    spec = StartupProbe("/", warm_requests=1, first_s=LIMIT_S, warm_s=0.2)
    own, control = await beside(one_after_the_other(late(SLOW_S), http()), late(0.4), spec)
    assert own.outcome is Outcome.FAILED
    assert control.outcome is Outcome.FAILED
    assert own.attribution not in EXCUSED
