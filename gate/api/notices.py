"""Tells the policy's webhooks how a rollout ended, once that is known and recorded."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

from gate.api import secret_values, wiring
from gate.core.policy import Json, Notification, Policy, SecretRef
from gate.core.secret import Secret
from gate.errors import GateError, UnavailableError

if TYPE_CHECKING:  # loaded only where somebody is to be told
    from gate.notify.bodies import Notice
    from gate.notify.delivery import Delivery

SECRETS_WITHIN_S = 3.0
"""How long the secrets of one webhook may take."""


def wanted(policy: Policy | None, entry: dict[str, Json]) -> list[Notification]:
    """The webhooks that want to hear of this ending."""
    return [one for one in policy.notify if entry.get("ending") in one.on] if policy else []


async def told(
    policy: Policy, hooks: list[Notification], entry: dict[str, Json]
) -> AsyncIterator[str]:
    """Tells these webhooks of a policy, within ten seconds; yields whatever did not work."""
    from gate.notify.delivery import Sender  # noqa: PLC0415 - only where somebody is to be told
    from gate.probes.tls import shared_context  # noqa: PLC0415

    notice, ready = _notice(entry), []
    for hook in hooks:
        name = f"notify[{policy.notify.index(hook)}] ({hook.format.value})"
        try:
            ready.append(await _delivery(policy, hook, notice, name))
        except (GateError, ValueError) as error:
            yield f"{name}: not told: {str(error).splitlines()[0]}"
    sender = Sender(shared_context, wiring.SystemClock().now)
    for note in await sender.send(ready):
        yield note


async def _delivery(policy: Policy, hook: Notification, notice: "Notice", name: str) -> "Delivery":
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
    values = await _values(refs, policy.folder)
    key = key_of(values[hook.secret].reveal()) if hook.secret else b""
    return Delivery(name, values["url"].reveal(), body(notice, hook.format), notice.id, key)


async def _values(refs: Mapping[str, SecretRef], folder: str) -> Mapping[str, Secret]:
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
