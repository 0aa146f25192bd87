"""Services and operations, fact by fact (Service / Revision lifecycle in v2)."""

import json

import httpx
import pytest
from google.api_core import exceptions
from google.cloud import run_v2
from google.longrunning import operations_pb2
from google.protobuf import json_format

from tests.contract.local_admin import (
    LATEST,
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
from tests.local_cloud_run import PARENT, finish, local_cloud_run, local_images

__all__ = ["api", "local_cloud_run", "local_images"]
pytestmark = pytest.mark.xdist_group("local_admin_services")


def raw(api: Api, path: str) -> dict:
    return httpx.get(f"{api.running.rest}/v2/{path}").json()


# What a service looks like


def test_generations_are_strings_in_json(api):
    found = raw(api, api.create().name)
    assert found["generation"] == "1"
    assert found["observedGeneration"] == "1"


def test_ready_is_terminal_condition_and_not_among_the_conditions(api):
    service = api.create()
    assert service.terminal_condition.type_ == "Ready"
    assert service.terminal_condition.state is State.CONDITION_SUCCEEDED
    assert {item.type_ for item in service.conditions} == {"RoutesReady", "ConfigurationsReady"}


def test_latest_revisions_are_full_names_and_traffic_has_short_ones(api):
    service = api.create()
    name = short(service.latest_ready_revision)
    assert service.latest_ready_revision == f"{service.name}/revisions/{name}"
    assert service.latest_created_revision == service.latest_ready_revision
    moved = api.move(service.name, to(name, 100))
    assert [target.revision for target in moved.traffic] == [name]
    assert [status.revision for status in moved.traffic_statuses] == [name]


def test_a_latest_status_names_no_revision(api):
    (status,) = api.create().traffic_statuses
    assert (status.type_, status.percent, status.revision) == (LATEST, 100, "")


def test_after_success_the_observed_state_matches_the_desired_one(api):
    service = api.create()
    assert not service.reconciling
    assert service.generation == service.observed_generation
    assert service.latest_ready_revision == service.latest_created_revision
    assert [(t.type_, t.percent) for t in service.traffic] == [
        (s.type_, s.percent) for s in service.traffic_statuses
    ]


def test_uri_and_urls_are_addresses_to_read_and_not_to_build(api):
    service = api.create()
    assert service.uri.startswith("http://127.0.0.1:")
    assert list(service.urls) == [service.uri]
    assert who(service.uri) == short(service.latest_ready_revision)


def test_defaults_are_filled_in(api):
    made = api.create().template
    assert made.timeout.total_seconds() == 300
    assert made.max_instance_request_concurrency == 80
    assert made.scaling.max_instance_count == 100
    probe = made.containers[0].startup_probe
    assert (probe.timeout_seconds, probe.period_seconds, probe.failure_threshold) == (240, 240, 1)


def test_empty_traffic_means_100_percent_to_the_latest_ready_revision(api):
    service = api.create()
    assert list(service.traffic) == [latest(100)]
    pinned = api.move(service.name, to(short(service.latest_ready_revision), 100))
    emptied = api.update(run_v2.Service(name=pinned.name), "traffic")
    assert list(emptied.traffic) == [latest(100)]


# Failure


def test_a_failed_reconcile_keeps_the_last_serving_state(api):
    before = api.create()
    with pytest.raises(exceptions.GoogleAPICallError):
        api.update(run_v2.Service(name=before.name, template=template("demo/exits")), "template")
    after = api.get(before.name)
    assert after.terminal_condition.state is State.CONDITION_FAILED
    assert (after.generation, after.observed_generation) == (2, 1)
    assert after.latest_ready_revision == before.latest_ready_revision
    assert after.latest_created_revision != before.latest_created_revision
    assert after.traffic_statuses == before.traffic_statuses
    assert who(after.uri) == short(before.latest_ready_revision)


def test_a_failed_new_service_has_an_empty_serving_state(api):
    operation = api.start_create(run_v2.Service(template=template("demo/exits")))
    with pytest.raises(exceptions.GoogleAPICallError):
        finish(operation)
    service = api.get(operation.metadata.name)
    assert service.terminal_condition.state is State.CONDITION_FAILED
    assert (service.observed_generation, service.latest_ready_revision) == (0, "")
    assert list(service.traffic_statuses) == []


def test_a_container_that_does_not_start_has_cloud_runs_text_and_reason(api):
    before = api.create()
    wanted = run_v2.Service(name=before.name, template=template("demo/exits"))
    with pytest.raises(exceptions.BadRequest) as caught:  # code 9, FAILED_PRECONDITION
        api.update(wanted, "template")
    name = short(api.get(before.name).latest_created_revision)
    console = "https://console.cloud.google.com/logs/viewer?project=demo&"
    text = (
        "The user-provided container failed to start and listen on the port defined provided by "
        "the PORT=8080 environment variable within the allocated timeout."
    )
    assert str(caught.value).startswith(f"400 {text}")
    assert f"\n\nLogs URL: {console}" in str(caught.value)
    revision = api.revision(f"{before.name}/revisions/{name}")
    reason = condition(revision, "Ready").revision_reason
    assert reason is run_v2.Condition.RevisionReason.HEALTH_CHECK_CONTAINER_ERROR
    assert condition(revision, "ContainerHealthy").state is State.CONDITION_FAILED


def test_an_image_that_does_not_exist_is_container_missing(api):
    before = api.create()
    wanted = run_v2.Service(name=before.name, template=template("demo/nowhere:v9"))
    with pytest.raises(exceptions.NotFound, match="Image 'demo/nowhere:v9' not found"):
        api.update(wanted, "template")
    found = api.revision(api.get(before.name).latest_created_revision)
    reason = condition(found, "Ready").reason
    assert reason is run_v2.Condition.CommonReason.CONTAINER_MISSING


def test_a_condition_has_exactly_one_kind_of_reason(api):
    operation = api.start_create(run_v2.Service(template=template("demo/exits")))
    with pytest.raises(exceptions.GoogleAPICallError):
        finish(operation)
    terminal = api.get(operation.metadata.name).terminal_condition
    assert run_v2.Condition.pb(terminal).WhichOneof("reasons") == "revision_reason"


def test_a_failed_first_revision_fails_every_condition_and_leaves_no_address(api):
    operation = api.start_create(run_v2.Service(template=template("demo/exits")))
    with pytest.raises(exceptions.GoogleAPICallError):
        finish(operation)
    service = api.get(operation.metadata.name)
    reason = run_v2.Condition.RevisionReason.HEALTH_CHECK_CONTAINER_ERROR
    for shown in (service.terminal_condition, *service.conditions):
        assert shown.state is State.CONDITION_FAILED
        assert shown.revision_reason is reason
    assert service.uri == ""


# Operations


def test_an_operations_metadata_and_response_are_the_service(api):
    service = api.create()
    operation = api.start_update(
        run_v2.Service(name=service.name, traffic=[latest(100)]), "traffic"
    )
    assert isinstance(operation.metadata, run_v2.Service)
    assert operation.metadata.name == service.name
    assert operation.metadata.etag
    assert isinstance(finish(operation), run_v2.Service)


def test_metadata_is_readable_before_the_operation_is_done(api):
    operation = api.start_create(run_v2.Service(template=template()))
    assert operation.metadata.reconciling
    assert operation.metadata.generation == 1
    finish(operation)


def test_a_failed_operation_is_done_with_an_error(api):
    operation = api.start_create(run_v2.Service(template=template("demo/exits")))
    with pytest.raises(exceptions.GoogleAPICallError):
        finish(operation)
    found = raw(api, operation.operation.name)
    assert found["done"] is True
    assert found["error"]["code"] == 9
    assert found["metadata"]["@type"] == "type.googleapis.com/google.cloud.run.v2.Service"
    assert "response" not in found


def test_an_operations_name_is_under_its_location(api):
    operation = api.start_create(run_v2.Service(template=template()))
    assert operation.operation.name.startswith(f"{PARENT}/operations/")
    finish(operation)


def test_operations_can_be_read_waited_for_listed_and_deleted(local_cloud_run):
    api = Api("grpc", local_cloud_run)
    operation = api.start_create(run_v2.Service(template=template()))
    name = operation.operation.name
    client = api.services
    waited = client.wait_operation(operations_pb2.WaitOperationRequest(name=name))
    if isinstance(waited, bytes):  # google-cloud-run 0.16 forgets to read this one answer
        waited = operations_pb2.Operation.FromString(waited)
    assert waited.done
    assert client.get_operation(operations_pb2.GetOperationRequest(name=name)).done
    listed = client.list_operations(operations_pb2.ListOperationsRequest(name=PARENT))
    assert name in [item.name for item in listed.operations]
    client.delete_operation(operations_pb2.DeleteOperationRequest(name=name))
    with pytest.raises(exceptions.NotFound):
        client.get_operation(operations_pb2.GetOperationRequest(name=name))


def test_operations_have_the_same_methods_over_rest(local_cloud_run):
    api = Api("rest", local_cloud_run)
    operation = api.start_create(run_v2.Service(template=template()))
    url = f"{local_cloud_run.rest}/v2/{operation.operation.name}"
    waited = httpx.post(f"{url}:wait", json={"timeout": "30s"}).json()
    assert waited["done"] is True
    listed = httpx.get(f"{local_cloud_run.rest}/v2/{PARENT}/operations").json()
    assert operation.operation.name in [item["name"] for item in listed["operations"]]
    assert httpx.delete(url).json() == {}
    assert httpx.get(url).status_code == 404


def test_there_is_no_cancel(local_cloud_run):
    api = Api("grpc", local_cloud_run)
    operation = api.start_create(run_v2.Service(template=template()))
    request = operations_pb2.CancelOperationRequest(name=operation.operation.name)
    with pytest.raises((exceptions.MethodNotImplemented, AttributeError)):
        api.services.cancel_operation(request)
    finish(operation)


def test_delete_answers_with_the_deleted_service(api):
    service = api.create()
    gone = finish(api.services.delete_service(name=service.name))
    assert gone.name == service.name
    assert gone.delete_time
    with pytest.raises(exceptions.NotFound):
        api.get(service.name)
    with pytest.raises(httpx.ConnectError):
        who(service.uri)


# Writing


def test_validate_only_fills_in_defaults_and_persists_nothing(api):
    operation = api.start_create(run_v2.Service(template=template()), dry=True)
    assert finish(operation).template.max_instance_request_concurrency == 80
    with pytest.raises(exceptions.NotFound):
        api.get(operation.metadata.name)
    before = api.create()
    wanted = run_v2.Service(name=before.name, traffic=[to(f"{short(before.name)}-nope", 100)])
    assert finish(api.start_update(wanted, "traffic", validate_only=True)).traffic[0].revision
    assert api.get(before.name) == before


def test_validate_only_still_refuses_what_is_wrong(api):
    with pytest.raises(exceptions.BadRequest):
        api.start_create(run_v2.Service(template=template(), traffic=[latest(99)]), dry=True)


def test_allow_missing_creates_when_absent(api):
    wanted = run_v2.Service(name=f"{PARENT}/services/{api.new_id()}", template=template())
    with pytest.raises(exceptions.NotFound):
        api.start_update(wanted)
    assert finish(api.start_update(wanted, allow_missing=True)).generation == 1


def test_the_fetched_object_under_a_clients_name_with_any_change_already_exists(api):
    fetched = api.get(api.create(revision=f"{api.new_id()}-named").name)
    fetched.template.labels["a"] = "b"
    with pytest.raises(exceptions.Conflict) as caught:
        api.start_update(fetched)
    text = f"Revision named '{fetched.template.revision}' with different configuration already"
    assert text in str(caught.value)
    assert isinstance(caught.value, exceptions.AlreadyExists) == (api.transport == "grpc")


def test_the_fetched_object_has_no_name_of_the_servers_and_makes_a_new_revision(api):
    service = api.create()
    fetched = api.get(service.name)
    assert fetched.template.revision == ""
    fetched.template.labels["a"] = "b"
    made = api.update(fetched)
    assert made.latest_created_revision != service.latest_created_revision


def test_the_same_template_under_the_name_that_the_server_chose_makes_no_revision(api):
    service = api.create()
    wanted = run_v2.Service(name=service.name, template=service.template)
    wanted.template.revision = short(service.latest_created_revision)
    assert api.update(wanted, "template").latest_created_revision == service.latest_created_revision


def test_the_fetched_object_with_other_traffic_makes_no_revision(api):
    fetched = api.get(api.create().name)
    name = short(fetched.latest_ready_revision)
    fetched.traffic = [to(name, 100)]
    moved = api.update(fetched)
    assert short(moved.latest_created_revision) == name
    assert moved.generation == 2


def test_a_full_update_without_traffic_goes_back_to_latest(api):
    service = api.create()
    pinned = api.move(service.name, to(short(service.latest_ready_revision), 100))
    pinned.traffic = []
    assert list(api.update(pinned).traffic) == [latest(100)]


def test_the_server_names_revisions_service_number_letters(api):
    service = api.create()
    assert short(service.latest_ready_revision).startswith(f"{short(service.name)}-00001-")
    new = api.update(run_v2.Service(name=service.name, template=template()), "template")
    assert short(new.latest_ready_revision).startswith(f"{short(service.name)}-00002-")


def test_a_client_may_name_the_revision(api):
    service = api.create(revision=f"{api.new_id()}-mine")
    assert short(service.latest_ready_revision) == service.template.revision


def test_annotations_of_the_service_make_no_revision(api):
    service = api.create()
    wanted = run_v2.Service(name=service.name, annotations={"team": "x"}, labels={"a": "b"})
    updated = api.update(wanted, "annotations", "labels")
    assert updated.latest_created_revision == service.latest_created_revision
    assert dict(updated.annotations) == {"team": "x"}


def test_a_template_label_makes_a_revision(api):
    service = api.create()
    changed = template("demo/app:v1")
    changed.labels["a"] = "b"
    updated = api.update(run_v2.Service(name=service.name, template=changed), "template")
    assert updated.latest_created_revision != service.latest_created_revision
    assert dict(api.revision(updated.latest_created_revision).labels) == {"a": "b"}


@pytest.mark.parametrize(
    "key",
    [
        "run.googleapis.com/x",
        "cloud.googleapis.com/x",
        "serving.knative.dev/x",
        "autoscaling.knative.dev/x",
    ],
)
def test_reserved_namespaces_are_rejected(api, key):
    with pytest.raises(exceptions.BadRequest, match=key.partition("/")[0]):
        api.start_create(run_v2.Service(template=template(), annotations={key: "x"}))
    with pytest.raises(exceptions.BadRequest):
        api.start_create(run_v2.Service(template=template(), labels={key: "x"}))


@pytest.mark.parametrize("service_id", ["A", "1a", "a-", "a" * 50, "a_b"])
def test_service_ids_follow_the_rules_with_their_message(api, service_id):
    with pytest.raises(exceptions.BadRequest) as caught:
        api.start_create(run_v2.Service(template=template()), service_id)
    assert "Violation in CreateServiceRequest.service_id: " in str(caught.value)


@pytest.mark.parametrize("revision", ["A", "1a", "a-", "a" * 64])
def test_revision_names_follow_the_rules(api, revision):
    with pytest.raises(exceptions.BadRequest, match="revision"):
        api.start_create(run_v2.Service(template=template(revision=revision)))


def test_revision_names_are_unique_in_a_region(api):
    other = api.new_id()
    name = f"{other}-b-shared"
    api.create(revision=name)
    with pytest.raises(exceptions.Conflict, match="different configuration already exists"):
        api.start_create(run_v2.Service(template=template("demo/app:v1", name)), other)


def test_a_second_service_of_that_name_already_exists(api):
    service = api.create()
    with pytest.raises(exceptions.Conflict):
        api.start_create(run_v2.Service(template=template()), short(service.name))


def test_a_service_that_does_not_exist_is_not_found(api):
    with pytest.raises(exceptions.NotFound):
        api.get(f"{PARENT}/services/nope")


def test_a_mask_path_that_does_not_exist_is_refused(api):
    service = api.create()
    with pytest.raises(exceptions.BadRequest, match="no such field"):
        api.start_update(run_v2.Service(name=service.name), "trafic")


def test_the_caller_is_creator_and_last_modifier(api):
    metadata = [("x-gate-local-caller", "ann@example.com")]
    request = run_v2.CreateServiceRequest(
        parent=PARENT, service=run_v2.Service(template=template()), service_id=api.new_id()
    )
    made = finish(api.services.create_service(request, metadata=metadata))
    assert (made.creator, made.last_modifier) == ("ann@example.com", "ann@example.com")
    changed = api.update(run_v2.Service(name=made.name, annotations={"a": "b"}), "annotations")
    assert (changed.creator, changed.last_modifier) == (
        "ann@example.com",
        "local-user@example.com",
    )


def test_lists_come_in_pages(api):
    parent = "projects/pages/locations/us-central1"
    for service_id in ("a", "b", "c"):
        request = run_v2.CreateServiceRequest(
            parent=parent,
            service=run_v2.Service(template=template(revision=f"{service_id}-{api.transport}-1")),
            service_id=f"{service_id}-{api.transport}",
        )
        finish(api.services.create_service(request))
    listed = run_v2.ListServicesRequest(parent=parent, page_size=1)
    pages = [list(page.services) for page in api.services.list_services(listed).pages]
    assert all(len(page) == 1 for page in pages)
    names = [short(page[0].name) for page in pages]
    assert [name for name in names if name.endswith(api.transport)] == [
        f"{service_id}-{api.transport}" for service_id in ("a", "b", "c")
    ]
    with pytest.raises(exceptions.BadRequest):
        list(api.services.list_services(run_v2.ListServicesRequest(parent=parent, page_token="x")))
    wildcard = run_v2.ListServicesRequest(parent="projects/pages/locations/-")
    with pytest.raises(exceptions.BadRequest):
        list(api.services.list_services(wildcard))


def test_both_transports_share_one_state(local_cloud_run):
    made = Api("grpc", local_cloud_run).create()
    over_rest = Api("rest", local_cloud_run).get(made.name)
    assert over_rest == made
    assert json.loads(json_format.MessageToJson(run_v2.Service.pb(made))) == raw(
        Api("rest", local_cloud_run), made.name
    )
