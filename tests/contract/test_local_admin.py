"""The Admin API as Google's own client sees it, and where its users' requests then go.

What the control plane decides is known from tests/unit/local/admin. Here it runs real processes
behind real sockets, and each kind of answer crosses the wire once for each transport.
"""

import json

import httpx
import pytest
from google.api_core import exceptions
from google.cloud import run_v2
from google.longrunning import operations_pb2
from google.protobuf import json_format

from tests.contract.local_admin import (
    HTTP,
    Api,
    State,
    api,
    condition,
    latest,
    short,
    template,
    to,
    who,
)
from tests.local_cloud_run import CALM, PARENT, finish, start_local_cloud_run

__all__ = ["api"]
pytestmark = pytest.mark.xdist_group("local_admin")
TRANSPORTS = pytest.mark.parametrize("transport", ["grpc", "rest"])
STARTS = (
    "The user-provided container failed to start and listen on the port defined provided by "
    "the PORT=8080 environment variable within the allocated timeout."
)


@pytest.fixture(scope="module")
def resting(api):
    """A service that no test changes."""
    return api.create()


@pytest.fixture(scope="module")
def failed(api):
    """A service before and after an update whose container does not start, and what was raised."""
    before = api.create()
    with pytest.raises(exceptions.BadRequest) as caught:  # code 9, FAILED_PRECONDITION
        api.update(run_v2.Service(name=before.name, template=template("demo/exits")), "template")
    return before, api.get(before.name), str(caught.value)


def raw(api, path):
    return HTTP.get(f"{api.running.rest}/v2/{path}").json()


def uri(service, tag):
    (found,) = [status.uri for status in service.traffic_statuses if status.tag == tag]
    return found


# Where requests go


def test_requests_follow_the_traffic_and_tags_have_addresses_of_their_own(api):
    service = api.create()
    first, new = short(service.latest_ready_revision), f"{short(service.name)}-new"
    assert list(service.urls) == [service.uri]
    assert who(service.uri) == first
    tagged = api.deploy(service.name, to(first, 100), to(new, 0, "blue"), revision=new)
    blue = uri(tagged, "blue")
    assert blue != tagged.uri
    assert who(blue) == new
    assert {who(tagged.uri) for _ in range(20)} == {first}
    split = api.move(service.name, to(first, 50), to(new, 50), to(first, 0, "blue"))
    assert uri(split, "blue") == blue  # a tag that moves keeps its address
    assert who(blue) == first
    assert {who(split.uri) for _ in range(60)} == {first, new}
    assert who(api.move(service.name, latest(100)).uri) == new
    with pytest.raises(httpx.ConnectError):  # a tag that was left out is gone
        who(blue)
    gone = finish(api.revisions.delete_revision(name=f"{service.name}/revisions/{first}"))
    assert isinstance(gone, run_v2.Revision)
    assert short(gone.name) == first
    assert gone.delete_time
    gone = finish(api.services.delete_service(name=service.name))
    assert isinstance(gone, run_v2.Service)
    assert gone.delete_time
    with pytest.raises(exceptions.NotFound):
        api.get(service.name)
    with pytest.raises(httpx.ConnectError):
        who(service.uri)


# Failure


def test_a_failed_reconcile_keeps_what_serves_and_says_why_in_cloud_runs_words(api, failed):
    before, after, said = failed
    assert said.startswith(f"400 {STARTS}")
    assert "\n\nLogs URL: https://console.cloud.google.com/logs/viewer?project=demo&" in said
    assert after.terminal_condition.state is State.CONDITION_FAILED
    reasons = run_v2.Condition.pb(after.terminal_condition).WhichOneof("reasons")
    assert reasons == "revision_reason"
    assert (after.generation, after.observed_generation) == (2, 1)
    assert after.traffic_statuses == before.traffic_statuses
    assert who(after.uri) == short(before.latest_ready_revision)
    revision = api.revision(after.latest_created_revision)
    assert revision.service == after.name
    reason = condition(revision, "Ready").revision_reason
    assert reason is run_v2.Condition.RevisionReason.HEALTH_CHECK_CONTAINER_ERROR
    assert condition(revision, "ContainerHealthy").state is State.CONDITION_FAILED


