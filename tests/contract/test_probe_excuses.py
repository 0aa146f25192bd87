"""What may excuse a candidate, by real sockets: not ready yet, and a host name that it refuses."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat

import pytest

from gate.core.attribution import Attribution, attributed
from gate.core.control import Repeats
from gate.core.evidence import Outcome, Symptom
from gate.core.expectations import Pattern
from gate.core.policy import IdentityRule, Probe
from gate.core.redaction import Redactor
from gate.kinds.http import HttpProbe
from gate.kinds.soak import SoakProbe
from gate.kinds.startup import StartupProbe
from gate.kinds.stream import StreamProbe
from gate.kinds.websocket import WebSocketProbe
from gate.ports import Target
from gate.probes.runner import ProbeRunner
from tests.contract.probe_servers import SECRETS, SystemClock, http, tcp

NEW, OLD = "backend-00002-new", "backend-00001-old"
RULE = IdentityRule(header="x-revision")
EARLY = http(b'{"status":"starting"}', "503 Service Unavailable")
OK = http(b'{"status":"ok"}')
NAMED = http(b"{}", headers=b"x-revision: %b\r\n" % OLD.encode())
DJANGO = http(b"<h1>Bad Request (400)</h1>", "400 Bad Request", b"content-type: text/html\r\n")
TOLD = http(b"Invalid host header", "400 Bad Request", b"content-type: text/plain\r\n")
HEALTH = Probe("health", HttpProbe("/health"))
SEEN_OK = replace(HEALTH, spec=HttpProbe("/health", answer=Pattern(json={"status": "ok"})))


def in_turn(*handlers):
    """Each connection gets the next handler, the last one all that follow."""
    rest = chain(handlers, repeat(handlers[-1]))

    async def handler(reader, writer):
        await next(rest)(reader, writer)

    return handler


def by_path(known, other):
    """One handler for the paths that are known, another for all else."""

    async def handler(reader, writer):
        head = await reader.readuntil(b"\r\n")
        chosen = known if head.split()[1] in (b"/health", b"/ws") else other
        await chosen(reader, writer)

    return handler


async def run(probe, target):
    runner = ProbeRunner(SECRETS, None, SystemClock(), Redactor(SECRETS), arrival_within_s=0)
    news = []
    found = attributed([probe], await runner.run([probe], target, news.append))
    own = next(item for item in found if not item.control)
    return own, [one.text for one in news]


def ready_until(seconds=30.0):
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize("probe", [HEALTH, SEEN_OK], ids=["status", "body"])
@pytest.mark.parametrize(
    "early",
    [
        EARLY,
        http(b"", "503 Service Unavailable", b"retry-after: 1\r\n"),
        http(b"warming up", "429 Too Many Requests"),
    ],
    ids=["body", "retry-after", "429"],
)
async def test_what_is_not_ready_is_asked_again_until_it_is(probe, early):
    async with tcp(in_turn(early, early, OK)) as place:
        target = Target(f"http://{place}", NEW, ready_until=ready_until())
        own, news = await run(probe, target)
    assert own.passed, own
    assert "; ready after " in own.seen
    assert any("asking again for at most " in text for text in news)


async def test_a_good_status_that_says_starting_is_not_ready_either():
    starting = http(b'{"status":"starting"}')
    async with tcp(in_turn(starting, OK)) as place:
        target = Target(f"http://{place}", NEW, ready_until=ready_until())
        assert (await run(SEEN_OK, target))[0].passed


@pytest.mark.parametrize(
    "spec", [WebSocketProbe("/ws"), SoakProbe("/ws", for_s=1), StreamProbe("/ws")]
)
async def test_a_refused_handshake_is_asked_again_too(spec):
    broken = http(b'{"error":"out of order"}', "500 Internal Server Error")
    async with tcp(in_turn(EARLY, broken)) as place:
        target = Target(f"http://{place}", NEW, ready_until=ready_until())
        own, _ = await run(Probe("chat", spec), target)
    assert own.outcome is Outcome.FAILED
    assert own.findings[0].seen.startswith("500 ")
    assert "503" in own.excerpts[0]


async def test_without_a_name_it_is_not_ready_either():
    async with tcp(
        in_turn(EARLY, http(b"{}", headers=b"x-revision: backend-00002-new\r\n"))
    ) as here:
        target = Target(f"http://{here}", NEW, identity=RULE, ready_until=ready_until())
        own, _ = await run(HEALTH, target)
    assert own.passed, own


async def test_a_slow_start_is_told_and_rejects():
    async with tcp(EARLY) as here, tcp(OK) as there:
        stable = Target(f"http://{there}", OLD)
        target = Target(
            f"http://{here}", NEW, stable=stable, repeats=Repeats(), ready_until=ready_until(1)
        )
        own, _ = await run(HEALTH, target)
    assert own.findings[0].symptom is Symptom.SLOW
    assert own.seen.startswith("a slow start: not ready after ")
    assert own.attribution is Attribution.REGRESSION


async def test_where_stable_says_the_same_nothing_is_waited_for():
    async with tcp(EARLY) as here, tcp(EARLY) as there:
        stable = Target(f"http://{there}", OLD, ready_until=ready_until(600))
        target = Target(f"http://{here}", NEW, stable=stable, ready_until=ready_until(600))
        own, _ = await run(HEALTH, target)
    assert own.attribution is Attribution.ENVIRONMENT


async def test_a_startup_probe_asks_until_its_first_good_answer():
    probe = Probe("startup", StartupProbe("/health", first_s=20, warm_requests=1))
    async with tcp(in_turn(EARLY, EARLY, OK)) as place:
        own, _ = await run(probe, Target(f"http://{place}", NEW))
    assert own.passed, own
    hurried = replace(probe, spec=StartupProbe("/health", first_s=0.5))
    async with tcp(EARLY) as place:
        own, _ = await run(hurried, Target(f"http://{place}", NEW))
    assert own.outcome is Outcome.FAILED
    assert own.findings[0].seen.startswith("a slow start: still 503 ")


@pytest.mark.parametrize("spec", [HttpProbe("/health"), WebSocketProbe("/ws"), StreamProbe("/ws")])
async def test_a_host_that_is_refused_in_words_says_nothing_of_the_candidate(spec):
    async with tcp(TOLD) as place:
        target = Target(f"http://{place}", NEW, tagged=True)
        own, _ = await run(Probe("p", spec), target)
        assert [one.symptom for one in own.findings] == [Symptom.HOST]
        assert own.attribution is Attribution.PROBE_FAULT
        at_users, _ = await run(Probe("p", spec), replace(target, tagged=False))
    assert at_users.outcome is Outcome.FAILED


async def test_nor_does_it_where_the_probe_expects_that_status():
    async with tcp(TOLD) as place:
        probe = Probe("stranger", HttpProbe("/health", status=(400,)))
        own, _ = await run(probe, Target(f"http://{place}", NEW, tagged=True))
    assert own.outcome is Outcome.INCONCLUSIVE


MISSING = http(b"{}", "404 Not Found")


@pytest.mark.parametrize(
    ("candidate", "nowhere", "tag", "host"),
    [
        (DJANGO, MISSING, None, True),
        (by_path(DJANGO, MISSING), MISSING, None, False),
        (DJANGO, DJANGO, None, False),
        (DJANGO, MISSING, DJANGO, True),
        (DJANGO, MISSING, OK, False),
    ],
    ids=["everywhere", "at one path", "at stable, too", "at stables tag", "not at stables tag"],
)
async def test_a_host_that_is_refused_without_a_word_is_found_by_experiment(
    candidate, nowhere, tag, host
):
    async with tcp(candidate) as here, tcp(by_path(OK, nowhere)) as there, tcp(tag or OK) as at_tag:
        stable = Target(f"http://{there}", OLD, tag_url=f"http://{at_tag}" if tag else "")
        target = Target(f"http://{here}", NEW, stable=stable, repeats=Repeats(), tagged=True)
        own, _ = await run(HEALTH, target)
    assert (own.findings[0].symptom is Symptom.HOST) is host, own
    assert own.attribution is (Attribution.PROBE_FAULT if host else Attribution.REGRESSION)


async def test_a_nameless_refusal_is_looked_into_as_well():
    stable_side = by_path(NAMED, http(b"{}", "404 Not Found", b"x-revision: %b\r\n" % OLD.encode()))
    async with tcp(DJANGO) as here, tcp(stable_side) as there:
        stable = Target(f"http://{there}", OLD, identity=RULE)
        target = Target(f"http://{here}", NEW, identity=RULE, stable=stable, tagged=True)
        own, _ = await run(HEALTH, target)
    assert own.findings[0].symptom is Symptom.HOST
