"""Gates as processes of their own, forked from one that has imported everything already.

A fork is as good a process as any to be killed, and costs a tenth of a fresh interpreter.
"""

import asyncio
import json
import multiprocessing
import os
import re
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

import gate.cli.promote
import gate.cli.recover
import gate.cli.rollback
import gate.cli.rollout
import gate.cli.run_rollout
import gate.cli.unlock
import gate.cloud.decisions
import gate.cloud.identity
import gate.cloud.logs
import gate.cloud.run
import gate.probes.http
import gate.probes.runner
import gate.report.progress.plain
from gate.api import asker, wiring
from gate.cli import main
from gate.cli.options import Output
from gate.core.service import ServiceRef
from gate.core.state import Kind, Plan
from gate.errors import ExitCode
from gate.policyfile import load_policy

PROJECT, REGION, TAG = "demo", "us-central1", "candidate"


class _Ours:
    """The tags that gates give, and take back: drawn anew where answers name nobody."""

    def __contains__(self, tag):
        return bool(re.fullmatch(rf"({TAG}|rollback)(-[a-z]{{1,3}})?", tag or ""))


TAGS = _Ours()
LEASE_S, VERIFY_S = 3.0, 6.0
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.chaos.gates"])


@dataclass(frozen=True)
class Orders:
    """What one gate is to do.

    Attributes:
        role: part of the actor's name in the ledger.
        argv: the command line; () for a rollout that is given more than a policy can say: how
            soon a move must be in effect, which decides how long its lease has to run.
        image, revision: the candidate of such a rollout.
        mode: what the candidate is.
        wait_s: how long it waits for another one.
    """

    role: str
    service: str
    argv: tuple[str, ...] = ()
    image: str = ""
    revision: str = ""
    mode: str = ""
    wait_s: float = 0.0


@dataclass
class Gate:
    """A running gate, and what is known of it once it has ended."""

    orders: Orders
    process: object
    out: Path
    signals: list[str] = field(default_factory=list)
    killed: bool = False
    hung: bool = False
    read: bool = False
    cut: int = 0

    @property
    def code(self):
        return self.process.exitcode

    @property
    def alive(self):
        return self.process.exitcode is None

    def send(self, number):
        """A signal, if it is still there."""
        if self.alive:
            self.signals.append(signal.Signals(number).name)
            os.kill(self.process.pid, number)

    def kill(self):
        """SIGKILL."""
        if self.alive:
            self.killed = True
            os.kill(self.process.pid, signal.SIGKILL)

    async def ended(self, within_s):
        """Waits for its end; whether it came."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        sentinel = os.dup(self.process.sentinel)
        loop.add_reader(sentinel, done.set)
        try:
            async with asyncio.timeout(within_s):
                await done.wait()
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(sentinel)
            os.close(sentinel)
        self.process.join()
        return True

    def outcome(self):
        """The JSON document that it printed at its end, or None."""
        try:
            value = json.loads(self.out.read_text())
        except (OSError, ValueError):
            return None
        return value if "rollout" in value else None

    def said(self):
        """What it told meanwhile."""
        told = self.out.with_suffix(".err")
        return told.read_text(errors="replace") if told.exists() else ""


async def warm_up():
    """Has everything imported, so that a gate is at work as soon as it is started."""
    process = _CONTEXT.Process(target=_nothing)
    process.start()
    await asyncio.to_thread(process.join)


def _nothing():
    """Only to have the fork server started."""


def actor_of(role):
    """Who the ledger says has asked."""
    return f"{role}@example.com"


def start(orders, folder, grpc, policy):
    """Starts a gate; its standard output and error go to files."""
    number = len(list(folder.glob(f"{orders.service}-{orders.role}-*.out")))
    out = folder / f"{orders.service}-{orders.role}-{number}.out"
    out.touch()
    process = _CONTEXT.Process(target=_main, args=(orders, str(out), grpc, str(policy)))
    process.start()
    return Gate(orders, process, out)


def _main(orders, out, grpc, policy):
    """What `gate` does, from the plan on."""
    for number, name in ((1, out), (2, str(Path(out).with_suffix(".err")))):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
    sys.stdout = os.fdopen(1, "w")
    sys.stderr = os.fdopen(2, "w", buffering=1)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ |= {
        "CLOUD_RUN_EMULATOR_HOST": grpc,
        "LOGGING_EMULATOR_HOST": grpc,
        "GRPC_VERBOSITY": "NONE",
        "GATE_ACTOR": actor_of(orders.role),
    }
    try:
        code = main.run(orders.argv) if orders.argv else _rollout(orders, Path(policy))
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    sys.stdout.flush()
    os._exit(int(code))


def _rollout(orders, file):
    policy = load_policy(file)
    plan = Plan(
        kind=Kind.ROLLOUT,
        service=ServiceRef(PROJECT, REGION, orders.service),
        tag=policy.candidate.tag,
        actor=asker.actor(),
        image=orders.image,
        revision=orders.revision,
        suffix=wiring.new_suffix(),
        probes=policy.probes,
        on_hold=policy.on_hold,
        ready_within_s=policy.candidate.ready_within_s,
        deadline_s=policy.deadline_s,
        verify_within_s=VERIFY_S,
        steps=policy.traffic,
        dwell_s=policy.dwell_s,
        watch_s=policy.watch_s,
        wait_s=orders.wait_s,
        lease_s=LEASE_S,
        identity=policy.candidate.identity,
        first_deploy=policy.first_deploy,
    )
    return gate.cli.run_rollout.run_rollout(plan, Output("json"), policy=policy)
