"""`gate audit replay` of a file: nobody is asked."""

import json

import pytest

from gate.cli.main import run
from gate.errors import ExitCode
from gate.ledger.canonical import canonical
from gate.policyfile import load_policy
from tests.unit.report.scenes import Scene, entries_of, failed, passed, plan


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text("version: 1\nprobes: {a: {http: {path: /}}, b: {http: {path: /b}}}\n")
    return path


@pytest.fixture
def entries(policy):
    read = load_policy(policy)
    wanted = plan(probes=read.probes, policy_digest=read.digest)
    return [*reversed(entries_of(Scene(evidence=(passed("a"), failed("b"))), wanted))]


def written(tmp_path, entries):
    path = tmp_path / "ledger.jsonl"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return str(path)


def replay(policy, *words):
    return run(["audit", "replay", *words, "--policy", str(policy)])


def test_a_decision_is_the_same_again(tmp_path, policy, entries, capsys):
    file = written(tmp_path, entries)
    assert replay(policy, file) == ExitCode.DONE
    assert ": reject, as today" in capsys.readouterr().out
    assert replay(policy, file, "--output", "json") == ExitCode.DONE
    (value,) = json.loads(capsys.readouterr().out)
    assert value["today"] == {"decision": "reject", "subjects": ["b"]}


def test_another_one_is_told(tmp_path, policy, entries, capsys):
    policy.write_text(policy.read_text().replace("b: {http", "b: {required: false, http"))
    assert replay(policy, written(tmp_path, entries)) == ExitCode.REJECTED
    out = " ".join(capsys.readouterr().out.split())
    assert "the verdict was reject, and would be promote" in out
    assert "the policy is another one" in out


@pytest.mark.parametrize("kept", ["whole", "altered", "gone"])
def test_evidence_comes_from_its_bundle_where_that_is_what_was_recorded(
    tmp_path, policy, entries, capsys, kept
):
    end = entries[-1]
    whole = {key: end[key] for key in ("evidence", "verdict")}
    path = tmp_path / f"{end['evidence_digest']}.json"
    if kept != "gone":
        more = {"verdict": None} if kept == "altered" else {}
        path.write_bytes(canonical({**whole, **more}))
    part = {"evidence": whole["evidence"][:1], "left_out": 1, "bundle": str(path)}
    code = replay(policy, written(tmp_path, [*entries[:-1], {**end, **part}]))
    told = capsys.readouterr()
    if kept == "whole":
        assert (code, told.err) == (ExitCode.DONE, "")
        assert ": reject, as today" in " ".join(told.out.split())
    else:
        assert code == ExitCode.HELD
        assert "not replayed: the entry holds a part of the evidence only" in " ".join(
            told.out.split()
        )
        assert f"note: {path}" in told.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}\nnonsense\n", ":2: is no entry (expected JSON)"),
        ("[1]\n", ":1: is no entry"),
        ("", "has no decision"),
        ("[" * 100_000, ":1: is no entry"),
    ],
)
def test_a_file_that_is_no_ledger_is_a_usage_error(tmp_path, policy, content, said, capsys):
    path = tmp_path / "x"
    path.write_text(content)
    assert replay(policy, str(path)) == ExitCode.USAGE
    assert said in capsys.readouterr().err
