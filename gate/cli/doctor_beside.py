"""What a rollout needs beside its service, for `gate doctor`: secrets, keys, a bucket."""

from collections.abc import Iterator
from typing import NamedTuple

from gate.api import wiring
from gate.api.around import environment
from gate.cloud.channel import Endpoint
from gate.cloud.permissions import Tested, of_bucket, of_key, of_secret
from gate.cloud.storage import SCHEME, folder_of
from gate.core.policy import Policy
from gate.core.state import Kind
from gate.doctor.permissions import Resource, When


class Beside(NamedTuple):
    """A resource, how its permissions are asked, and in which case they are needed."""

    resource: Resource
    name: str
    tested: Tested
    when: When


def beside(policy: Policy | None) -> tuple[Beside, ...]:
    """Each resource once, by what the policy, if there is one, and the environment name.

    Raises:
        UsageError: GATE_BUNDLES names no bucket.
    """
    return tuple(dict.fromkeys(_beside(policy)))


def _beside(policy: Policy | None) -> Iterator[Beside]:
    told = environment()
    if policy is not None:
        yield from _secrets(policy, Endpoint(told.get(wiring.SECRETS_EMULATOR)))
        yield from _keys(policy, Endpoint(told.get(wiring.KMS_EMULATOR)))
    place = wiring.bundles_place(Kind.ROLLOUT)
    if place.startswith(SCHEME):
        bucket = folder_of(place).bucket
        host = told.get(wiring.STORAGE_EMULATOR, "").removeprefix("http://").rstrip("/")
        tested = of_bucket(bucket, Endpoint(host))
        yield Beside(Resource.BUCKET, bucket, tested, When.BUNDLES)


def _secrets(policy: Policy, manager: Endpoint) -> Iterator[Beside]:
    refs = [*policy.secrets.values(), *(one.url for one in policy.notify)]
    keys = [one.key for one in (policy.sign, policy.require_signed) if one is not None]
    named = [one.secret for one in refs] + [one.secret for one in keys if one is not None]
    for name in filter(None, named):
        yield Beside(Resource.SECRET, name, of_secret(name, manager), When.SECRETS)


def _keys(policy: Policy, kms: Endpoint) -> Iterator[Beside]:
    """The key that signs, and the one by which signatures are required, which may be the same."""
    signs = policy.sign.key if policy.sign else None
    required = policy.require_signed.key or signs if policy.require_signed else None
    for ref, resource, when in (
        (signs, Resource.KEY, When.SIGNS),
        (required, Resource.STAGE_KEY, When.REQUIRES),
    ):
        if ref is not None and ref.kms:
            name = "/".join(ref.kms.split("/")[:8])
            yield Beside(resource, name, of_key(name, kms), when)
