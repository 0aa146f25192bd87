"""Suites as evidence: real pytest processes that pass, skip, hang, lie and never ask."""

import asyncio
import os
import sys
import time

import pytest

from gate.core.evidence import Outcome, Symptom
from gate.core.policy import IdentityRule
from tests.contract.probe_servers import TOKEN
from tests.contract.suite_stage import ENV, Candidate, judged, run_suite, spec, write

FAILED, INCONCLUSIVE, PASSED = Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.PASSED


def texts(evidence):
    return "\n".join([evidence.seen, *map(str, evidence.findings), *evidence.excerpts])


def symptoms(evidence):
    return {finding.symptom for finding in evidence.findings}


async def test_only_tests_that_were_seen_asking_count(tmp_path):
    write(
        tmp_path,
        test_it="""
@pytest.mark.P1
def test_health():
    assert get("/health").status == 200

@pytest.mark.parametrize("word", ["a", "b"])
def test_idle(word):
    assert word
""",
    )
    seen = await judged(tmp_path, spec(tests=("test_health",)))
    assert seen.outcome is PASSED, texts(seen)
    assert (seen.right_times, seen.asked_times) == (1, 3)
    assert seen.seen == (
        "1 test is evidence, 2 of 3 are not: 2 passed without asking the candidate; exit code 0"
    )
    idle = "passed without asking the candidate"
    assert [(test.name, test.outcome, test.counts, test.why) for test in seen.tests] == [
        ("test_it.py::test_health", "passed", True, ""),
        ("test_it.py::test_idle[a]", "passed", False, idle),
        ("test_it.py::test_idle[b]", "passed", False, idle),
    ]
    assert "test_it.py::test_idle[a], test_it.py::test_idle[b]" in texts(seen)


async def test_a_green_suite_that_never_asks_is_no_pass(tmp_path):
    write(tmp_path, test_it="def test_one(): pass\ndef test_two(): pass\n")
    seen = await judged(tmp_path)
    assert (seen.outcome, symptoms(seen)) == (INCONCLUSIVE, {Symptom.NO_EVIDENCE}), texts(seen)
    assert "the suite never asked the candidate" in texts(seen)
    assert (await judged(tmp_path, spec(network=False))).outcome is PASSED


async def test_a_suite_that_skips_everything_and_exits_with_0_is_no_pass(tmp_path):
    write(
        tmp_path,
        test_it="""
pytestmark = pytest.mark.skipif(get("/health").status != 200, reason="staging is not available")
def test_one(): assert get("/one").status == 200
def test_two(): assert get("/two").status == 200
""",
    )
    assert (await judged(tmp_path)).outcome is PASSED
    for allowed in (0, 2):
        seen = await judged(tmp_path, spec(skipped=allowed), Candidate(health=307))
        assert (seen.outcome, symptoms(seen)) == (INCONCLUSIVE, {Symptom.NO_EVIDENCE}), texts(seen)
        assert "no test ran: 2 skipped, exit code 0" in texts(seen)
        assert "staging is not available" in seen.findings[0].hint
        assert "outside of its tests, while they were collected" in texts(seen)
        assert "GET /health 307" in texts(seen)


async def test_what_cannot_be_imported_or_collected_is_no_pass(tmp_path):
    write(
        tmp_path,
        test_bad="import module_that_is_not_there\n",
        test_good="def test_good(): assert get('/a').status == 200\n",
    )
    seen = await judged(tmp_path)
    assert seen.outcome is INCONCLUSIVE, texts(seen)
    assert "test_bad.py could not be collected: " in texts(seen)
    assert "No module named 'module_that_is_not_there'" in texts(seen)
    assert "exit code 2" in texts(seen)
    seen = await judged(tmp_path, spec("--continue-on-collection-errors"))
    assert seen.outcome is INCONCLUSIVE, texts(seen)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-k", "nothing_of_that_name"), "no test ran: 1 deselected"),
        (("no/such/place",), "exit code 4: pytest was called wrongly"),
        (("empty",), "exit code 5: no tests were collected"),
        (("-p", "no:gate_suite_witness"), "no report from its tests"),
    ],
)
async def test_a_suite_of_which_nothing_runs_is_no_pass(tmp_path, arguments, said):
    write(tmp_path, test_it="def test_one(): assert get('/a').status == 200\n")
    (tmp_path / "empty").mkdir()
    seen = await judged(tmp_path, spec(*arguments))
    assert seen.outcome is INCONCLUSIVE, texts(seen)
    assert said in texts(seen)


