"""The routes probe against real sockets: two documents, and everything else that may come."""

import json
from contextlib import AsyncExitStack

import pytest

from gate.core.attribution import attributed
from gate.core.evidence import Outcome, Symptom
from gate.core.policy import IdentityRule, Probe
from gate.kinds.routes import RoutesProbe
from gate.ports import Target
from gate.probes.routes.probe import DOCUMENT_MAX
from tests.contract.probe_servers import ask, ask_all, http, tcp

PROBE = RoutesProbe(timeout_s=5)
OLD, NEW = "backend-00001-aaa", "backend-00002-bbb"


def page(*routes, **more):
    paths = {}
    for route in routes:
        method, path = route.split()
        paths.setdefault(path, {})[method.lower()] = {}
    return json.dumps({"openapi": "3.1.0", "paths": paths, **more}).encode()


STABLE = page("GET /items", "POST /items")


async def compared(candidate, stable, spec=PROBE, identity=None):
    async with AsyncExitStack() as stack:
        places = [await stack.enter_async_context(tcp(one)) for one in (candidate, stable)]
        own, other = (f"http://{place}" for place in places)
        target = Target(own, NEW, identity=identity, stable=Target(other, OLD, identity=identity))
        return (await ask_all([spec], target))[0]


async def test_every_route_kept_is_a_pass_and_new_ones_are_said():
    evidence = await compared(http(page("GET /items", "POST /items", "GET /new")), http(STABLE))
    assert evidence.passed
    assert evidence.seen == "2 of 2 routes kept, 1 new"
    assert "= new: GET /new" in evidence.excerpts


async def test_a_route_that_is_gone_fails_unless_it_may_be():
    candidate = http(page("GET /items"))
    evidence = await compared(candidate, http(STABLE))
    assert evidence.outcome is Outcome.FAILED
    assert [(one.symptom, one.seen) for one in evidence.findings] == [
        (Symptom.ROUTES, "POST /items is gone")
    ]
    assert evidence.seen == "1 of 2 routes kept, 1 lost or changed"
    spec = RoutesProbe(removed=("POST /items",))
    assert (await compared(candidate, http(STABLE), spec)).passed


async def test_a_route_that_asks_for_more_fails_unless_it_may():
    needs = {"parameters": [{"in": "query", "name": "page", "required": True}]}
    body = json.dumps({"paths": {"/items": {"get": needs, "post": {}}}}).encode()
    evidence = await compared(http(body), http(STABLE), RoutesProbe(removed=("GET /items",)))
    assert [one.seen for one in evidence.findings] == ["GET /items needs query parameter page"]
    assert (await compared(http(body), http(STABLE), RoutesProbe(changed=("GET /items",)))).passed


async def test_an_answer_that_promises_less_fails_unless_it_may():
    def promising(*names):
        schema = {"type": "object", "properties": {name: {} for name in names}, "required": names}
        answer = {"200": {"content": {"application/json": {"schema": schema}}}}
        paths = {"/items": {"get": {"responses": answer}}}
        return http(json.dumps({"paths": paths}).encode())

    candidate, stable = promising("id"), promising("id", "name")
    evidence = await compared(candidate, stable)
    assert [one.seen for one in evidence.findings] == ["GET /items no longer promises name"]
    assert (await compared(candidate, stable, RoutesProbe(changed=("GET /items",)))).passed


@pytest.mark.parametrize(
    ("candidate", "stable", "word"),
    [
        (http(page("GET /items")), http(STABLE), "contract change"),
        (http(b"", "404 Not Found"), http(STABLE), "regression"),
        (http(b"", "404 Not Found"), http(b"", "404 Not Found"), "probe fault"),
        (http(STABLE), http(b"<html>"), "probe fault"),
        (http(STABLE), http(b"", "503 Service Unavailable"), "unknown"),  # it may have one
    ],
    ids=["route gone", "document gone", "no document", "none of stable's", "stable is down"],
)
async def test_whose_fault_it_is(candidate, stable, word):
    async with tcp(candidate) as here, tcp(stable) as there:
        target = Target(f"http://{here}", NEW, stable=Target(f"http://{there}", OLD))
        found = await ask_all([PROBE], target)
    own, control = attributed([Probe("probe", PROBE)], found)
    assert own.attribution.value == word
    assert control.control
    assert control.passed != own.findings[0].seen.startswith("stable: ")


@pytest.mark.parametrize(
    "stable",
    [
        http(b"nothing here", "404 Not Found"),
        http(b"<html>"),
        http(b"{}"),
        http(page()),
        http(b"[" * 100_000),
    ],
    ids=["404", "no JSON", "no paths", "no routes", "too deep"],
)
async def test_a_stable_without_a_document_says_nothing_of_the_candidate(stable):
    evidence = await compared(http(page("GET /other")), stable)
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert evidence.findings[0].seen.startswith("stable: ")
    assert "OpenAPI document" in evidence.findings[0].hint


@pytest.mark.parametrize(
    ("candidate", "symptom"),
    [
        (http(b"", "404 Not Found"), Symptom.STATUS),
        (http(b"<html>"), Symptom.ROUTES),
        (http(b'{"paths": 3}'), Symptom.ROUTES),
        (http(b"[" * 100_000), Symptom.ROUTES),
        (http(b" " * (DOCUMENT_MAX + 1)), Symptom.TOO_LARGE),
    ],
    ids=["404", "no JSON", "no paths", "too deep", "too large"],
)
async def test_a_candidate_without_a_document_fails(candidate, symptom):
    evidence = await compared(candidate, http(STABLE))
    assert evidence.outcome is Outcome.FAILED
    assert evidence.findings[0].symptom is symptom


async def test_without_stable_it_is_no_pass():
    async with tcp(http(STABLE)) as place:
        evidence = await ask(PROBE, place)
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert "baseline: stable" in evidence.findings[0].hint


async def test_another_revisions_document_is_no_evidence():
    def named(body, revision):
        return http(body, headers=f"x-revision: {revision}\r\n".encode())

    rule = IdentityRule("x-revision")
    right = await compared(named(STABLE, NEW), named(STABLE, OLD), identity=rule)
    assert right.passed
    assert right.answered_by == NEW
    stale = await compared(named(STABLE, OLD), named(STABLE, OLD), identity=rule)
    assert stale.outcome is Outcome.INCONCLUSIVE
    own = await compared(named(page("GET /x"), NEW), named(page("GET /y"), NEW), identity=rule)
    assert own.outcome is Outcome.INCONCLUSIVE
    assert own.findings[0].symptom is Symptom.IDENTITY
