"""`make demo`: six versions of a chat backend meet the gate, on a Cloud Run on this machine.

Tells of each in some six lines; `--verbose` lets the gate itself speak, `--serve` opens the record
in a browser after. Other arguments go to `gate local up`. Needs no Google account and no network.
Everything it starts, it stops.

"""

import json
import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import grpc
from google.cloud import run_v2
from google.cloud.run_v2.services.services.transports import ServicesGrpcTransport

from examples.backend.tokens import mint
from examples.story import story, width

HERE = Path(__file__).parent
ROOT = HERE.parent
READY_WITHIN_S = 30
PROJECT, REGION, SERVICE = "demo", "us-central1", "backend"
REPORTS = ROOT / "build" / "demo"
"""Where the reports of two rollouts are left: `build` is ignored by git."""


@dataclass(frozen=True, slots=True)
class Act:
    """One rollout of the demo: an image, what is wrong with it, and how it must end."""

    image: str
    story: str
    exit_code: int
    report: str = ""
    """The file that its report is left in, "" for none."""


ACTS = (
    Act(
        "backend:v2",
        "a redirect, a 500, and one user's 6th WebSocket is closed",
        1,
        "rejected.html",
    ),
    Act("backend:v3", 'the "ultra-defensive" fix of v2, which cannot boot', 1),
    Act("backend:v4", "moves that limit to 20, and leaks on every disconnect", 1),
    Act("backend:v5", "its welcome message has another shape than clients expect", 1),
    Act("backend:v6", "all fixed", 0, "promoted.html"),
)


def main() -> int:
    """Plays all acts; 0 if each ended as it must, 130 if it was stopped."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return perform()
    except KeyboardInterrupt:
        title("stopped, and everything that was started")
        return 130


def perform() -> int:
    """Plays all acts; 0 if each ended as it must."""
    began = time.monotonic()
    arguments = sys.argv[1:]
    if verbose := "--verbose" in arguments:
        arguments.remove("--verbose")
    if serve := "--serve" in arguments:
        arguments.remove("--serve")
    title("A Cloud Run on this machine")
    with local_cloud_run(arguments, verbose=verbose) as exports:
        key = secrets.token_urlsafe(32)
        environment = {
            **os.environ,
            **exports,
            "STAGING_JWT_ALICE": mint("alice", key),
            "STAGING_JWT_BOB": mint("bob", key),
            "GATE_ACTOR": os.environ.get("GATE_ACTOR", "demo"),
        }
        print("backend:v1 is deployed by other means, and serves everybody.")
        create_service(exports["CLOUD_RUN_EMULATOR_HOST"], "backend:v1", key)
        if verbose:
            gate(["status", *which()], environment)
        wrong = [act for act in ACTS if not play(act, environment, verbose=verbose)]
        if verbose:
            title("What stands now, and what the record says")
            gate(["status", *which()], environment)
            gate(["audit", "list", *which()], environment)
        took_s = time.monotonic() - began
        tell_of_reports()
        if serve:
            title("The record in a browser; Ctrl-C ends it, and the demo")
            port = [] if os.environ.get("PORT") else ["--port", "0"]  # any that is free
            with suppress(KeyboardInterrupt):
                gate(["audit", "serve", *which(), *port], environment)
    title(
        f"{len(ACTS)} rollouts in {took_s:.0f} s: "
        + ("each ended as it must" if not wrong else f"{len(wrong)} did NOT end as it must")
    )
    return 1 if wrong else 0


def tell_of_reports() -> None:
    """Says where the reports are."""
    title("Reports, to be opened in a browser")
    for act in ACTS:
        if act.report and (REPORTS / act.report).is_file():
            print(f"{act.image}: {os.path.relpath(REPORTS / act.report)}", flush=True)


def play(act: Act, environment: dict[str, str], *, verbose: bool) -> bool:
    """Rolls one image out and says whether it ended as it must."""
    title(f"{act.image}: {act.story}")
    policy = os.path.relpath(ROOT / "policies" / "backend.yaml")
    rollout = ["rollout", "--policy", policy, "--image", act.image]
    if act.report:
        rollout += ["--write", f"html={os.path.relpath(REPORTS / act.report)}"]
    if verbose:
        code = gate(rollout, environment)
        print(f"\n{judged(act, code)}", flush=True)
    else:
        code = in_brief(act, rollout, environment)
    return code == act.exit_code


def judged(act: Act, code: int) -> str:
    """Whether an exit code is the one that there must be."""
    said = "as it must" if code == act.exit_code else "NOT as it must"
    return f"{said}: exit code {code}, {act.exit_code} expected"


def in_brief(act: Act, arguments: list[str], environment: dict[str, str]) -> int:
    """Runs one `gate` command, tells how it ended in a few lines, and returns its exit code."""
    arguments = [*arguments, "--output", "json"]
    told = []
    with TemporaryFile("w+") as out, started(arguments, environment, out) as process:
        assert process.stderr is not None
        for line in process.stderr:
            told.append(line.rstrip())
            meanwhile(told[-1])
        code = process.wait()
        out.seek(0)
        said = out.read()
    meanwhile("")
    try:
        lines = story(json.loads(said), judged(act, code))
    except ValueError:  # it came to no end that it could tell of
        lines = [*told, judged(act, code)]
    print(*lines, sep="\n", flush=True)
    return code


def meanwhile(text: str) -> None:
    """Shows on a terminal what goes on, in a line that the next one takes the place of."""
    if sys.stdout.isatty():
        print(f"\r\x1b[K{text[: width() - 1]}", end="", flush=True)


def gate(arguments: list[str], environment: dict[str, str]) -> int:
    """Runs one `gate` command in the open and returns its exit code."""
    print(f"$ gate {shlex.join(arguments)}", flush=True)
    with started(arguments, environment) as process:
        return process.wait()


@contextmanager
def started(
    arguments: list[str], environment: dict[str, str], out: IO[str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A `gate` at work, which is ended if we are stopped; with `out` its messages are a pipe."""
    command = [sys.executable, "-m", "gate.cli", *arguments]
    pipe = subprocess.PIPE if out else None
    process = None
    try:
        with undisturbed():
            process = subprocess.Popen(command, env=environment, stdout=out, stderr=pipe, text=True)
        yield process
    except KeyboardInterrupt:
        if process is not None:
            process.terminate()
            process.communicate()
        raise