async def test_rates_by_marker(tmp_path):
    write(
        tmp_path,
        test_it="""
@pytest.mark.P1
@pytest.mark.parametrize("n", range(3))
def test_first(n): assert get("/first").status == 200

@pytest.mark.P2
@pytest.mark.parametrize("n", range(4))
def test_second(n): assert get("/second").status == (200 if n else 500)
""",
    )
    seen = await judged(tmp_path, spec(pass_rate={"P1": 100, "P2": 75}))
    assert seen.outcome is PASSED, texts(seen)
    assert (seen.right_times, seen.asked_times) == (6, 7)
    assert "test_second[0] failed: AssertionError: assert 200 == 500 (within its rate)" in texts(
        seen
    )
    seen = await judged(tmp_path, spec(pass_rate={"P1": 100, "P2": 76}))
    assert (seen.outcome, symptoms(seen)) == (FAILED, {Symptom.TESTS})
    assert seen.findings[0].seen == "P2: 3 of 4 passed (75.0 %)"
    assert (
        "test_it.py::test_second[0] failed: AssertionError: assert 200 == 500"
        in seen.findings[1].seen
    )
    assert "1 x 200" in seen.findings[1].hint
    for rates in ({"P1": 100}, {}):
        assert (await judged(tmp_path, spec(pass_rate=rates))).outcome is FAILED
    seen = await judged(tmp_path, spec(pass_rate={"": 50, "P3": 50}))
    assert (seen.outcome, seen.findings[0].seen) == (INCONCLUSIVE, "P3: no test that counts")


async def test_a_failure_speaks_against_the_candidate_only_if_it_was_asked(tmp_path):
    write(
        tmp_path,
        test_it="""
def test_fine(): assert get("/fine").status == 200
def test_needs(fixture_that_is_not_there): pass
""",
    )
    seen = await judged(tmp_path)
    assert (seen.outcome, symptoms(seen)) == (INCONCLUSIVE, {Symptom.TESTS}), texts(seen)
    assert "fixture 'fixture_that_is_not_there' not found" in texts(seen)
    write(
        tmp_path,
        test_it="""
@pytest.fixture
def session(): assert get("/login").status == 200
def test_with(session): pass
""",
    )
    assert (await judged(tmp_path)).outcome is PASSED
    assert (await judged(tmp_path, candidate=Candidate(login=500))).outcome is FAILED


async def test_what_passes_only_when_run_again_has_not_passed(tmp_path):
    write(
        tmp_path,
        test_it="""
TRIES = []
def test_flaky():
    TRIES.append(get("/a").status)
    assert len(TRIES) > 1
""",
    )
    suite = spec("-p", "pytest_rerunfailures", "--reruns", "2")
    seen = await judged(tmp_path, suite)
    assert (seen.outcome, symptoms(seen)) == (FAILED, {Symptom.TESTS}), texts(seen)
    assert "test_flaky passed only when it was run again" in texts(seen)
    assert "1 run again" in seen.seen


async def test_expected_failures_are_left_out_and_strict_ones_fail(tmp_path):
    write(
        tmp_path,
        test_it="""
def test_fine(): assert get("/a").status == 200
@pytest.mark.xfail
def test_lenient(): assert get("/a").status == 500
@pytest.mark.xfail
def test_lenient_and_passing(): assert get("/a").status == 200
""",
    )
    seen = await judged(tmp_path)
    assert seen.outcome is INCONCLUSIVE, texts(seen)
    assert "2 of 3 tests left out (2 expected to fail)" in texts(seen)
    seen = await judged(tmp_path, spec(skipped=2))
    assert (seen.outcome, seen.right_times) == (PASSED, 1), texts(seen)
    write(
        tmp_path,
        test_it="""
@pytest.mark.xfail(strict=True)
def test_strict(): assert get("/a").status == 200
""",
    )
    assert (await judged(tmp_path)).outcome is FAILED


