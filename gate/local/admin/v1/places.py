"""Which service or revision a v1 call means: v1 has no region in its names."""

import json
import re
from typing import Final

from starlette.requests import Request

from gate.local.admin.defaults import project_number
from gate.local.admin.names import Place, parse_place, revision_path, service_path
from gate.local.admin.tables import RevisionRecord, ServiceRecord, Tables
from gate.local.admin.v1.fields import Json, dig
from gate.local.admin.v1.selectors import Selector, parse_selector
from gate.local.admin.v1.service import LOCATION
from gate.local.api.errors import ApiError, Code

SERVICE_LABEL: Final = "serving.knative.dev/service"
_REGION: Final = re.compile(r"([a-z]+-[a-z]+[0-9]+)-")


class Places:
    """Finds what calls mean.

    Args:
        tables: the shared state.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def records(self, request: Request) -> list[ServiceRecord]:
        """Gives the services of the project and region that a call names."""
        namespace, region = request.path_params["namespace"], _region(request)
        return [
            record
            for record in self._tables.services()
            if namespace in self.namespaces(record.key.project)
            and region in ("", "-", record.key.location)
        ]

    def service(self, request: Request) -> ServiceRecord:
        """Gives the service that a call names.

        Raises:
            ApiError: NOT_FOUND; INVALID_ARGUMENT: regions have one each and none is named.
        """
        name = request.path_params["service"]
        found = [record for record in self.records(request) if record.key.service == name]
        if len(found) > 1:
            text = f"services/{name}: in several regions (expected Host REGION-127.0.0.1)"
            raise ApiError(Code.INVALID_ARGUMENT, text)
        if not found:
            raise _missing("SERVICE", name)
        return found[0]

    def revision(self, request: Request) -> tuple[RevisionRecord, ServiceRecord]:
        """Gives the revision that a call names, and its service. Raises ApiError: NOT_FOUND."""
        name = request.path_params["revision"]
        for record in self.records(request):
            held = record.revisions.get(name)
            if held is not None:
                return held, record
        raise _missing("REVISION", name)

    def new(self, request: Request, body: Json) -> Place:
        """Gives where a new service is to be.

        Raises:
            ApiError: INVALID_ARGUMENT: no region is named.
        """
        namespace = request.path_params["namespace"]
        known = {project_number(each.key.project): each.key.project for each in self._every()}
        region = _region(request) or str(dig(body, "metadata", "labels", LOCATION) or "")
        if not region:
            text = f"which region? (expected Host REGION-127.0.0.1, or the label {LOCATION})"
            raise ApiError(Code.INVALID_ARGUMENT, text)
        return parse_place(f"projects/{known.get(namespace, namespace)}/locations/{region}")

    def namespaces(self, project: str) -> tuple[str, str]:
        """Gives the names of a project: its id and its number."""
        return project, project_number(project)

    def full_names(self, request: Request, raw: bytes) -> str:
        """Gives v2's names of what a call is about, for rules that name them."""
        params = request.path_params
        try:
            if "revision" in params:
                return revision_path(self.revision(request)[0].key)
            if "service" in params:
                return service_path(self.service(request).key)
            if request.method == "POST":
                body = json.loads(raw)
                return f"{self.new(request, body)}/services/{dig(body, 'metadata', 'name')}"
            selector = parse_selector(request.query_params.get("labelSelector", ""))
        except (ApiError, KeyError, ValueError, AttributeError, RecursionError):
            return ""
        records = self.records(request)
        named = [each for each in records if _may_own(each, selector)]
        return " ".join(service_path(each.key) for each in named)

    def _every(self) -> list[ServiceRecord]:
        return self._tables.services()


def _may_own(record: ServiceRecord, selector: Selector) -> bool:
    """Tells whether a list by that selector can have to do with a service."""
    own = {SERVICE_LABEL: record.key.service}
    asked = [each for each in selector.requirements if each.key == SERVICE_LABEL]
    return all(each.holds(own) for each in asked)


def _region(request: Request) -> str:
    """Gives the region that a call names in its path or host, or ""."""
    match = _REGION.match(request.headers.get("host", ""))
    return str(request.path_params.get("location") or (match[1] if match else ""))


def _missing(kind: str, name: str) -> ApiError:
    return ApiError(Code.NOT_FOUND, f"Resource '{name[:80]}' of kind '{kind}' does not exist.")
