"""Results where people look: files beside what is printed, and the page of a build."""

import asyncio
import json
import os
import stat

import pytest
from junitparser import JUnitXml

from tests.contract.probe_servers import answers, tcp
from tests.contract.test_notify import hook
from tests.contract.test_tracing import attributes, collector
from tests.e2e.stage import Running, environment
from tests.unit.report.test_github import command, read_outputs

FAILS = "  right: {http: {path: /}}\n  lost: {http: {path: /}, expect: {status: 404}}\n"


@pytest.fixture
def build(tmp_path):
    """The surroundings of a step of GitHub Actions."""
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(tmp_path),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
    }


def files_of(folder):
    """--write in every form, into folders that are not there."""
    names = {"json": "a/b/gate.json", "junit": "a/gate.xml", "markdown": "gate.md", "text": "t"}
    paths = {form: folder / name for form, name in names.items()}
    return paths, [f"--write={form}={path}" for form, path in paths.items()]


def results(path):
    """What became of each test of a JUnit file."""
    (suite,) = JUnitXml.fromfile(str(path))
    return {case.name: type(case.result[0]).__name__ if case.result else "" for case in suite}


def commands(text):
    """The workflow commands in a log."""
    return [command(line) for line in text.splitlines() if line.lstrip().startswith("::")]


def test_one_rollout_in_every_form_and_on_the_page_of_its_build(small, tmp_path, build):
    policy = small.policy(tmp_path, FAILS)
    paths, write = files_of(tmp_path / "out")
    arguments = ("rollout", "--policy", policy, "--image", "small:v2", *write)
    done = small.gate(*arguments, "--output", "markdown", **build)
    assert done.code == 1
    assert done.out == paths["markdown"].read_text()
    assert done.out.startswith(f"### \u274c gate: <code>rollout of {small.name}</code> rejected\n")
    entry = json.loads(paths["json"].read_text())
    assert entry == small.recorded(entry["rollout"])
    assert results(paths["junit"]) == {"rollout": "Failure", "right": "", "lost": "Failure"}
    shown = small.gate("audit", "show", entry["rollout"], "--write", f"junit={tmp_path / 'again'}")
    assert paths["text"].read_text() == "\n" + shown.out
    assert (tmp_path / "again").read_text() == paths["junit"].read_text()
    assert stat.S_IMODE(paths["json"].stat().st_mode) & 0o444 == 0o444
    assert {one.name for one in (tmp_path / "out" / "a").iterdir()} == {"b", "gate.xml"}
    assert (tmp_path / "summary.md").read_text() == done.out + "\n"
    assert read_outputs((tmp_path / "output").read_text()) == {
        "ending": "rejected",
        "exit_code": "1",
        "revision": entry["candidate"]["revision"],
        "rollout": entry["rollout"],
        "url": entry["candidate"]["url"],
    }
    decision, lost = commands(done.err)
    assert decision[1] == {"title": f"gate: rollout of {small.name}: rejected"}
    where = {"file": "policy.yaml", "line": "6", "title": "lost"}
    assert lost[:2] == ("error", where)


def test_moves_by_hand_have_results_too(small, tmp_path):
    by_hand = ("--reason", "because", "--yes")
    junit = f"junit={tmp_path / 'gate.xml'}"
    done = small.gate("rollback", "--to", small.first, *by_hand, "--write", junit)
    assert done.code == 0
    assert results(tmp_path / "gate.xml") == {"rollback": ""}
    done = small.gate("promote", "--revision", "nobody", *by_hand, "--write", junit)
    assert done.code == 2
    assert results(tmp_path / "gate.xml") == {"promote": "Error"}
    done = small.gate("recover", "--write", junit, "--output", "junit")
    assert done.code == 0
    assert done.out == (tmp_path / "gate.xml").read_text()
    assert results(tmp_path / "gate.xml") == {"recover": ""}


@pytest.mark.parametrize("name", ["file/gate.xml", "x" * 300, "loop"])
def test_a_file_that_cannot_be_written_is_said_and_decides_nothing(small, tmp_path, name):
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    policy = small.policy(tmp_path, FAILS)
    wanted = tmp_path / "gate.json"
    write = ("--write", f"junit={tmp_path / name}", "--write", f"json={wanted}")
    done = small.gate("rollout", "--policy", policy, "--image", "small:v2", *write)
    assert done.code == 1
    assert f"--write junit={tmp_path / name}: cannot be written (" in done.err
    assert json.loads(wanted.read_text())["ending"] == "rejected"


def test_a_pipe_is_written_to_and_a_link_leads_to_its_file(small, tmp_path):
    link, pipe = tmp_path / "link.json", tmp_path / "pipe"
    link.symlink_to("real.json")
    os.mkfifo(pipe)
    files = ("--write", f"json={link}", "--write", f"json={pipe}")
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    try:
        done = small.gate("rollback", "--to", small.first, "--reason", "x", "--yes", *files)
        assert done.code == 0
        assert os.read(reader, 1 << 20).decode() == (tmp_path / "real.json").read_text()
    finally:
        os.close(reader)
    assert link.is_symlink()
    assert pipe.is_fifo()


