"""The shared state of the control plane: services and revisions, in memory and in a journal."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from google.iam.v1.policy_pb2 import Policy
from google.protobuf import json_format

from gate.local.admin.messages import Revision, RevisionTemplate, Service
from gate.local.admin.names import (
    Place,
    parse_revision,
    parse_service,
    place_of,
    revision_path,
    service_path,
)
from gate.local.admin.traffic import Routes
from gate.local.api.errors import ApiError, Code
from gate.local.ports import JsonValue, RevisionKey, ServiceKey

Document = dict[str, JsonValue]


class Journal(Protocol):
    """Where resources outlive the process."""

    def save(self, kind: str, name: str, document: Document) -> None:
        """Writes one resource."""
        ...

    def drop(self, kind: str, name: str) -> None:
        """Removes one resource."""
        ...

    def load(self, kind: str) -> Iterator[Document]:
        """Reads every resource of a kind."""
        ...


@dataclass(slots=True)
class RevisionRecord:
    """A revision and its place in the order of creation.

    Attributes:
        images: what its images were by digest when it was made: reference as deployed to
            repository@digest. One that did not exist is not there.
        client: who wrote its template, as v1 shows it.
    """

    key: RevisionKey
    resource: Revision
    number: int
    images: dict[str, str] = field(default_factory=dict)
    client: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class ServiceRecord:
    """A service, and what its resource does not show.

    Attributes:
        latest_ready: short name of the revision that LATEST stands for; the resource's field may
            lag behind it.
        revisions_made: how many revisions it ever had: the number in the next name.
        routes: the routes in effect.
        ports: the loopback port of each tag's address, and of the service's under "".
        revisions: by short name.
        claims: names of revisions that an accepted write is about to make.
        client: annotations of the template that v2 has no field for: who wrote it.
        policy: its IAM policy; empty where nobody set one.
        routing: held while addresses are opened for new routes.
    """

    key: ServiceKey
    resource: Service
    latest_ready: str = ""
    revisions_made: int = 0
    routes: Routes = field(default_factory=Routes)
    ports: dict[str, int] = field(default_factory=dict)
    revisions: dict[str, RevisionRecord] = field(default_factory=dict)
    claims: dict[str, RevisionTemplate] = field(default_factory=dict)
    client: dict[str, str] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    routing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def revision(self, name: str) -> Revision | None:
        """Gives a revision's resource by short name, or None."""
        record = self.revisions.get(name)
        return record.resource if record else None


