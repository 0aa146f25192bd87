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
from gate.core.policy import Json, Policy
from gate.core.state import Plan, Rollout

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
    how = How(
        partial(show.narrating, output.form),
        ended.append,
        policy,
        prepare,
        signals=True,
        steps="html" in output.forms,
    )
    try:
        wiring.run_async(drive(plan, how), many_connections=policy is not None)
    except KeyboardInterrupt:  # with an end, nothing is under way any more
        if not ended:
            raise
    return Ended(ended[0])


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended, to be shown."""

    driven: Driven

    @property
    def rollout(self) -> Rollout:
        """As it ended."""
        return self.driven.rollout

    @property
    def entry(self) -> dict[str, Json]:
        """The entry that says so, as the ledger has it where it was kept."""
        return self.driven.entry

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
        entry, steps = self.entry, self.driven.intentions
        return results.Result([entry], entry, self._blocks, recorded=kept, intentions=steps)

    def _blocks(self) -> "list[Block]":
        from gate.report.lines import BLANK  # noqa: PLC0415 - as in show
        from gate.report.outcome import outcome_lines  # noqa: PLC0415

        return [BLANK, *outcome_lines(self.entry, recorded=self.rollout.recorded)]
