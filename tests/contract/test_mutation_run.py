"""A whole run: real probes, real proxies, and a small service of our own."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

import pytest
from websockets.asyncio.server import serve

from gate.core.control import Baseline, Repeats
from gate.core.evidence import Evidence, Outcome
from gate.core.expectations import Pattern
from gate.core.policy import IdentityRule, Probe
from gate.core.proof import Proving
from gate.core.redaction import Redactor
from gate.kinds.http import HttpProbe
from gate.kinds.journey import JourneyProbe
from gate.kinds.logs import LogPattern, LogsProbe
from gate.kinds.room_parties import Party
from gate.kinds.room_steps import Step
from gate.kinds.rooms import RoomsProbe
from gate.kinds.steps import Step as Steps
from gate.kinds.websocket import Await, Send, WebSocketProbe
from gate.mutation.naming import NoNameError, revision_of
from gate.mutation.run import ControlError, MutationRun
from gate.mutation.settings import RunSettings
from gate.mutation.wire import Upstream
from gate.ports import Target
from gate.probes.inquiry import Surroundings
from gate.probes.runner import ProbeRunner
from tests.campaign import campaign
from tests.contract.probe_servers import SystemClock
from tests.contract.room_server import Rooms as RoomServer
from tests.contract.suite_stage import spec, write

BODY = {"status": "healthy", "revision": "r1", "at": 1}
STRICT = Probe(
    "strict", HttpProbe("/health", timeout_s=3, answer=Pattern(json={"status": "healthy"}))
)
LAX = Probe("lax", HttpProbe("/health", timeout_s=3, status=tuple(range(200, 600))))
CHAT = Probe(
    "chat",
    WebSocketProbe(
        "/ws",
        connections=2,
        script=(Send({"say": "${nonce}"}), Await(Pattern(json={"say": "${nonce}"}), within_s=1)),
    ),
)
SUITE = Probe("suite", spec())
TESTS = """
def test_health():
    assert b"healthy" in get("/health").read()

def test_whatever_comes():
    get("/health").read()

def test_nobody_asked():
    assert 1 + 1 == 2
