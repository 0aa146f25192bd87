"""Resource Manager's projects.get: gcloud asks for the number of a project.

It does so before `run services replace` of an exported service, whose namespace is that number
(source: gcloud's own requests). Every project exists.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gate.local.admin.defaults import project_number
from gate.local.api.json_wire import json_response


def project_route() -> Route:
    """Gives the route to mount."""

    async def get_project(request: Request) -> Response:
        project = request.path_params["project"]
        return json_response(
            {
                "projectNumber": project_number(project),
                "projectId": project,
                "lifecycleState": "ACTIVE",
                "name": project,
            }
        )

    return Route("/v1/projects/{project}", get_project, methods=["GET"], name="GetProject")
