"""`gate audit replay` of a file: nobody is asked."""

import json

import pytest

from gate.cli.main import run
from gate.errors import ExitCode
from gate.ledger.canonical import canonical, digest
from gate.policyfile import load_policy
from tests.fakes.world import FakeWorld
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


# --- without a policy: what happened


@pytest.fixture
async def happened():
    world = FakeWorld()
    await world.run()
    return [*world.ledger.kept]


def again(*words):
    return run(["audit", "replay", *words])


def test_what_happened_is_put_to_todays_rules(tmp_path, happened, capsys):
    file = written(tmp_path, happened)
    assert again(file) == ExitCode.DONE
    assert "r1: promoted, same decision (9 events)" in capsys.readouterr().out
    assert again(file, "--output", "json") == ExitCode.DONE
    (value,) = json.loads(capsys.readouterr().out)
    assert (value["by"], value["same"]) == ("events", True)
    assert value["today"] == {
        "decision": "promote",
        "subjects": [],
        "ending": "promoted",
        "exit_code": 0,
    }


def test_what_would_differ_is_told(tmp_path, happened, capsys):
    happened[-1]["ending"] = "rejected"
    assert again(written(tmp_path, happened)) == ExitCode.REJECTED
    assert "it ended rejected, and would end promoted" in capsys.readouterr().out


def test_a_record_without_events_says_so_and_what_can_be_done(tmp_path, entries, capsys):
    assert again(written(tmp_path, entries)) == ExitCode.HELD
    out = " ".join(capsys.readouterr().out.split())
    assert "not replayed: the record has no events of it" in out
    assert "--policy FILE judges its evidence" in out


@pytest.mark.parametrize("kept", ["whole", "altered", "gone"])
def test_events_come_from_their_bundle_where_that_is_what_was_recorded(
    tmp_path, happened, capsys, kept
):
    events = happened[-1]["events"]
    path = tmp_path / f"{digest(events)}.json"
    if kept != "gone":
        path.write_bytes(canonical({**events, **({"count": 3} if kept == "altered" else {})}))
    brief = {"format": 1, "count": 9, "digest": digest(events), "bundle": str(path)}
    code = again(written(tmp_path, [*happened[:-1], {**happened[-1], "events": brief}]))
    told = capsys.readouterr()
    if kept == "whole":
        assert (code, told.err) == (ExitCode.DONE, "")
    else:
        assert code == ExitCode.HELD
        assert "the record has not its events, only how many there were" in told.out
        assert f"note: {path}" in told.err


@pytest.mark.parametrize("name", ["nofile.jsonl", "./nofile", "folder.jsonl"])
def test_what_looks_like_a_file_is_one(tmp_path, monkeypatch, name, capsys):
    (tmp_path / "folder.jsonl").mkdir()
    monkeypatch.chdir(tmp_path)
    assert again(name) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert f"{name.removeprefix('./')}: cannot be read (" in err
    assert "not fully named" not in err


def test_events_that_are_there_and_cannot_be_read_are_not_the_same(tmp_path, happened, capsys):
    other = [{**one, "rollout": "r2"} for one in happened]
    assert again(written(tmp_path, [*happened, *other])) == ExitCode.REJECTED
    out = capsys.readouterr().out
    assert "r1: promoted, same decision" in out
    assert "r2: not replayed: its events cannot be read: they are those of 'r1'" in out


@pytest.mark.parametrize("kind", ["stop", "resume"])
def test_a_stopped_line_has_nothing_to_replay(tmp_path, policy, entries, kind, capsys):
    end = {**entries[-1], "kind": kind, "verdict": None, "evidence": []}
    file = written(tmp_path, [end])
    for more in ([], ["--policy", str(policy)]):
        assert again(file, *more) == ExitCode.HELD
        out = " ".join(capsys.readouterr().out.split())
        assert out.endswith(": there is nothing to replay")
        assert "stopped" in out
