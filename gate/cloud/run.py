"""Cloud Run's Admin API v1, seen from one service: implements ports.Platform.

v1 rather than v2, because its replaceService is the one call that is known to refuse a write whose
service was changed since it was read (docs/adr/0005); gcloud makes every change with it, too.
"""

import re
from collections.abc import Mapping
from copy import deepcopy
from urllib.parse import urlencode

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.documents import Document, number, part, text, texts
from gate.cloud.knative import SERVICE_LABEL, of_users, reserved
from gate.cloud.pages import read_pages
from gate.cloud.template import next_template, same_settings, template_of
from gate.cloud.values import owner_of, revision_value, service_value, traffic_items
from gate.cloud.way_in import WayIn, by_policy, by_service, invokers_of
from gate.cloud.wire import OverWire, Patience, Query, Ways, Wire, path_of
from gate.core.service import Revision, Service, ServiceRef
from gate.core.traffic import Split
from gate.errors import AccessError, ConflictError, InfrastructureError, NotFoundError

API = "serving.knative.dev/v1"
_NAMESPACE = f"/apis/{API}/namespaces/{{project}}"
_WRITE_S = 15.0
_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_KEPT = 16
"""How many reads a write may refer to: far more than come between a read and its write."""


class CloudRun(OverWire):
    """Reads one service and its revisions, and replaces the service. Judges nothing.

    Args:
        ref: the service.
        endpoint: where the Admin API is.
        patience: how long failures that may pass are borne, for each call.
        ways: how the wire reaches the world.
    """

    def __init__(
        self,
        ref: ServiceRef,
        endpoint: Endpoint,
        patience: Patience | None = None,
        ways: Ways | None = None,
    ) -> None:
        self._ref = ref
        self._subject = f"service {ref}"
        self._path = path_of(f"{_NAMESPACE}/services/{{name}}", project=ref.project, name=ref.name)
        self._wire = Wire(Place(Api.RUN, endpoint, ref.region), patience, ways)
        self._reads: dict[str, Document] = {}

    @property
    def service_name(self) -> str:
        """Name of the service."""
        return self._ref.name

    async def read_service(self) -> Service:
        """As ports.Platform."""
        return service_value(await self._read(), self._ref)

    async def read_revision(self, name: str) -> Revision:
        """As ports.Platform."""
        return revision_value(await self.revision_document(name))

    async def service_document(self) -> Document:
        """The service in its v1 form; raises as `read_service`."""
        return await self._read()

    async def revision_document(self, name: str) -> Document:
        """A revision in its v1 form; raises as `read_revision`."""
        subject = f"revision {name} of {self._subject}"
        _require_possible(name, subject)
        path = path_of(f"{_NAMESPACE}/revisions/{{name}}", project=self._ref.project, name=name)
        document = await self._wire.call(Query("GET", path, subject))
        owner = owner_of(document)
        if owner not in ("", self._ref.name):
            raise NotFoundError(f"{subject}: belongs to another service (got {owner})")
        return document

    async def list_revisions(self) -> tuple[Revision, ...]:
        """As ports.Platform."""
        _require_possible(self._ref.name, self._subject)
        selector = urlencode({"labelSelector": f"{SERVICE_LABEL}={self._ref.name}"})
        path = path_of(f"{_NAMESPACE}/revisions", project=self._ref.project)
        query = Query("GET", f"{path}?{selector}", f"revisions of {self._subject}")
        found = [revision_value(one) for one in await read_pages(self._wire, query)]
        return tuple(sorted(found, key=_age, reverse=True))

    async def deploy(
        self,
        image: str,
        revision: str,
        traffic: Split,
        etag: str,
        annotations: Mapping[str, str] | None = None,
        base: str = "",
    ) -> int:
        """As ports.Platform."""
        if not etag:
            return await self._create(image, revision, traffic, annotations or {})
        document = await self._as_read(etag)
        template = part(document, "spec", "template")
        if base:
            stable = await self.revision_document(base)
            if not same_settings(template, stable, self._ref.name):
                template = template_of(stable, self._ref.name)
        part(document, "spec")["template"] = next_template(template, image, revision, self._subject)
        return await self._replace(document, traffic, annotations)

    async def set_traffic(
        self, traffic: Split, etag: str, annotations: Mapping[str, str] | None = None
    ) -> int:
        """As ports.Platform: the service as it was read, with another list of traffic."""
        return await self._replace(await self._as_read(etag), traffic, annotations)

    async def way_in(self) -> WayIn:
        """What lets callers in; an ID token where this caller may not read the IAM policy."""
        said = by_service(await self._read())
        if said is not None:
            return said
        try:
            return by_policy(await self._policy())
        except AccessError:
            return WayIn.TOKEN

    async def invokers(self) -> tuple[str, ...]:
        """The members that the service's own IAM policy lets call it.

        Raises:
            AccessError: this caller may not read it.
        """
        return invokers_of(await self._policy())

    async def _policy(self) -> Document:
        ref = self._ref
        path = path_of(
            "/v1/projects/{project}/locations/{region}/services/{name}:getIamPolicy",
            project=ref.project,
            region=ref.region,
            name=ref.name,
        )
        return await self._wire.call(Query("GET", path, f"IAM policy of {self._subject}"))

    async def _read(self) -> Document:
        _require_possible(self._ref.name, self._subject)
        document = await self._wire.call(Query("GET", self._path, self._subject))
        return self._kept(document)

    def _kept(self, document: Document) -> Document:
        """Remembers what was read by its version, which a write of it must name.

        Raises:
            InfrastructureError: it has none, or is no service.
        """
        version = text(document, "metadata", "resourceVersion")
        if not version or not part(document, "spec"):
            raise InfrastructureError(
                f"{self._subject}: what came is no service "
                f"(got fields {sorted(document)[:10]}, expected metadata.resourceVersion and spec)"
            )
        self._reads.pop(version, None)
        self._reads[version] = document
        while len(self._reads) > _KEPT:
            del self._reads[next(iter(self._reads))]
        return document

    async def _as_read(self, etag: str) -> Document:
        """The service as it was when it had this version, to be changed and sent back.

        Raises:
            ConflictError: that read is not known any more, and the service has changed since.
        """
        document = self._reads.get(etag)
        if document is None:
            document = await self._read()
            found = text(document, "metadata", "resourceVersion")
            if found != etag:
                raise ConflictError(
                    f"{self._subject}: has changed since it was read "
                    f"(got version {found}, expected {etag})",
                    "read it again",
                )
        return deepcopy(document)

    async def _replace(
        self, document: Document, traffic: Split, annotations: Mapping[str, str] | None
    ) -> int:
        """Sends the whole service back; its version, which Cloud Run compares, goes with it."""
        part(document, "spec")["traffic"] = traffic_items(traffic)
        if annotations is not None:
            metadata = part(document, "metadata")
            own = {k: v for k, v in texts(metadata, "annotations").items() if reserved(k)}
            metadata["annotations"] = {**own, **of_users(annotations)}
        query = Query("PUT", self._path, self._subject, document, _WRITE_S, writes=True)
        return number(await self._wire.call(query), "metadata", "generation")

    async def _create(
        self, image: str, revision: str, traffic: Split, annotations: Mapping[str, str]
    ) -> int:
        """A new service with Cloud Run's defaults; fails where it exists by now."""
        bare: Document = {"spec": {"containers": [{"image": image}]}}
        document: Document = {
            "apiVersion": API,
            "kind": "Service",
            "metadata": {
                "name": self._ref.name,
                "namespace": self._ref.project,
                "annotations": dict(of_users(annotations)),
            },
            "spec": {
                "template": next_template(bare, image, revision, self._subject),
                "traffic": traffic_items(traffic),
            },
        }
        path = self._path.rpartition("/")[0]
        query = Query("POST", path, self._subject, document, _WRITE_S, writes=True)
        return number(await self._wire.call(query), "metadata", "generation")


def _require_possible(name: str, subject: str) -> None:
    """Makes sure that there may be something of this name; the API calls any other a bad request.

    Raises:
        NotFoundError: nothing can have it.
    """
    if not _NAME.fullmatch(name):
        raise NotFoundError(
            f"{subject}: does not exist (got a name that none can have, expected up to 63 "
            "lower-case letters, digits and hyphens)"
        )


def _age(revision: Revision) -> tuple[float, str]:
    created = revision.created_at
    return (created.timestamp() if created else 0.0, revision.name)