def test_a_filter_for_errors_sees_the_revision_that_did_not_start(api, failed):
    _, after, _ = failed
    name, revision = short(after.name), short(after.latest_created_revision)

    def entries(wanted):
        body = {"resourceNames": ["projects/demo"], "filter": wanted}
        return HTTP.post(f"{api.running.rest}/v2/entries:list", json=body).json()["entries"]

    wanted = f'severity>=ERROR AND resource.labels.revision_name="{revision}"'
    (found,) = [each for each in entries(wanted) if each["logName"].endswith("%2Fsystem_event")]
    assert found["logName"] == "projects/demo/logs/cloudaudit.googleapis.com%2Fsystem_event"
    assert found["resource"]["type"] == "cloud_run_revision"
    labels = found["resource"]["labels"]
    assert (labels["service_name"], labels["configuration_name"]) == (name, name)
    assert found["protoPayload"]["status"]["code"] == 9
    assert STARTS in found["protoPayload"]["status"]["message"]
    assert found["protoPayload"]["response"]["metadata"]["name"] == revision
    about = f'protoPayload.resourceName="namespaces/demo/services/{name}"'
    noted = entries(f'{about} AND logName:"system_event"')
    assert [each["severity"] for each in noted] == ["INFO", "ERROR"]
    assert not noted[0]["resource"]["labels"]["revision_name"]
    written = [each["protoPayload"] for each in entries(f'{about} AND logName:"activity"')]
    assert [each["methodName"].rpartition(".")[2] for each in written] == [
        "CreateService",
        "ReplaceService",
    ]
    who = {each["authenticationInfo"]["principalEmail"] for each in written}
    assert who == {after.last_modifier}


@pytest.mark.parametrize(
    ("wanted", "paths", "error", "said"),
    [
        (
            {"template": template("demo/nowhere:v9")},
            ["template"],
            exceptions.NotFound,
            "Image 'demo/nowhere:v9' not found",
        ),
        (
            {"traffic": [to("NAME-nope", 100)]},
            ["traffic"],
            exceptions.InternalServerError,
            "does not exist or is deleted. Update all traffic to route to currently available",
        ),
    ],
    ids=["an image", "a revision"],
)
def test_what_is_not_there_fails_the_operation_with_its_code(api, wanted, paths, error, said):
    service = api.create()
    for target in wanted.get("traffic", []):
        target.revision = target.revision.replace("NAME", short(service.name))
    with pytest.raises(error, match=said):
        api.update(run_v2.Service(name=service.name, **wanted), *paths)
    assert who(service.uri) == short(service.latest_ready_revision)


# Operations


def test_operations_can_be_read_waited_for_listed_and_deleted_but_not_cancelled(api):
    operation = api.start_create(run_v2.Service(template=template()))
    name = operation.operation.name
    assert name.startswith(f"{PARENT}/operations/")
    assert isinstance(operation.metadata, run_v2.Service)
    assert (operation.metadata.reconciling, operation.metadata.generation) == (True, 1)
    assert operation.metadata.etag
    client = api.services
    with pytest.raises((exceptions.MethodNotImplemented, AttributeError)):
        client.cancel_operation(operations_pb2.CancelOperationRequest(name=name))
    waited = client.wait_operation(operations_pb2.WaitOperationRequest(name=name))
    if isinstance(waited, bytes):  # google-cloud-run 0.16 forgets to read this one answer
        waited = operations_pb2.Operation.FromString(waited)
    assert waited.done
    assert isinstance(finish(operation), run_v2.Service)
    assert client.get_operation(operations_pb2.GetOperationRequest(name=name)).done
    listed = client.list_operations(operations_pb2.ListOperationsRequest(name=PARENT))
    assert name in [item.name for item in listed.operations]
    client.delete_operation(operations_pb2.DeleteOperationRequest(name=name))
    with pytest.raises(exceptions.NotFound):
        client.get_operation(operations_pb2.GetOperationRequest(name=name))


def test_operations_have_the_same_methods_over_rest(api):
    operation = api.start_create(run_v2.Service(template=template("demo/exits")))
    with pytest.raises(exceptions.BadRequest):
        finish(operation)
    url = f"{api.running.rest}/v2/{operation.operation.name}"
    waited = HTTP.post(f"{url}:wait", json={"timeout": "30s"}).json()
    assert (waited["done"], waited["error"]["code"], "response" in waited) == (True, 9, False)
    assert waited["metadata"]["@type"] == "type.googleapis.com/google.cloud.run.v2.Service"
    listed = raw(api, f"{PARENT}/operations")
    assert operation.operation.name in [item["name"] for item in listed["operations"]]
    assert HTTP.delete(url).json() == {}
    assert HTTP.get(url).status_code == 404


