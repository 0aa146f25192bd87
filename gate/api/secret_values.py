"""The values of a policy's secrets, from where it says: variables, files, Secret Manager."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gate.api.around import environment
from gate.core.policy import Policy, SecretRef
from gate.core.redaction import SHORTEST
from gate.core.secret import Secret
from gate.errors import GateError, InfrastructureError, UsageError

if TYPE_CHECKING:  # imported only where a secret is kept there
    from gate.cloud.secrets import SecretManager

SIZE_MAX = 64 * 1024
"""Of Secret Manager's payloads, and so of files."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the policy's secrets are.

    Attributes:
        values: by name.
        versions: by name, the version of those that Secret Manager keeps.
    """

    values: Mapping[str, Secret] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Found:
    """One secret, or why there is none."""

    value: Secret = field(default_factory=partial(Secret, ""))
    version: str = ""
    problem: GateError | None = None


Open = Callable[[], "SecretManager"]


async def of_policy(policy: Policy, manager: Open) -> Secrets:
    """The secrets of a policy.

    Args:
        policy: whose secrets.
        manager: opens Secret Manager.

    Raises:
        UsageError, InfrastructureError: as `read`.
    """
    hint = f"export them before running the gate; {policy.source} names them under `secrets`"
    return await read(policy.secrets, hint, policy.folder, manager)


async def read(
    refs: Mapping[str, SecretRef], hint: str, folder: str = "", manager: Open | None = None
) -> Secrets:
    """The values of named secrets.

    Args:
        refs: where each comes from.
        hint: what to do where a variable is missing.
        folder: where relative paths of files begin.
        manager: opens Secret Manager, where any is kept there.

    Raises:
        UsageError: some are missing or unusable; names all of them, never a value.
        InfrastructureError: all that are missing are Secret Manager's; of the first one's class.
    """
    found = {name: _here(name, ref, hint, folder) for name, ref in refs.items() if not ref.secret}
    kept = {name: ref.secret for name, ref in refs.items() if ref.secret}
    if kept and manager is not None:
        async with manager() as opened:
            all_kept = (_kept(name, version, opened) for name, version in kept.items())
            found |= dict(zip(kept, await asyncio.gather(*all_kept), strict=True))
    problems = [one.problem for name in refs if (one := found[name]).problem]
    if problems:
        raise _together(problems)
    return Secrets(
        {name: one.value for name, one in found.items()},
        {name: one.version for name, one in found.items() if one.version},
    )


def _here(name: str, ref: SecretRef, hint: str, folder: str) -> _Found:
    """One from a variable or a file."""
    if ref.file:
        path = Path(folder) / ref.file
        try:
            with path.open("rb") as file:
                raw = file.read(SIZE_MAX + 1)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            what = f"secret {name}: the file {ref.file!a} cannot be read ({why})"
            return _Found(problem=UsageError(what, "is it mounted, and may the gate read it?"))
        return _usable(name, raw, f"the file {ref.file!a}")
    value = environment().get(ref.env, "").strip()
    if not value:
        what = f"secret {name}: the environment variable {ref.env} is not set"
        return _Found(problem=UsageError(what, hint))
    return _usable(name, value.encode("utf-8", "surrogateescape"), ref.env)


async def _kept(name: str, version: str, manager: "SecretManager") -> _Found:
    """One of Secret Manager."""
    try:
        kept = await manager.access(version)
    except InfrastructureError as error:
        return _Found(problem=type(error)(f"secret {name}: {error.message}", error.hint))
    found = _usable(name, kept.value, version)
    return _Found(found.value, kept.name, found.problem)


def _usable(name: str, raw: bytes, where: str) -> _Found:
    """The value as a text without the white space around it, such as the newline of most files."""
    try:
        value = raw.decode().strip() if len(raw) <= SIZE_MAX else ""
    except UnicodeDecodeError:
        value = ""
    if len(value) >= SHORTEST and not any(ord(character) < 32 for character in value):
        return _Found(Secret(value))
    what = (
        f"secret {name}: the value of {where} is unusable (expected UTF-8, at least {SHORTEST} "
        f"characters, at most {SIZE_MAX // 1024} KiB and no control characters)"
    )
    return _Found(problem=UsageError(what))


def _together(problems: list[GateError]) -> GateError:
    """All of them as one error: a usage error if one of them is."""
    chief = next((one for one in problems if isinstance(one, UsageError)), problems[0])
    hints = dict.fromkeys(one.hint for one in problems if one.hint)
    return type(chief)("\n".join(one.message for one in problems), "\n".join(hints))
