"""What is not imitated, by name."""

import pytest

from gate.local.admin.absent import absence
from gate.local.api.errors import Code

PLACE = "projects/demo/locations/us-central1"
SERVING = "/apis/serving.knative.dev/v1/namespaces/demo"
RUN = "/apis/run.googleapis.com/v1/namespaces/demo"
DOMAINS = "/apis/domains.cloudrun.com/v1/namespaces/demo"


@pytest.mark.parametrize(
    ("method", "path", "what"),
    [
        ("GET", f"{SERVING}/configurations", "configurations on their own"),
        ("GET", f"{SERVING}/configurations/x", "configurations on their own"),
        ("GET", f"{SERVING}/routes", "routes on their own"),
        ("GET", f"{RUN}/jobs", "jobs"),
        ("PUT", f"{RUN}/jobs/x", "jobs"),
        ("POST", f"{RUN}/jobs/x:run", "jobs"),
        ("POST", f"{RUN}/executions/x:cancel", "executions of jobs"),
        ("GET", f"{RUN}/tasks/x", "tasks of jobs"),
        ("GET", f"{RUN}/workerpools/x", "worker pools"),
        ("POST", f"{DOMAINS}/domainmappings", "domain mappings"),
        ("GET", f"{DOMAINS}/authorizeddomains", "authorized domains"),
        ("GET", "/v1/projects/demo/locations", "lists of regions"),
        ("GET", f"/v2/{PLACE}/jobs/x/executions", "executions of jobs"),
        ("PATCH", f"/v2/{PLACE}/workerPools/x", "worker pools"),
        ("POST", f"/v2/{PLACE}/builds:submit", "builds from source"),
        ("GET", f"/v2/{PLACE}:exportProjectMetadata", "calls of 'exportProjectMetadata'"),
        ("GET", "/v2/monitoredResourceDescriptors", "descriptors of monitored resources"),
        ("GET", "/v2/projects/demo/sinks", "sinks of Logging"),
        ("GET", "/v2/projects/demo/locations/-/buckets", "buckets of Logging"),
    ],
)
def test_what_cloud_run_has_and_the_local_one_has_not_is_refused_by_name(method, path, what):
    refusal = absence(method, path)
    assert refusal.code is Code.FAILED_PRECONDITION
    assert refusal.message.startswith(f"gate local: {what} are not imitated (got {method} {path}, ")


@pytest.mark.parametrize("path", ["/", "", "/jobs", "/favicon.ico", f"/v1/{PLACE}/nonsense/x"])
def test_what_no_one_has_is_not_found(path):
    assert absence("GET", path).code is Code.NOT_FOUND
