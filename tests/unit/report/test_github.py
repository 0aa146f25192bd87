"""Annotations and outputs as the runner of GitHub Actions reads them."""

import re

import pytest

from gate.errors import Problem
from gate.ledger.entry import outcome
from gate.report.github import PolicyFile, annotations, mistakes, output_text, outputs
from tests.unit.report.scenes import ALL_PASSED, CANDIDATE, Scene, failed, inconclusive, plan

POLICY = PolicyFile("deploy/policy.yaml", {"health": 4, "strangers": 9})
HOSTILE = "%0A::error::x%\r\n::set-output name=a::b\n##[error]c,d:e"


def entry(*wrong, **changes):
    names = {item.probe for item in wrong}
    evidence = (*wrong, *(item for item in ALL_PASSED if item.probe not in names))
    rollout = Scene(evidence=evidence).play(plan(**changes))
    return outcome(rollout, rollout.at)


def command(line):
    """A workflow command as the runner takes it apart: level, properties, message."""
    assert "\n" not in line
    assert "\r" not in line
    level, given, message = re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line).groups()
    properties = dict(one.split("=", 1) for one in given.split(","))

    def read(text):
        for escape, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ",")):
            text = text.replace(escape, character)
        return text.replace("%25", "%")

    return level, {key: read(value) for key, value in properties.items()}, read(message)


def test_what_did_not_pass_is_told_at_its_line_of_the_policy_after_the_decision():
    first, *others = map(command, annotations(entry(failed("health"), failed("strangers")), POLICY))
    told = "health: redirect: got 307 to /api/health/, expected status 200"
    assert first == ("error", {"title": "gate: rollout of backend: rejected"}, told)
    message = (
        "failed: got 307 to /api/health/, expected status 200\n"
        "hint: a slash is added: the route is registered as /api/health/"
    )
    at = {"file": "deploy/policy.yaml"}
    assert others == [
        ("error", {**at, "line": "4", "title": "health"}, message),
        ("warning", {**at, "line": "9", "title": "strangers"}, message),
    ]


def test_a_promotion_is_silent_and_what_was_held_is_an_error():
    assert annotations(entry(), POLICY) == []
    held = entry(inconclusive("health", "nobody answered"))
    first, probe = map(command, annotations(held, PolicyFile()))
    assert first[0] == probe[0] == "error"
    assert first[1]["title"] == "gate: rollout of backend: held"
    assert probe[1] == {"title": "health"}


def test_no_more_than_github_shows_and_those_that_decide_first():
    document = entry(failed("health"))
    (item,) = [one for one in document["evidence"] if one["probe"] == "health"]
    idle = [{**item, "probe": f"p{n}", "required": False} for n in range(20)]
    document["evidence"] = [*idle, item]
    told = list(map(command, annotations(document, POLICY)))
    assert len(told) == 9
    assert told[1][1]["title"] == "health"


def test_hostile_text_begins_no_other_command():
    document = entry(failed("health", seen=HOSTILE, expected=HOSTILE))
    document |= {"kind": HOSTILE, "service": HOSTILE, "ending": HOSTILE}
    for item in document["evidence"]:
        item["probe"] = HOSTILE
    document["verdict"]["reasons"][0] |= {"subject": HOSTILE, "text": HOSTILE}
    place = PolicyFile("a,b:c%\n.yaml", {HOSTILE: 4})
    told = list(map(command, annotations(document, place)))
    shown = HOSTILE.replace("\r", "\\r").replace("\n", "\\n")
    assert told[0][2].startswith(f"{shown[:70]}")
    assert told[1][1]["file"] == place.path
    assert f"got {shown}, expected {shown}" in told[1][2]


def test_what_is_wrong_with_a_policy_is_told_at_its_place():
    problems = [
        Problem("deploy/policy.yaml:7:3", "probes.a: asks nothing", "say what"),
        Problem("deploy/policy.yaml", "does not exist"),
    ]
    first, second = map(command, mistakes(problems, str))
    at = {"file": "deploy/policy.yaml", "title": "gate: policy"}
    assert first == ("error", {**at, "line": "7"}, "probes.a: asks nothing\nhint: say what")
    assert second == ("error", at, "does not exist")


def read_outputs(text):
    """A file of outputs, as the runner reads it."""
    found, lines = {}, iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        name, _, delimiter = line.partition("<<")
        value = []
        while (inner := next(lines)) != delimiter:
            value.append(inner)
        found[name] = "\n".join(value)
    return found


def test_the_outputs_of_a_step():
    found = outputs(entry())
    assert found == {
        "ending": "promoted",
        "exit_code": "0",
        "revision": CANDIDATE,
        "rollout": "20260101-120000-abc123",
        "url": "http://127.0.0.1:41009",
    }
    assert read_outputs(output_text(found, "END")) == found


def test_no_value_ends_early_or_brings_another():
    values = {"a": "1\nb<<END\n2", "c": HOSTILE}
    with pytest.raises(ValueError, match="delimiter"):
        output_text(values, "END")
    assert read_outputs(output_text(values, "end-7f3a"))["a"] == values["a"]
    document = entry()
    document["candidate"] = {"revision": HOSTILE, "url": HOSTILE, "tag_url": ""}
    assert "\n" not in "".join(outputs(document).values())
