"""Tells the policy's webhooks how a rollout ended, once that is known, recorded and shown."""

import sys

from gate.api import notices, wiring
from gate.core.policy import Json, Notification, Policy


def tell(policy: Policy | None, entry: dict[str, Json]) -> None:
    """Tells whoever wants to hear of this ending, within ten seconds; never raises.

    Args:
        policy: whose webhooks; None for nobody.
        entry: how it ended.
    """
    hooks = notices.wanted(policy, entry)
    if policy is None or not hooks:
        return
    try:
        wiring.run_async(_tell(policy, hooks, entry))
    except KeyboardInterrupt:
        _note("notify: interrupted; some may not have been told")
    except Exception as error:  # noqa: BLE001 - a defect of ours must not become the exit code
        _note(f"notify: a defect of the gate ({type(error).__name__})")


async def _tell(policy: Policy, hooks: list[Notification], entry: dict[str, Json]) -> None:
    async for note in notices.told(policy, hooks, entry):
        _note(note)


def _note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)
