"""Rollouts by code, in this very process and loop, against a local Cloud Run."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys

import pytest

import gate
from gate.core.state import Ending
from tests.e2e.process import ROOT
from tests.e2e.stage import eventually
from tests.local_cloud_run import PROJECT, REGION

PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
SCRIPTS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
POLICY = """\
version: 1
candidate: {{ready_within: 40s}}
deadline: 50s
secrets: {{token: {{env: API_TOKEN}}}}
probes:
  home: {{http: {{path: "{path}", timeout: 45s, headers: {{X-Token: "${{token}}"}}}}}}
"""
TOKEN = "a-token-of-a-script"


def keywords(stage, heard, **more):
    """What each call of a test takes; the process's environment has none of it."""
    return {
        "project": PROJECT,
        "region": REGION,
        "service": stage.name,
        "environment": {**stage.env, "API_TOKEN": TOKEN},
        "actor": "a script",
        "on_progress": heard.append,
        **more,
    }


async def test_a_rollout_and_a_rollback_come_back_typed_and_print_nothing(small, capfd):
    heard, handled, before = [], [], handlers()

    def hear(progress):
        heard.append(progress)
        handled.append(handlers())

    small.pin()
    common = keywords(small, heard, on_progress=hear)
    done = await gate.rollout(image="small:v2", policy_text=POLICY.format(path="/"), **common)
    assert isinstance(done, gate.Outcome)
    assert (done.kind, done.ending, done.exit_code) == ("rollout", "promoted", gate.ExitCode.DONE)
    assert done.done
    assert done.traffic == {done.revision: 100}
    assert done.decision == "promote"
    assert [(one.probe, one.outcome) for one in done.evidence] == [("home", "passed")]
    assert TOKEN not in json.dumps(done.record)
    assert done.record == (await asyncio.to_thread(small.recorded, done.id))
    assert done.record["actor"] == "a script"
    small.only(done.revision)

    lines = [one.text for one in heard]
    assert any("probing" in one.phase for one in heard), lines
    assert {one.probe for one in heard} == {"", "home"}
    assert [one.outcome for one in heard if one.outcome] == [heard[-1].outcome] == [done]

    stands = await gate.status(project=PROJECT, region=REGION, service=small.name, **around(common))
    assert (stands.traffic, stands.ready, stands.in_effect) == ({done.revision: 100}, True, True)
    assert stands.revisions == (done.revision, small.first)

    back = await gate.rollback(reason="it rang", **common)
    assert (back.ending, back.revision, back.done) == ("rolled back", small.first, True)
    assert back.record["reason"] == "it rang"
    again = await gate.promote(reason="it was not us", revision=done.revision, **common)
    assert (again.ending, again.traffic) == ("promoted", {done.revision: 100})
    idle = await gate.recover(**common)
    assert (idle.ending, idle.exit_code, idle.recorded) == ("nothing to do", 0, False)

    assert capfd.readouterr() == ("", "")
    assert {*handled, handlers()} == {before}


def handlers():
    return signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)


def around(common):
    return {"environment": common["environment"]}


async def test_a_candidate_that_fails_is_an_outcome_and_whoever_listens_may_fail(small):
    def deaf(progress):
        raise RuntimeError(progress.text)

    small.pin()
    common = keywords(small, [], on_progress=deaf)
    policy = POLICY.format(path="/broken")
    done = await gate.rollout(image="teller", policy_text=policy, **common)
    assert (done.ending, done.exit_code, done.done) == ("rejected", gate.ExitCode.REJECTED, False)
    assert [(one.subject, bool(one.text)) for one in done.reasons] == [("home", True)]
    small.only(small.first)


@pytest.mark.parametrize("times", [1, 5])
async def test_a_cancelled_rollout_ends_safely_before_the_cancellation_goes_on(small, times):
    heard, probing = [], asyncio.Event()

    def hear(progress):
        heard.append(progress)
        if progress.phase == "probing" or progress.probe:
            probing.set()

    small.pin({"mine": small.first})
    common = keywords(small, heard, on_progress=hear)
    rolling = asyncio.create_task(
        gate.rollout(image="teller", policy_text=POLICY.format(path="/hang"), **common)
    )
    waiting = asyncio.create_task(probing.wait())
    await asyncio.wait({rolling, waiting}, return_when=asyncio.FIRST_COMPLETED)
    assert not rolling.done(), rolling
    for _ in range(times):
        rolling.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await rolling
    ended = heard[-1].outcome
    assert (ended.ending, ended.exit_code, ended.recorded) == ("interrupted", 130, True)
    assert ended.traffic == {small.first: 100}
    small.only(small.first, {"mine": small.first})


