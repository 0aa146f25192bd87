from dataclasses import replace

import pytest

from gate.core.evidence import Outcome, Symptom
from gate.core.policy import Probe
from gate.core.redaction import Redactor
from gate.errors import AccessError, UnavailableError
from gate.kinds.diff import DiffProbe
from gate.kinds.http import HttpProbe
from gate.ports import Configuration, Target
from gate.probes.runner import ProbeRunner
from tests.fakes.clock import FakeClock
from tests.fakes.configurations import FakeConfigurations

OLD, OTHER, NEW = "backend-00001-aaa", "backend-00002-bbb", "backend-00003-ccc"
TARGET = Target("https://x", NEW, compare_with=(OLD,))
BASE = Configuration({"LOG_LEVEL": "d1"}, {"JWT_SECRET_KEY": "jwt:3"}, {"memory": "512Mi"})
BARE = replace(BASE, secrets={})


def known(**changes):
    return FakeConfigurations({OLD: BASE, OTHER: BASE, NEW: BASE, **changes})


async def ask(configurations, spec=None, target=TARGET):
    runner = ProbeRunner({}, None, FakeClock(), Redactor({}), configurations=configurations)
    probes = [Probe("config", spec or DiffProbe())]
    return (await runner.run(probes, target, lambda _: None))[0]


async def test_no_difference_is_a_pass_that_says_what_was_compared():
    configurations = known()
    evidence = await ask(configurations)
    assert evidence.passed
    assert (evidence.kind, evidence.seen) == ("diff", "nothing differs (3 names)")
    assert evidence.asked == f"configuration of {NEW}"
    assert evidence.expected == f"as {OLD}"
    assert configurations.asked == [NEW, OLD]


async def test_a_missing_secret_fails_and_says_what_to_do():
    evidence = await ask(known(**{NEW: BARE}))
    assert evidence.outcome is Outcome.FAILED
    (finding,) = evidence.findings
    assert finding.symptom is Symptom.CONFIGURATION
    assert finding.seen == "JWT_SECRET_KEY: missing"
    assert finding.expected == f"as {OLD} has it: from secret jwt:3"
    assert "expect.missing" in finding.hint
    assert evidence.seen == "missing: JWT_SECRET_KEY"


async def test_what_may_differ_passes_and_is_still_said():
    more = Configuration({"LOG_LEVEL": "d2", "NEW_FLAG": "d3"}, {}, {"memory": "512Mi"})
    spec = DiffProbe(missing=None, changed=("LOG_LEVEL",))
    evidence = await ask(known(**{NEW: more}), spec)
    assert evidence.passed
    assert evidence.seen == "3 differences that may be"
    text = "\n".join(evidence.excerpts)
    assert "NEW_FLAG: only the candidate has it" in text
    assert "JWT_SECRET_KEY: missing" in text
    assert "LOG_LEVEL: another value" in text


async def test_each_revision_that_served_is_compared_with():
    split = replace(TARGET, compare_with=(OLD, OTHER))
    evidence = await ask(known(**{OTHER: BARE, NEW: BARE}), target=split)
    assert evidence.outcome is Outcome.FAILED
    assert [one.expected for one in evidence.findings] == [f"as {OLD} has it: from secret jwt:3"]
    assert evidence.expected == f"as {OLD} and {OTHER}"


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (Target("https://x"), "a URL alone"),
        (Target("https://x", NEW), "no other revision that has users"),
    ],
)
async def test_with_nothing_to_compare_it_is_no_pass(target, says):
    evidence = await ask(known(), target=target)
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert says in evidence.seen
    assert evidence.findings[0].hint


@pytest.mark.parametrize(
    ("target", "says"), [(TARGET, "no access to Cloud Run"), (Target("https://x"), "a URL alone")]
)
async def test_without_access_to_cloud_run_it_is_no_pass(target, says):
    evidence = await ask(None, target=target)
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert says in evidence.seen


@pytest.mark.parametrize(
    ("failure", "symptom"),
    [
        (AccessError("denied"), Symptom.CLIENT),
        (UnavailableError("no answer"), Symptom.PLATFORM),
    ],
)
async def test_a_configuration_that_cannot_be_read_is_no_pass(failure, symptom):
    configurations = known()
    configurations.failure = failure
    evidence = await ask(configurations)
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert [one.symptom for one in evidence.findings] == [symptom]
    assert failure.message in evidence.seen


async def test_a_stable_revision_that_is_gone_is_no_pass():
    evidence = await ask(known(), target=replace(TARGET, compare_with=("backend-00000-zzz",)))
    assert evidence.outcome is Outcome.INCONCLUSIVE


async def test_it_comes_before_any_request_whatever_its_place():
    seen = []
    unaskable = HttpProbe("/", headers=(("X", "${nobody}"),))
    probes = [Probe("a", unaskable), Probe("config", DiffProbe())]
    runner = ProbeRunner({}, None, FakeClock(), Redactor({}), configurations=known())
    evidence = await runner.run(probes, TARGET, seen.append)
    assert [one.probe for one in seen if one.evidence] == ["config", "a"]
    assert [one.probe for one in evidence] == ["a", "config"]