async def test_named_tests_must_have_run_and_passed(tmp_path):
    write(
        tmp_path,
        test_it="""
class TestChat:
    def test_talk(self): assert get("/a").status == 200
    def test_idle(self): pass
    @pytest.mark.skip(reason="later")
    def test_later(self): pass
""",
    )
    named = ("test_it.py::TestChat::test_talk", "TestChat::test_talk", "test_talk")
    assert (await judged(tmp_path, spec(tests=named, skipped=1))).outcome is PASSED
    for name, said in (
        ("test_gone", "test_gone is not among its tests"),
        ("test_idle", "test_idle passed without asking the candidate"),
        ("test_later", "test_later skipped"),
    ):
        seen = await judged(tmp_path, spec(tests=(name,), skipped=1))
        assert seen.outcome is INCONCLUSIVE
        assert said in seen.findings[0].seen


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
        return file.read().rpartition(")")[2].split()[0] != "Z"


async def all_gone(pids):
    """Waits until none of them lives: whoever is killed is there for a moment more."""
    async with asyncio.timeout(5):
        while any(map(alive, pids)):  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.02)


def zombie(pid):
    """Whether nobody has waited for a child of ours."""
    try:
        return os.waitpid(pid, os.WNOHANG) is not None
    except ChildProcessError:
        return False


HANGS = """
import signal, subprocess, sys, time
def test_hangs():
    get("/a")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    open("pids", "w").write(f"{os.getpid()} {child.pid} ")
    print("about to hang", flush=True)
    time.sleep(600)
"""


async def pids(folder):
    """The process ids that a test has written down, each with a space behind it."""
    path = folder / "pids"
    async with asyncio.timeout(20):
        while not path.exists() or not path.read_text().endswith(" "):  # noqa: ASYNC110 - elsewhere
            await asyncio.sleep(0.02)
    return [int(pid) for pid in path.read_text().split()]


async def test_the_time_limit_ends_the_whole_group(tmp_path):
    write(tmp_path, test_it=HANGS)
    began = time.monotonic()
    seen = await judged(tmp_path, spec("-s", timeout_s=5))
    assert time.monotonic() - began < 15
    assert seen.outcome is INCONCLUSIVE
    assert "up after 5 s while test_it.py::test_hangs was running" in texts(seen)
    assert "| about to hang" in texts(seen)
    await all_gone(await pids(tmp_path))


async def test_a_cancelled_probe_leaves_nobody_behind(tmp_path):
    write(tmp_path, test_it=HANGS)
    async with Candidate().serving() as url:
        running = asyncio.create_task(run_suite(tmp_path, spec(), url))
        found = await pids(tmp_path)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    await all_gone(found)
    assert not zombie(found[0])


async def test_children_that_outlive_the_suite_are_ended_too(tmp_path):
    write(
        tmp_path,
        test_it="""
import subprocess, sys
def test_forks():
    assert get("/a").status == 200
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    open("pids", "w").write(f"{child.pid} ")
""",
    )
    seen = await judged(tmp_path)
    assert seen.outcome is PASSED, texts(seen)
    await all_gone(await pids(tmp_path))


async def test_a_suite_that_dies_is_no_pass(tmp_path):
    write(
        tmp_path,
        test_it="""
def test_fine(): assert get("/a").status == 200
def test_dies(): get("/a"); os.kill(os.getpid(), 9)
""",
    )
    seen = await judged(tmp_path)
    assert seen.outcome is INCONCLUSIVE
    assert "signal 9 ended it" in texts(seen)
    assert "1 of 2 tests have no end, such as test_it.py::test_dies" in texts(seen)
    write(tmp_path, test_it="def test_lies(): get('/a'); os._exit(0)\n")
    seen = await judged(tmp_path)
    assert seen.outcome is INCONCLUSIVE
    assert "exit code 0, but none by pytest's own word" in texts(seen)


async def test_a_suite_that_changes_its_exit_code_does_not_add_up(tmp_path):
    write(
        tmp_path,
        conftest="""
def pytest_sessionfinish(session):
    session.exitstatus = 0 if session.testsfailed else 1
""",
        test_it="def test_it(): assert get('/a').status == 200\n",
    )
    seen = await judged(tmp_path)
    assert seen.outcome is INCONCLUSIVE, texts(seen)
    assert "exit code 1, although no test failed" in texts(seen)
    assert (await judged(tmp_path, candidate=Candidate(a=500))).outcome is FAILED


