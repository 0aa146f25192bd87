"""Keeps what one rollout does in the ledger; nobody waits for a ledger that says nothing.

Write-ahead: an intention is kept before the platform hears of it. A move to safety goes on although
the ledger is silent, and what moved nothing is not worth a long wait.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from gate.core.annotation import RolloutAnnotation
from gate.core.approvals import Approval
from gate.core.service import Service
from gate.core.state import Kind, PastOutcome, Plan, Rollout
from gate.errors import GateError, InfrastructureError, UnavailableError
from gate.ledger.approvals import approvals_of
from gate.ledger.canonical import canonical, digest
from gate.ledger.entry import Entry, Link
from gate.ledger.past import newest_outcomes
from gate.ports import Bundles, Ledger, LedgerQuery, Signer


@dataclass(frozen=True, slots=True)
class Waits:
    """How long the ledger is waited for, in seconds.

    Attributes:
        intention_s: for what a person asks for by hand, or moves users to safety, before it is
            done.
        nothing_s: for the outcome of what moved nothing.
        silent_s: for the same where the ledger has been silent before.
        stopping_s: for any other outcome once we are to stop.
        past_s: for the outcomes before this rollout, which its first intention vouches for.
        approvals_s: for people's approvals.
        bundle_s: for a bundle of evidence to be kept.
        sign_s: for an outcome to be signed.
    """

    intention_s: float = 2.0
    nothing_s: float = 2.0
    silent_s: float = 1.0
    stopping_s: float = 5.0
    past_s: float = 2.0
    approvals_s: float = 10.0
    bundle_s: float = 10.0
    sign_s: float = 5.0


APPROVALS_MAX = 2000
"""Most entries that are read to find approvals, the newest: what takes one back is among them."""
PAST_MAX = 50
"""Most entries that are read to find the outcomes before a rollout."""


class Bookkeeping:
    """The entries of one rollout, numbered.

    Args:
        ledger: where they are kept.
        waits: for how long.
    """

    def __init__(self, ledger: Ledger, waits: Waits) -> None:
        self._ledger = ledger
        self._waits = waits
        self._sequence = 0
        self._silent = False
        self._begun: set[asyncio.Task[None]] = set()
        self._intended: dict[str, asyncio.Task[None]] = {}
        self._last, self._given = RolloutAnnotation(), 0
        self._principal = ""
        self._past: asyncio.Task[tuple[PastOutcome, ...] | None] | None = None

    def look_back(self, plan: Plan) -> None:
        """Begins to ask which outcomes there are, beside whatever comes first.

        A move by hand is not held up, nor made dearer: it vouches for those that it knows of.
        """
        if plan.kind is Kind.ROLLOUT:
            self._past = asyncio.ensure_future(self._ask(plan))

    async def link(self, plan: Plan) -> Link:
        """What ties the next entry to those before it."""
        kept = {key: _has_kept(task) for key, task in self._intended.items()}
        return Link(
            self._last,
            self._principal,
            await self._outcomes(plan),
            tuple(key for key, known in kept.items() if known),
            tuple(key for key, known in kept.items() if not known),
        )

    def accepted(self, annotation: RolloutAnnotation, generation: int) -> None:
        """A write of ours was accepted: what it said of itself, and the generation it made."""
        self._last, self._given = annotation, generation

    def seen(self, service: Service) -> None:
        """The service was read: where nobody wrote since us, Cloud Run has named who we are."""
        if self._given and service.generation == self._given:
            self._principal = service.last_modifier

    async def approvals(
        self, plan: Plan, since: datetime | None
    ) -> tuple[tuple[Approval, ...] | None, str]:
        """People's approvals since then, or None and why nobody knows them."""
        if since is None:
            return None, ""
        query = LedgerQuery(service=plan.service.name, since=since, limit=APPROVALS_MAX)
        try:
            async with asyncio.timeout(self._waits.approvals_s):
                return approvals_of(await self._ledger.entries(query)), ""
        except TimeoutError:
            return None, f"the ledger gave no answer in {self._waits.approvals_s:g} s"
        except InfrastructureError as error:
            return None, error.message

    async def intend(self, entry: Entry, rollout: Rollout, *, urgent: bool) -> None:
        """Keeps what is about to be done.

        What is urgent waits for a silent ledger once, and goes on being kept beside the move.

        Raises:
            InfrastructureError: it is not kept yet.
        """
        within_s = None
        if urgent or rollout.plan.kind is not Kind.ROLLOUT:
            silent = urgent and self._was_silent(rollout)
            within_s = 0.0 if silent else self._waits.intention_s
        keeping = self._begin(entry, rollout)
        self._intended[digest(entry)] = keeping
        await self._wait(keeping, within_s, go_on=urgent)

    async def whole(self, entry: Entry, evidence: Entry, bundles: Bundles | None) -> Entry:
        """The outcome with where its whole evidence is, which it has no room for.

        Users are safe by then; what cannot be kept within a time is told in the outcome's notes.
        """
        name = str(entry["evidence_digest"])
        where, problem = await self._bundle(name, evidence, bundles)
        told = f"the record holds a part of the evidence, which is kept nowhere: {problem}"
        kept: Entry = {**entry, "bundle": where}
        return kept if where else _noted(kept, told)

    async def with_events(self, entry: Entry, events: Entry, bundles: Bundles | None) -> Entry:
        """The outcome with where its events are, if it has no room for them.

        Args:
            entry: the outcome.
            events: all of them, as EventLog.value has them.
            bundles: where they are kept then, None for nowhere.
        """
        brief = entry.get("events")
        if not isinstance(brief, dict) or "data" in brief or "data" not in events:
            return entry
        where, problem = await self._bundle(str(brief["digest"]), events, bundles)
        kept: Entry = {**brief, "bundle": where, **({} if where else {"why": problem})}
        return {**entry, "events": kept}

    async def _bundle(self, name: str, content: Entry, bundles: Bundles | None) -> tuple[str, str]:
        """Keeps what an entry has no room for, under its hash: where, or why it is kept nowhere."""
        if bundles is None:
            return "", "GATE_BUNDLES names no place for it"
        try:
            async with asyncio.timeout(self._waits.bundle_s):
                return await bundles.put(f"{name}.json", canonical(content)), ""
        except TimeoutError:
            return "", f"no answer in {self._waits.bundle_s:g} s"
        except InfrastructureError as error:
            return "", error.message

    async def signed(self, entry: Entry, signer: Signer | None) -> Entry:
        """The outcome with its signature, where there is a key; decided is decided without it.

        Users are safe by then; what cannot be signed within a time is told in the outcome's notes.
        """
        if signer is None:
            return entry
        try:
            async with asyncio.timeout(self._waits.sign_s):
                attestation = await signer.sign(entry, digest(entry))
        except TimeoutError:
            problem = f"no answer in {self._waits.sign_s:g} s"
        except GateError as error:
            problem = error.message
        else:
            return {**entry, "attestation": attestation} if attestation else entry
        return _noted(entry, f"this decision is not signed: {problem}")

    async def conclude(self, entry: Entry, rollout: Rollout, *, stopping: bool) -> None:
        """Keeps the outcome.

        Raises:
            InfrastructureError: it is not kept, or nobody knows.
        """
        within_s = self._waits.stopping_s if stopping else None
        if rollout.moved_nothing:
            silent = self._was_silent(rollout)
            within_s = self._waits.silent_s if silent else self._waits.nothing_s
        await self._wait(self._begin(entry, rollout), within_s)

    async def aclose(self) -> None:
        """Gives up what is still being kept, and asked."""
        begun = [*self._begun, *([self._past] if self._past else [])]
        for task in begun:
            task.cancel()
        await asyncio.gather(*begun, return_exceptions=True)

    async def _outcomes(self, plan: Plan) -> tuple[PastOutcome, ...] | None:
        """The newest outcomes before this rollout, None where nobody knows them in time."""
        if self._past is None:
            return plan.past.outcomes
        await asyncio.wait({self._past}, timeout=self._waits.past_s)
        if not self._past.done():
            self._past.cancel()
            return None
        return None if self._past.cancelled() else self._past.result()

    async def _ask(self, plan: Plan) -> tuple[PastOutcome, ...] | None:
        try:
            query = LedgerQuery(service=plan.service.name, limit=PAST_MAX, outcomes=True)
            return newest_outcomes(await self._ledger.entries(query))
        except InfrastructureError:
            return None

    def _was_silent(self, rollout: Rollout) -> bool:
        return self._silent or bool(rollout.plan.past.silent)

    def _begin(self, entry: Entry, rollout: Rollout) -> asyncio.Task[None]:
        self._sequence += 1
        task = asyncio.ensure_future(self._ledger.append(entry, rollout.id, self._sequence))
        self._begun.add(task)
        return task

    async def _wait(
        self, task: asyncio.Task[None], within_s: float | None, *, go_on: bool = False
    ) -> None:
        """Waits until an entry is kept, or for this time; it may go on being kept beyond it."""
        done, _ = await asyncio.wait({task}, timeout=within_s)
        self._silent = not done or task.exception() is not None
        if done:
            return task.result()
        if not go_on:
            task.cancel()
        raise UnavailableError(f"the ledger gave no answer in {within_s:g} s")


def _noted(entry: Entry, note: str) -> Entry:
    """The entry with one more note."""
    notes = entry.get("notes")
    return {**entry, "notes": [*(notes if isinstance(notes, list) else []), note]}


def _has_kept(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
