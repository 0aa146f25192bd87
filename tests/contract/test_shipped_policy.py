"""The shipped policy against every release of the example backend, each as a process of its own.

The rollouts themselves, on the local Cloud Run, are tests/e2e; here only what the probes say, and
that each release fails for its own reason.
"""

import asyncio
import json
import os
import secrets
import socket
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from examples.backend.tokens import mint
from gate.api.wiring import SystemClock
from gate.core.evidence import Outcome, Symptom
from gate.core.redaction import Redactor
from gate.core.severity import Severity
from gate.kinds.logs import LogsProbe
from gate.policyfile import check_policy, load_policy
from gate.ports import Configuration, LogEntry, Target
from gate.probes.runner import ProbeRunner
from tests.fakes.configurations import FakeConfigurations

ROOT = Path(__file__).parents[2]
POLICY = ROOT / "policies" / "backend.yaml"
DEADLINE_S = 20
REVISION, STABLE = "backend-00002-abc", "backend-00001-abc"


class ProcessLogs:
    """What a process wrote, as Cloud Logging would give it back."""

    def __init__(self, *files):
        self._files = files

    async def entries(self, query):
        lines = [json.loads(line) for file in self._files for line in file.read_text().splitlines()]
        entries = [
            LogEntry(datetime.now(UTC), Severity[line["severity"]], line["message"])
            for line in lines
        ]
        return tuple(
            entry
            for entry in entries
            if query.text in entry.text
            and (not query.min_severity or entry.severity.value >= query.min_severity.value)
        )


@asynccontextmanager
async def instance(release, folder, key):
    """One instance of a release: its URL and its logs, once it listens."""
    out, err = folder / "out", folder / "err"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "BACKEND_RELEASE": release,
        "JWT_SECRET_KEY": key,
        "PORT": str(port),
        "K_SERVICE": "backend",
        "K_REVISION": REVISION,
    }
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "examples.backend"),
            cwd=ROOT,
            env=environment,
            stdout=stdout,
            stderr=stderr,
        )
    try:
        await asyncio.wait_for(listening(port, process), DEADLINE_S)
        yield f"http://127.0.0.1:{port}", ProcessLogs(out, err)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def listening(port, process):
    while process.returncode is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return
    raise RuntimeError("the container exited")


def hasty(probes):
    """The same probes; a file's lines are there at once, so that logs need no time to settle."""
    return [
        replace(probe, spec=replace(probe.spec, settle_s=0.1))
        if isinstance(probe.spec, LogsProbe)
        else probe
        for probe in probes
    ]


async def ask(release, folder):
    policy = load_policy(POLICY)
    key = secrets.token_urlsafe(32)
    tokens = {name: mint(name, key) for name in policy.secrets}
    async with instance(release, folder, key) as (url, logs):
        alike = FakeConfigurations(dict.fromkeys((REVISION, STABLE), Configuration({}, {}, {})))
        runner = ProbeRunner(tokens, logs, SystemClock(), Redactor(tokens), configurations=alike)
        rule = policy.candidate.identity
        target = Target(
            url, REVISION, since=datetime.now(UTC), identity=rule, compare_with=(STABLE,)
        )
        evidence = await runner.run(hasty(policy.probes), target, lambda _: None)
    shown = repr(evidence)
    assert not any(token in shown for token in tokens.values())
    assert {one.answered_by for one in evidence if one.kind not in {"logs", "diff"}} == {REVISION}
    return {one.probe: one for one in evidence}


def test_it_can_be_used_and_leaves_nothing_to_advise():
    check = check_policy(POLICY)
    assert check.problems == ()
    assert check.advice == ()
    assert all(probe.required and probe.capability for probe in check.policy.probes)


@pytest.mark.parametrize("release", ["v1", "v6"])
async def test_good_releases_pass(release, tmp_path):
    evidence = await ask(release, tmp_path)
    assert {name: one.seen for name, one in evidence.items() if not one.passed} == {}


def reasons(evidence):
    failed = {name: one for name, one in evidence.items() if not one.passed}
    assert {one.outcome for one in failed.values()} == {Outcome.FAILED}
    return {name: one.findings[0].symptom for name, one in failed.items()}


async def test_v2_redirects_breaks_discovery_and_closes_the_sixth_connection(tmp_path):
    evidence = await ask("v2", tmp_path)
    assert reasons(evidence) == {
        "api-health": Symptom.REDIRECT,
        "discovery": Symptom.STATUS,
        "same-user-concurrency": Symptom.CLOSED,
        "logs": Symptom.LOGS,
    }
    together = evidence["same-user-concurrency"]
    assert (together.asked_times, together.right_times) == (7, 5)
    assert '1011 "Factory SSOT validation failed"' in together.findings[0].seen
    assert "FACTORY_INIT_FAILED" in together.findings[0].seen


async def test_v4_leaks_until_its_limit_is_spent(tmp_path):
    evidence = await ask("v4", tmp_path)
    assert reasons(evidence) == {"reconnect": Symptom.CLOSED, "logs": Symptom.LOGS}
    assert evidence["reconnect"].right_times == 17  # of bob's 20, isolation has spent three
    assert "1011" in evidence["reconnect"].findings[0].seen


async def test_v5_breaks_the_contract_of_the_welcome_and_nothing_else(tmp_path):
    evidence = await ask("v5", tmp_path)
    assert reasons(evidence) == {"welcome": Symptom.SCHEMA}


async def test_v3_never_listens(tmp_path):
    with pytest.raises(RuntimeError, match="the container exited"):
        await ask("v3", tmp_path)