# Both transports


@TRANSPORTS
def test_every_code_reaches_googles_client_as_its_own_error(api, resting, transport):
    api = Api(transport, api.running)
    name, first = short(resting.name), resting.latest_ready_revision
    serving = f'Revision "{short(first)}" cannot be directly deleted because it is actively serving'
    nothing = run_v2.Service(name=resting.name)
    wrong = run_v2.Service(template=template(), traffic=[latest(99)])
    cases = [
        (lambda: api.get(f"{PARENT}/services/nope"), "NotFound", "Resource 'nope' of kind"),
        (lambda: api.revision(f"{first}x"), "NotFound", "x"),
        (lambda: api.start_create(wrong, name), "AlreadyExists", f"Resource '{name}' already"),
        (lambda: api.revisions.delete_revision(name=first), "FailedPrecondition", serving),
        (lambda: api.start_update(nothing, "trafic"), "InvalidArgument", "no such field"),
        (lambda: api.start_create(wrong, dry=True), "InvalidArgument", "traffic"),
        (
            lambda: api.start_create(wrong, "A"),
            "InvalidArgument",
            "Violation in CreateServiceRequest.service_id: ",
        ),
    ]
    for act, error, said in cases:
        kind = getattr(exceptions, error)
        with pytest.raises(kind.__mro__[1] if transport == "rest" else kind) as caught:
            act()
        assert said in str(caught.value), error
    with pytest.raises(exceptions.BadRequest) as caught:
        api.move(resting.name, to(short(first), 100, "t" * 46))
    (detail,) = caught.value.details
    if transport == "rest":
        assert detail["fieldViolations"][0]["field"] == "spec.traffic.tag"
    else:
        assert detail.field_violations[0].field == "spec.traffic.tag"
    assert api.get(resting.name) == resting


def test_both_transports_share_one_state_and_its_etags(api):
    over = Api("rest", api.running)
    operation = over.start_create(run_v2.Service(template=template()))
    assert isinstance(operation.metadata, run_v2.Service)
    made = finish(operation)
    assert api.get(made.name) == over.get(made.name) == made
    shown = raw(api, made.name)
    assert json.loads(json_format.MessageToJson(run_v2.Service.pb(made))) == shown
    assert (shown["generation"], shown["observedGeneration"]) == ("1", "1")
    moved = over.move(made.name, to(short(made.latest_ready_revision), 100))
    assert api.get(made.name) == moved
    assert moved.etag != made.etag
    assert finish(over.services.delete_service(name=made.name)).name == made.name


@TRANSPORTS
def test_lists_come_in_pages(api, transport):
    api = Api(transport, api.running)
    project = f"projects/pages-{transport}/locations"
    names = {}
    for service_id in ("c", "a", "b"):
        revision = f"{service_id}-{transport}-1"
        request = run_v2.CreateServiceRequest(
            parent=f"{project}/us-central1",
            service=run_v2.Service(template=template(revision=revision)),
            service_id=f"{service_id}-{transport}",
        )
        names[service_id] = finish(api.services.create_service(request)).latest_ready_revision
    listed = run_v2.ListServicesRequest(parent=f"{project}/us-central1", page_size=2)
    pages = [list(page.services) for page in api.services.list_services(listed).pages]
    assert [[short(each.name)[0] for each in page] for page in pages] == [["a", "b"], ["c"]]
    everywhere = run_v2.ListRevisionsRequest(parent=f"{project}/us-central1/services/-")
    assert {each.name for each in api.revisions.list_revisions(everywhere)} == {*names.values()}
    for wrong in ({"parent": f"{project}/-"}, {"parent": listed.parent, "page_token": "x"}):
        with pytest.raises(exceptions.BadRequest):
            list(api.services.list_services(run_v2.ListServicesRequest(wrong)))


@TRANSPORTS
def test_the_caller_is_creator_and_last_modifier(api, transport):
    api = Api(transport, api.running)
    request = run_v2.CreateServiceRequest(
        parent=PARENT, service=run_v2.Service(template=template()), service_id=api.new_id()
    )
    metadata = [("x-gate-local-caller", "ann@example.com")]
    made = finish(api.services.create_service(request, metadata=metadata))
    assert (made.creator, made.last_modifier) == ("ann@example.com", "ann@example.com")
    changed = api.update(run_v2.Service(name=made.name, annotations={"a": "b"}), "annotations")
    assert changed.creator == "ann@example.com"
    assert changed.last_modifier == "local-user@example.com"