async def test_websockets_pass_through_and_their_closes_are_seen(tmp_path):
    write(
        tmp_path,
        test_it="""
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

def test_echo():
    with connect(WS + "/ws", subprotocols=None) as ws:
        ws.send("x" * 70_000)
        assert ws.recv() == "echo " + "x" * 70_000

@pytest.fixture(scope="module")
def shared():
    with connect(WS + "/ws") as ws:
        yield ws

def test_first(shared): shared.send("a"); assert shared.recv() == "echo a"
def test_second(shared): shared.send("b"); assert shared.recv() == "echo b"

@pytest.mark.parametrize("how", ["die", "break"])
def test_closed(how):
    with connect(WS + "/ws") as ws:
        ws.send(how)
        assert ws.recv()
""",
    )
    seen = await judged(tmp_path)
    assert (seen.outcome, seen.right_times, seen.asked_times) == (FAILED, 3, 5), texts(seen)
    assert "close 1011 Factory SSOT validation failed" in texts(seen)
    assert "close 1006" in texts(seen)


async def test_the_candidate_gets_what_the_target_says_and_the_suite_never_sees_it(tmp_path):
    candidate = Candidate(moved=307)
    write(
        tmp_path,
        test_it="""
def test_it():
    assert get("/a?b=%2Fc", **{"X-Own": "mine"}).status == 200
    assert get("/moved").headers["Location"] == "/moved/"
    assert not any("token" in value.lower() for value in os.environ.values())
    assert set(os.environ) <= {
        "PATH", "HOME", "LANG", "TMPDIR", "LC_CTYPE", "PYTHONPATH", "PYTEST_ADDOPTS", "BASE_URL",
        "WS_URL", "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_CURRENT_TEST", "PYTEST_VERSION",
        "GATE_JUNIT_XML",
    }
""",
    )
    os.environ["GATE_TEST_LEAK"] = "token-of-the-gate"
    try:
        seen = await judged(
            tmp_path, candidate=candidate, headers=(("X-Serverless-Authorization", "Bearer t0ken"),)
        )
    finally:
        del os.environ["GATE_TEST_LEAK"]
    assert seen.outcome is PASSED, texts(seen)
    asked = dict(candidate.heads)["/a?b=%2Fc"]
    assert asked["X-Serverless-Authorization"] == "Bearer t0ken"
    assert asked["X-Own"] == "mine"
    assert seen.trace in asked["traceparent"]
    assert "t0ken" not in texts(seen)


async def test_secrets_stay_out_of_the_evidence(tmp_path):
    write(
        tmp_path,
        test_it="""
def test_it():
    token = os.environ["TOKEN"]
    print("x" * 80_000 + token)
    status = get("/" + token).status
    assert status == 500, token
""",
    )
    seen = await judged(tmp_path, spec(env=(*ENV, ("TOKEN", "${alice}"))))
    assert seen.outcome is FAILED
    assert "[secret alice]" in texts(seen)
    assert TOKEN not in repr(seen)
    assert TOKEN[-12:] not in repr(seen)


async def test_answers_from_another_revision_are_no_evidence(tmp_path):
    rule = IdentityRule(header="X-Revision")
    write(tmp_path, test_it="def test_it(): assert get('/a').status == 200\n")
    options = {"revision": "backend-2", "identity": rule}
    seen = await judged(tmp_path, candidate=Candidate("backend-2"), **options)
    assert (seen.outcome, seen.answered_by) == (PASSED, "backend-2"), texts(seen)
    seen = await judged(tmp_path, candidate=Candidate("backend-1"), **options)
    assert (seen.outcome, symptoms(seen)) == (INCONCLUSIVE, {Symptom.IDENTITY})
    assert "another revision, backend-1" in texts(seen)

    class Turncoat(Candidate):
        def answer(self, connection, request):
            self.name = "backend-1" if request.path == "/a" else "backend-2"
            return super().answer(connection, request)

    seen = await judged(tmp_path, candidate=Turncoat(), **options)
    assert (seen.outcome, symptoms(seen)) == (
        INCONCLUSIVE,
        {Symptom.IDENTITY, Symptom.NO_EVIDENCE},
    )
    assert "answers that were not the candidate's" in texts(seen)
    seen = await judged(tmp_path, candidate=Candidate(), **options)
    assert seen.outcome is INCONCLUSIVE
    assert "an answer without X-Revision" in texts(seen)


async def test_an_address_where_nobody_listens_is_not_asked_by_a_suite(tmp_path):
    write(tmp_path, test_it="def test_it(): open('ran', 'w')\n")
    async with Candidate().serving() as url:
        pass
    seen = await run_suite(tmp_path, spec(), url)
    assert (seen.outcome, symptoms(seen)) == (INCONCLUSIVE, {Symptom.CONNECT})
    assert not (tmp_path / "ran").exists()


