"""Kinds that other packages bring: real packages on sys.path, whatever they do or say."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from gate.core.evidence import Outcome, Symptom
from gate.core.policy import IdentityRule
from gate.kinds.plugin import PluginProbe
from gate.policyfile import check_policy
from tests.contract.probe_servers import TOKEN, ask, tcp

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "plugins.md").read_text()
HEAD = "from gate.probes.plugin import Answer, Question, Remark\nimport asyncio, sys, time\n"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs packages the way pip does: a module, and a dist-info with its entry points."""
    monkeypatch.syspath_prepend(tmp_path)
    names = []

    def one(module, code, points, name="a-package", group="gate.probes"):
        (tmp_path / f"{module}.py").write_text(code)
        info = tmp_path / f"{name.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        lines = [f"{kind} = {value}" for kind, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines, ""]))
        names.append(module)

    yield one
    for module in names:
        sys.modules.pop(module, None)


async def asked(install, body, *, head="", place="127.0.0.1:9", timeout_s=5.0, **options):
    """What becomes of a plug-in whose function has this body."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    install("a_module", f"{HEAD}{head}\ndef ask(question):\n{lines}\n", {"mine": "a_module:ask"})
    return await ask(PluginProbe("mine", options, timeout_s), place)


def fault(evidence):
    """What is said of a plug-in at fault: never a pass, never the candidate's."""
    assert evidence.outcome is Outcome.INCONCLUSIVE, evidence
    (finding,) = evidence.findings
    assert finding.symptom is Symptom.CLIENT
    assert evidence.asked.startswith("plug-in ")
    return finding


async def test_a_pass_says_what_was_seen_and_whose_word_it_is(install):
    answer = 'return Answer(True, "all 3 orders", "3 orders", excerpts=("< three",))'
    evidence = await asked(install, answer)
    assert evidence.passed, evidence
    assert (evidence.kind, evidence.asked) == ("plugin", "plug-in mine")
    assert (evidence.seen, evidence.expected) == ("all 3 orders", "3 orders")
    assert evidence.excerpts == ("= plug-in mine of a-package 1.2", "< three")


async def test_its_time_counts_from_the_question_on(install):
    evidence = await asked(install, "time.sleep(0.2)\nreturn Answer(False, 'no', expected='yes')")
    assert evidence.duration_s >= 0.15  # a loop's own clock may be some milliseconds behind
    assert evidence.expected == "yes"


async def test_a_failure_is_the_candidates_with_its_findings(install):
    answer = 'return Answer(False, "2 errors", findings=(Remark("a", "b", "c"), Remark("d", "e")))'
    evidence = await asked(install, answer)
    assert evidence.outcome is Outcome.FAILED
    assert [(one.symptom, one.seen, one.expected, one.hint) for one in evidence.findings] == [
        (Symptom.PLUGIN, "a", "b", "c"),
        (Symptom.PLUGIN, "d", "e", ""),
    ]


async def test_a_failure_without_findings_still_fails(install):
    evidence = await asked(install, 'return Answer(False, "no")')
    assert evidence.outcome is Outcome.FAILED
    assert [one.seen for one in evidence.findings] == ["no"]


async def test_what_could_not_be_found_out_is_inconclusive(install):
    evidence = await asked(install, 'return Answer(None, "no idea")')
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert evidence.findings[0].symptom is Symptom.PLUGIN


async def test_the_question_has_the_address_the_headers_and_the_options(install):
    body = (
        'return Answer(True, f"{question.url} {sorted(question.headers)} {dict(question.options)}")'
    )
    evidence = await asked(install, body, a="${nonce}", b={"c": [1]})
    assert evidence.passed, evidence
    assert "http://127.0.0.1:9 ['User-Agent', 'traceparent']" in evidence.seen
    assert "'b': {'c': [1]}" in evidence.seen
    assert "${nonce}" not in evidence.seen