class Tables:
    """Every service and revision; each change is journalled before the call returns.

    Args:
        journal: where they outlive the process; read once, now.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._services: dict[ServiceKey, ServiceRecord] = {}
        for document in journal.load("services"):
            record = _service_record(document)
            self._services[record.key] = record
        for document in journal.load("revisions"):
            revision = _revision_record(document)
            owner = self._services.get(revision.key.service)
            if owner is not None:
                owner.revisions[revision.key.revision] = revision

    def find(self, key: ServiceKey) -> ServiceRecord | None:
        """Gives a service, or None."""
        return self._services.get(key)

    def service(self, key: ServiceKey) -> ServiceRecord:
        """Gives a service.

        Raises:
            ApiError: NOT_FOUND.
        """
        record = self._services.get(key)
        if record is None:
            raise missing("SERVICE", key.service, key)
        return record

    def revision(self, key: RevisionKey) -> RevisionRecord:
        """Gives a revision.

        Raises:
            ApiError: NOT_FOUND.
        """
        owner = self._services.get(key.service)
        record = owner.revisions.get(key.revision) if owner else None
        if record is None:
            raise missing("REVISION", key.revision, key.service)
        return record

    def services(self, place: Place | None = None) -> list[ServiceRecord]:
        """Gives the services of a project and region, or all of them."""
        every = self._services.values()
        return [record for record in every if place is None or place_of(record.key) == place]

    def only_project(self) -> str:
        """Gives the project that every service is of, or "" where there are none or several."""
        projects = {key.project for key in self._services}
        return projects.pop() if len(projects) == 1 else ""

    def holds_name(self, place: Place, revision: str) -> ServiceRecord | None:
        """Gives the service that holds a revision name: names are unique in a region (v1)."""
        for record in self.services(place):
            if revision in record.revisions or revision in record.claims:
                return record
        return None

    def put(self, record: ServiceRecord) -> None:
        """Adds or changes a service."""
        self._services[record.key] = record
        self._journal.save("services", service_path(record.key), _service_document(record))

    def put_revision(self, record: RevisionRecord) -> None:
        """Adds or changes a revision."""
        self._services[record.key.service].revisions[record.key.revision] = record
        document: Document = {
            "revision": to_json(record.resource),
            "number": record.number,
            "images": cast("JsonValue", record.images),
            "client": cast("JsonValue", record.client),
        }
        self._journal.save("revisions", revision_path(record.key), document)

    def drop(self, key: ServiceKey) -> None:
        """Removes a service and its revisions; one that is not there is no error."""
        record = self._services.pop(key, None)
        if record is None:
            return
        for revision in record.revisions.values():
            self._journal.drop("revisions", revision_path(revision.key))
        self._journal.drop("services", service_path(key))

    def drop_revision(self, key: RevisionKey) -> None:
        """Removes a revision; one that is not there is no error."""
        owner = self._services.get(key.service)
        if owner is not None and key.revision in owner.revisions:
            del owner.revisions[key.revision]
            self._journal.drop("revisions", revision_path(key))


def missing(kind: str, name: str, key: ServiceKey) -> ApiError:
    """Makes the NOT_FOUND error, worded as v1 words it; v2's own text is not known."""
    return ApiError(
        Code.NOT_FOUND,
        f"Resource '{name}' of kind '{kind}' in region '{key.location}' in project "
        f"'{key.project}' does not exist.",
    )


def to_json(resource: Service | Revision) -> JsonValue:
    """Gives a resource in the JSON form of v2."""
    message = type(resource).pb(resource)
    return cast("JsonValue", json_format.MessageToDict(message))


def _service_document(record: ServiceRecord) -> Document:
    return {
        "service": to_json(record.resource),
        "latest_ready": record.latest_ready,
        "revisions_made": record.revisions_made,
        "shares": [[name, percent] for name, percent in record.routes.shares],
        "tags": [[tag, name] for tag, name in record.routes.tags],
        "ports": dict(record.ports),
        "client": cast("JsonValue", record.client),
        "policy": cast("JsonValue", json_format.MessageToDict(record.policy)),
    }


def _service_record(document: Document) -> ServiceRecord:
    resource = Service()
    body = cast("dict[str, Any]", document["service"])
    json_format.ParseDict(body, Service.pb(resource), ignore_unknown_fields=True)
    shares = cast("list[tuple[str, int]]", document["shares"])
    tags = cast("list[tuple[str, str]]", document["tags"])
    return ServiceRecord(
        key=parse_service(resource.name),
        resource=resource,
        latest_ready=cast("str", document["latest_ready"]),
        revisions_made=cast("int", document["revisions_made"]),
        routes=Routes(
            tuple((name, percent) for name, percent in shares),
            tuple((tag, name) for tag, name in tags),
        ),
        ports=cast("dict[str, int]", document["ports"]),
        client=cast("dict[str, str]", document.get("client", {})),
        policy=json_format.ParseDict(cast("dict[str, Any]", document.get("policy", {})), Policy()),
    )


def _revision_record(document: Document) -> RevisionRecord:
    resource = Revision()
    body = cast("dict[str, Any]", document["revision"])
    json_format.ParseDict(body, Revision.pb(resource), ignore_unknown_fields=True)
    return RevisionRecord(
        key=parse_revision(resource.name),
        resource=resource,
        number=cast("int", document["number"]),
        images=cast("dict[str, str]", document.get("images", {})),
        client=cast("dict[str, str]", document.get("client", {})),
    )
