"""What is not the candidate's fault, or not yet known to be: asked again, or said to be what it is.

Trouble of the platform just after a move, an application that is still starting, a host name that
it does not know, a question that Cloud Run itself cuts, and errors without a severity.
"""

import httpx
import pytest
from google.cloud import run_v2

from tests.e2e.stage import HERE
from tests.local_cloud_run import finish, start_local_cloud_run

CONTAINER = HERE / "excused_container.py"
IMAGES = {
    "well": (),
    "early": ("--starting", "4"),
    "never": ("--starting", "1000"),
    "pino": ("--says", "pino"),
    "python": ("--says", "python"),
    "node": ("--says", "node"),
}
HEALTH = "  health: {http: {path: /health}}\n"
BASELINE = "baseline: stable\n"
pytestmark = pytest.mark.xdist_group("excuses")


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    return tmp_path_factory.mktemp("hosts") / "allowed"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory, hosts):
    images = tmp_path_factory.mktemp("images") / "images.yaml"
    lines = [_image(name, *flags) for name, flags in IMAGES.items()]
    lines += [_image(f"picky:{tag}", "--hosts", hosts) for tag in ("v1", "v2")]
    images.write_text("images:\n" + "\n".join(lines) + "\n")
    running = start_local_cloud_run(images)
    yield running
    assert running.stop() == 0


def _image(name, *flags):
    command = ", ".join(f'"{part}"' for part in ("{python}", CONTAINER, *flags))
    return f'  "{name}": {{command: [{command}]}}'


@pytest.fixture
def stage_on(stage_of, cloud):
    return lambda image: stage_of(image, cloud)


def _rolled_out(stage, folder, image, probes=HEALTH, head="", ready="40s"):
    path = folder / "policy.yaml"
    path.write_text(
        f"version: 1\ncandidate: {{ready_within: {ready}}}\ndeadline: 2m\n{head}probes:\n{probes}"
    )
    done = stage.gate("rollout", "--policy", path, "--image", image, "--output", "json")
    return done.code, done.json


def _evidence(outcome, probe, address=""):
    (item,) = [
        item for item in outcome["evidence"] if (item["probe"], item["address"]) == (probe, address)
    ]
    return item


class Trouble:
    """A fault of the front end at one address, while it is switched on."""

    def __init__(self, stage, do, count):
        self._url = f"{stage.cloud.rest}/local/faults/{stage.name}"
        about = stage.read().uri.removeprefix("http://")
        rules = {"about": f"{about}/health", "rules": [{"do": do, "count": count}]}
        httpx.put(self._url, json=rules).raise_for_status()

    @property
    def struck(self):
        return httpx.get(self._url).json()["struck"]


@pytest.mark.parametrize("status", [502, 503])
def test_trouble_of_the_front_end_just_after_a_move_moves_nobody_back(stage_on, tmp_path, status):
    stage = stage_on("well")
    trouble = Trouble(stage, f"front-end-{status}", 2)
    assert httpx.get(f"{stage.read().uri}/health").status_code == status
    code, outcome = _rolled_out(stage, tmp_path, "well", head="watch: 1s\n")
    assert (code, outcome["ending"]) == (0, "promoted"), outcome["verdict"]
    assert trouble.struck == 2
    assert _evidence(outcome, "health", "service")["outcome"] == "passed"


def test_trouble_that_stays_moves_users_back_and_is_held(stage_on, tmp_path):
    stage = stage_on("well")
    trouble = Trouble(stage, "front-end-503", 0)
    code, outcome = _rolled_out(stage, tmp_path, "well", head="watch: 1s\n")
    assert (code, outcome["ending"]) == (5, "held"), outcome["verdict"]
    assert trouble.struck > 3
    stage.only(stage.first, {"candidate": outcome["candidate"]["revision"]})


@pytest.mark.parametrize("head", ["", BASELINE])
def test_a_candidate_that_says_that_it_is_starting_is_waited_for(stage_on, tmp_path, head):
    code, outcome = _rolled_out(stage_on("well"), tmp_path, "early", head=head)
    assert (code, outcome["ending"]) == (0, "promoted"), outcome["verdict"]
    assert "; ready after " in _evidence(outcome, "health")["seen"]


def test_one_that_never_gets_ready_is_told_as_a_slow_start(stage_on, tmp_path):
    stage = stage_on("well")
    code, outcome = _rolled_out(stage, tmp_path, "never", head=BASELINE, ready="5s")
    assert (code, outcome["ending"]) == (1, "rejected"), outcome["verdict"]
    (reason,) = outcome["verdict"]["reasons"]
    assert "a slow start: not ready after " in reason["text"]
    assert "candidate.ready_within" in reason["hint"]
    stage.only(stage.first)


