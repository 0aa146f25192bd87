"""What the end-to-end tests share: one service on a local Cloud Run, and `gate` as a process.

Nothing here looks into the gate: traffic is read through Google's own client, decisions through
`gate audit`.
"""

import json
import os
import re
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from google.cloud import run_v2

from tests.e2e.process import ROOT, Process
from tests.local_cloud_run import PARENT, PROJECT, REGION, LocalCloudRun, finish

HERE = Path(__file__).parent
GATE = (sys.executable, "-m", "gate.cli")
WITHIN_S = 60.0
"""Only so that a defect cannot hang the tests: nothing is expected to take this long."""


@dataclass(frozen=True)
class Done:
    """A `gate` that has ended."""

    code: int
    out: str
    err: str

    def __repr__(self):
        return f"exit code {self.code}\n{self.out[-3000:]}\n{self.err[-3000:]}"

    @property
    def json(self):
        """Standard output, which must be exactly one JSON document."""
        return json.loads(self.out)

    @property
    def rollout(self):
        """The id under which it says the decision is recorded."""
        return re.search(r"^recorded as (\S+)$", self.out, re.MULTILINE)[1]

    def refused(self, code, *texts, hint=True):
        """Asserts an exit code and one clear message on standard error, no more than that."""
        assert (self.code, self.out) == (code, ""), self
        for text in (*texts, *(["hint: "] if hint else [])):
            assert text in self.err, self
        for noise in ("grpc.", "Error", "Exception", "errno", "None"):
            assert noise not in self.err, self
        return self.clean()

    def clean(self):
        """Asserts that the gate did not crash and shows nothing of its own inside."""
        lines = [*self.out.splitlines(), *self.err.splitlines()]
        assert not any(line.startswith(("Traceback", "  File ")) for line in lines), self
        assert not any(line.strip() == "hint:" for line in lines), self
        assert "a defect of the gate" not in self.out + self.err, self
        return self


def environment(*more):
    """A user's environment without anything of this machine's."""
    kept = {"PATH", "LANG", "TMPDIR", "VIRTUAL_ENV", "COVERAGE_PROCESS_START"}
    base = {name: value for name, value in os.environ.items() if name in kept}
    base |= {"PYTHONPATH": str(ROOT), "HOME": "/nonexistent", "GATE_ACTOR": "an end-to-end test"}
    for other in more:
        base |= other
    return base


def gate(*arguments, env, **more):
    """Runs `gate` to its end."""
    return Running(arguments, env, **more).end()