def test_a_command_that_could_not_begin_says_so_in_its_files_and_at_the_place(tmp_path, build):
    policy = tmp_path / "deploy" / "policy.yaml"
    policy.parent.mkdir()
    policy.write_text("version: 1\nprobes:\n  a: {http: {path: /}}\n  b: {htpp: {path: /}}\n")
    arguments = (
        "rollout",
        "--policy",
        policy,
        "--image",
        "i",
        "--write",
        f"junit={tmp_path / 'x'}",
    )
    done = Running(arguments, environment(build)).end()
    assert (done.code, done.out) == (2, "")
    assert results(tmp_path / "x") == {"rollout": "Error"}
    ((level, where, told),) = commands(done.err)
    at = {"file": "deploy/policy.yaml", "line": "4", "title": "gate: policy"}
    assert (level, where) == ("error", at)
    assert told.startswith("probes.b: has an unknown probe kind (got 'htpp'")
    assert "not begun" in (tmp_path / "summary.md").read_text()


@pytest.mark.parametrize(
    "wrong", ["xml=f", "junit", "junit=", "=f", "junit=/tmp", "text=a\nb", "junit= "]
)
def test_a_wish_that_cannot_be_met_is_refused_before_anything_is_done(wrong):
    arguments = ("rollout", "--policy", "p", "--image", "i", "--write", wrong)
    done = Running(arguments, environment()).end()
    assert done.code == 2
    assert "gate rollout: error: argument --write: is " in done.err


NASTY = b"::set-output name=exit_code::0\n  ::error::no\n##[error]no\r\n::stop-commands::x"


@pytest.mark.parametrize("output", ["text", "json", "junit", "markdown"])
async def test_what_a_candidate_says_is_no_command_to_the_build(tmp_path, build, output):
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\nprobes:\n  it: {http: {path: /}, expect: {text: [hello]}}\n")
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(NASTY)
    async with tcp(answers(head + NASTY)) as place:
        arguments = ("probe", "--policy", policy, "--url", f"http://{place}", "--output", output)
        done = await asyncio.to_thread(Running(arguments, environment(build)).end)
    assert done.code == 1, done
    told = [*commands(done.out), *commands(done.err)]
    assert [one[1]["title"] for one in told] == ["gate: probe: reject", "it"]
    assert "##[" not in done.out + done.err
    assert "exit_code<<" in (tmp_path / "output").read_text()
    assert read_outputs((tmp_path / "output").read_text())["exit_code"] == "1"


NOTIFY = """\
notify:
  - url: {env: HOOK}
    on: [rejected]
  - {url: {env: GONE}, format: slack, on: [rejected, promoted]}
"""


async def test_a_webhook_is_told_once_all_is_recorded_and_decides_nothing(small, tmp_path):
    policy = small.policy(tmp_path, FAILS, NOTIFY)
    asked = ("rollout", "--policy", policy, "--image", "small:v2", "--output", "json")
    async with hook() as one:
        gone = "http://127.0.0.1:9/t0psecret"
        done = await asyncio.to_thread(small.gate, *asked, HOOK=one.url, GONE=gone)
    assert done.code == 1
    ((_, _, content),) = one.calls
    told = {key: value for key, value in done.json.items() if key != "events"}
    assert json.loads(content)["data"] == told  # what only a replay reads goes nowhere
    assert "note: notify[1] (slack): not told: no connection (" in done.err
    assert "t0psecret" not in done.out + done.err
    policy.write_text(policy.read_text().replace("[rejected]", "[promoted]"))
    async with hook() as one:
        done = await asyncio.to_thread(small.gate, *asked, HOOK=one.url)
    assert (done.code, one.calls) == (1, [])
    assert "the environment variable GONE is not set" in done.err


async def test_the_spans_of_a_rollout_lead_to_what_its_record_says(small, tmp_path, monkeypatch):
    policy = small.policy(tmp_path, FAILS)
    asked = ("rollout", "--policy", policy, "--image", "small:v2", "--output", "json")
    async with collector(monkeypatch) as one:
        endpoint = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
        done = await asyncio.to_thread(small.gate, *asked, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    assert done.code == 1
    assert "OpenTelemetry" not in done.err
    (root,) = [span for span in one.spans if span.name == "gate rollout"]
    assert attributes(root)["gate.rollout"] == done.json["rollout"]
    told = {item["trace"]: f"probe {item['probe']}" for item in done.json["evidence"]}
    roots = {span.trace_id.hex(): span.name for span in one.spans if not span.parent_span_id}
    assert roots == {root.trace_id.hex(): "gate rollout", **told}
