"""Carries a plan out for a caller by code, and gives what came of it."""

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass

from gate.api import notices
from gate.api.around import say
from gate.api.driving import Driven, How, Prepare, drive
from gate.api.moves import led_on
from gate.api.outcome import Outcome, outcome_of
from gate.api.progress import Listener, Progress, Telling
from gate.core.gcloud import instead
from gate.core.policy import Policy
from gate.core.state import Plan
from gate.errors import AccessError, UnavailableError


@dataclass(frozen=True, slots=True)
class Way:
    """How a call is carried out.

    Attributes:
        listener: hears what goes on.
        signals: whether SIGINT and SIGTERM end it safely.
        policy: whose probes are asked.
        told_by: whose webhooks are told.
        prepare: completes the plan.
    """

    listener: Listener
    signals: bool
    policy: Policy | None = None
    told_by: Policy | None = None
    prepare: Prepare | None = None


async def carried_out(plan: Plan, way: Way) -> Outcome:
    """Carries a plan out, and tells whoever wants to hear how it ended.

    Raises:
        UsageError, InfrastructureError: before anything was changed.
        CancelledError: the task was cancelled; if it had begun, the listener has the outcome.
    """
    ended: list[Driven] = []
    narrator = nullcontext(Telling(way.listener))
    how = How(lambda: narrator, ended.append, way.policy, way.prepare, signals=way.signals)
    cancelled: asyncio.CancelledError | None = None
    try:
        await drive(plan, how)
    except asyncio.CancelledError as asked:
        if not ended:
            raise
        cancelled = asked
    except (AccessError, UnavailableError) as error:
        what, command = instead(plan)
        if not command:
            raise
        raise led_on(error, what, command) from None
    (driven,) = ended
    found = outcome_of(driven.entry, driven.rollout.exit_code, recorded=driven.rollout.recorded)
    way.listener.tell(Progress(f"{found.kind}: {found.ending}", "ended", outcome=found))
    await _tell(way.told_by, driven)
    if cancelled is not None:
        raise cancelled
    return found


async def _tell(policy: Policy | None, driven: Driven) -> None:
    """Tells webhooks and OpenTelemetry, within a bounded time; no failure changes the outcome."""
    try:
        hooks = notices.wanted(policy, driven.entry)
        if policy is not None and hooks:
            async for note in notices.told(policy, hooks, driven.entry):
                say(f"note: {note}")
        if driven.spans is not None and not await asyncio.to_thread(driven.spans.finish):
            say("note: OpenTelemetry did not take all spans in time")
    except Exception as error:  # noqa: BLE001 - a defect of ours must not hide how it ended
        say(f"note: a defect of the gate ({type(error).__name__})")
