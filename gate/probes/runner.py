"""Schedules probes: one after the other; what needs no request first, those that read logs last.

One at a time, since attribution matters more than seconds: what the logs and the candidate show
during a probe belongs to that probe. What asks a kind is imported when its first probe is due.
"""

import ssl
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from gate.core.evidence import STABLE, Evidence, Symptom
from gate.core.policy import Probe
from gate.core.redaction import Redactor
from gate.errors import ValueProblem
from gate.kinds.keys import Keys, keys_of
from gate.kinds.kind import Control, Kind, Turn
from gate.ports import Clock, Configurations, Logs, Progress, Target
from gate.probes.control import Limits, Sides, ask_both, settled
from gate.probes.frontend import ARRIVAL_WITHIN_S, Arrival, kept_out
from gate.probes.identity import Identity
from gate.probes.inquiry import Draft, Inquiry, Nonces, Run, Surroundings, told_before
from gate.probes.outcome import CannotAskError, Fault
from gate.probes.tls import shared_context
from gate.probes.words import LINES_MAX, TEXT_MAX, Words

_SPARED = "stable was not asked: the probe changes something there; stable_writes: true allows it"
PROOFS_MAX = 3
"""So often a probe is asked if another revision turns out to answer right after it."""


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
        arrival_within_s: how long the front end may answer that it knows no such address, or let
            another revision answer there.
        configurations: reads how revisions are set up; None where nothing can.
        surroundings: what programs that a probe starts are given; None for nothing.
    """

    def __init__(  # noqa: PLR0913 - what each kind of probe needs of the world
        self,
        secrets: Mapping[str, str],
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
        self._arrival_within_s = arrival_within_s
        self._configurations = configurations
        self._surroundings = surroundings or Surroundings()

    async def run(
        self, probes: Sequence[Probe], target: Target, progress: Callable[[Progress], None]
    ) -> tuple[Evidence, ...]:
        """Runs the probes in order and returns one Evidence each, in the same order.

        Where the target has a stable, what that one showed follows, with the address `stable`.

        Never raises for what a candidate does or for a defect of our own: both are evidence.
        When cancelled, every connection is closed before the cancellation goes on.

        Args:
            probes: what to ask.
            target: whom to ask.
            progress: told when a probe begins, advances and ends.
        """
        asking = _Asking(
            self._run_at(target),
            self._run_at(target.stable) if target.stable else None,
            Limits(target.repeats, self._clock, target.until),
            progress,
        )
        if target.warm_s > 0 and any(keys_of(one).facts.addressed for one in probes):
            from gate.probes.web.warming import warm  # noqa: PLC0415 - lazy, as the askers

            await warm(self._run_at(target), target.warm_s)
        order = sorted(range(len(probes)), key=lambda index: keys_of(probes[index]).facts.turn)
        found = {index: await asking.ask(probes[index]) for index in order}
        pairs = [found[index] for index in range(len(probes))]
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
            arrival=Arrival(self._arrival_within_s),
            identity=Identity(target.identity, target.revision),
            configurations=self._configurations,
            surroundings=self._surroundings,
        )


class _Asking:
    """One run over the probes: each is asked of the candidate and, as a control, of stable."""

    def __init__(
        self,
        run: Run,
        stable: Run | None,
        limits: Limits,
        progress: Callable[[Progress], None],
    ) -> None:
        self._run = run
        self._stable = stable
        self._limits = limits
        self._progress = progress
        self._decided = False

    async def ask(self, probe: Probe) -> tuple[Evidence, Evidence | None]:
        """What the candidate shows, and stable where it is asked."""
        self._progress(Progress(probe.name))
        if self._stable is not None and probe.spares_stable:
            own, control = await self._sparing(probe), None
        else:
            own, control = await self._both(probe)
        self._progress(Progress(probe.name, evidence=own))
        if control is not None:
            self._progress(Progress(probe.name, evidence=control, address=STABLE))
        return own, control

    async def _both(self, probe: Probe) -> tuple[Evidence, Evidence | None]:
        keys, stable = keys_of(probe), self._stable
        kind = keys.facts

        def again(times: int) -> None:
            most = self._limits.rule.at_most if self._limits.rule else times
            self._progress(Progress(probe.name, "failed: asking both again", times, most))

        async def own() -> Evidence:
            return await _ask(probe, self._run, self._progress)

        async def control() -> Evidence:
            assert stable is not None
            self._progress(Progress(probe.name, "asking", address=STABLE))
            await self._arrived(keys)
            of_stable = replace(probe, spec=keys.of_stable())
            return await _ask(of_stable, stable, self._progress, STABLE)

        if kind.control is Control.ITSELF:
            return await self._compared(probe)
        if stable is None or kind.control is Control.NONE:
            return await own(), None
        if kind.control is Control.AFTER_FAILURE:
            seen = await own()
            return seen, None if seen.passed else replace(await control(), address=STABLE)
        limits = self._limits if kind.again else replace(self._limits, rule=None)
        pair = await ask_both(probe, Sides(own, control, again), limits)
        if settled(*pair, probe):
            self._limits = replace(self._limits, rule=None)
            self._decided = True
        return pair

    async def _sparing(self, probe: Probe) -> Evidence:
        """Of a probe that changes something: what the candidate shows, with nothing beside it."""
        run = replace(self._run, target=replace(self._run.target, stable=None))
        seen = await _ask(probe, run, self._progress)
        first = [
            replace(one, hint=f"{one.hint}; {_SPARED}" if one.hint else _SPARED)
            for one in seen.findings[:1]
        ]
        findings = (*first, *seen.findings[1:])
        excerpts = (f"= {_SPARED}", *seen.excerpts)[:LINES_MAX]
        return replace(seen, findings=findings, excerpts=excerpts)

    async def _arrived(self, keys: Keys) -> None:
        """Waits for what stable was asked last, unless the verdict is known."""
        if not self._decided and (wait_s := keys.arrival_s):
            await self._limits.clock.sleep(wait_s)

    async def _compared(self, probe: Probe) -> tuple[Evidence, Evidence | None]:
        """Of a kind that asks both by itself: stable's evidence comes along, if it was asked."""
        controls: list[Evidence] = []
        own = await _ask(probe, self._run, self._progress, control=controls.append)
        return own, controls[-1] if controls else None


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
    run = replace(run, words=run.words.keeping(probe.bodies))
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
    run = inquiry.run
    if run.identity.path and kind.turn is Turn.COLD:
        return await _before_a_proof(kind, inquiry, draft)
    if run.identity.path and kind.addressed:
        return await _between_proofs(kind, inquiry, draft)
    return await _asks(kind)(inquiry)


