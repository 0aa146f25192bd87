"""What Cloud Run has and the local one has not: each kind is refused by its name.

Never with 501: gcloud asks again for half a minute. Nor with 404, which gcloud takes for a resource
that is to be made (source: gcloud's own requests).
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gate.local.api.errors import ApiError, Code
from gate.local.api.json_wire import error_response

_KINDS: Final = {
    "authorizeddomains": "authorized domains",
    "builds": "builds from source",
    "configurations": "configurations on their own",
    "domainmappings": "domain mappings",
    "executions": "executions of jobs",
    "instances": "instances as resources",
    "jobs": "jobs",
    "monitoredresourcedescriptors": "descriptors of monitored resources",
    "routes": "routes on their own",
    "tasks": "tasks of jobs",
    "workerpools": "worker pools",
}
"""Collections in the paths of v1, v2 and Logging, in small letters, and what people call them."""
_LOGGING: Final = ("buckets", "exclusions", "links", "metrics", "recentqueries", "sinks", "views")
_PREFIXES: Final = ("apis", "v1", "v2")
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


def absence(method: str, path: str) -> ApiError:
    """Gives the refusal of a call that no route takes.

    Args:
        method: of HTTP.
        path: of the URL.
    """
    prefix, *rest = path.lstrip("/").split("/")
    names = [segment.partition(":")[0].lower() for segment in rest]
    collections = names[-2:] if prefix in _PREFIXES else []
    for name in reversed(collections):
        what = _KINDS.get(name) or (f"{name} of Logging" if name in _LOGGING else "")
        if what:
            return _not_imitated(what, method, path)
    if collections[-1:] == ["locations"]:
        return _not_imitated("lists of regions", method, path)
    verb = rest[-1].partition(":")[2] if rest and prefix in _PREFIXES else ""
    if verb:
        return _not_imitated(f"calls of {verb[:40]!r}", method, path)
    return ApiError(Code.NOT_FOUND, "There is nothing at this path and method.")


def absent_route() -> Route:
    """Gives the route to mount after every other one: it takes what they leave."""

    async def refuse(request: Request) -> Response:
        return error_response(absence(request.method, request.url.path))

    return Route("/{path:path}", refuse, methods=_METHODS, name="Absent")


def _not_imitated(what: str, method: str, path: str) -> ApiError:
    text = (
        f"gate local: {what} are not imitated "
        f"(got {method} {path[:200]}, expected services, revisions, operations or log entries)"
    )
    return ApiError(Code.FAILED_PRECONDITION, text)
