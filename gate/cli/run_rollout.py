"""Carries one plan through the controller and shows how it ended.

What rollout, promote, rollback, recover and unlock share.
"""

import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gate.api import wiring
from gate.api.driving import Driven, How, Prepare, drive, services_meant
from gate.cli import notifying, results, show
from gate.cli.delivery import deliver
from gate.cli.options import Output
<<<<<<< HEAD
from gate.cli.steps import Steps
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
=======
from gate.core.policy import Json, Policy
from gate.core.state import Plan, Rollout
>>>>>>> main

if TYPE_CHECKING:  # loaded only where it is used
    from gate.report.lines import Block

__all__ = ["Ended", "carry_out", "run_rollout", "services_meant"]


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
    ended: list[Driven] = []
    how = How(partial(show.narrating, output.form), ended.append, policy, prepare, signals=True)
    try:
        wiring.run_async(drive(plan, how), many_connections=policy is not None)
    except KeyboardInterrupt:  # with an end, nothing is under way any more
        if not ended:
            raise
    return Ended(ended[0])


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended, to be shown."""

<<<<<<< HEAD
    rollout: Rollout
    entry: dict[str, Json]
    spans: "Exporting | None" = None
    intentions: tuple[dict[str, Json], ...] = ()
=======
    driven: Driven

    @property
    def rollout(self) -> Rollout:
        """As it ended."""
        return self.driven.rollout

    @property
    def entry(self) -> dict[str, Json]:
        """The entry that says so, as the ledger has it where it was kept."""
        return self.driven.entry
>>>>>>> main

    def send_spans(self) -> None:
        """Sends what OpenTelemetry has not been told yet, within a bounded time."""
        try:
            spans = self.driven.spans
            if spans is not None and not spans.finish():
                print("note: OpenTelemetry did not take all spans in time", file=sys.stderr)
        except KeyboardInterrupt:
            print("note: interrupted; some spans may not have been sent", file=sys.stderr)

    @property
    def result(self) -> results.Result:
        """The same, to be shown in any form."""
        kept = self.rollout.recorded
        entry, steps = self.entry, self.intentions
        return results.Result([entry], entry, self._blocks, recorded=kept, intentions=steps)

    def _blocks(self) -> "list[Block]":
        from gate.report.lines import BLANK  # noqa: PLC0415 - as in show
        from gate.report.outcome import outcome_lines  # noqa: PLC0415

        return [BLANK, *outcome_lines(self.entry, recorded=self.rollout.recorded)]
<<<<<<< HEAD


async def _drive(plan: Plan, how: _How, ended: list[Ended]) -> None:
    ref = plan.service
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
        steps = Steps(how.clock, redactor)
        if "html" in how.output.forms:
            narrator = show.Both(narrator, steps)
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
            bundles,
            counting,
        )
        controller = Controller(world)
        rollout = await controller.run(plan, wiring.new_id(how.clock.now()))
        entry = controller.outcome if rollout.recorded else None
        entry = entry or outcome(rollout, how.clock.now(), redactor.json)
        unknown = rollout.service is None and rollout.ending is Ending.REFUSED
        if unknown and (said := await services_meant(ref)):
            notes = entry["notes"]
            entry["notes"] = [*(notes if isinstance(notes, list) else []), said]
        ended.append(Ended(rollout, entry, spans, tuple(steps.intentions)))


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
=======
>>>>>>> main
