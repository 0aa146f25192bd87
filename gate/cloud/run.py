"""Cloud Run's Admin API v2, seen from one service: implements ports.Platform."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import quote

from google.cloud.run_v2.types import revision as revisions
from google.cloud.run_v2.types import service as services
from google.cloud.run_v2.types.k8s_min import Container
from google.cloud.run_v2.types.revision_template import RevisionTemplate
from google.iam.v1.iam_policy_pb2 import GetIamPolicyRequest
from google.iam.v1.policy_pb2 import Policy
from google.longrunning.operations_pb2 import Operation
from google.protobuf.field_mask_pb2 import FieldMask

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.status import scrub
from gate.cloud.template import next_template, without_reserved
from gate.cloud.values import revision_value, service_value, short_name, target_messages
from gate.cloud.wire import Method, Patience, Wire
from gate.core.service import Revision, Service, ServiceRef
from gate.core.traffic import Split
from gate.errors import AccessError, InfrastructureError, NotFoundError

_PAGE_SIZE = 100
_PAGES_MAX = 100
"""A service keeps 1,000 revisions (https://cloud.google.com/run/quotas); pages may be short."""

_GET_SERVICE = Method(
    "/google.cloud.run.v2.Services/GetService",
    services.GetServiceRequest.serialize,
    services.Service.deserialize,
)
_UPDATE_SERVICE = Method(
    "/google.cloud.run.v2.Services/UpdateService",
    services.UpdateServiceRequest.serialize,
    Operation.FromString,
    timeout_s=15.0,
    writes=True,
)
_CREATE_SERVICE = Method(
    "/google.cloud.run.v2.Services/CreateService",
    services.CreateServiceRequest.serialize,
    Operation.FromString,
    timeout_s=15.0,
    writes=True,
)
_GET_REVISION = Method(
    "/google.cloud.run.v2.Revisions/GetRevision",
    revisions.GetRevisionRequest.serialize,
    revisions.Revision.deserialize,
)
_LIST_REVISIONS = Method(
    "/google.cloud.run.v2.Revisions/ListRevisions",
    revisions.ListRevisionsRequest.serialize,
    revisions.ListRevisionsResponse.deserialize,
)
_GET_IAM_POLICY = Method(
    "/google.cloud.run.v2.Services/GetIamPolicy",
    GetIamPolicyRequest.SerializeToString,
    Policy.FromString,
)


class CloudRun:
    """Reads one service and its revisions, and replaces its traffic list. Judges nothing.

    Args:
        ref: the service.
        endpoint: where the Admin API is.
        patience: how long failures that may pass are borne, for each call.
    """

    def __init__(
        self, ref: ServiceRef, endpoint: Endpoint, patience: Patience | None = None
    ) -> None:
        self._ref = ref
        self._subject = f"service {ref}"
        self._name = f"projects/{ref.project}/locations/{ref.region}/services/{ref.name}"
        # As google-cloud-run routes every call about a service or its revisions.
        self._routing = (("x-goog-request-params", f"location={quote(ref.region, safe='/')}"),)
        self._wire = Wire(Place(Api.RUN, endpoint), patience)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the channel."""
        await self._wire.close()

    async def read_service(self) -> Service:
        """As ports.Platform."""
        return service_value(await self._read(), self._ref)

    async def read_revision(self, name: str) -> Revision:
        """As ports.Platform."""
        return revision_value(await self.revision_message(name))

    async def revision_message(self, name: str) -> revisions.Revision:
        """Cloud Run's own message of a revision; raises as `read_revision`."""
        subject = f"revision {name} of {self._subject}"
        message: revisions.Revision = await self._wire.call(
            _GET_REVISION,
            revisions.GetRevisionRequest(name=f"{self._name}/revisions/{name}"),
            subject=subject,
            routing=self._routing,
        )
        owner = short_name(message.service)
        if owner not in ("", self._ref.name):
            raise NotFoundError(f"{subject}: belongs to another service (got {owner})")
        return message

    async def list_revisions(self) -> tuple[Revision, ...]:
        """As ports.Platform."""
        found: list[Revision] = []
        subject = f"revisions of {self._subject}"
        request = revisions.ListRevisionsRequest(parent=self._name, page_size=_PAGE_SIZE)
        for _ in range(_PAGES_MAX):
            page = await self._wire.call(
                _LIST_REVISIONS, request, subject=subject, routing=self._routing
            )
            found += map(revision_value, page.revisions)
            if not page.next_page_token:
                return tuple(sorted(found, key=_age, reverse=True))
            request.page_token = page.next_page_token
        raise InfrastructureError(f"{subject}: too many pages (got {_PAGES_MAX} and no end)")

    async def deploy(
        self,
        image: str,
        revision: str,
        traffic: Split,
        etag: str,
        annotations: Mapping[str, str] | None = None,
        base: str = "",  # noqa: ARG002
    ) -> int:
        """As ports.Platform: the template is read anew; the caller's etag guards the update."""
        if not etag:
            await self._create(image, revision, traffic, annotations or {})
            return 0
        current = await self._read()
        template = next_template(current.template, image, revision, self._subject)
        service = services.Service(
            name=self._name, etag=etag, template=template, traffic=target_messages(traffic)
        )
        await self._update(service, ["template", "traffic"], annotations)
        return 0

    async def set_traffic(
        self, traffic: Split, etag: str, annotations: Mapping[str, str] | None = None
    ) -> int:
        """As ports.Platform.

        Sends nothing but name, etag, traffic and annotations: with the whole service, Cloud Run has
        compared its template against the existing revision (googleapis/google-cloud-python#14259).
        """
        service = services.Service(name=self._name, etag=etag, traffic=target_messages(traffic))
        await self._update(service, ["traffic"], annotations)
        return 0

    async def is_public(self) -> bool:
        """Whether everybody may call the service: no check at all, or allUsers as its invoker.

        False also where this caller may not read the service's IAM policy.
        """
        if (await self._read()).invoker_iam_disabled:
            return True
        try:
            policy = await self._wire.call(
                _GET_IAM_POLICY,
                GetIamPolicyRequest(resource=self._name),
                subject=f"IAM policy of {self._subject}",
                routing=(("x-goog-request-params", f"resource={quote(self._name, safe='/')}"),),
            )
        except AccessError:
            return False
        return any(
            binding.role == "roles/run.invoker" and "allUsers" in binding.members
            for binding in policy.bindings
        )

    async def _read(self) -> services.Service:
        return await self._wire.call(
            _GET_SERVICE,
            services.GetServiceRequest(name=self._name),
            subject=self._subject,
            routing=self._routing,
        )

    async def _create(
        self, image: str, revision: str, traffic: Split, annotations: Mapping[str, str]
    ) -> None:
        """A new service with Cloud Run's defaults; fails where it exists by now."""
        template = RevisionTemplate(revision=revision, containers=[Container(image=image)])
        service = services.Service(
            template=template,
            traffic=target_messages(traffic),
            annotations=without_reserved(annotations),
        )
        parent, _, name = self._name.rpartition("/services/")
        operation = await self._wire.call(
            _CREATE_SERVICE,
            services.CreateServiceRequest(parent=parent, service=service, service_id=name),
            subject=self._subject,
            routing=self._routing,
        )
        self._raise_if_failed(operation)

    def _raise_if_failed(self, operation: Operation) -> None:
        if operation.done and operation.HasField("error"):
            error = operation.error
            raise InfrastructureError(
                f"{self._subject}: Cloud Run could not carry out the update "
                f"(got code {error.code}: {scrub(error.message)})"
            )

    async def _update(
        self,
        service: services.Service,
        paths: list[str],
        annotations: Mapping[str, str] | None,
    ) -> None:
        if annotations is not None:
            service.annotations = without_reserved(annotations)
            paths = [*paths, "annotations"]
        operation = await self._wire.call(
            _UPDATE_SERVICE,
            services.UpdateServiceRequest(service=service, update_mask=FieldMask(paths=paths)),
            subject=self._subject,
            routing=self._routing,
            repeatable=bool(service.etag),  # guarded: a repetition changes nothing or is refused
        )
        self._raise_if_failed(operation)


def _age(revision: Revision) -> tuple[float, str]:
    created = revision.created_at
    return (created.timestamp() if created else 0.0, revision.name)