def test_a_startup_probe_asks_until_its_first_good_answer(stage_on, tmp_path):
    probes = "  startup: {startup: {path: /health}, expect: {first: 20s}}\n"
    code, outcome = _rolled_out(stage_on("well"), tmp_path, "early", probes)
    assert (code, outcome["ending"]) == (0, "promoted"), outcome["verdict"]
    hurried = probes.replace("20s", "1s")
    code, outcome = _rolled_out(stage_on("well"), tmp_path, "early", hurried)
    assert (code, outcome["ending"]) == (1, "rejected"), outcome["verdict"]
    assert "a slow start: still 503" in _evidence(outcome, "startup")["seen"]


@pytest.mark.parametrize("tag", [None, "mine"])
def test_a_host_that_the_application_does_not_know_is_no_fault_of_the_candidate(
    stage_on, tmp_path, hosts, tag
):
    stage = stage_on("picky:v1")
    if tag:
        stage.pin({tag: stage.first})
    hosts.write_text(stage.read().uri.removeprefix("http://"))
    code, outcome = _rolled_out(stage, tmp_path, "picky:v2", head=BASELINE)
    assert (code, outcome["ending"]) == (5, "held"), outcome["verdict"]
    (reason,) = outcome["verdict"]["reasons"]
    assert "lets nobody in at the tag's host name" in reason["text"]
    assert "ALLOWED_HOSTS" in reason["hint"]
    assert reason["attribution"] == "probe fault"


def test_what_cloud_run_cuts_is_not_asked(stage_on, tmp_path):
    stage = stage_on("well")
    _deploy(stage, timeout={"seconds": 8})
    probes = "  held: {soak: {path: /ws, for: 14s}}\n"
    code, outcome = _rolled_out(stage, tmp_path, "well", probes)
    assert (code, outcome["ending"]) == (5, "held"), outcome["verdict"]
    (reason,) = outcome["verdict"]["reasons"]
    assert "cut at the request timeout (8 s)" in reason["text"]
    assert reason["attribution"] == "probe fault"


@pytest.mark.parametrize(("own", "code", "ending"), [(True, 1, "rejected"), (False, 5, "held")])
def test_a_websocket_behind_a_port_of_http_2_is_whoever_named_it_so(
    stage_on, tmp_path, own, code, ending
):
    stage = stage_on("well")
    _deploy(stage, serves=not own, protocol="h2c")
    head = "template: service\n" if own else ""
    probes = "  chat: {websocket: {path: /ws}}\n"
    got, outcome = _rolled_out(stage, tmp_path, "well", probes, head)
    assert (got, outcome["ending"]) == (code, ending), outcome["verdict"]
    (reason,) = outcome["verdict"]["reasons"]
    assert "the front end lost the container" in reason["text"]
    assert "its port is named h2c" in reason["hint"]


def _deploy(stage, *, serves=True, timeout=None, protocol=""):
    """Changes the service's template with Google's client; who serves afterwards is `first`."""
    if not serves:
        stage.pin()
    service = stage.read()
    service.template.revision = ""
    if timeout:
        service.template.timeout = timeout
    if protocol:
        service.template.containers[0].ports = [
            run_v2.ContainerPort(name=protocol, container_port=8080)
        ]
    request = run_v2.UpdateServiceRequest(service=service, update_mask="template")
    finish(stage.cloud.services().update_service(request))
    if serves:
        stage.first = stage.traffic().latest_created


LOGS = HEALTH + "  logs: {logs: {settle: 3s}, expect: {none: [{severity: ERROR}]}}\n"


def test_an_error_by_a_field_of_its_own_is_an_error(stage_on, tmp_path):
    code, outcome = _rolled_out(stage_on("well"), tmp_path, "pino", LOGS)
    assert (code, outcome["ending"]) == (1, "rejected"), outcome["verdict"]
    assert "ERROR" in _evidence(outcome, "logs")["findings"][0]["seen"]


@pytest.mark.parametrize(("image", "title"), [("python", "KeyError"), ("node", "TypeError")])
def test_a_trace_without_a_severity_is_told_and_beside_stable_it_holds(
    stage_on, tmp_path, image, title
):
    code, outcome = _rolled_out(stage_on("well"), tmp_path, image, LOGS)
    assert (code, outcome["ending"]) == (0, "promoted"), outcome["verdict"]
    told = _evidence(outcome, "logs")["seen"]
    assert f"without a severity look like errors: 1 trace: {title}" in told
    code, outcome = _rolled_out(stage_on("well"), tmp_path, image, LOGS, BASELINE)
    assert (code, outcome["ending"]) == (5, "held"), outcome["verdict"]
    code, outcome = _rolled_out(stage_on(image), tmp_path, image, LOGS, BASELINE)
    assert (code, outcome["ending"]) == (0, "promoted"), outcome["verdict"]
