"""Carries one plan through the controller and shows how it ended.

What rollout, promote, rollback, recover and unlock share.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from gate.cli import caller, notifying, results, show, wiring
from gate.cli.delivery import deliver
from gate.cli.options import Output
from gate.cli.who import known
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
from gate.ports import Clock, Ledger, Platform, Probes, Progress, Target

if TYPE_CHECKING:  # loaded only where it is used
    from gate.report.lines import Block
    from gate.tracing.exporting import Exporting

NAMES_WITHIN_S = 5.0
"""How long names are looked up for whoever has misspelt one."""

Prepare = Callable[[Plan, Platform, Ledger], Awaitable[Plan]]


def run_rollout(
    plan: Plan,
    output: Output,
    *,
    policy: Policy | None = None,
    prepare: Prepare | None = None,
    told_by: Policy | None = None,
) -> int:
    """Carries a plan out, shows and tells how it ended, and returns the exit code.

    Args:
        plan: as `carry_out` has it.
        output: where it is told and shown, and where it is delivered to.
        policy: as `carry_out` has it.
        prepare: as `carry_out` has it.
        told_by: whose webhooks are told, where that is another policy than the one that asks.

    Raises:
        KeyboardInterrupt: before anything was changed.
    """
    ended = carry_out(plan, output, policy=policy, prepare=prepare)
    try:
        results.decided(ended.result, output, policy)
        results.safely("--upload", partial(deliver, ended.result, output.upload))
    except KeyboardInterrupt:  # how it ended is known
        from gate.report.words import flags  # noqa: PLC0415 - as in show

        where = flags(plan.service)
        print(f"gate: interrupted; see gate audit show {ended.rollout.id} {where}", file=sys.stderr)
    notifying.tell(told_by or policy, ended.entry)
    ended.send_spans()
    return int(ended.rollout.exit_code)


def carry_out(
    plan: Plan, output: Output, *, policy: Policy | None = None, prepare: Prepare | None = None
) -> "Ended":
    """Carries a plan out and tells what goes on.

    Args:
        plan: what was asked for.
        output: where it is told.
        policy: whose probes and secrets to use; none for moves by hand.
        prepare: runs before anything is written; completes the plan from the ledger.

    Raises:
        KeyboardInterrupt: before anything was changed.
    """
    ended: list[Ended] = []
    letters = plan.suffix if plan.kind is Kind.ROLLOUT else wiring.new_suffix()
    plan = own_tag(replace(plan, suffix=letters, origin=wiring.origin()))
    main = _drive(plan, _How(output, policy, prepare, wiring.SystemClock()), ended)
    try:
        wiring.run_async(main, many_connections=policy is not None)
    except KeyboardInterrupt:  # with an end, nothing is under way any more
        if not ended:
            raise
    return ended[0]


@dataclass(frozen=True, slots=True)
class _How:
    output: Output
    policy: Policy | None
    prepare: Prepare | None
    clock: Clock


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended, and the entry that says so, as the ledger has it where it was kept."""

    rollout: Rollout
    entry: dict[str, Json]
    spans: "Exporting | None" = None

    def send_spans(self) -> None:
        """Sends what OpenTelemetry has not been told yet, within a bounded time."""
        try:
            if self.spans is not None and not self.spans.finish():
                print("note: OpenTelemetry did not take all spans in time", file=sys.stderr)
        except KeyboardInterrupt:
            print("note: interrupted; some spans may not have been sent", file=sys.stderr)

    @property
    def result(self) -> results.Result:
        """The same, to be shown in any form."""
        kept = self.rollout.recorded
        return results.Result([self.entry], self.entry, self._blocks, recorded=kept)

    def _blocks(self) -> "list[Block]":
        from gate.report.lines import BLANK  # noqa: PLC0415 - as in show
        from gate.report.outcome import outcome_lines  # noqa: PLC0415

        return [BLANK, *outcome_lines(self.entry, recorded=self.rollout.recorded)]


async def _drive(plan: Plan, how: _How, ended: list[Ended]) -> None:
    ref, plan = plan.service, await known(plan)
    async with AsyncExitStack() as stack:
        platform = await stack.enter_async_context(wiring.platform_of(ref))
        logs = await stack.enter_async_context(wiring.logs_of(ref))
        ledger = await stack.enter_async_context(wiring.ledger_of(ref))
        bundles = await stack.enter_async_context(wiring.bundles(wiring.bundles_place(plan.kind)))
        probes: Probes = _NoProbes()
        redactor = Redactor({})
        if how.policy is not None:
            probes, redactor, versions = await wiring.probes_of(
                how.policy, logs, wiring.configurations_of(platform)
            )
            plan = replace(plan, secret_versions=tuple(sorted(versions.items())))
        counting = None
        if how.policy is not None and any(plan.requests):
            counting = wiring.user_requests_of(ref, how.policy)
            await stack.enter_async_context(counting)
        if how.prepare is not None:
            plan = await how.prepare(plan, platform, ledger)
        plan = replace(plan, reason=redactor.text(plan.reason), actor=redactor.text(plan.actor))
        narrator = stack.enter_context(show.narrating(how.output.form))
        if (spans := wiring.exporting()) is not None:
            narrator = show.Both(narrator, spans.narrator)
        audience = how.policy.candidate.audience if how.policy else ""
        identity = caller.identity_of(platform, audience)
        world = World(
            platform,
            probes,
            logs,
            ledger,
            how.clock,
            redactor,
            identity,
            narrator,
            wiring.answers,
            counting,
            bundles,
        )
        controller = Controller(world)
        rollout = await controller.run(plan, wiring.new_id(how.clock.now()))
        entry = controller.outcome if rollout.recorded else None
        entry = entry or outcome(rollout, how.clock.now(), redactor.json)
        unknown = rollout.service is None and rollout.ending is Ending.REFUSED
        if unknown and (said := await services_meant(ref)):
            notes = entry["notes"]
            entry["notes"] = [*(notes if isinstance(notes, list) else []), said]
        ended.append(Ended(rollout, entry, spans))


async def services_meant(ref: ServiceRef) -> str:
    """Which service somebody may have meant who named one that is not there; "" if nobody knows."""
    try:
        async with asyncio.timeout(NAMES_WITHIN_S):
            names = await wiring.service_names(ref.project, ref.region)
    except (InfrastructureError, TimeoutError):
        return ""
    said = meant(ref.name, names)
    return f"there is no service {ref.name} in {ref.project}/{ref.region}{said}" if said else ""


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