"""
HEALTH = "test_staging.py::test_health"
LOGS = Probe("logs", LogsProbe((LogPattern(text="x"),)))


class Service:
    """Answers /health, and says again what it is told; counts, and may break."""

    def __init__(self, breaks_after=10**9):
        self.asked = count(1)
        self.breaks_after = breaks_after

    def page(self, connection, request):
        if next(self.asked) > self.breaks_after:
            return connection.respond(500, "broken")
        if request.path == "/ws":
            return None
        return connection.respond(200, json.dumps(BODY))

    def named(self, connection, request, response):
        response.headers["X-Rev"] = "r1"

    async def chat(self, websocket):
        async for message in websocket:
            await websocket.send(message)

    def serve(self):
        return serve(
            self.chat, "127.0.0.1", 0, process_request=self.page, process_response=self.named
        )


class Idle:
    """Passes everything, and asks nobody."""

    async def run(self, probes, target, progress):
        now = SystemClock().now()
        return [Evidence(one.name, "x", Outcome.PASSED, "", "", "", now, 0.0) for one in probes]


class Counting:
    """Counts how often the probes were run."""

    def __init__(self, runner):
        self.runner = runner
        self.runs = 0

    async def run(self, *asked):
        self.runs += 1
        return await self.runner.run(*asked)


async def prove(service, *probes, **how):
    async with service.serve() as running:
        return await proven(f"127.0.0.1:{running.sockets[0].getsockname()[1]}", *probes, **how)


async def proven(place, *probes, identity=None, runner=None, **how):
    said = []
    url = f"http://{place}"
    runner = runner or ProbeRunner({}, None, SystemClock(), Redactor({}), arrival_within_s=0)
    target = Target(url, "r1", identity=identity)
    how = RunSettings(**{"at_once": 8, **how})
    run = MutationRun(probes, runner, Upstream(url), target, how, said.append)
    return await run.run()


def noticed(trials, name):
    (trial,) = (trial for trial in trials.trials if trial.mutant == name)
    return trial.noticed


async def test_a_campaign_tells_who_notices_what_and_who_nothing():
    trials = await prove(Service(), STRICT, LAX, LOGS)
    assert trials.cannot_fail == ("lax",)
    assert trials.unprovable[0][0] == "logs"
    assert trials.probes == ("strict", "lax")
    survivors = {one.mutant for one in trials.survivors}
    assert "GET /health: field at dropped" in survivors
    assert "GET /health: field status dropped" not in survivors
    assert noticed(trials, "GET /health: status 500") == ("strict",)
    assert trials.strays == 0


async def test_whoever_has_noticed_nothing_yet_goes_on_and_the_others_do_not():
    twin = Probe("twin", STRICT.spec)
    some = await prove(Service(), STRICT, twin)
    assert some.cannot_fail == ()
    assert 0 < some.kills["twin"] < some.kills["strict"]
    whole = await prove(Service(), STRICT, twin, whole=True)
    assert whole.kills["twin"] == whole.kills["strict"]
    assert whole.killed == some.killed


async def test_lateness_is_noticed_beside_stable_with_no_limit_of_its_own():
    step = Steps("GET", "/health")
    beside = Probe("beside", HttpProbe("/health", slower_percent=300))
    trip = Probe("trip", JourneyProbe((step, Steps("GET", "/else")), slower_percent=300))
    trials = await prove(Service(), beside, trip, repeats=Repeats(), baseline=Baseline.STABLE)
    late = {one.mutant: one.noticed for one in trials.trials if "5 s late" in one.mutant}
    assert late == {
        "GET /health: 5 s late": ("beside",),
        "step 1, GET /health: 5 s late": ("trip",),
        "step 2, GET /else: 5 s late": ("trip",),
    }


def runner_in(folder):
    names = ("PATH", "HOME", "LANG", "TMPDIR")
    around = Surroundings(folder, {name: os.environ[name] for name in names if name in os.environ})
    return ProbeRunner(
        {}, None, SystemClock(), Redactor({}), arrival_within_s=0, surroundings=around
    )


@campaign  # some thirty runs of pytest
async def test_of_a_suite_each_test_is_seen_failing_or_not(tmp_path):
    runner = runner_in(write(tmp_path, test_staging=TESTS))
    trials = await prove(Service(), STRICT, SUITE, runner=runner)
    kills = {name.rpartition("::")[2]: count for name, count in trials.tests["suite"].items()}
    assert kills.keys() == {"test_health", "test_whatever_comes"}  # who never asked is none of them
    assert kills["test_health"] == 1  # and is not asked again
    assert kills["test_whatever_comes"] == 0
    assert (trials.hurried, trials.untried) == ((), {})
    assert trials.silent["suite"] == ("test_staging.py::test_nobody_asked",)
    assert trials.reachable == len(trials.exercised)  # STRICT meets them all
    assert all("GET /:" not in trial.mutant for trial in trials.trials)  # the suite asks no such
    met = [trial for trial in trials.exercised if "suite" in trial.ran]
    assert all(not trial.failed.get("suite") for trial in met if trial.family == "connection")
    named = [trial for trial in met if trial.failed.get("suite")]
    assert [trial for trial in met if "suite" in trial.judged] == named
    wrong = [trial for trial in met if trial.family not in {"connection", "speed", "identity"}]
    assert all(trial in named for trial in wrong if "suite" in trial.noticed)
    proof = trials.proof("1", "0" * 64, "0" * 64, datetime.now(UTC))
    proving = Proving(False, "x.proof.json", "0" * 64, "0" * 64, proof)
    strict, suite = proving.shown((STRICT, SUITE))
    assert strict is STRICT
    assert suite.spec.can_fail == {"test_staging.py::test_health"}


@campaign  # some thirty runs of pytest
async def test_what_only_some_tests_of_a_suite_have_met_is_met_by_all_of_it(tmp_path):
    runner = runner_in(write(tmp_path, test_staging=TESTS))
    trials = await prove(Service(), LAX, SUITE, runner=runner)
    survived = {one.mutant for one in trials.exercised if not one.killed}
    assert survived
    assert not any("$.status" in name or "empty" in name for name in survived)


SHARING = """
import json
seen = {}

