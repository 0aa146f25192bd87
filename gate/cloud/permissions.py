"""Which permissions the caller has on a resource, by Google's own word (testIamPermissions)."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.documents import Document, items
from gate.cloud.wire import Patience, Query, Ways, Wire, path_of
from gate.core.service import ServiceRef
from gate.errors import InfrastructureError

_PATIENCE = Patience(budget_s=8.0)


@dataclass(frozen=True, slots=True)
class Tested:
    """A resource whose permissions are asked.

    Attributes:
        place: which API knows it.
        path: of the call.
        subject: what it is, for messages.
        by_query: whether it is asked as Cloud Storage is, by GET.
    """

    place: Place
    path: str
    subject: str
    by_query: bool = False


def of_service(ref: ServiceRef, endpoint: Endpoint) -> Tested:
    """A Cloud Run service."""
    path = path_of(
        "/v1/projects/{project}/locations/{region}/services/{name}:testIamPermissions",
        project=ref.project,
        region=ref.region,
        name=ref.name,
    )
    return Tested(Place(Api.RUN, endpoint, ref.region), path, f"service {ref}")


def of_project(project: str, endpoint: Endpoint) -> Tested:
    """A project."""
    path = path_of("/v1/projects/{project}:testIamPermissions", project=project)
    return Tested(Place(Api.RESOURCE_MANAGER, endpoint), path, f"project {project}")


def of_account(email: str, endpoint: Endpoint) -> Tested:
    """A service account, of whatever project."""
    path = path_of("/v1/projects/-/serviceAccounts/{email}:testIamPermissions", email=email)
    return Tested(Place(Api.IAM, endpoint), path, f"service account {email}")


def of_secret(name: str, endpoint: Endpoint) -> Tested:
    """A secret of Secret Manager, by its whole name: `projects/P/secrets/S`."""
    named = "/".join(name.split("/")[:4])
    path = f"/v1/{quote(named, safe='/')}:testIamPermissions"
    return Tested(Place(Api.SECRETS, endpoint), path, f"secret {named}")


def of_key(name: str, endpoint: Endpoint) -> Tested:
    """A key of Cloud KMS, by its whole name or that of one of its versions."""
    named = "/".join(name.split("/")[:8])
    path = f"/v1/{quote(named, safe='/')}:testIamPermissions"
    return Tested(Place(Api.KMS, endpoint), path, f"key {named}")


def of_bucket(bucket: str, endpoint: Endpoint) -> Tested:
    """A bucket of Cloud Storage."""
    path = path_of("/storage/v1/b/{bucket}/iam/testPermissions", bucket=bucket)
    return Tested(Place(Api.STORAGE, endpoint), path, f"bucket {bucket}", by_query=True)


async def held(
    tested: Tested, permissions: Sequence[str], ways: Ways | None = None
) -> dict[str, bool | InfrastructureError]:
    """Whether the caller has each of these permissions, or why nobody can tell.

    One that Google does not take for such a resource does not hide the others: they are asked one
    by one then.

    Args:
        tested: on what.
        permissions: by name.
        ways: how the wire reaches the world.
    """
    async with Wire(tested.place, _PATIENCE, ways) as wire:
        try:
            found = await _asked(wire, tested, permissions)
        except InfrastructureError as error:
            if type(error) is InfrastructureError and len(permissions) > 1:  # a bad request
                each = [await _alone(wire, tested, one) for one in permissions]
                return dict(zip(permissions, each, strict=True))
            return dict.fromkeys(permissions, error)
    return {one: one in found for one in permissions}


async def _alone(wire: Wire, tested: Tested, permission: str) -> bool | InfrastructureError:
    try:
        return permission in await _asked(wire, tested, [permission])
    except InfrastructureError as error:
        return error


async def _asked(wire: Wire, tested: Tested, permissions: Sequence[str]) -> frozenset[str]:
    body: Document = {"permissions": [*permissions]}
    subject = f"permissions on {tested.subject}"
    query = Query("POST", tested.path, subject, body)
    if tested.by_query:
        asked = urlencode({"permissions": permissions}, doseq=True)
        query = Query("GET", f"{tested.path}?{asked}", subject)
    answer = await wire.call(query)
    return frozenset(one for one in items(answer, "permissions") if isinstance(one, str))
