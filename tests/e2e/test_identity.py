"""A candidate is judged by its own answers, also where an earlier one still answers at its URL.

An inconclusive candidate keeps its tag. The next rollout moves the tag, the platform says so, and
until the front end follows, the URL is answered by the earlier one.
"""

import json
import re
from pathlib import Path

import httpx
import pytest

from tests.e2e.stage import environment, eventually, gate
from tests.local_cloud_run import PARENT, PROJECT, REGION, start_local_cloud_run

CONTAINER = Path(__file__).parent / "named_container.py"
RUDE = ("--ephemeral", "--port", "0", "--seed", "20")
LAG_S = 3.0
"""So much longer than usual the front end takes to follow, once it is told to be slow."""
HEADER = "{header: x-revision}"
JSON = "{json: {path: /version, field: revision}}"
LOG = "{request_log: true}"
EITHER = f"[{HEADER}, {LOG}]"
NOBODY = "{header: x-nobody}"
"""Proves nothing: whoever answers is held."""
PROBES = """\
  health: {http: {path: /health}}
  chat:
    websocket: {path: /ws, connections: 3, script: [{expect: {json: {type: welcome}}}]}
"""
STRANGERS = "  strangers: {websocket: {path: /private}, expect: {refused: [403]}}\n"
pytestmark = pytest.mark.xdist_group("identity")


@pytest.fixture(scope="module")
def rude(tmp_path_factory):
    """A local Cloud Run that is slow and unreliable the way the real one is."""
    images = tmp_path_factory.mktemp("images") / "images.yaml"
    command = f'["{{python}}", "{CONTAINER}"'
    given = {"good": "", "broken": ', "--broken"', "bare": ', "--bare"'}
    lines = [f'  "{name}": {{command: {command}{more}]}}' for name, more in given.items()]
    images.write_text("\n".join(["images:", *lines]) + "\n")
    running = start_local_cloud_run(images, RUDE)
    yield running
    assert running.stop() == 0


class Service:
    """One service on it, and `gate` as a process."""

    def __init__(self, cloud, name, folder):
        self.cloud, self.name, self.folder = cloud, name, folder
        made = cloud.create_service(name, image="good")
        self.said = ""
        self.first = made.latest_ready_revision.rpartition("/")[2]

    def gate(self, *arguments):
        which = ("--project", PROJECT, "--region", REGION, "--service", self.name)
        return gate(*arguments, *which, env=environment(self.cloud.env()))

    def policy(self, identity, probes=PROBES):
        path = self.folder / "policy.yaml"
        rule = f"candidate: {{identity: {identity}}}\n" if identity else ""
        path.write_text(f"version: 1\n{rule}probes:\n{probes}")
        return str(path)

    def roll_out(self, image, identity, probes=PROBES):
        """Exit code, and what is recorded."""
        done = self.gate("rollout", "--policy", self.policy(identity, probes), "--image", image)
        self.said = done.out
        found = re.search(r"gate audit show (\S+)", done.out)
        assert found, (done.out, done.err)
        shown = self.audit(found[1], "--output", "json")
        (outcome,) = [entry for entry in json.loads(shown) if entry["entry"] == "outcome"]
        return done.code, outcome

    def audit(self, rollout, *more):
        """What the ledger has of a rollout, once Cloud Logging shows its end."""

        def look():
            said = self.gate("audit", "show", rollout, *more).out
            return said if '"outcome"' in said or "exit code" in said else ""

        return eventually(look)

    def held(self, image):
        """Leaves a candidate at 0 % with its tag; returns its name."""
        code, outcome = self.roll_out(image, NOBODY)
        assert (code, outcome["ending"]) == (5, "held"), outcome
        assert {item["outcome"] for item in outcome["evidence"]} == {"inconclusive"}
        name = outcome["candidate"]["revision"]
        assert self.tags() == {"candidate": name}
        return name

    def be_slow(self):
        """From now on the front end follows late."""
        rule = {"do": "slow-traffic", "seconds": LAG_S}
        rules = {"about": self.name, "rules": [rule]}
        put = httpx.put(f"{self.cloud.rest}/local/faults/{self.name}", json=rules)
        assert put.status_code == 200, put.text

    def read(self):
        return self.cloud.services().get_service(name=f"{PARENT}/services/{self.name}")

    def tags(self):
        return {line.tag: line.revision for line in self.read().traffic if line.tag}

    def shares(self):
        return {line.revision: line.percent for line in self.read().traffic if line.percent}


@pytest.fixture
def service(rude, request, tmp_path):
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:30].strip("-")
    return Service(rude, name, tmp_path)


