"""Whose fault it is: the same faults at the candidate alone, at stable too, and at neither.

With a baseline the same questions are asked of stable. A fault of the candidate's own rejects it; a
fault that stable has as well, bad credentials or a passing whim hold it; none of them promotes it.
"""

import pytest

POLICY = """\
version: 1
baseline: stable
candidate: {identity: {header: x-revision}}
secrets: {alice: {env: ALICE}}
probes:
  health: {http: {path: /health}}
"""
DATA = "  data: {http: {path: /data}}\n"
PRIVATE = '  private: {http: {path: /private, headers: {Authorization: "Bearer ${alice}"}}}\n'
DECLARED = "  data: {http: {path: /data}, expect: {json: {keeper: alice}}, contract: declared}\n"
PROMOTED, REJECTED, HELD = (0, "promoted"), (1, "rejected"), (5, "held")
pytestmark = pytest.mark.xdist_group("attribution")


@pytest.fixture
def roll_out(stage_of, tmp_path):
    """Rolls one image out over another; returns exit code and ending, the outcome, and the gate."""

    def run(stable, candidate, probes, output=("--output", "json")):
        stage = stage_of(stable)
        path = tmp_path / "policy.yaml"
        path.write_text(POLICY + probes)
        arguments = ("rollout", "--policy", path, "--image", candidate, *output)
        done = stage.gate(*arguments, ALICE="a-token-that-is-wrong")
        outcome = done.json if output else stage.recorded(done.rollout)
        if outcome["ending"] != "promoted":
            assert outcome["effective_after"] == {stage.first: 100}
        return (done.code, outcome["ending"]), outcome, (stage, done)

    return run


def blame(outcome):
    """Probe to attribution, for each that did not pass; the verdict's reasons agree."""
    evidence = outcome["evidence"]
    words = {item["probe"]: item["attribution"] for item in evidence if item["attribution"]}
    reasons = outcome["verdict"]["reasons"]
    assert {reason["subject"]: reason["attribution"] for reason in reasons} == words
    return words


def at(outcome, address, probe="data"):
    (item,) = [
        item for item in outcome["evidence"] if (item["probe"], item["address"]) == (probe, address)
    ]
    return item


@pytest.mark.parametrize(
    ("stable", "candidate", "probes", "ending", "words"),
    [
        ("well", "well", DATA, PROMOTED, {}),
        ("well", "broken", DATA, REJECTED, {"data": "regression"}),
        ("broken", "broken", DATA, HELD, {"data": "already there"}),
        ("broken", "well", DATA, PROMOTED, {}),
        ("down", "down", DATA, HELD, {"data": "environment"}),
        ("well", "first-fails", DATA, HELD, {"data": "flaky"}),
        ("well", "sometimes", DATA, REJECTED, {"data": "regression"}),
        ("sometimes", "sometimes", DATA, HELD, {"data": "flaky"}),
        ("well", "well", PRIVATE, HELD, {"private": "probe fault"}),
        ("well", "renamed", DATA, REJECTED, {"data": "contract change"}),
        ("well", "renamed", DECLARED, PROMOTED, {}),
    ],
)
def test_a_fault_is_blamed_on_whoever_has_it(roll_out, stable, candidate, probes, ending, words):
    ended, outcome, _ = roll_out(stable, candidate, probes)
    assert (ended, blame(outcome)) == (ending, words), outcome["verdict"]


def test_the_record_has_what_stable_showed_and_every_try(roll_out):
    _, outcome, _ = roll_out("well", "broken", DATA)
    own, control = at(outcome, ""), at(outcome, "stable")
    assert own["repeats"] == ["wrong"] * 3
    assert control["repeats"] == ["right"] * 3
    assert control["outcome"] == "passed"
    assert control["answered_by"] == outcome["stable"][0]["revision"]
    assert at(outcome, "stable", "health")["repeats"] == []


def test_the_report_and_the_audit_say_whose_fault_it_is(roll_out):
    _, outcome, (stage, done) = roll_out("broken", "broken", DATA, output=())
    shown = stage.gate("audit", "show", outcome["rollout"]).out
    for text in (done.out, shown):
        assert "\n  data: FAILED in" in text
        assert "fault: already there" in text
        assert "3 of 3 failed; of stable's 3 of 3" in text
    assert "stable: FAILED" in done.out
    assert "1 of 2 probes passed" in done.out


def test_the_probes_alone_ask_stable_too(roll_out, tmp_path):
    _, outcome, (stage, _) = roll_out("broken", "broken", DATA)
    held = outcome["candidate"]["revision"]
    path = tmp_path / "policy.yaml"
    arguments = ("probe", "--policy", path, "--output", "json", "--revision")
    done = stage.gate(*arguments, held, ALICE="a-token-that-is-wrong")
    (reason,) = done.json["verdict"]["reasons"]
    assert (done.code, reason["attribution"]) == (5, "already there")
    assert at(done.json, "stable")["answered_by"] == stage.first
