"""Keys of a policy, for signing decisions and for reading who has signed what."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gate.api import wiring
from gate.api.around import environment
from gate.core.policy import Json, KeyRef, Policy
from gate.errors import InfrastructureError, UnavailableError, UsageError
from gate.ledger.canonical import digest
from gate.ledger.checksum import CHECKSUM

if TYPE_CHECKING:  # loaded only where something is signed
    from gate.ports import Signer
    from gate.signing.envelope import Key
    from gate.signing.keys import PublicKey

SIZE_MAX = 64 * 1024
"""Of a file with keys."""
SECRET_WITHIN_S = 5.0
_LATER = frozenset({"attestation", CHECKSUM})
"""Fields that an outcome gets after it was signed."""


def unsigned_digest(entry: Mapping[str, Json]) -> str:
    """The hash that a signature of an outcome has: of all but itself; "" for what has no hash."""
    try:
        return digest({name: value for name, value in entry.items() if name not in _LATER})
    except (TypeError, ValueError):
        return ""


def need_extra(where: str) -> None:
    """Refuses what cannot be done without the extra.

    Raises:
        UsageError: it is not installed.
    """
    from gate.kinds.extras import SIGNING, hint  # noqa: PLC0415 - only where something is signed

    if missing := SIGNING.missing:
        told = f"{where}: needs the extra signing (got no {', '.join(missing)})"
        raise UsageError(told, hint(["signing"]))


def signer_of(policy: Policy | None) -> "Signer | None":
    """Who signs this policy's decisions; None where nobody does.

    A key that is here, or should be, is read at once; Cloud KMS and Secret Manager are asked when
    there is something to sign.

    Raises:
        UsageError: the extra is not installed, or the key cannot be used.
    """
    if policy is None or policy.sign is None:
        return None
    need_extra("sign")
    from gate.signing.envelope import local  # noqa: PLC0415 - as above
    from gate.signing.keys import private_key  # noqa: PLC0415
    from gate.signing.signer import DecisionSigner  # noqa: PLC0415

    ref, where = policy.sign.key, "sign.key"
    elsewhere = bool(ref.secret or ref.kms)
    here = None if elsewhere else local(private_key(_here(ref, policy.folder, where), where))

    async def key() -> "Key":
        if ref.kms:
            return await _in_kms(ref.kms, where)
        return here or local(private_key(await _secret(ref, where), where))

    return DecisionSigner(key)


async def _in_kms(name: str, where: str) -> "Key":
    """A key that signs in Cloud KMS.

    Raises:
        InfrastructureError: it cannot be asked.
        UsageError: it is of another kind.
    """
    from gate.signing.envelope import Key  # noqa: PLC0415 - as above
    from gate.signing.keys import public_keys  # noqa: PLC0415

    (public,) = public_keys(await _kms_public(name), where)

    async def sign(data: bytes) -> bytes:
        async with wiring.kms_key(name) as key:
            return await key.sign(data)

    return Key(public.key, sign)


async def _kms_public(name: str) -> bytes:
    async with wiring.kms_key(name) as key:
        return await key.public_key()


async def public_keys_of(policy: Policy) -> "tuple[PublicKey, ...]":
    """The keys that an earlier stage may have signed with.

    Raises:
        UsageError: the extra is not installed, or a key cannot be used.
        InfrastructureError: it cannot be had.
    """
    need_extra("require_signed")
    from gate.signing.keys import PublicKey, private_key, public_keys  # noqa: PLC0415 - as above

    required = policy.require_signed
    assert required is not None
    ref, where = required.key, "require_signed.key"
    if ref is None:
        assert policy.sign is not None
        ref, where = policy.sign.key, "sign.key"
    if ref.kms:
        return public_keys(await _kms_public(ref.kms), where)
    pem = await _pem(ref, policy.folder, where)
    if required.key is not None:
        return public_keys(pem, where)
    return (PublicKey(private_key(pem, where).public_key),)


def public_keys_in(path: Path) -> "tuple[PublicKey, ...]":
    """The keys of a file.

    Raises:
        UsageError: the extra is not installed, or there is none that can be used.
    """
    need_extra("--key")
    from gate.signing.keys import public_keys  # noqa: PLC0415 - as above

    return public_keys(_file(path, "--key"), f"--key: {path}")


async def _pem(ref: KeyRef, folder: str, where: str) -> bytes:
    return await _secret(ref, where) if ref.secret else _here(ref, folder, where)


def _here(ref: KeyRef, folder: str, where: str) -> bytes:
    """What a variable or a file holds."""
    if ref.file:
        return _file(Path(folder) / ref.file, where)
    found = environment().get(ref.env, "")
    if not found.strip():
        told = f"{where}: the environment variable {ref.env} is not set (expected a key in PEM)"
        raise UsageError(told, 'export it, e.g. with "$(cat gate.key)", or name a file')
    return found.encode("utf-8", "surrogateescape")


def _file(path: Path, where: str) -> bytes:
    try:
        with path.open("rb") as file:
            found = file.read(SIZE_MAX + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        told = f"{where}: the file {str(path)!a} cannot be read ({why})"
        raise UsageError(told, "is it mounted, and may the gate read it?") from None
    if len(found) > SIZE_MAX:
        told = f"{where}: the file {str(path)!a} is too large (expected {SIZE_MAX // 1024} KiB)"
        raise UsageError(told, "it holds keys in PEM, and nothing else")
    return found


async def _secret(ref: KeyRef, where: str) -> bytes:
    """What Secret Manager keeps.

    Raises:
        InfrastructureError: it cannot be had.
    """
    try:
        async with asyncio.timeout(SECRET_WITHIN_S), wiring.secret_manager() as manager:
            return (await manager.access(ref.secret)).value
    except TimeoutError:
        told = f"{where}: Secret Manager gave no answer in {SECRET_WITHIN_S:g} s"
        raise UnavailableError(told) from None
    except InfrastructureError as error:
        raise type(error)(f"{where}: {error.message}", error.hint) from None
