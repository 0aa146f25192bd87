"""What a user gets: the wheel and its core, installed as the Dockerfile does, in an empty folder.

The Dockerfile's own RUN lines are played, each in a shell, with their folders elsewhere: the wheel
is built from what the Dockerfile copies, and all else comes from the locks by its hashes. The local
Cloud Run is that of the developers' environment, since the core has none.
"""

import os
import re
import shutil
import subprocess
import sys
from importlib import metadata

import pytest
import yaml

from tests.campaign import campaign
from tests.dockerfile import ROOT, copied, stages
from tests.e2e.stage import Done, environment, write_images
from tests.local_cloud_run import PROJECT, REGION, start_local_cloud_run

pytestmark = [campaign, pytest.mark.timeout(900), pytest.mark.xdist_group("release")]
POLICY = "version: 1\nprobes:\n  who: {http: {path: /}, expect: {status: %s}}\n"
NETWORK = {
    *("HOME", "PIP_CONFIG_FILE", "PIP_INDEX_URL", "PIP_CERT", "HTTPS_PROXY", "NO_PROXY"),
    "SSL_CERT_FILE",
}
"""What pip needs of this machine."""
WHICH = ("--project", PROJECT, "--region", REGION, "--service", "shop")


@pytest.fixture(scope="module", autouse=True)
def index(tmp_path_factory):
    """Skips where no package index answers, since nothing can be installed then.

    `make release-check` does not skip.
    """
    (small,) = re.findall(r"^h11==\S+", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
    folder = tmp_path_factory.mktemp("download")
    found = subprocess.run([*command, "-d", folder, small], capture_output=True, check=False)
    if found.returncode and not os.environ.get("GATE_RELEASE"):
        pytest.skip(f"no package index answers: {found.stderr.decode()[-300:]}")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder that stands for the image's root, after the lines of the build stage."""
    root = tmp_path_factory.mktemp("image")
    build = stages()[1]
    source = root / "src"
    source.mkdir()
    for name in copied(build):
        path = ROOT / name
        (shutil.copytree if path.is_dir() else shutil.copy)(path, source / name)
    run(f"{sys.executable} -m venv {root}/base", root)
    for line in build.values("RUN"):
        told = run(line, root)
        assert told.returncode == 0, f"{line}\n{told.stdout}\n{told.stderr}"
    return root / "opt" / "gate"


def run(line, root, extras=""):
    """One RUN line in a shell: the base's python first, the image's folders under `root`."""
    for folder in ("/opt/gate", "/wheel"):
        line = line.replace(folder, f"{root}{folder}")
    env = {name: os.environ[name] for name in NETWORK & {*os.environ}}
    env |= {"PATH": f"{root}/base/bin:{os.environ['PATH']}", "EXTRAS": extras}
    env |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return subprocess.run(
        ["sh", "-c", line], cwd=root / "src", env=env, capture_output=True, text=True, check=False
    )


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    running = start_local_cloud_run(write_images(folder / "images.yaml", []))
    running.create_service("shop", image="small:v1")
    yield running
    assert running.stop() == 0


@pytest.fixture
def gate(built, cloud, tmp_path):
    """Runs the installed command in an empty folder, as a user of its image would."""

    def start(*arguments):
        env = environment(cloud.env(), {"PYTHONDONTWRITEBYTECODE": "1"})
        del env["PYTHONPATH"]
        command = [built / "bin" / "gate", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )
        return Done(done.returncode, done.stdout, done.stderr).clean()

    return start


def test_the_core_is_installed_and_nothing_else(built):
    folders = [str(one) for one in built.glob("lib/python3*/site-packages")]
    names = {normal(one.name) for one in metadata.distributions(path=folders)}
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert "cloud-run-gate" in names
    assert names - {"cloud-run-gate"} <= {*re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}


def test_an_extra_that_is_not_locked_makes_no_image(built):
    (line,) = (one for one in stages()[1].values("RUN") if "EXTRAS" in one)
    told = run(line, built.parents[1], extras="suite")
    assert told.returncode != 0
    assert "defusedxml" in told.stderr


def test_rollout_and_rollback(gate, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY % 200)
    done = gate("rollout", "--policy", policy, "--image", "small:v2", *WHICH, "--output", "json")
    assert (done.code, done.json["ending"]) == (0, "promoted"), done
    (first,) = done.json["stable"]
    policy.write_text(POLICY % 404)
    done = gate("rollout", "--policy", policy, "--image", "small:v3", *WHICH)
    assert done.code == 1, done
    why = ("--reason", "somebody rang")
    done = gate("rollback", "--yes", *why, *WHICH, "--output", "json")
    assert done.code == 0, done
    assert done.json["effective_after"] == {first["revision"]: 100}


def test_each_start_finds_bytecode(built, gate):
    """Python says of each module where its code came from: no source was compiled for it."""
    assert gate("--version").out.startswith("gate ")
    code = "from gate.cli.main import run; run(['rollout', '--help'])"
    told = subprocess.run(
        [built / "bin" / "python", "-I", "-v", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONDONTWRITEBYTECODE": "1"},
    )
    read = re.findall(rf"^# code object from '?({built}[^']*)", told.stderr, re.MULTILINE)
    assert any("/gate/core/" in path for path in read)
    assert [path for path in read if path.endswith(".py")] == []


def test_the_github_action(cloud, tmp_path):
    """The steps of action.yml in their order, as a runner plays them."""
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    _, install, last = action["runs"]["steps"]
    (tmp_path / "policy.yaml").write_text(POLICY % 404)
    output = tmp_path / "output"
    runner = {
        "PYTHON": sys.executable,
        "RUNNER_TEMP": str(tmp_path / "temp"),
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(output),
        "GITHUB_WORKFLOW": "deploy",
        "GITHUB_RUN_NUMBER": "1",
        "GITHUB_SHA": "0123abc",
    }
    names = ("PROJECT", "REGION", "SERVICE")
    inputs = dict.fromkeys(last["env"], "") | dict(zip(names, WHICH[1::2], strict=True))
    inputs |= {"POLICY": "policy.yaml", "IMAGE": "small:v2", "WAIT": "1m"}
    env = environment(cloud.env(), {name: os.environ[name] for name in NETWORK & {*os.environ}})
    del env["PYTHONPATH"]
    ended = [
        subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=tmp_path,
            env=env | runner | inputs,
            capture_output=True,
            text=True,
            check=False,
        )
        for step in (install, last)
    ]
    assert [one.returncode for one in ended] == [0, 1], ended
    assert "\nrejected\n" in output.read_text()
    assert len([*(tmp_path / "temp" / "gate-report").rglob("gate.*")]) == 3
