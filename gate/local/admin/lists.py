"""The lists of v2: services by name, revisions newest first, page by page."""

from gate.local.admin.messages import (
    ListRevisionsRequest,
    ListRevisionsResponse,
    ListServicesRequest,
    ListServicesResponse,
)
from gate.local.admin.names import parse_place, parse_service, place_of
from gate.local.admin.pages import page
from gate.local.admin.tables import Tables


def listed_services(tables: Tables, request: ListServicesRequest) -> ListServicesResponse:
    """Gives a page of a region's services by name. Raises ApiError: INVALID_ARGUMENT."""
    place = parse_place(request.parent)
    found = [
        (record.key.service, record.resource)
        for record in tables.services(place)
        if request.show_deleted or "delete_time" not in record.resource
    ]
    found.sort(key=lambda entry: entry[0])
    cut = page(found, request.page_size, request.page_token, f"services of {place}")
    return ListServicesResponse(services=list(cut.items), next_page_token=cut.next_token)


def listed_revisions(tables: Tables, request: ListRevisionsRequest) -> ListRevisionsResponse:
    """Gives a page of revisions, newest first, of a service or (`-`) of every service.

    Raises:
        ApiError: NOT_FOUND, INVALID_ARGUMENT.
    """
    key = parse_service(request.parent)
    everywhere = key.service == "-"
    owners = tables.services(place_of(key)) if everywhere else [tables.service(key)]
    found = [
        (f"{10**9 - held.number:09d}/{held.key.service.service}", held.resource)
        for owner in owners
        for held in owner.revisions.values()
        if request.show_deleted or "delete_time" not in held.resource
    ]
    found.sort(key=lambda entry: entry[0])
    cut = page(found, request.page_size, request.page_token, request.parent)
    return ListRevisionsResponse(revisions=list(cut.items), next_page_token=cut.next_token)
