"""Carries one plan through the controller: adapters, secrets, the loop, the entry at its end."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gate.api import asker, asking, caller, signing, wiring
from gate.api.earlier import with_earlier
from gate.api.steps import Steps
from gate.api.who import known
from gate.controller.loop import Controller, World
from gate.core.evidence import Evidence
from gate.core.manual_moves import meant
from gate.core.policy import Json, Policy, Probe
from gate.core.redaction import Redactor
from gate.core.service import ServiceRef
from gate.core.state import Ending, Kind, Plan, Rollout
from gate.core.tagging import own_tag
from gate.errors import InfrastructureError
from gate.ledger.entry import outcome
from gate.ports import Clock, Ledger, Narrator, Platform, Probes, Progress, Target

if TYPE_CHECKING:  # loaded only where it is used
    from gate.core.messages import Command, Event
    from gate.tracing.exporting import Exporting

NAMES_WITHIN_S = 5.0
"""How long names are looked up for whoever has misspelt one."""

Prepare = Callable[[Plan, Platform, Ledger], Awaitable[Plan]]
"""Completes a plan from the service and the ledger, before anything is written."""


@dataclass(frozen=True, slots=True)
class Driven:
    """How it ended, and the entry that says so, as the ledger has it where it was kept.

    Attributes:
        spans: what OpenTelemetry has not been told yet; None where nobody wants it.
        intentions: what it set out to do, the oldest first; () where nobody asked for that.
    """

    rollout: Rollout
    entry: dict[str, Json]
    spans: "Exporting | None" = None
    intentions: tuple[dict[str, Json], ...] = ()


@dataclass(frozen=True, slots=True)
class How:
    """In what way a plan is carried out.

    Attributes:
        narrating: who is told what goes on, once it begins.
        on_end: hears how it ended at once, before anything is closed.
        policy: whose probes and secrets to use; none for moves by hand.
        prepare: completes the plan from the ledger.
        signals: whether Ctrl-C and SIGTERM are the rollout's own while it works.
        steps: whether what it sets out to do is wanted at its end.
    """

    narrating: Callable[[], AbstractContextManager[Narrator]]
    on_end: Callable[[Driven], None]
    policy: Policy | None = None
    prepare: Prepare | None = None
    signals: bool = False
    steps: bool = False


async def drive(plan: Plan, how: How) -> None:
    """Carries a plan out; `how.on_end` hears how it ended.

    Where the task is cancelled once something may have been changed, the rollout first ends safely,
    as on Ctrl-C; the cancellation goes on after that.

    Raises:
        UsageError, InfrastructureError: before anything was changed.
        CancelledError: the task was cancelled; if it had begun, `how.on_end` was told.
    """
    letters = plan.suffix if plan.kind is Kind.ROLLOUT else wiring.new_suffix()
    plan = own_tag(replace(plan, suffix=letters, origin=asker.origin()))
    clock = wiring.SystemClock()
    async with AsyncExitStack() as stack:
        plan, world, spans = await _prepared(plan, how, clock, stack)
        steps = Steps(clock, world.redactor)
        if how.steps:
            world = replace(world, narrator=Both(world.narrator, steps))
        controller = Controller(world)
        running = controller.run(plan, wiring.new_id(clock.now()), signals=how.signals)
        rollout, cancelled = await _to_its_end(running, controller.interrupt)
        entry = controller.outcome if rollout.recorded else None
        entry = entry or outcome(rollout, clock.now(), world.redactor.json)
        unknown = rollout.service is None and rollout.ending is Ending.REFUSED
        if unknown and (said := await services_meant(plan.service)):
            notes = entry["notes"]
            entry["notes"] = [*(notes if isinstance(notes, list) else []), said]
        how.on_end(Driven(rollout, entry, spans, tuple(steps.intentions)))
        if cancelled is not None:
            raise cancelled


async def _prepared(
    plan: Plan, how: How, clock: Clock, stack: AsyncExitStack
) -> tuple[Plan, World, "Exporting | None"]:
    """The whole plan, and everything that it is carried out through; nothing is written yet."""
    ref, policy = plan.service, how.policy
    platform = await stack.enter_async_context(wiring.platform_of(ref))
    logs = await stack.enter_async_context(wiring.logs_of(ref))
    ledger = await stack.enter_async_context(wiring.ledger_of(ref))
    bundles = await stack.enter_async_context(wiring.bundles(wiring.bundles_place(plan.kind)))
    probes: Probes = _NoProbes()
    redactor = Redactor({})
    if policy is not None:
        probes, redactor, versions = await asking.probes_of(
            policy, logs, wiring.configurations_of(platform)
        )
        plan = replace(plan, secret_versions=tuple(sorted(versions.items())))
    counting = None
    if policy is not None and any(plan.requests):
        counting = wiring.user_requests_of(ref, policy)
        await stack.enter_async_context(counting)
    signer = signing.signer_of(policy) if plan.kind is Kind.ROLLOUT else None
    if how.prepare is not None:
        plan = await how.prepare(plan, platform, ledger)
    plan = await known(await with_earlier(plan, policy, platform))
    plan = replace(plan, reason=redactor.text(plan.reason), actor=redactor.text(plan.actor))
    narrator = stack.enter_context(how.narrating())
    if (spans := wiring.exporting()) is not None:
        narrator = Both(narrator, spans.narrator)
    identity = caller.identity_of(platform, policy.candidate.audience if policy else "")
    world = World(
        platform,
        probes,
        logs,
        ledger,
        clock,
        redactor,
        identity,
        narrator,
        wiring.answers,
        bundles,
        counting,
        signer,
    )
    return plan, world, spans


async def _to_its_end(
    running: Awaitable[Rollout], interrupt: Callable[[], None]
) -> tuple[Rollout, asyncio.CancelledError | None]:
    """Waits for a rollout, which a cancellation asks to end safely, and soon.

    However often it is cancelled, it is never left where it is: each of its phases has a limit.
    """
    task, cancelled = asyncio.ensure_future(running), None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as asked:
            if cancelled is None:
                interrupt()
            cancelled = asked
    return task.result(), cancelled


async def services_meant(ref: ServiceRef) -> str:
    """Which service somebody may have meant who named one that is not there; "" if nobody knows."""
    try:
        async with asyncio.timeout(NAMES_WITHIN_S):
            names = await wiring.service_names(ref.project, ref.region)
    except (InfrastructureError, TimeoutError):
        return ""
    said = meant(ref.name, names)
    return f"there is no service {ref.name} in {ref.project}/{ref.region}{said}" if said else ""


class Both:
    """Implements gate.ports.Narrator by passing everything on to two of them."""

    def __init__(self, one: Narrator, other: Narrator) -> None:
        self._narrators = one, other

    def doing(self, rollout: Rollout, command: "Command") -> None:
        """The shell is about to carry this command out."""
        for narrator in self._narrators:
            narrator.doing(rollout, command)

    def happened(self, rollout: Rollout, event: "Event") -> None:
        """This event came, and this is the state that it led to."""
        for narrator in self._narrators:
            narrator.happened(rollout, event)

    def progress(self, progress: Progress) -> None:
        """A probe began, advanced or ended."""
        for narrator in self._narrators:
            narrator.progress(progress)


class _NoProbes:
    """For moves that ask the candidate nothing: no evidence, which is never a pass."""

    async def run(
        self,
        probes: Sequence[Probe],  # noqa: ARG002 - the port's signature
        target: Target,  # noqa: ARG002
        progress: Callable[[Progress], None],  # noqa: ARG002
    ) -> tuple[Evidence, ...]:
        """Nothing was asked."""
        return ()
