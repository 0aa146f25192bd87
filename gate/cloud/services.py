"""Which services of a region the gate has written on: beside ports.Platform, which has one."""

from gate.cloud.documents import text
from gate.cloud.pages import read_pages
from gate.cloud.wire import Query, Wire, path_of
from gate.core.mark import KEY
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
    path = path_of("/apis/serving.knative.dev/v1/namespaces/{project}/services", project=project)
    query = Query("GET", f"{path}?limit={page_size}", f"services of {project}/{region}")
    found = [
        ServiceRef(project, region, text(service, "metadata", "name"))
        for service in await read_pages(wire, query)
        if text(service, "metadata", "annotations", KEY)
    ]
    return tuple(sorted(found, key=str))
