"""Suites that do not even begin: what they were answered tells whose fault it is, if any."""

import pytest

from gate.core.attribution import attributed
from gate.core.control import Repeats
from gate.core.evidence import Attribution, Outcome, Symptom
from gate.core.policy import Probe
from gate.core.verdict import Decision, judge
from tests.contract.suite_stage import Candidate, run_beside, spec, write

COLLECTED = """
pytestmark = pytest.mark.skipif(get("/health").status != 200, reason="staging is not available")
def test_one(): assert get("/one").status == 200
def test_two(): assert get("/two").status == 200
"""
IN_A_FIXTURE = """
@pytest.fixture(scope="session", autouse=True)
def there():
    if get("/health").status != 200:
        pytest.skip("staging is not available")

def test_one(): assert get("/one").status == 200
def test_two(): assert get("/two").status == 200
"""
IMPORTED = """
assert get("/health").status == 200
def test_one(): assert get("/one").status == 200
"""
REMEMBERED = """
HEALTHY = get("/health").status == 200
def test_one(): assert HEALTHY
def test_two(): assert get("/two").status == 200
"""
BY_A_SOCKET = """
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
with connect(WS + "/ws") as ws:
    ws.send("hello")
    try:
        THERE = bool(ws.recv())
    except ConnectionClosed:
        THERE = False
pytestmark = pytest.mark.skipif(not THERE, reason="no chat")
def test_one(): assert get("/one").status == 200
"""
ELSEWHERE = """
import pathlib
MARK = pathlib.Path("ran")
pytestmark = pytest.mark.skipif(not MARK.exists(), reason="the weather")
MARK.touch()
get("/health")
def test_one(): assert get("/one").status == 200
"""
IN_VAIN = "pytestmark = pytest.mark.skip(reason='later')\nget('/health')\ndef test_one(): pass\n"


class Silent(Candidate):
    """Closes the connection in place of an answer at /health."""

    def answer(self, connection, request):
        if request.path == "/health":
            connection.transport.abort()
        return super().answer(connection, request)


class Refusing(Candidate):
    """Lets nobody in at /ws."""

    def answer(self, connection, request):
        if request.path == "/ws":
            return connection.respond(403, "no")
        return super().answer(connection, request)


class Deaf(Candidate):
    async def talk(self, connection):
        await connection.close(1011, "no factory")


async def story(folder, suite, candidate, stable):
    """Evidence of both, and what follows."""
    probes = [Probe("suite", suite)]
    seen = await run_beside(folder, suite, candidate, stable)
    own, *control = attributed(probes, seen, Repeats())
    return own, control, judge(probes, seen, repeats=Repeats())


@pytest.mark.parametrize("stable", [Candidate(), Candidate(health=204)], ids=["200", "204"])
@pytest.mark.parametrize("candidate", [Candidate(health=307), Candidate(health=503)])
@pytest.mark.parametrize("text", [COLLECTED, IN_A_FIXTURE])
async def test_what_was_answered_worse_outside_of_tests_rejects(tmp_path, text, candidate, stable):
    write(tmp_path, test_it=text.replace("!= 200", "not in (200, 204)"))
    own, _, verdict = await story(tmp_path, spec(), candidate, stable)
    assert (verdict.decision, own.attribution) == (Decision.REJECT, Attribution.REGRESSION), own
    assert "to GET /health, outside of its tests" in own.findings[0].seen
    assert own.findings[1].symptom is Symptom.NO_EVIDENCE


@pytest.mark.parametrize(
    ("text", "candidate", "said"),
    [
        (IMPORTED, Candidate(health=307), "307 to GET /health"),
        (REMEMBERED, Candidate(health=307), "307 to GET /health"),
        (IMPORTED, Silent(), "no whole answer to GET /health"),
        (BY_A_SOCKET, Deaf(), "close 1011 to WS /ws"),
        (BY_A_SOCKET, Refusing(), "403 to WS /ws"),
    ],
    ids=["imported", "remembered", "silent", "closed", "refused"],
)
async def test_other_ways_not_to_begin(tmp_path, text, candidate, said):
    write(tmp_path, test_it=text)
    own, _, verdict = await story(tmp_path, spec(), candidate, Candidate())
    assert verdict.decision is Decision.REJECT, own
    assert said in "\n".join(map(str, own.findings)) + "\n".join(own.excerpts)


async def test_where_nothing_tells_the_rollout_is_held_and_says_so(tmp_path):
    write(tmp_path, test_it=ELSEWHERE)
    own, (control,), verdict = await story(tmp_path, spec(), Candidate(), Candidate())
    assert control.passed
    assert (verdict.decision, own.attribution) == (Decision.HOLD, Attribution.UNKNOWN)
    assert "nobody knows whose fault it is" in verdict.reasons[0].hint


class Starting(Candidate):
    """Says at /health that it is starting, so many times."""

    def __init__(self, times):
        super().__init__()
        self.times = times

    def answer(self, connection, request):
        if request.path == "/health" and self.times:
            self.times -= 1
            return connection.respond(503, '{"status": "starting"}')
        return super().answer(connection, request)


async def test_too_early_is_no_worse_answer_and_is_asked_again_while_there_is_time(tmp_path):
    write(tmp_path, test_it=COLLECTED)
    own, _, verdict = await story(tmp_path, spec(), Starting(99), Candidate())
    assert (verdict.decision, own.attribution) == (Decision.HOLD, Attribution.UNKNOWN)
    (own, *_) = await run_beside(tmp_path, spec(), Starting(2), Candidate(), ready_within_s=120)
    assert own.passed, own
    assert "; ready after" in own.seen


async def test_where_stable_skips_alike_the_question_is_at_fault(tmp_path):
    write(tmp_path, test_it=COLLECTED)
    sides = Candidate(health=503), Candidate(health=503)
    own, _, verdict = await story(tmp_path, spec(), *sides)
    assert (verdict.decision, own.attribution) == (Decision.HOLD, Attribution.PROBE_FAULT)


@pytest.mark.parametrize(
    ("text", "candidate", "word"),
    [
        (COLLECTED, Candidate(health=307), Attribution.UNKNOWN),
        (IN_A_FIXTURE, Candidate(health=307), Attribution.UNKNOWN),
        (IN_VAIN, Candidate(), Attribution.PROBE_FAULT),
    ],
)
async def test_without_stable_an_odd_answer_is_nobodys_fault_yet(tmp_path, text, candidate, word):
    write(tmp_path, test_it=text)
    own, control, verdict = await story(tmp_path, spec(), candidate, None)
    assert (control, own.outcome) == ([], Outcome.INCONCLUSIVE)
    assert (verdict.decision, own.attribution) == (Decision.HOLD, word)
    if candidate.statuses:
        assert "it saw GET /health 307" in own.findings[0].hint
