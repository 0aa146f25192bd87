"""`gate init` as a process: a newcomer's service on a local Cloud Run, gated by docs alone."""

import json
import re
import shlex
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.e2e.stage import ROOT, gate
from tests.local_cloud_run import PROJECT, REGION

PAGE = (ROOT / "docs" / "getting-started.md").read_text()
CHAT = (
    *("--websocket", "/ws", "--say", '{"type": "ping"}', "--secret", "alice=STAGING_JWT_ALICE"),
    *("--subprotocol", "jwt-auth", "--subprotocol", "jwt.${alice|base64url}"),
)


def steps():
    """The commands of docs/getting-started.md, in order."""
    blocks = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line.removeprefix("$ ")) for line in lines if line.startswith("$ gate ")]


def named(words, **names):
    return [re.sub("|".join(names), lambda found: names[found[0]], word) for word in words]


@pytest.mark.timeout(240)
def test_a_newcomer_gates_a_service_with_the_steps_of_the_page_alone(backend_of, tmp_path):
    stage = backend_of()
    secret = stage.secrets["STAGING_JWT_ALICE"]
    names = {"PROJECT": PROJECT, "REGION": REGION, "SERVICE": stage.name}
    *_, roll_out = listed = steps()
    ran = [
        gate(
            *named(words, **names, IMAGE=image)[1:],
            *(["--no-prove"] if "init" in words else []),  # minutes, on a small machine
            env=stage.env,
            cwd=tmp_path,
        ).clean()
        for words, image in [*((words, "backend:v2") for words in listed), (roll_out, "backend:v6")]
    ]
    assert [words[1] for words in listed] == ["init", "init", "policy", "doctor", "rollout"]
    assert [done.code for done in ran] == [0, 0, 0, 0, 1, 0], ran
    assert not any(secret in done.out + done.err for done in ran)
    for done in ran[:2]:
        passed, asked = re.search(r"on stable: (\d+) of (\d+) probes passed", done.out).groups()
        assert passed == asked, done
    assert "advice" not in ran[2].out
    for probe in ("api-health", "websocket-together"):
        assert re.search(rf"^  {probe}: FAILED", ran[4].out, re.MULTILINE), ran[4]
    for file in (tmp_path / "policies").rglob("*.*"):
        assert secret not in file.read_text()


def test_what_it_writes_is_proven_and_the_proof_is_kept(small, tmp_path):
    class Health(BaseHTTPRequestHandler):
        def do_GET(self):
            body = b'{"status": "healthy", "uptime": 5.5}' if self.path == "/health" else b""
            self.send_response(200 if body else 404)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        done = gate("init", "--url", url, "--out", tmp_path, env=small.env).clean()
    finally:
        server.shutdown()
        server.server_close()
    assert done.code == 0, done
    said = " ".join(done.out.split())
    killed, mutants = map(int, re.search(r"(\d+) of (\d+) mutants killed", said).groups())
    assert 0.9 * mutants <= killed <= mutants
    assert mutants > 20
    proof = json.loads((tmp_path / "service.proof.json").read_text())
    assert proof["killed"] == killed


def test_files_that_are_there_are_not_replaced(small, tmp_path):
    first = small.gate("init", "--out", tmp_path, "--no-prove")
    assert first.code == 0, first
    policy = tmp_path / f"{small.name}.yaml"
    policy.write_text("mine")
    small.gate("init", "--out", tmp_path).refused(2, "there already", str(policy))
    assert policy.read_text() == "mine"
    policy.unlink()
    schema = next((tmp_path / small.name).glob("*.json"), None)
    if schema is not None:
        schema.write_text("mine")
        small.gate("init", "--out", tmp_path).refused(2, "there already", str(schema))
        assert (schema.read_text(), policy.exists()) == ("mine", False)
    assert small.gate("init", "--out", tmp_path, "--force", "--no-prove").code == 0


def test_a_secret_that_is_needed_and_not_there_is_named(small, tmp_path):
    small.gate("init", "--out", tmp_path, *CHAT).refused(2, "STAGING_JWT_ALICE is not set")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (["--path", "/healthz"], ["/healthz"]),
        (["--path", "//other.example/"], ["no path that can be asked"]),
        (["--header", "hunter2hunter2"], ["--header", "wrong form"]),
        (["--secret", "alice=A"], ["alice is used nowhere"]),
        (["--header", "Authorization: Bearer ${alice}"], ["no value for ${alice}"]),
        (["--header", "Authorization: ${alice"], ["malformed"]),
        (["--header", "Authorization: ${user}"], ["no user for ${user}", "--secret"]),
        (["--path", "/a?b=${nobody}"], ["no value for ${nobody}"]),
        (["--path", "/a?b=${nobody"], ["no path that can be asked"]),
        (["--url", "ftp://example.com"], ["--url"]),
        (["--out", "/proc/nowhere"], ["cannot be written"]),
    ],
)
def test_arguments_that_make_no_sense_are_refused(small, tmp_path, arguments, texts):
    out = [] if "--out" in arguments else ["--out", tmp_path]
    done = small.gate("init", *out, *arguments)
    assert (done.code, done.out if "--out" not in arguments else "") == (2, ""), done
    for text in texts:
        assert text in done.err
    assert "hunter2" not in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_service_that_does_not_exist_is_named(small, tmp_path):
    which = ("--project", PROJECT, "--region", REGION, "--service", "nobody")
    done = gate("init", *which, "--out", tmp_path, env=small.env)
    done.refused(2, "nobody", hint=False)


def test_nobody_at_a_url_is_the_infrastructures_fault(small, tmp_path):
    done = gate("init", "--url", "http://127.0.0.1:1", "--out", tmp_path, env=small.env)
    assert (done.code, done.out) == (3, ""), done
    assert "cannot be reached" in done.err
    assert list(tmp_path.iterdir()) == []


def test_machines_get_one_document(small, tmp_path):
    done = small.gate("init", "--out", tmp_path, "--no-prove", "--output", "json")
    assert done.code == 0
    told = json.loads(done.out)
    assert told["failed_on_stable"] == []
    assert (tmp_path / f"{small.name}.yaml").read_text()
    assert told["files"][0] == told["policy"] == str(tmp_path / f"{small.name}.yaml")
    assert told["proof"] is None
    assert set(told["passed_on_stable"]) == set(told["probes"]) - {"logs"}


def test_a_container_that_takes_long_to_start_gets_the_time_for_it(stage_of, tmp_path):
    stage = stage_of("sleepy")
    done = stage.gate("init", "--no-prove", "--out", tmp_path)
    assert done.code == 0, done
    text = (tmp_path / f"{stage.name}.yaml").read_text()
    start_s = float(re.search(r"a start ([0-9.]+) s: too long for a timeout below", text)[1])
    assert start_s >= 4
    assert "timeout:" not in text
