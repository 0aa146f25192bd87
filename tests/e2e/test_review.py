"""docs/review.md: each of a reviewer's questions is answered by the command that stands there."""

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.e2e.stage import ROOT
from tests.e2e.test_by_hand import promoted
from tests.local_cloud_run import PROJECT, REGION

PAGE = (ROOT / "docs" / "review.md").read_text(encoding="utf-8")
QUESTIONS = re.findall(r"^## (\d+)\. (.*?)\n(.*?)(?=^## |^---)", PAGE, re.DOTALL | re.MULTILINE)
BLOCKS = r"```sh\n(gate audit .*?)\n```\n```text\n(.*?)```"
BAD = "  who: {http: {path: /}, expect: {status: 418}}\n"


def played(stage, folder):
    """Two promotions, a rejection, a rollback and an override; what the page's names stand for."""
    first = promoted(stage, folder)
    policy = folder / "policy.yaml"
    good = policy.read_text()
    policy.write_text(good.replace(good[good.index("probes:") :], f"probes:\n{BAD}"))
    no = stage.gate("rollout", "--policy", policy, "--image", "small:v1", "--reason", "a new one")
    assert no.code == 1, no
    policy.write_text(good)
    back = stage.gate("rollback", "--yes", "--reason", "people complained")
    again = stage.gate(
        *("rollout", "--policy", policy, "--revision", first, "--again"),
        *("--reason", "it was something else"),
    )
    assert (back.code, again.code) == (0, 0), again
    rejected = stage.recorded(no.rollout)["candidate"]["revision"]
    by_hand = stage.gate("promote", "--revision", rejected, "--yes", "--reason", "a false alarm")
    assert by_hand.code == 0, by_hand
    began = stage.recorded(again.rollout)["started_at"]
    return {
        "ID": again.rollout,
        "OVERRIDDEN": again.rollout,
        "OTHER": no.rollout,
        "BEFORE": stage.recorded(back.rollout)["started_at"],
        "AFTER": stage.recorded(by_hand.rollout)["started_at"],
        "began": began,
        "PROJECT": PROJECT,
        "REGION": REGION,
        "SERVICE": stage.name,
    }


def collapsed(text):
    return " ".join(text.split())


def pattern(line):
    return ".*?".join(re.escape(part) for part in collapsed(line).split("…"))


def asked(stage, folder, command, names, **more):
    """What a command of the page prints."""
    words = shlex.split(re.sub(r"\$(\w+)", lambda match: names[match[1]], command))
    words = [str(folder / "policy.yaml") if word == "backend.yaml" else word for word in words]
    done = stage.gate(*words[1:], **more)
    assert done.code == 0, done
    return done.out


def test_each_of_the_ten_questions_is_answered(small, tmp_path):
    names = played(small, tmp_path)
    assert [number for number, *_ in QUESTIONS] == [str(n) for n in range(1, 11)]
    for number, question, text in QUESTIONS:
        blocks = re.findall(BLOCKS, text, re.DOTALL)
        assert blocks, question
        for command, expected in blocks:
            out = collapsed(asked(small, tmp_path, command, names))
            for line in expected.splitlines():
                assert re.search(pattern(line), out), (number, question, line, out)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def test_a_list_is_of_decisions_whatever_it_is_read_from(small, tmp_path, cache):
    names = played(small, tmp_path)
    where = {"XDG_CACHE_HOME": str(cache)}

    def listed(*more, **env):
        return small.gate("audit", "list", "--output", "json", *more, **env).json

    fresh = listed("--no-index", **where)
    assert not cache.exists()
    assert fresh == listed(**where) == listed(**where) == listed(XDG_CACHE_HOME="/proc/none")
    assert [Path(one).suffix for one in cache.rglob("*.sqlite3")] == [".sqlite3"]
    assert [(one["kind"], one["ending"]) for one in fresh] == [
        ("promote", "promoted"),
        ("rollout", "promoted"),
        ("rollback", "rolled back"),
        ("rollout", "rejected"),
        ("rollout", "promoted"),
    ]
    assert all(one["record"]["complete"] and not one["record"]["conflict"] for one in fresh)
    assert len(listed("--limit", "2", **where)) == 2
    assert [one["rollout"] for one in listed("--ending", "rejected", **where)] == [names["OTHER"]]
    (line,) = small.gate("audit", "list", "--ending", "rejected", **where).out.splitlines()[2:]
    assert line.endswith(" (as before)  an end-to-end test  a new one")
    said = small.gate("audit", "list", "--verbose", XDG_CACHE_HOME="/proc/none")
    assert "cannot be used" in said.err
    assert small.gate("audit", "list", XDG_CACHE_HOME="/proc/none").err == ""


def test_an_export_is_the_whole_record(small, tmp_path):
    names = played(small, tmp_path)
    done = small.gate("audit", "export")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert f"{len(lines)} entries of " in done.err
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    assert {line["rollout"] for line in lines} >= {names["ID"], names["OTHER"]}
    file = tmp_path / "ledger.jsonl"
    small.gate("audit", "export", str(file), "--since", names["began"])
    assert file.read_text().splitlines() == [
        line for line in done.out.splitlines() if json.loads(line)["at"] >= names["began"]
    ]
    kept = file.read_bytes()
    small.gate("audit", "export", str(file)).refused(2, f"{file}: is there already")
    assert file.read_bytes() == kept
    small.gate("audit", "export", str(file), "--force")
    assert file.read_text() == done.out
    small.gate("audit", "export", "/dev/null")
    assert not Path("/dev/null").is_file()
    small.gate("audit", "export", str(tmp_path / "no" / "where")).refused(
        2, "cannot be written (No such file or directory)", hint=False
    )
    assert [one.name for one in tmp_path.glob("*.part")] == []
