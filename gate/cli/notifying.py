"""Tells the policy's webhooks how a rollout ended, once that is known, recorded and shown."""

import asyncio
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from gate.cli import secret_values, wiring
from gate.core.policy import Json, Notification, Policy, SecretRef
from gate.errors import GateError, UnavailableError

if TYPE_CHECKING:  # loaded only where somebody is to be told
    from gate.notify.bodies import Notice
    from gate.notify.delivery import Delivery

SECRETS_WITHIN_S = 3.0
"""How long the secrets of one webhook may take."""


def tell(policy: Policy | None, entry: dict[str, Json]) -> None:
    """Tells whoever wants to hear of this ending, within ten seconds; never raises.

    Args:
        policy: whose webhooks; None for nobody.
        entry: how it ended.
    """
    wanted = policy.notify if policy else ()
    hooks = [one for one in wanted if entry.get("ending") in one.on]
    if policy is None or not hooks:
        return
    try:
        notes = [*_told(policy, hooks, entry)]
    except KeyboardInterrupt:
        notes = ["notify: interrupted; some may not have been told"]
    except Exception as error:  # noqa: BLE001 - a defect of ours must not become the exit code
        notes = [f"notify: a defect of the gate ({type(error).__name__})"]
    for note in notes:
        print(f"note: {note}", file=sys.stderr)


def _told(policy: Policy, hooks: list[Notification], entry: dict[str, Json]) -> Iterator[str]:
    from gate.notify.delivery import Sender  # noqa: PLC0415 - only where somebody is to be told
    from gate.probes.tls import shared_context  # noqa: PLC0415

    notice, ready = _notice(entry), []
    for hook in hooks:
        name = f"notify[{policy.notify.index(hook)}] ({hook.format.value})"
        try:
            ready.append(_delivery(policy, hook, notice, name))
        except (GateError, ValueError) as error:
            yield f"{name}: not told: {str(error).splitlines()[0]}"
    sender = Sender(shared_context, wiring.SystemClock().now)
    yield from wiring.run_async(sender.send(ready))


def _delivery(policy: Policy, hook: Notification, notice: "Notice", name: str) -> "Delivery":
    """What is sent to whom.

    Raises:
        UsageError: an address or a secret is missing or unusable.
        UnusableKeyError: nothing can be signed with the secret.
    """
    from gate.notify.bodies import body  # noqa: PLC0415 - as above
    from gate.notify.delivery import Delivery  # noqa: PLC0415
    from gate.notify.signing import key_of  # noqa: PLC0415

    refs = {"url": hook.url}
    if hook.secret:
        refs[hook.secret] = policy.secrets[hook.secret]
    values = wiring.run_async(_values(refs, policy.folder))
    key = key_of(values[hook.secret]) if hook.secret else b""
    return Delivery(name, values["url"], body(notice, hook.format), notice.id, key)


async def _values(refs: Mapping[str, SecretRef], folder: str) -> Mapping[str, str]:
    """The address and the secret of a webhook.

    Raises:
        UsageError, InfrastructureError: one is missing or unusable, or was not to be had in time.
    """
    try:
        async with asyncio.timeout(SECRETS_WITHIN_S):
            return (await secret_values.read(refs, "", folder, wiring.secret_manager)).values
    except TimeoutError:
        raise UnavailableError(f"Secret Manager: no answer in {SECRETS_WITHIN_S:g} s") from None


def _notice(entry: dict[str, Json]) -> "Notice":
    from gate.notify.bodies import Notice  # noqa: PLC0415 - as above
    from gate.report.summary import message_of  # noqa: PLC0415

    title, *lines = message_of(entry)
    return Notice(entry, title, tuple(lines))