# The locks: v2's etags do nothing, unless asked for; v1's resourceVersion always does


def changed_since(api):
    """A service as it was before its annotations changed."""
    before = api.create()
    api.update(run_v2.Service(name=before.name, annotations={"a": "b"}), "annotations")
    return before


def test_a_stale_or_invented_etag_is_accepted(api):
    before = changed_since(api)
    name = short(before.latest_ready_revision)
    for etag, percent in ((before.etag, 100), ('"THIS-IS-NOT-A-VALID-ETAG"', 100)):
        moved = run_v2.Service(name=before.name, etag=etag, traffic=[to(name, percent)])
        assert list(api.update(moved, "traffic").traffic) == [to(name, 100)]
    request = run_v2.DeleteServiceRequest(name=before.name, etag=before.etag)
    assert finish(api.services.delete_service(request)).name == before.name


def test_enforced_a_stale_etag_is_a_conflict_with_the_exact_text(local_images):
    running = start_local_cloud_run(local_images, (*CALM, "--v2-etags", "enforced"))
    for transport, error in (("grpc", exceptions.Aborted), ("rest", exceptions.Conflict)):
        api = Api(transport, running)
        before = changed_since(api)
        stale = run_v2.Service(name=before.name, etag=before.etag, traffic=[latest(100)])
        with pytest.raises(error) as caught:
            api.start_update(stale, "traffic")
        assert f"Conflict for resource '{short(before.name)}': version '" in str(caught.value)
        assert "' was specified but current version is '" in str(caught.value)
        specified = int(before.update_time.timestamp() * 1_000_000)
        numbers = [int(part) for part in str(caught.value).split("'") if part.isdigit()]
        assert abs(numbers[0] - specified) <= 1
        assert numbers[1] > numbers[0]
        stale.etag = api.get(before.name).etag
        assert api.update(stale, "traffic").generation == 3
    assert running.stop() == 0


def v1(api, service):
    path = f"namespaces/demo/services/{short(service.name)}"
    return f"{api.running.rest}/apis/serving.knative.dev/v1/{path}"


def pinned(service):
    return [{"revisionName": short(service.latest_ready_revision), "percent": 100}]


def test_a_version_older_than_the_last_write_is_refused_and_nothing_changes(api):
    service = api.create()
    url = v1(api, service)
    read = HTTP.get(url).json()
    written = api.update(run_v2.Service(name=service.name, annotations={"a": "b"}), "annotations")
    read["spec"]["traffic"] = pinned(service)
    answer = HTTP.put(url, json=read)
    assert answer.status_code == 409
    assert answer.json()["error"]["status"] == "ABORTED"
    conflict = f"Conflict for resource '{short(service.name)}': version '"
    assert answer.json()["error"]["message"].startswith(conflict)
    after = api.get(service.name)
    assert (after.traffic, after.generation) == (written.traffic, written.generation)
    del read["metadata"]["resourceVersion"]  # without a version, nothing is guarded
    assert HTTP.put(url, json=read).json()["metadata"]["generation"] == after.generation + 1


def test_a_version_read_before_the_status_changed_is_accepted(api):
    service = api.create()
    url = v1(api, service)
    faults = f"{api.running.rest}/local/faults/etags"
    endless = {"about": service.name, "rules": [{"do": "endless-operation"}]}
    assert HTTP.put(faults, json=endless).status_code == 200
    api.start_update(run_v2.Service(name=service.name, template=template()), "template")
    read = HTTP.get(url).json()
    HTTP.delete(faults)
    operation = read["metadata"]["annotations"]["run.googleapis.com/operation-id"]
    wait = f"{api.running.rest}/v1/projects/demo/locations/us-central1/operations/{operation}:wait"
    assert HTTP.post(wait, json={"timeout": "30s"}, timeout=40).json()["done"]
    later = HTTP.get(url).json()
    assert later["metadata"]["resourceVersion"] != read["metadata"]["resourceVersion"]
    read["spec"]["traffic"] = pinned(service)
    assert HTTP.put(url, json=read).status_code == 200
