"""Schedules probes: one after the other; what needs no request first, those that read logs last.

One at a time, since attribution matters more than seconds: what the logs and the candidate show
during a probe belongs to that probe. What asks a kind is imported when its first probe is due.
"""

import ssl
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from gate.core.evidence import Evidence, Symptom
from gate.core.policy import Probe
from gate.core.redaction import Redactor
from gate.core.secret import Named
from gate.errors import ValueProblem
from gate.kinds.keys import keys_of
from gate.kinds.kind import Kind, Turn
from gate.ports import Clock, Configurations, Logs, Progress, Target
from gate.probes.asking import Asking
from gate.probes.frontend import ARRIVAL_WITHIN_S, Arrival, kept_out
from gate.probes.identity import Identity
from gate.probes.inquiry import Draft, Inquiry, Nonces, Run, Surroundings
from gate.probes.outcome import CannotAskError, Fault
from gate.probes.readiness import Readiness
from gate.probes.tls import shared_context
from gate.probes.words import TEXT_MAX, Words

WAITS_MAX = 5
"""Most things that a probe says it waits for."""

Ask = Callable[[Inquiry[Any]], Awaitable[Evidence]]


def _asks(kind: Kind) -> Ask:
    """What asks this kind; its libraries are imported with it, some of which take over 100 ms."""
    if kind.plain:
        from gate.probes.plugins import ask_plainly  # noqa: PLC0415 - lazy, as the others

        return ask_plainly
    module, _, name = kind.ask.partition(":")
    asks: Ask = getattr(import_module(module), name)
    return asks


class ProbeRunner:
    """Implements gate.ports.Probes.

    Args:
        secrets: name to value, for the templates.
        logs: reads the candidate's logs; None where nothing can.
        clock: time.
        redactor: knows the same secrets, and whatever else must never be shown.
        tls: makes the TLS context that all probes share.
        arrival_within_s: how long is waited in all, in however many runs, while the front end knows
            no such address or lets another revision answer there.
        configurations: reads how revisions are set up; None where nothing can.
        surroundings: what programs that a probe starts are given; None for nothing.
    """

    def __init__(  # noqa: PLR0913 - what each kind of probe needs of the world
        self,
        secrets: Named,
        logs: Logs | None,
        clock: Clock,
        redactor: Redactor,
        tls: Callable[[], ssl.SSLContext] = shared_context,
        arrival_within_s: float = ARRIVAL_WITHIN_S,
        *,
        configurations: Configurations | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        self._secrets = secrets
        self._logs = logs
        self._clock = clock
        self._words = Words(redactor)
        self._tls = cache(tls)
        self._arrival = Arrival(arrival_within_s)
        self._configurations = configurations
        self._surroundings = surroundings or Surroundings()

    async def run(
        self, probes: Sequence[Probe], target: Target, progress: Callable[[Progress], None]
    ) -> tuple[Evidence, ...]:
        """Runs the probes in order and returns one Evidence each, in the same order.

        What a failure has made needless leaves none, where the target wants that.
        Where the target has a stable, what that one showed follows, with the address `stable`.

        Never raises for what a candidate does or for a defect of our own: both are evidence.
        When cancelled, every connection is closed before the cancellation goes on.

        Args:
            probes: what to ask.
            target: whom to ask.
            progress: told when a probe begins, advances and ends.
        """
        stable = self._run_at(target.stable) if target.stable else None
        asking = Asking(self._run_at(target), stable, _ask, progress)
        asking.look_back(probes)
        if target.warm_s > 0 and any(keys_of(one).facts.addressed for one in probes):
            from gate.probes.web.warming import warm  # noqa: PLC0415 - lazy, as the askers

            await warm(self._run_at(target), target.warm_s)
        order = sorted(range(len(probes)), key=lambda index: keys_of(probes[index]).facts.turn)
        found = {i: await asking.ask(probes[i]) for i in order if asking.needs(probes[i])}
        pairs = [found[index] for index in sorted(found)]
        controls = tuple(control for _, control in pairs if control is not None)
        return tuple(own for own, _ in pairs) + controls

    def _run_at(self, target: Target) -> Run:
        return Run(
            target=target,
            secrets=self._secrets,
            nonces=Nonces(),
            words=self._words,
            clock=self._clock,
            logs=self._logs,
            tls=self._tls,
            since=target.since or self._clock.now(),
            arrival=self._arrival,
            identity=Identity(target.identity, target.revision),
            configurations=self._configurations,
            surroundings=self._surroundings,
            readiness=Readiness(target.ready_until),
        )


async def _ask(
    probe: Probe,
    run: Run,
    progress: Callable[[Progress], None],
    address: str = "",
    control: Callable[[Evidence], None] = lambda _: None,
) -> Evidence:
    """One probe's evidence, whatever happens to it."""

    def report(text: str, done: int, of: int) -> None:
        progress(Progress(probe.name, text, done, of, address=address))

    keys = keys_of(probe)
    said: set[str] = set()

    def waiting(what: str, limit: str) -> None:
        text = run.words.line(what, TEXT_MAX)
        if text not in said and len(said) < WAITS_MAX:
            said.add(text)
            progress(Progress(probe.name, text + limit, address=address, at_once=True))

    words, identity = run.words.keeping(probe.bodies), run.identity.anew()
    run = replace(run, words=words, identity=identity, waiting=waiting)
    inquiry = Inquiry(probe.name, keys, run, report, control)
    draft = inquiry.begin(keys.facts.name, keys.asked, "an answer")
    try:
        return kept_out(await _seen(keys.facts, inquiry, draft), run.target.ingress)
    except CannotAskError as error:
        return draft.end(error.fault.seen, [error.fault])
    except ValueProblem as error:
        return draft.end(str(error), [Fault(Symptom.CLIENT, str(error), "a policy that holds")])
    except Exception as error:  # noqa: BLE001 - a defect of ours must not stop the rollout, nor pass
        return draft.end("a defect of the gate", [_defect(error)])


async def _seen(kind: Kind, inquiry: Inquiry[Any], draft: Draft) -> Evidence:
    """Asks, with proofs of who answers where the policy has a path for them."""
    if not inquiry.run.identity.path or not kind.addressed:
        return await _asks(kind)(inquiry)
    from gate.probes.web import beside  # noqa: PLC0415 - lazy, as the askers

    if kind.turn is Turn.COLD:
        return await beside.before_a_proof(_asks(kind), inquiry, draft)
    return await beside.between_proofs(_asks(kind), inquiry, draft)


def _defect(error: Exception) -> Fault:
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"
    return Fault(
        Symptom.CLIENT,
        f"{type(error).__name__} at {where}: {error}",
        "a probe that asks",
        "this is a defect of the gate, not of the candidate: please report it",
    )