async def test_signals_end_it_safely_where_that_is_asked_for(small):
    before, sent = handlers(), []

    def hear(progress):
        if progress.probe and not sent and handlers() != before:
            sent.append(progress)
            os.kill(os.getpid(), signal.SIGTERM)

    small.pin()
    common = keywords(small, [], on_progress=hear, handle_signals=True)
    policy = POLICY.format(path="/hang")
    done = await gate.rollout(image="teller", policy_text=policy, **common)
    assert (done.ending, done.exit_code) == ("interrupted", gate.ExitCode.INTERRUPTED)
    assert handlers() == before
    small.only(small.first)


async def test_where_the_gate_does_not_get_through_the_hint_is_gclouds_way():
    nobody = "127.0.0.1:1"
    with pytest.raises(gate.UnavailableError) as caught:
        await gate.rollback(
            reason="it rang",
            to="backend-00001-abc",
            project=PROJECT,
            region=REGION,
            service="backend",
            environment={"CLOUD_RUN_EMULATOR_HOST": nobody, "LOGGING_EMULATOR_HOST": nobody},
        )
    command = "gcloud run services update-traffic backend --to-revisions backend-00001-abc=100"
    assert command in caught.value.hint


async def test_rollouts_of_two_services_share_a_loop_and_no_environment(stage_of):
    stages = [stage_of("small:v1"), stage_of("small:v1")]
    for stage in stages:
        stage.pin()
    calls = [keywords(stage, []) for stage in stages]
    del calls[1]["environment"]["API_TOKEN"]
    policy = POLICY.format(path="/")
    good, bad = await asyncio.gather(
        *(gate.rollout(image="small:v2", policy_text=policy, **call) for call in calls),
        return_exceptions=True,
    )
    assert good.ending == "promoted"
    assert isinstance(bad, gate.UsageError)
    assert "secret token: the environment variable API_TOKEN is not set" in bad.message
    stages[1].only(stages[1].first)


async def test_what_cannot_be_meant_is_raised_before_anything_is_changed(small, tmp_path):
    small.pin()
    common = keywords(small, [])
    good = POLICY.format(path="/")
    for options, said in (
        ({"image": "i", "revision": "r", "policy_text": good}, "needs an image or a revision"),
        ({"policy_text": good}, "needs an image or a revision (got neither"),
        ({"image": "i"}, "has no policy"),
        ({"image": "i", "policy_text": good, "again": True}, "needs a reason"),
        ({"image": "i", "policy_text": good, "order": -1}, "order: is none (got -1"),
        ({"image": "i", "policy": tmp_path / "none.yaml"}, "none.yaml: does not exist"),
        ({"image": "i", "policy_text": good, "override": "freeze"}, "override: needs a reason"),
        (
            {"image": "i", "policy_text": good, "override": "freeze", "reason": "r"},
            "override: needs an expiry",
        ),
        (
            {"image": "i", "policy_text": good, "override": "x", "reason": "r", "expires_s": 9},
            "there is no such rule (got x",
        ),
        ({"image": "i", "policy_text": good, "expires_s": 9}, "expires_s: sets nothing aside"),
        (
            {"image": "i", "policy_text": good, "wait_approval_s": float("nan")},
            "wait_approval_s: is out of range",
        ),
    ):
        with pytest.raises(gate.UsageError, match=re.escape(said)):
            await gate.rollout(**common, **options)
    with pytest.raises(gate.PolicyError) as caught:
        await gate.rollout(image="i", policy_text=good + "prbes: {}\n", **common)
    assert [one.where for one in caught.value.problems] == ["policy.yaml:7:1"]
    with pytest.raises(gate.UsageError, match="reason: is blank"):
        await gate.rollback(reason=" ", **common)
    with pytest.raises(TypeError, match="wait_s"):
        await gate.recover(**common, wait_s=1.0)
    with pytest.raises(gate.NotFoundError) as missing:
        await gate.status(
            **{**around(common), "project": PROJECT, "region": REGION}, service=small.name + "x"
        )
    assert small.name in missing.value.hint
    small.only(small.first)
    assert small.records() == []


FROZEN = "freeze: [{from: Mon 00:00, to: Sun 23:59}, {from: Sun 12:00, to: Mon 12:00}]\n"


async def test_rules_for_people_hold_it_or_are_set_aside_as_from_the_command_line(small):
    small.pin()
    common = keywords(small, [], policy_text=POLICY.format(path="/") + FROZEN)
    held = await gate.rollout(image="small:v2", **common)
    assert (held.ending, [one.subject for one in held.reasons]) == ("held", ["freeze"])
    aside = {"override": ["freeze", "stop"], "expires_s": 600, "reason": "logins fail"}
    done = await gate.rollout(image="small:v2", **common, **aside)
    assert (done.ending, done.record["override"]["overrode"]) == ("promoted", ["freeze"])
    back = {"policy_text": None, "override": "allow", "reason": "it rang"}
    undone = await gate.rollback(**{**common, **back})
    assert (undone.ending, undone.record["override"]["rules"]) == ("rolled back", ["allow"])
    small.only(small.first)