@contextmanager
def undisturbed() -> Iterator[None]:
    """Lets a signal to stop wait until the process that is being started is known."""
    heard: list[int] = []
    ways = {
        number: signal.signal(number, lambda number, _: heard.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, way in ways.items():
            signal.signal(number, way)
    if heard:
        raise KeyboardInterrupt


def which() -> list[str]:
    """The arguments that name the service."""
    return ["--project", PROJECT, "--region", REGION, "--service", SERVICE]


def title(text: str) -> None:
    """A heading between acts."""
    print("", *textwrap.wrap(f"=== {text} ===", width()), "", sep="\n", flush=True)


@contextmanager
def local_cloud_run(arguments: list[str], *, verbose: bool = True) -> Iterator[dict[str, str]]:
    """Starts `gate local up`, yields what it says to export, and stops it."""
    command = [sys.executable, "-m", "gate.cli", "local", "up", "--ephemeral", "--port", "0"]
    command += ["--images", str(HERE / "images.yaml"), *arguments]
    process = watchdog = None
    try:
        with undisturbed():
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        watchdog = threading.Timer(READY_WITHIN_S, process.kill)
        watchdog.start()
        exports: dict[str, str] = {}
        assert process.stdout is not None
        for line in process.stdout:
            if verbose or line.startswith("gate local:"):
                print(*textwrap.wrap(line, width()) or [""], sep="\n", flush=True)
            if found := re.match(r"\s*export (\w+)=(\S+)", line):
                exports[found[1]] = found[2]
            if {"CLOUD_RUN_EMULATOR_HOST", "LOGGING_EMULATOR_HOST"} <= exports.keys():
                break
        watchdog.cancel()
        if not exports:
            raise SystemExit("the local Cloud Run did not start")
        threading.Thread(target=process.stdout.read, daemon=True).start()  # never let it block
        yield exports
    finally:  # also where it is stopped while the local Cloud Run is still on its way
        if watchdog is not None:
            watchdog.cancel()
        if process is not None:
            process.terminate()
            process.wait()


def create_service(host: str, image: str, key: str, name: str = SERVICE) -> None:
    """The first revision, by Google's own client: the gate deploys candidates beside it."""
    with grpc.insecure_channel(host) as channel:
        client = run_v2.ServicesClient(transport=ServicesGrpcTransport(channel=channel))
        container = run_v2.Container(
            image=image, env=[run_v2.EnvVar(name="JWT_SECRET_KEY", value=key)]
        )
        service = run_v2.Service(template=run_v2.RevisionTemplate(containers=[container]))
        parent = f"projects/{PROJECT}/locations/{REGION}"
        client.create_service(parent=parent, service=service, service_id=name).result(timeout=60)


if __name__ == "__main__":
    sys.exit(main())