def status(path):
    answer = get(path)
    try:
        return json.loads(answer.read()).get("status", "gone") if answer.code == 200 else "none"
    except (ValueError, AttributeError):
        return "none"

def test_one():
    seen["one"] = status("/one")

def test_two():
    status("/two")
    assert seen.get("one", "none") in ("healthy", "none")

def test_three():
    status("/three")

def test_four():
    status("/four")
"""


@campaign  # some forty runs of pytest
async def test_a_test_that_fails_by_what_another_one_met_was_not_seen_failing(tmp_path):
    suite = Probe("suite", spec())
    runner = Counting(runner_in(write(tmp_path, test_staging=SHARING)))
    trials = await prove(Service(), suite, runner=runner)
    assert trials.tests["suite"] == dict.fromkeys(trials.tests["suite"], 0)
    assert trials.untried == {}
    places = {"/one", "/two", "/three", "/four"}
    alone = [one for one in trials.trials if any(place in one.mutant for place in places)]
    assert 2 < runner.runs < len(alone), (runner.runs, len(alone))


async def test_one_fault_is_enough_for_a_test_and_what_was_seen_before_is_not_asked_again(tmp_path):
    runner = runner_in(write(tmp_path, test_staging=TESTS.replace("def test_whatever", "def not_")))
    kept = []

    def keep(trials):
        kept.append([trial for trial in trials if trial.exercised])

    first = await prove(Service(), SUITE, runner=runner, keep=keep)
    assert (first.cannot_fail, first.hurried) == ((), ())
    assert 0 < len(first.exercised) < first.reachable
    assert [trial.mutant for trial in kept[-1]] == [trial.mutant for trial in first.exercised]
    kept[-1] = [replace(trial, failed={"suite": {HEALTH}}) for trial in kept[-1][:1]]
    again = await prove(Service(), SUITE, runner=runner, before=tuple(kept[-1]))
    assert len(again.exercised) == 1
    assert again.tests["suite"] == {HEALTH: 1}


async def test_a_probe_that_is_only_reported_kills_nothing():
    spare = Probe("spare", STRICT.spec, required=False)
    trials = await prove(Service(), LAX, spare)
    assert noticed(trials, "GET /health: status 500") == ("spare",)
    assert "GET /health: status 500" in {one.mutant for one in trials.survivors}


@pytest.mark.parametrize(
    "rule", [IdentityRule(header="x-rev"), IdentityRule(path="/health", field="revision")]
)
async def test_an_older_revision_is_noticed_but_by_the_rule_and_not_by_the_probe(rule):
    trials = await prove(Service(), LAX, CHAT, identity=rule)
    found = {trial.mutant: trial for trial in trials.trials if trial.family == "identity"}
    assert len(found) == 2
    assert all(trial.killed for trial in found.values())
    assert trials.cannot_fail == ("lax",)


async def test_sessions_are_put_to_the_test():
    trials = await prove(Service(), CHAT)
    assert trials.cannot_fail == ()
    for name in (
        "handshake refused with 403",
        "opens and is mute",
        "closed 1006 at once",
        "an error frame, then 1011 at once",
        "1011 where 2 sessions are open",
        "1011 from the session number 2 on",
        "messages reach another session, too",
        "messages reach another session instead",
    ):
        assert noticed(trials, f"WebSocket /ws: {name}") == ("chat",), name
    unmet = {trial.mutant for trial in trials.trials if not trial.exercised}
    assert "WebSocket /ws: 1011 where 6 sessions are open" in unmet
    assert noticed(trials, "WebSocket /ws: a parrot") == ()  # an echo is all that it asks for


ROOM = "/chat?room=${nonce}&name="
TALK = Step("ann", {"text": "hello ${nonce}"}, reaches=(("ann", None), ("ben", None)), within_s=1)
ROOMS = RoomsProbe(
    "/chat",
    (
        ("ann", Party(f"{ROOM}ann")),
        ("ben", Party(f"{ROOM}ben")),
        ("outsider", Party("/chat?room=other-${nonce}&name=eve")),
        ("carol", Party(f"{ROOM}carol")),
        ("late", Party(f"{ROOM}late")),
    ),
    (
        replace(TALK, silent=("outsider",), for_s=0.3),
        Step(
            join=("late",),
            reaches=(("late", None), ("ann", Await(Pattern({"type": "joined", "name": "late"})))),
            within_s=1,
        ),
        Step("ann", {"to": "ben", "text": "psst ${nonce}"}, reaches=(("ben", None),), within_s=1),
        Step(silent=("carol",), for_s=0.3),
        Step(leave=("late",), reaches=(("ben", Await(Pattern({"type": "left"}))),), within_s=1),
        Step("ann", {"text": "one ${nonce}"}),
        Step("ann", {"text": "two ${nonce}"}),
        Step(reaches=(("ben", Await(Pattern({"text": "one ${nonce}"}))),), within_s=1),
        Step(reaches=(("ben", Await(Pattern({"text": "two ${nonce}"}))),), within_s=1),
    ),
    settle_s=0.1,
)


async def test_rooms_are_put_to_the_test_across_their_connections():
    async with RoomServer().serving() as place:
        trials = await proven(place, Probe("rooms", ROOMS), whole=True)
    assert trials.cannot_fail == ()
    for name in (
        "what one session says reaches no other",
        "what one session says reaches every other",
        "what one session says reaches all that have heard it before",
        "what was said before never reaches a latecomer",
        "every message twice",
        "said never comes",
        "said comes late by one",
        "joined never comes",
        "left never comes",
        "opens and is frozen",
    ):
        assert noticed(trials, f"WebSocket /chat: {name}") == ("rooms",), name


async def test_where_nobody_is_silent_and_nobody_late_those_faults_are_not_noticed():
    weak = replace(ROOMS, parties=ROOMS.parties[:3], steps=(TALK,))
    async with RoomServer().serving() as place:
        trials = await proven(place, Probe("rooms", weak), whole=True)
    overheard = "WebSocket /chat: what one session says reaches every other"
    assert noticed(trials, overheard) == ()
    assert overheard in {one.mutant for one in trials.survivors}
    known = "WebSocket /chat: what one session says reaches all that have heard it before"
    (trial,) = (one for one in trials.trials if one.mutant == known)
    assert (trial.exercised, trial.reachable) == (False, False)
    assert trials.reachable == len(trials.exercised)
    assert not [one for one in trials.trials if "latecomer" in one.mutant]


async def test_a_service_that_does_not_pass_ends_it_before_and_after():
    with pytest.raises(ControlError) as before:
        await prove(Service(), Probe("gone", HttpProbe("/health", status=(404,))))
    assert before.value.when == "before the mutants"
    assert [one.probe for one in before.value.evidence] == ["gone"]
    with pytest.raises(ControlError) as after:
        await prove(Service(breaks_after=20), STRICT)
    assert after.value.when == "after the mutants"


async def test_a_probe_that_is_only_reported_and_does_not_pass_is_left_out():
    gone = Probe("gone", HttpProbe("/health", status=(404,)), required=False)
    trials = await prove(Service(), STRICT, gone)
    assert trials.probes == ("strict",)
    assert trials.unprovable[0][0] == "gone"


async def test_the_service_is_asked_who_it_is():
    async with Service().serve() as running:
        upstream = Upstream(f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}")
        assert await revision_of(upstream, IdentityRule(header="X-REV"), (), "/") == "r1"
        by_field = IdentityRule(path="/health", field="revision")
        assert await revision_of(upstream, by_field, (), "/") == "r1"
        rules = [IdentityRule(message="m"), IdentityRule(header="x-other"), by_field]
        assert await revision_of(upstream, IdentityRule.first_of(rules), (), "/") == "r1"
        own = IdentityRule(json="revision")
        assert await revision_of(upstream, own, (), "/health") == "r1"
        with pytest.raises(NoNameError, match="x-other"):
            await revision_of(upstream, IdentityRule(header="x-other"), (), "/")
    with pytest.raises(NoNameError, match="no answer"):
        await revision_of(upstream, IdentityRule(header="x-rev"), (), "/")


async def test_a_probe_that_was_never_seen_asking_is_neither_good_nor_bad():
    trials = await prove(Service(), STRICT, runner=Idle())
    assert trials.unprovable == (("strict", "what it asks does not pass the proxy"),)
    assert (trials.probes, trials.cannot_fail, trials.killed) == ((), (), 0)