async def test_approvals_are_waited_for_as_long_as_is_asked(small):
    small.pin()
    asks = "approve: {within: 1h}\nallow: {claimed: accept}\n"
    common = keywords(small, [], policy_text=POLICY.format(path="/") + asks)
    held = await gate.rollout(image="small:v2", **common)
    assert (held.ending, [one.subject for one in held.reasons]) == ("held", ["approve"])
    given = []

    def hear(progress):
        told = re.search(r"gate approve (\S+) ", progress.text)
        if told and not given:
            why = ("--reason", "looks right")
            given.append(asyncio.ensure_future(asyncio.to_thread(approve, told[1], *why)))

    def approve(*arguments):
        return small.gate("approve", *arguments, GATE_ACTOR="ana@example.com")

    done = await gate.rollout(
        image="small:v2", wait_approval_s=45, **{**common, "on_progress": hear}
    )
    assert (await given[0]).code == 0
    assert done.ending == "promoted"
    assert [one["name"] for one in done.record["approvals"]] == ["ana@example.com"]


# docs/api.md


def test_each_script_of_the_docs_is_typed(tmp_path):
    files = []
    for number, script in enumerate(SCRIPTS):
        files.append(tmp_path / f"script_{number}.py")
        files[-1].write_text(script)
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "import gate\n\n\nasync def wrong() -> int:\n"
        "    found = await gate.rollout(image=3, imgae='x')\n    return found.ending\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache"]
    done = subprocess.run(
        [*command, *files, wrong], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert all(line.startswith("wrong.py:") for line in lines), done.stdout
    assert re.findall(r"\[([a-z-]+)\]$", done.stdout, re.MULTILINE) == [
        "call-arg",
        "arg-type",
        "return-value",
    ]


def test_the_scripts_of_the_docs_run(small, tmp_path):
    small.pin()
    head = f"service: {{project: {PROJECT}, region: {REGION}, name: {small.name}}}\n"
    small.policy(tmp_path, "  who: {http: {path: /}}\n", head)
    for number, script in enumerate(SCRIPTS):
        text = script.replace("name: backend", f"name: {small.name}")
        (tmp_path / f"script_{number}.py").write_text(text)

    def ran(number, *arguments):
        command = [sys.executable, f"script_{number}.py", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=small.env, capture_output=True, text=True, check=False
        )

    deployed, back, typed, urgent = ran(0, "small:v2"), ran(1), ran(2), ran(3)
    name = re.search(rf"{small.name} promoted (\S+)$", deployed.stdout, re.MULTILINE)[1]
    assert (deployed.returncode, deployed.stderr) == (0, "")
    assert f"{{'{name}': 100}}" in back.stdout, back
    assert f"rolled back {{'{small.first}': 100}}" in back.stdout, back
    assert (typed.returncode, typed.stdout) == (0, "ended: promoted\n"), typed
    assert (urgent.returncode, urgent.stdout) == (0, "promoted\n"), urgent
    eventually(lambda: len(small.records()) == 4)


def heeds_ctrl_c():
    """As from a terminal: what a shell starts in the background inherits to ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_at_a_script_of_the_docs_ends_its_rollout_safely(small, tmp_path):
    small.pin()
    head = f"service: {{project: {PROJECT}, region: {REGION}, name: {small.name}}}\n"
    hangs = "  who: {http: {path: /}}\n  hangs: {http: {path: /hang, timeout: 45s}}\n"
    small.policy(tmp_path, hangs, head)
    (tmp_path / "script.py").write_text(SCRIPTS[0])
    with subprocess.Popen(
        [sys.executable, "-u", "script.py", "teller"],
        cwd=tmp_path,
        env=small.env,
        preexec_fn=heeds_ctrl_c,  # noqa: PLW1509 - it does one thing, which takes no lock
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as script:
        before = []
        for line in script.stdout:
            before.append(line)
            if "passed: who" in line:
                script.send_signal(signal.SIGINT)
                break
        said, told = script.communicate(timeout=60)
    assert told.splitlines()[-1:] == ["KeyboardInterrupt"], ("".join(before), said, told)
    assert "rollout: interrupted" in said
    small.only(small.first)


def test_the_docs_have_every_name_and_every_ending():
    table = PAGE.partition("| `ending` |")[2].partition("\n\n")[0]
    told = {
        ending: int(code)
        for names, code in re.findall(r"^\| (`.*?`) \| (\d+) \|$", table, re.MULTILINE)
        for ending in re.findall(r"`([^`]+)`", names)
    }
    assert told == {one.value: int(one.exit_code) for one in Ending} | {"nothing to do": 0}
    assert {name for name in gate.__all__ if f"`gate.{name}" not in PAGE} == set()


def test_the_package_itself_loads_nothing():
    shows = "import sys, gate; print(*sorted(n for n in sys.modules if n.startswith('gate')))"
    done = subprocess.run([sys.executable, "-c", shows], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["gate"]
    done = subprocess.run(
        [sys.executable, "-c", "import gate\nfor n in gate.__all__: getattr(gate, n)"],
        check=True,
    )