class Running:
    """A `gate` at work, whose lines can be waited for."""

    def __init__(self, arguments, env, **more):
        self.process = Process(arguments, env, **more)
        self._lines = []
        self._news = threading.Condition()
        self._errors = []
        self._readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self._lines), (self.process.stderr, self._errors))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream, lines):
        with stream:
            for line in stream:
                with self._news:
                    lines.append(line)
                    self._news.notify_all()

    def until(self, text):
        """Waits until it has said this."""
        with self._news:
            said = self._news.wait_for(
                lambda: any(text in line for line in self._lines), timeout=WITHIN_S
            )
        assert said, (text, self._lines, self._errors)
        return self

    @property
    def said(self):
        """Its lines so far."""
        with self._news:
            return [*self._lines]

    def signal(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self

    def end(self):
        """Waits for its end."""
        code = self.process.wait(timeout=WITHIN_S)
        for reader in self._readers:
            reader.join(timeout=WITHIN_S)
        return Done(code, "".join(self._lines), "".join(self._errors))


@dataclass(frozen=True)
class Traffic:
    """A service's traffic as Google's client reads it: what is asked for, and what is obeyed."""

    desired: dict
    effective: dict
    tags: dict
    effective_tags: dict
    settled: bool
    latest_created: str


def traffic_of(service):
    def shares(lines):
        return {line.revision or "LATEST": line.percent for line in lines if line.percent}

    def tags(lines):
        return {line.tag: line.revision for line in lines if line.tag}

    return Traffic(
        shares(service.traffic),
        shares(service.traffic_statuses),
        tags(service.traffic),
        tags(service.traffic_statuses),
        not service.reconciling,
        service.latest_created_revision.rpartition("/")[2],
    )


@dataclass
class Stage:
    """One service on a local Cloud Run.

    Attributes:
        first: the revision that serves everybody when the test begins.
        secrets: variables of the environment that the policies name.
    """

    cloud: LocalCloudRun
    name: str
    first: str = ""
    secrets: dict = field(default_factory=dict)

    @property
    def env(self):
        return environment(self.cloud.env(), self.secrets)

    @property
    def which(self):
        return ("--project", PROJECT, "--region", REGION, "--service", self.name)

    @property
    def full_name(self):
        return f"{PARENT}/services/{self.name}"

    def gate(self, *arguments, **more):
        """Runs `gate` to its end against this service."""
        return gate(*arguments, *self.which, env={**self.env, **more}).clean()

    def start(self, *arguments, **more):
        """Starts `gate` against this service."""
        return Running([*arguments, *self.which], {**self.env, **more})

    def read(self):
        return self.cloud.services().get_service(name=self.full_name)

    def traffic(self):
        return traffic_of(self.read())

    def only(self, revision, tags=None):
        """Asserts that this revision has all traffic, asked for and in effect, and these tags."""
        expected = Traffic({revision: 100}, {revision: 100}, tags or {}, tags or {}, True, "")
        seen = self.traffic()
        assert Traffic(**{**vars(seen), "latest_created": ""}) == expected
        return self

    def pin(self, tags=None):
        """All traffic to the first revision by name, with these tags, as a user would set it."""
        by_name = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION
        lines = [run_v2.TrafficTarget(type_=by_name, revision=self.first, percent=100)]
        lines += [
            run_v2.TrafficTarget(type_=by_name, revision=revision, tag=tag)
            for tag, revision in (tags or {}).items()
        ]
        service = run_v2.Service(name=self.full_name, traffic=lines)
        request = run_v2.UpdateServiceRequest(service=service, update_mask="traffic")
        finish(self.cloud.services().update_service(request))
        return self

    def deploy(self, image, tag=""):
        """Makes a revision with no traffic by Google's own client; returns its name."""
        service = self.read()
        service.template.containers[0].image = image
        service.template.revision = ""
        request = run_v2.UpdateServiceRequest(service=service, update_mask="template")
        finish(self.cloud.services().update_service(request))
        return self.traffic().latest_created

    def recorded(self, rollout):
        """The one outcome that the ledger has of a rollout, once Cloud Logging shows it."""

        def look():
            done = self.gate("audit", "show", rollout, "--output", "json")
            return outcomes(done.json) if done.code == 0 else None

        (outcome,) = eventually(look)
        return outcome

    def records(self):
        """All outcomes of this service, newest first."""
        return outcomes(self.gate("audit", "list", "--output", "json").json)

    def policy(self, folder, probes, head=""):
        """Writes a policy for this service; returns its path."""
        path = folder / "policy.yaml"
        path.write_text(
            f"version: 1\ncandidate: {{ready_within: 40s}}\ndeadline: 50s\n{head}probes:\n{probes}"
        )
        return path


def outcomes(entries):
    return [entry for entry in entries if entry["entry"] == "outcome"]


def eventually(look, within_s=WITHIN_S):
    """What `look` says once it says anything."""
    ends = time.monotonic() + within_s
    pause = threading.Event()
    while not (found := look()):
        assert time.monotonic() < ends, "never came"
        pause.wait(0.05)
    return found


def write_images(path, more):
    """Images of the backend, of small containers that start at once, and of bad ones."""
    app, mischief = ROOT / "tests" / "fakes" / "local_app.py", HERE / "container.py"
    small = f'["{{python}}", "-ISu", "{app}"'
    lines = [(ROOT / "examples" / "images.yaml").read_text().replace("cwd: ..", f"cwd: {ROOT}")]
    lines += [f'  "small:{tag}": {{command: {small}]}}' for tag in ("v1", "v2", "v3")]
    lines += [f'  "deaf": {{command: {small}, "--deaf"]}}']
    lines += [f'  "teller": {{command: ["{{python}}", "{mischief}"]}}']
    lines += [f'  "sluggish": {{command: ["{{python}}", "{mischief}", "--pause", "0.2"]}}']
    lines += [f'  "sleepy": {{command: [sh, -c, "sleep 4; exec {sys.executable} -ISu {app}"]}}']
    lines += [f'  "crasher": {{command: ["{{python}}", "{mischief}", "--crash"]}}']
    run = f"echo $$ > $K_REVISION; exec {sys.executable} -ISu {app}"
    lines += [
        f'  "{name}": {{command: [sh, -c, "test -e $K_SERVICE && {what}; {run}"]}}'
        for name, what in (("mortal", "exit 1"), ("late", "sleep 5"))
    ]
    blamed = HERE / "blamed_container.py"
    lines += [
        f'  "{fault}": {{command: ["{{python}}", "{blamed}", "--{fault}"]}}'
        for fault in ("well", "broken", "first-fails", "sometimes", "renamed", "down")
    ]
    lines += [*more, "secrets: {token: a-token-of-secret-manager}"]
    path.write_text("\n".join([*lines, ""]))
    return path
