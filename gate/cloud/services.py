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
    found = await _listed(wire, project, region, page_size)
    marked = (ServiceRef(project, region, short_name(one.name)) for one in found if _is_marked(one))
    return tuple(sorted(marked, key=str))


async def service_names(wire: Wire, project: str, region: str) -> tuple[str, ...]:
    """The names of all services of this project and region.

    Raises:
        InfrastructureError: as above.
    """
    found = await _listed(wire, project, region, _PAGE_SIZE)
    return tuple(sorted(short_name(one.name) for one in found))


def _is_marked(service: services.Service) -> bool:
    return KEY in service.annotations


async def _listed(wire: Wire, project: str, region: str, page_size: int) -> list[services.Service]:
    subject = f"services of {project}/{region}"
    parent = f"projects/{project}/locations/{region}"
    routing = (("x-goog-request-params", f"location={quote(region, safe='/')}"),)
    request = services.ListServicesRequest(parent=parent, page_size=page_size)
    found: list[services.Service] = []
    for _ in range(_PAGES_MAX):
        page = await wire.call(_LIST_SERVICES, request, subject=subject, routing=routing)
        if page.unreachable:
            places = ", ".join(page.unreachable)
            raise InfrastructureError(f"{subject}: could not all be listed (missing: {places})")
        found += page.services
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token
    raise InfrastructureError(f"{subject}: too many pages (got {_PAGES_MAX} and no end)")