def answered_by(outcome):
    return {item["probe"]: item["answered_by"] for item in outcome["evidence"]}


def told_of(outcome, revision):
    """Whether the evidence tells that this revision answered while the candidate was asked."""
    lines = [line for item in outcome["evidence"] for line in item["excerpts"]]
    return any("another revision" in line and revision in line for line in lines)


def test_bad_answers_of_a_held_candidate_do_not_stop_the_next_one(service):
    old = service.held("broken")
    probed = service.gate(
        "probe", "--policy", service.policy(HEADER), "--revision", old, "--output", "json"
    )
    assert probed.code == 1, probed
    assert {item["answered_by"] for item in json.loads(probed.out)["evidence"]} == {old}
    service.be_slow()
    code, outcome = service.roll_out("good", HEADER)
    new = outcome["candidate"]["revision"]
    assert (code, outcome["ending"]) == (0, "promoted"), outcome
    assert answered_by(outcome) == {"health": new, "chat": new}
    assert told_of(outcome, old), "the front end has not been slow enough to show anything"
    waits = rf"the front end still answers with revision {old}: asking again for at most \d+ s"
    assert re.search(waits, service.said)
    assert service.shares() == {new: 100}
    assert f"answered by: {new}" in service.audit(outcome["rollout"], "--verbose")


def test_good_answers_of_a_held_candidate_do_not_promote_the_next_one(service):
    old = service.held("good")
    service.be_slow()
    code, outcome = service.roll_out("broken", HEADER)
    new = outcome["candidate"]["revision"]
    assert (code, outcome["ending"]) == (1, "rejected"), outcome
    assert answered_by(outcome) == {"health": new, "chat": new}
    assert [item["findings"][0]["symptom"] for item in outcome["evidence"]] == ["status", "closed"]
    assert told_of(outcome, old)
    assert service.shares() == {service.first: 100}


def test_a_json_answer_proves_it_as_well(service):
    old = service.held("broken")
    service.be_slow()
    code, outcome = service.roll_out("good", JSON)
    new = outcome["candidate"]["revision"]
    assert (code, outcome["ending"]) == (0, "promoted"), outcome
    assert answered_by(outcome) == {"health": new, "chat": new}
    assert told_of(outcome, old)


def test_the_front_ends_own_log_proves_it_where_the_service_says_nothing(service):
    code, outcome = service.roll_out("good", LOG)
    new = outcome["candidate"]["revision"]
    assert (code, outcome["ending"]) == (0, "promoted"), outcome
    assert answered_by(outcome) == {"health": new, "chat": new}


@pytest.mark.parametrize(
    ("rules", "ending"), [(EITHER, "promoted"), (HEADER, "held")], ids=["log", "header"]
)
def test_bare_handshakes(service, rules, ending):
    """A framework answers them, and refuses them, and names nobody: the log says who it was."""
    code, outcome = service.roll_out("bare", rules, PROBES + STRANGERS)
    new = outcome["candidate"]["revision"]
    assert (code, outcome["ending"]) == (0 if ending == "promoted" else 5, ending), outcome
    others = new if ending == "promoted" else ""
    assert answered_by(outcome) == {"health": new, "chat": others, "strangers": others}


def test_what_the_front_ends_log_shows_of_another_revision_is_no_evidence(service):
    old = service.held("good")
    service.be_slow()
    code, outcome = service.roll_out("broken", LOG)
    assert (code, outcome["ending"]) == (5, "held"), outcome
    assert old in answered_by(outcome)["health"]
    assert service.shares() == {service.first: 100}


@pytest.mark.parametrize(("held", "image", "code"), [("good", "broken", 1), ("broken", "good", 0)])
def test_without_any_rule(service, held, image, code):
    """It is asked at a tag that nobody had: the front end knows it late, and nobody before."""
    old = service.held(held)
    service.be_slow()
    ended, outcome = service.roll_out(image, identity="")
    assert ended == code, outcome
    new = outcome["candidate"]["revision"]
    assert service.shares() == {new if code == 0 else service.first: 100}
    assert f"tag candidate was on {old} and is taken from it" in outcome["notes"]
    assert service.tags() == {}


def test_without_any_rule_a_candidate_that_is_kept_is_found_at_the_policys_tag(service):
    undecided = "  routes: {routes: {path: /version}}\n"  # without a baseline it cannot tell
    code, outcome = service.roll_out("good", identity="", probes=PROBES + undecided)
    assert (code, outcome["ending"]) == (5, "held"), outcome
    assert service.tags() == {"candidate": outcome["candidate"]["revision"]}
