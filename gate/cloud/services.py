"""Which services of a region the gate has written on: beside ports.Platform, which has one."""

from urllib.parse import quote

from google.cloud.run_v2.types import service as services

from gate.cloud.values import short_name
from gate.cloud.wire import Method, Wire
from gate.core.mark import KEY
from gate.core.service import ServiceRef
from gate.errors import InfrastructureError

_PAGE_SIZE = 100
_PAGES_MAX = 100
"""A region has at most 1,000 services of a project (https://cloud.google.com/run/quotas)."""

_LIST_SERVICES = Method(
    "/google.cloud.run.v2.Services/ListServices",
    services.ListServicesRequest.serialize,
    services.ListServicesResponse.deserialize,
)


async def marked_services(
    wire: Wire, project: str, region: str, page_size: int = _PAGE_SIZE
) -> tuple[ServiceRef, ...]:
    """The services of this project and region that carry a mark of the gate, by name.

    Args:
        wire: to the Admin API.
        project: its id.
        region: e.g. us-central1.
        page_size: services asked for at once.

    Raises:
        InfrastructureError: they could not all be listed: an incomplete list would look like one
            on which nothing is left to do.
    """
    subject = f"services of {project}/{region}"
    parent = f"projects/{project}/locations/{region}"
    routing = (("x-goog-request-params", f"location={quote(region, safe='/')}"),)
    request = services.ListServicesRequest(parent=parent, page_size=page_size)
    found: list[ServiceRef] = []
    for _ in range(_PAGES_MAX):
        page = await wire.call(_LIST_SERVICES, request, subject=subject, routing=routing)
        if page.unreachable:
            places = ", ".join(page.unreachable)
            raise InfrastructureError(f"{subject}: could not all be listed (missing: {places})")
        marked = (one for one in page.services if KEY in one.annotations)
        found += (ServiceRef(project, region, short_name(one.name)) for one in marked)
        if not page.next_page_token:
            return tuple(sorted(found, key=str))
        request.page_token = page.next_page_token
    raise InfrastructureError(f"{subject}: too many pages (got {_PAGES_MAX} and no end)")
