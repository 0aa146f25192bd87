"""Schedules probes: one after the other, those that read logs last.

One at a time, since attribution matters more than seconds: what the logs and the candidate show
during a probe belongs to that probe. Each kind's library is imported when its first probe is due.
"""

import ssl
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from gate.core.evidence import Evidence, Symptom
from gate.core.policy import HttpProbe, LogsProbe, Probe, ProbeSpec, WebSocketProbe
from gate.errors import ValueProblem
from gate.ports import Clock, Logs, Progress, Target
from gate.probes.frontend import ARRIVAL_WITHIN_S, Arrival
from gate.probes.identity import Identity
from gate.probes.inquiry import Draft, Inquiry, Nonces, Run, told_before
from gate.probes.outcome import CannotAskError, Fault
from gate.probes.tls import shared_context
from gate.probes.words import LINES_MAX, TEXT_MAX, Words
from gate.redaction import Redactor

PROOFS_MAX = 3
"""So often a probe is asked if another revision turns out to answer right after it."""


async def _http(inquiry: Inquiry[HttpProbe]) -> Evidence:
    from gate.probes.http.probe import ask  # noqa: PLC0415 - lazy: httpx takes over 100 ms

    return await ask(inquiry)


async def _websocket(inquiry: Inquiry[WebSocketProbe]) -> Evidence:
    from gate.probes.websocket.probe import ask  # noqa: PLC0415 - lazy: websockets takes 80 ms

    return await ask(inquiry)


async def _logs(inquiry: Inquiry[LogsProbe]) -> Evidence:
    from gate.probes.logs import ask  # noqa: PLC0415 - lazy, as the others

    return await ask(inquiry)


@dataclass(frozen=True, slots=True)
class Asker:
    """What asks one kind of probe.

    Attributes:
        last: whether it has to wait for all others.
        addressed: whether it asks the target's address, where anybody may answer.
    """

    kind: str
    ask: Callable[[Inquiry[Any]], Awaitable[Evidence]]
    last: bool = False
    addressed: bool = True


ASKERS: Mapping[type[ProbeSpec], Asker] = {
    HttpProbe: Asker("http", _http),
    WebSocketProbe: Asker("websocket", _websocket),
    LogsProbe: Asker("logs", _logs, last=True, addressed=False),
}


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
    """

    def __init__(
        self,
        secrets: Mapping[str, str],
        logs: Logs | None,
        clock: Clock,
        redactor: Redactor,
        tls: Callable[[], ssl.SSLContext] = shared_context,
        arrival_within_s: float = ARRIVAL_WITHIN_S,
    ) -> None:
        self._secrets = secrets
        self._logs = logs
        self._clock = clock
        self._words = Words(redactor)
        self._tls = cache(tls)
        self._arrival_within_s = arrival_within_s

    async def run(
        self, probes: Sequence[Probe], target: Target, progress: Callable[[Progress], None]
    ) -> tuple[Evidence, ...]:
        """Runs the probes in order and returns one Evidence each, in the same order.

        Never raises for what a candidate does or for a defect of our own: both are evidence.
        When cancelled, every connection is closed before the cancellation goes on.

        Args:
            probes: what to ask.
            target: whom to ask.
            progress: told when a probe begins, advances and ends.
        """
        run = Run(
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
        )
        order = sorted(range(len(probes)), key=lambda index: ASKERS[type(probes[index].spec)].last)
        evidence: dict[int, Evidence] = {}
        for index in order:
            probe = probes[index]
            progress(Progress(probe.name))
            evidence[index] = await _ask(probe, run, progress)
            progress(Progress(probe.name, evidence=evidence[index]))
        return tuple(evidence[index] for index in range(len(probes)))


async def _ask(probe: Probe, run: Run, progress: Callable[[Progress], None]) -> Evidence:
    """One probe's evidence, whatever happens to it."""

    def report(text: str, done: int, of: int) -> None:
        progress(Progress(probe.name, text, done, of))

    asker = ASKERS[type(probe.spec)]
    inquiry = Inquiry(probe.name, probe.spec, run, report)
    draft = inquiry.begin(asker.kind, _asked(probe.spec), "an answer")
    try:
        if run.identity.path and asker.addressed:
            return await _between_proofs(asker, inquiry, draft)
        return await asker.ask(inquiry)
    except CannotAskError as error:
        return draft.end(error.fault.seen, [error.fault])
    except ValueProblem as error:
        return draft.end(str(error), [Fault(Symptom.CLIENT, str(error), "a policy that holds")])
    except Exception as error:  # noqa: BLE001 - a defect of ours must not stop the rollout, nor pass
        return draft.end("a defect of the gate", [_defect(error)])


async def _between_proofs(asker: Asker, inquiry: Inquiry[Any], draft: Draft) -> Evidence:
    """Asks once the right revision answers; it counts if that one still does so afterwards."""
    from gate.probes.http.proof import prove  # noqa: PLC0415 - lazy, as the others

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
        evidence = await asker.ask(inquiry)
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


def _asked(spec: ProbeSpec) -> str:
    return "its logs" if isinstance(spec, LogsProbe) else spec.path


def _defect(error: Exception) -> Fault:
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"
    return Fault(
        Symptom.CLIENT,
        f"{type(error).__name__} at {where}: {error}",
        "a probe that asks",
        "this is a defect of the gate, not of the candidate: please report it",
    )
