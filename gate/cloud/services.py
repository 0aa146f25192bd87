"""The services of a region: beside ports.Platform, which has one."""

from gate.cloud.documents import Document, text
from gate.cloud.pages import read_pages
from gate.cloud.wire import Query, Wire, path_of
from gate.core.annotation import KEY
from gate.core.service import ServiceRef

PAGE_SIZE = 100


async def marked_services(
    wire: Wire, project: str, page_size: int = PAGE_SIZE
) -> tuple[ServiceRef, ...]:
    """The services of this project that carry a mark of the gate, by name.

    Args:
        wire: to the Admin API of one region, which is where they are looked for.
        project: its id.
        page_size: services asked for at once.

    Raises:
        InfrastructureError: they could not all be listed: an incomplete list would look like one
            on which nothing is left to do.
    """
    region = wire.place.region
    found = await _listed(wire, project, page_size)
    marked = (one for one in found if text(one, "metadata", "annotations", KEY))
    return tuple(sorted((ServiceRef(project, region, _name(one)) for one in marked), key=str))


async def service_names(wire: Wire, project: str) -> tuple[str, ...]:
    """The names of all services of this project in the wire's region.

    Raises:
        InfrastructureError: as above.
    """
    return tuple(sorted(_name(one) for one in await _listed(wire, project, PAGE_SIZE)))


async def _listed(wire: Wire, project: str, page_size: int) -> list[Document]:
    path = path_of("/apis/serving.knative.dev/v1/namespaces/{project}/services", project=project)
    subject = f"services of {project}/{wire.place.region}"
    return await read_pages(wire, Query("GET", f"{path}?limit={page_size}", subject))


def _name(service: Document) -> str:
    return text(service, "metadata", "name")