async def _between_proofs(kind: Kind, inquiry: Inquiry[Any], draft: Draft) -> Evidence:
    """Asks once the right revision answers; it counts if that one still does so afterwards."""
    from gate.probes.web.proof import prove  # noqa: PLC0415 - lazy, as the others

    run = inquiry.run
    before: Counter[str] = Counter()

    def again(seen: str) -> None:
        told = run.words.line(seen, TEXT_MAX)
        if told not in before:
            inquiry.report(f"asking again: {told}", 0, 0)
        before[told] += 1

    asked = 0
    proof = await prove(run, again)
    while proof.fault is None:
        evidence = await _asks(kind)(inquiry)
        asked += 1
        proof = await prove(run)
        if proof.fault is None:
            excerpts = (*told_before(before, run.words), *evidence.excerpts)[:LINES_MAX]
            name = run.words.line(proof.name, TEXT_MAX)
            return replace(evidence, excerpts=excerpts, answered_by=name)
        if proof.other and asked < PROOFS_MAX:
            again(f"{proof.fault.seen}, right after the probe")
            proof = await prove(run, again)
    excerpts = told_before(before, run.words)
    return draft.end(proof.fault.seen, [proof.fault], excerpts, answered_by=proof.name)


async def _before_a_proof(kind: Kind, inquiry: Inquiry[Any], draft: Draft) -> Evidence:
    """Asks what a proof before it would spoil; it counts if the right revision answers then."""
    from gate.probes.web.proof import prove  # noqa: PLC0415 - lazy, as the others

    evidence = await _asks(kind)(inquiry)
    proof = await prove(inquiry.run)
    if proof.fault is not None:
        return draft.end(proof.fault.seen, [proof.fault], answered_by=proof.name)
    return replace(evidence, answered_by=inquiry.run.words.line(proof.name, TEXT_MAX))


def _defect(error: Exception) -> Fault:
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"
    return Fault(
        Symptom.CLIENT,
        f"{type(error).__name__} at {where}: {error}",
        "a probe that asks",
        "this is a defect of the gate, not of the candidate: please report it",
    )