async def test_secrets_and_controls_in_an_answer_are_not_shown(install):
    body = (
        "secret = question.options['token']\n"
        "return Answer(False, secret, secret, (Remark(secret, secret + '\\x1b[31m', secret),),"
        " (secret,) * 50)"
    )
    evidence = await asked(install, body, token="${alice}")
    assert evidence.outcome is Outcome.FAILED
    assert TOKEN not in repr(evidence)
    assert "\x1b" not in "".join(evidence.excerpts) + evidence.findings[0].expected
    assert len(evidence.excerpts) <= 20


async def test_a_huge_answer_is_cut(install):
    body = 'return Answer(False, "x" * 10**7, "y" * 10**7, (Remark("z" * 10**7, ""),) * 1000)'
    evidence = await asked(install, body)
    assert len(repr(evidence)) < 20_000


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('raise ValueError("bad option")', "raised ValueError at a_module.py:5: bad option"),
        ("sys.exit(0)", "raised SystemExit"),
        ("raise KeyboardInterrupt", "raised KeyboardInterrupt"),
        ("return True", "returned a bool"),
        ("return None", "returned a NoneType"),
        ('return {"passed": True}', "returned a dict"),
        ('return Answer("yes", "all")', "values of other types"),
        ("return Answer(1, 'all')", "values of other types"),
        ("return Answer(True, None)", "values of other types"),
        ("return Answer(True, 'all', findings=None)", "values of other types"),
        ("return Answer(True, 'all', findings=('x',))", "values of other types"),
        ("return Answer(True, 'all', excerpts=(1,))", "values of other types"),
        ("return Answer(True, 'all', findings=(Remark('a', 'b'),))", "passed, and what was wrong"),
        ("return asyncio.sleep(0)", "returned a coroutine"),
    ],
)
async def test_what_is_no_answer_is_never_a_pass(install, body, says):
    finding = fault(await asked(install, body))
    assert says in finding.seen
    assert "a-package 1.2" in finding.seen


async def test_one_that_hangs_is_left_behind(install):
    began = time.monotonic()
    evidence = await asked(install, "time.sleep(20)", timeout_s=0.3)
    assert time.monotonic() - began < 10
    assert "has not answered within 0.3 s" in fault(evidence).seen


async def test_one_that_hangs_while_it_is_imported_too(install):
    evidence = await asked(install, "return None", head="time.sleep(3)", timeout_s=0.3)
    assert "has not answered" in fault(evidence).seen


@pytest.mark.parametrize(
    ("head", "says"),
    [("import no_such_module_at_all", "ModuleNotFoundError"), ("x = (", "SyntaxError")],
)
async def test_one_that_cannot_be_imported_is_never_a_pass(install, head, says):
    finding = fault(await asked(install, "return None", head=head))
    assert says in finding.seen
    assert "a-package 1.2" in finding.seen


async def test_one_that_is_missing_is_never_a_pass(install):
    install("a_module", "", {"other": "a_module:ask"})
    finding = fault(await ask(PluginProbe("mine"), "127.0.0.1:9"))
    assert "plug-in mine is not installed (installed: other)" in finding.seen
    assert "install" in finding.hint


async def test_one_that_two_packages_bring_is_never_a_pass(install):
    code = HEAD + 'def ask(question):\n    return Answer(True, "all")\n'
    install("a_module", code, {"mine": "a_module:ask"})
    install("b_module", code, {"mine": "b_module:ask"}, name="b-package")
    assert "several packages" in fault(await ask(PluginProbe("mine"), "127.0.0.1:9")).seen


async def test_an_entry_point_that_names_no_function_is_never_a_pass(install):
    install("a_module", "ask = 3", {"mine": "a_module:ask", "none": "a_module:nobody"})
    assert "is no function" in fault(await ask(PluginProbe("mine"), "127.0.0.1:9")).seen
    assert "AttributeError" in fault(await ask(PluginProbe("none"), "127.0.0.1:9")).seen