async def test_tests_that_run_at_once_cannot_be_told_apart(tmp_path):
    write(
        tmp_path,
        test_it="""
import time
@pytest.mark.parametrize("n", range(8))
def test_it(n):
    time.sleep(0.2)
    get("/a")
""",
    )
    seen = await judged(tmp_path, spec("-p", "xdist.plugin", "-n", "2"))
    assert seen.outcome is INCONCLUSIVE, texts(seen)
    assert "several tests ran at once" in texts(seen)
    assert seen.asked_times == 8


async def test_a_pytest_within_a_test_is_not_heard(tmp_path):
    (tmp_path / "inner").mkdir()
    write(tmp_path / "inner", test_inner="def test_inner(): assert False\n")
    write(
        tmp_path,
        test_it="""
import subprocess, sys
def test_it():
    assert get("/a").status == 200
    assert subprocess.run([sys.executable, "-m", "pytest", "inner"]).returncode == 1
    assert pytest.main(["inner", "-q"]) == 1
""",
    )
    seen = await judged(tmp_path, spec("test_it.py"))
    assert (seen.outcome, seen.asked_times) == (PASSED, 1), texts(seen)


async def test_two_at_once_do_not_mix(tmp_path):
    write(tmp_path, test_it="def test_it(): assert get('/a').status == 200\n")
    fine, bad = await asyncio.gather(judged(tmp_path), judged(tmp_path, candidate=Candidate(a=500)))
    assert (fine.outcome, bad.outcome) == (PASSED, FAILED)


JUNIT = """
import os, sys, urllib.request
if "ask" in sys.argv:
    urllib.request.urlopen(os.environ["BASE_URL"] + "/a").read()
open(os.environ["GATE_JUNIT_XML"], "w").write(open("report").read())
sys.exit(int(sys.argv[1]))
"""
FINE = "<testsuites><testsuite><testcase classname='a.B' name='works'/></testsuite></testsuites>"
BAD = "<testsuite><testcase name='a'/><testcase name='b'><failure message='no'/></testcase>"


@pytest.mark.parametrize(
    ("report", "arguments", "outcome", "said"),
    [
        (FINE, ("0", "ask"), PASSED, "1 test is evidence, the only one; exit code 0"),
        (FINE, ("0",), INCONCLUSIVE, "the suite never asked the candidate"),
        (FINE, ("1", "ask"), INCONCLUSIVE, "exit code 1, although no test failed"),
        (f"{BAD}</testsuite>", ("1", "ask"), FAILED, "b failed: no"),
        (f"{BAD}</testsuite>", ("0", "ask"), FAILED, "exit code 0, although some tests failed"),
        ("<testsuite/>", ("0", "ask"), INCONCLUSIVE, "no tests (exit code 0)"),
        ("<testsuite>", ("0", "ask"), INCONCLUSIVE, "1 reports that could not be read"),
        (
            '<!DOCTYPE a [<!ENTITY b "c">]><testsuite><testcase name="&b;"/></testsuite>',
            ("0", "ask"),
            INCONCLUSIVE,
            "1 reports that could not be read",
        ),
        ("", ("0", "ask"), INCONCLUSIVE, "no report from its tests (exit code 0)"),
    ],
)
async def test_any_command_that_writes_junit_xml(tmp_path, report, arguments, outcome, said):
    (tmp_path / "run.py").write_text(JUNIT)
    (tmp_path / "report").write_text(report)
    seen = await judged(tmp_path, spec(*arguments, run=(sys.executable, "run.py")))
    assert seen.outcome is outcome, texts(seen)
    assert said in texts(seen)


async def test_what_cannot_be_run_is_our_fault(tmp_path):
    (tmp_path / "bad").write_text("no program")
    (tmp_path / "bad").chmod(0o755)
    for suite, said in (
        (spec(run=("no-such-program",)), "no program no-such-program"),
        (spec(run=("./bad",)), "bad cannot be started"),
        (spec(directory="none"), "no directory none"),
        (spec(env=(("A", "${nobody}"),)), "no value for ${nobody}"),
    ):
        seen = await judged(tmp_path, suite)
        assert (seen.outcome, symptoms(seen)) == (INCONCLUSIVE, {Symptom.CLIENT})
        assert said in seen.seen
