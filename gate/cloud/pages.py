"""Lists of the Admin API v1, page by page."""

from dataclasses import replace

from gate.cloud.documents import Document, items, parts, text
from gate.cloud.wire import Query, Wire, path_of
from gate.errors import InfrastructureError

_PAGES_MAX = 100
"""A service keeps 1,000 revisions, a region 1,000 services (https://cloud.google.com/run/quotas)."""


async def read_pages(wire: Wire, query: Query) -> list[Document]:
    """The objects of every page.

    Raises:
        InfrastructureError: not all could be had: an incomplete list would look like a whole one.
    """
    found: list[Document] = []
    page_query = query
    for _ in range(_PAGES_MAX):
        page = await wire.call(page_query)
        if missing := items(page, "unreachable"):
            places = ", ".join(map(str, missing))
            raise InfrastructureError(
                f"{query.subject}: could not all be listed (missing: {places})"
            )
        found += parts(page, "items")
        token = text(page, "metadata", "continue")
        if not token:
            return found
        joint = "&" if "?" in query.path else "?"
        path = query.path + path_of(f"{joint}continue={{token}}", token=token)
        page_query = replace(query, path=path)
    raise InfrastructureError(f"{query.subject}: too many pages (got {_PAGES_MAX} and no end)")
