import subprocess
import sys

from gate.core.evidence import Outcome, Symptom
from gate.core.policy import Probe
from gate.core.redaction import Redactor
from gate.core.severity import Severity
from gate.kinds.http import HttpProbe
from gate.kinds.logs import LogPattern, LogsProbe
from gate.ports import Target
from gate.probes.runner import ProbeRunner
from tests.fakes.clock import FakeClock
from tests.fakes.logs import FakeLogs

TARGET = Target("https://x", revision="r-1")
LOGS = Probe("logs", LogsProbe((LogPattern(Severity.ERROR),), settle_s=0))
# A question that cannot be put: no socket is opened for it.
UNASKABLE = HttpProbe("/", headers=(("X", "${nobody}"),))


def runner(logs=None):
    secrets = {"alice": "alices-own-secret"}
    return ProbeRunner(secrets, logs, FakeClock(), Redactor(secrets))


async def test_logs_are_read_last_and_evidence_comes_in_the_policys_order():
    seen = []
    probes = [LOGS, Probe("a", UNASKABLE), Probe("b", UNASKABLE)]
    evidence = await runner(FakeLogs()).run(probes, TARGET, seen.append)
    assert [one.probe for one in evidence] == ["logs", "a", "b"]
    assert [one.probe for one in seen if one.evidence] == ["a", "b", "logs"]
    began = [one.probe for one in seen if not one.evidence and not one.text]
    assert began == ["a", "b", "logs"]
    assert [one.kind for one in evidence] == ["logs", "http", "http"]


async def test_nothing_to_ask_gives_nothing():
    assert await runner().run([], TARGET, lambda _: None) == ()


async def test_a_defect_of_our_own_is_inconclusive_and_without_secrets():
    logs = FakeLogs()

    def defect():
        raise RuntimeError("index alices-own-secret out of range")

    logs.before_next("entries", defect)
    evidence = await runner(logs).run([LOGS, Probe("a", UNASKABLE)], TARGET, lambda _: None)
    assert evidence[0].outcome is Outcome.INCONCLUSIVE
    (finding,) = evidence[0].findings
    assert finding.symptom is Symptom.CLIENT
    assert "RuntimeError" in finding.seen
    assert "alices-own-secret" not in repr(evidence)
    assert evidence[0].kind == "logs"
    assert "report it" in finding.hint


async def test_a_malformed_template_is_inconclusive():
    probe = Probe("a", HttpProbe("/", headers=(("X", "${nonce"),)))
    (evidence,) = await runner().run([probe], TARGET, lambda _: None)
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert evidence.findings[0].symptom is Symptom.CLIENT


def test_importing_the_runner_loads_no_client_library():
    libraries = (
        "httpx",
        "websockets",
        "jsonschema",
        "regex",
        "certifi",
        "uvloop",
        "selectolax",
    )
    code = (
        "import sys, gate.probes.runner, gate.core.template\n"
        f"print([name for name in {libraries} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