@pytest.mark.parametrize(
    ("name", "outcome"),
    [("r-2", Outcome.PASSED), ("r-1", Outcome.INCONCLUSIVE), ("", Outcome.INCONCLUSIVE)],
)
async def test_with_an_identity_header_the_answer_must_name_the_revision(install, name, outcome):
    answer = f'Answer(True, question.identity_header, answered_by="{name}")'
    install(
        "a_module", f"{HEAD}def ask(question):\n    return {answer}\n", {"mine": "a_module:ask"}
    )
    rule = IdentityRule("x-revision")
    evidence = await ask(PluginProbe("mine"), "127.0.0.1:9", revision="r-2", identity=rule)
    assert evidence.outcome is outcome
    assert evidence.answered_by == name


def example(language):
    return re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[1]


@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        (b'{"data": {"orders": []}}', 0, "0 errors"),
        (b'{"errors": [{"message": "no such field"}]}', 1, "no such field"),
        (b"<html>", 5, "JSONDecodeError"),
    ],
)
async def test_the_example_of_the_page_does_what_it_says(install, tmp_path, answer, code, says):
    project = tomllib.loads(example("toml"))["project"]
    points = project["entry-points"]["gate.kinds"]
    install("gate_graphql", example("python"), points, name=project["name"], group="gate.kinds")
    policy = tmp_path / "policy.yaml"
    policy.write_text(example("yaml"))
    heads = []

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        heads.append(head.decode())
        length = int(re.search(rb"content-length: (\d+)", head.lower())[1])
        heads.append(json.loads(await reader.readexactly(length))["query"])
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(answer) + answer)
        await writer.drain()

    async with tcp(serve) as place:
        done = await run_gate(
            "probe", "--policy", str(policy), "--url", f"http://{place}", extra=tmp_path
        )
    assert done.returncode == code, done
    assert says in done.stdout
    assert TOKEN not in done.stdout + done.stderr
    assert TOKEN in heads[1]
    assert heads[0].startswith("POST /graphql ")
    assert "traceparent" in heads[0].lower()


async def run_gate(*arguments, extra):

    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    path = os.pathsep.join([str(extra), str(ROOT)])
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "gate.cli", *arguments],
        env={**kept, "PYTHONPATH": path, "STAGING_JWT_ALICE": TOKEN},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


BROKEN_KIND = """\
from dataclasses import dataclass
from typing import Annotated, ClassVar
from gate.kinds.keys import Keys
from gate.kinds.kind import Kind
from gate.kinds.records import Expected, Key
from gate.kinds.values import Path, SomeSeconds

@dataclass(frozen=True, slots=True)
class Theirs(Keys):
    facts: ClassVar[Kind] = Kind("theirs", "Theirs", "their_kind:ask", plain=True)
    path: Annotated[Path, Key("where")]
    within_s: Annotated[SomeSeconds, Expected("how soon")] = 2.0
"""


def refused(folder, text):
    path = folder / "policy.yaml"
    path.write_text(f"version: 1\nprobes:\n  x: {text}\n")
    found = check_policy(path).problems
    return [str(one).partition("policy.yaml:")[2] + f" | {one.hint}" for one in found]


def test_the_keys_of_a_kind_are_checked_like_the_gates_own(install, tmp_path):
    install("their_kind", BROKEN_KIND, {"theirs": "their_kind:Theirs"}, group="gate.kinds")
    assert refused(tmp_path, "{theirs: {path: /a}, expect: {within: 5s}}") == []
    assert refused(tmp_path, "{theirs: {pth: /healthz}, expect: {within: 0s}}") == [
        (
            "3:15: probes.x.theirs: path is missing (expected a path such as /health that starts "
            "with one /) | "
        ),
        "3:16: probes.x.theirs: has an unknown key (got 'pth') | did you mean path?",
        "3:49: probes.x.expect.within: must be more than 0 (got 0 s) | ",
    ]


def test_a_kind_that_cannot_be_imported_is_a_problem_of_the_policy(install, tmp_path):
    install("worse_kind", "import no_such_module", {"worse": "worse_kind:It"}, group="gate.kinds")
    (said,) = refused(tmp_path, "{worse: {}}")
    assert "worse cannot be imported (got ModuleNotFoundError" in said


async def test_the_older_form_is_a_policy_too(tmp_path):
    _, older = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "policy.yaml"
    path.write_text(older)
    assert check_policy(path).policy
