"""Revisions, fact by fact."""

import pytest
from google.api_core import exceptions
from google.cloud import run_v2

from tests.contract.local_admin import State, api, condition, short, template, to, who
from tests.local_cloud_run import PARENT, finish, local_cloud_run, local_images

__all__ = ["api", "local_cloud_run", "local_images"]
pytestmark = pytest.mark.xdist_group("local_admin_revisions")
Reason = run_v2.Condition.RevisionReason


@pytest.fixture
def pair(api):
    """A service with an old revision that serves and a new one that does not."""
    service = api.create()
    old = service.latest_ready_revision
    new = f"{short(service.name)}-new"
    service = api.deploy(service.name, to(short(old), 100), revision=new)
    return service, old, f"{service.name}/revisions/{new}"


def delete(api, name):
    return finish(api.revisions.delete_revision(name=name))


def test_a_revision_has_no_terminal_condition_its_ready_is_among_the_conditions(api):
    revision = api.revision(api.create().latest_ready_revision)
    kinds = {item.type_ for item in revision.conditions}
    assert {"Ready", "ResourcesAvailable", "ContainerHealthy", "Active"} <= kinds
    assert condition(revision, "Ready").state is State.CONDITION_SUCCEEDED
    assert condition(revision, "Active").state is State.CONDITION_SUCCEEDED
    assert not revision.reconciling
    assert revision.generation == revision.observed_generation


def test_a_revision_knows_its_service_by_full_name_and_who_made_it(api):
    service = api.create()
    revision = api.revision(service.latest_ready_revision)
    assert revision.service == service.name
    assert revision.creator == "local-user@example.com"
    assert revision.containers[0].image == "demo/app:v1"


def test_a_revision_without_traffic_is_retired_with_severity_info_and_stays_ready(api, pair):
    _, _, new = pair
    revision = api.revision(new)
    active = condition(revision, "Active")
    assert active.state is State.CONDITION_FAILED
    assert active.revision_reason is Reason.RETIRED
    assert active.severity is run_v2.Condition.Severity.INFO
    assert condition(revision, "Ready").state is State.CONDITION_SUCCEEDED


def test_a_tagged_revision_without_percent_is_in_reserve(api, pair):
    service, old, new = pair
    api.move(service.name, to(short(old), 100), to(short(new), 0, "candidate"))
    assert condition(api.revision(new), "Active").revision_reason is Reason.RESERVE


def test_standing_follows_the_traffic(api, pair):
    service, old, new = pair
    api.move(service.name, to(short(new), 100))
    assert condition(api.revision(new), "Active").state is State.CONDITION_SUCCEEDED
    assert condition(api.revision(old), "Active").revision_reason is Reason.RETIRED


def test_min_instances_of_a_0_percent_revision_are_not_provisioned_and_that_is_no_failure(api):
    service = api.create()
    made = template(revision=f"{short(service.name)}-min")
    made.scaling = run_v2.RevisionScaling(min_instance_count=1)
    old = short(service.latest_ready_revision)
    wanted = run_v2.Service(name=service.name, template=made, traffic=[to(old, 100)])
    updated = api.update(wanted, "template", "traffic")
    assert updated.terminal_condition.state is State.CONDITION_SUCCEEDED
    revision = api.revision(updated.latest_created_revision)
    reserved = condition(revision, "MinInstancesProvisioned")
    assert reserved.revision_reason is Reason.MIN_INSTANCES_NOT_PROVISIONED
    assert reserved.severity is run_v2.Condition.Severity.INFO
    assert condition(revision, "Ready").state is State.CONDITION_SUCCEEDED


def test_revisions_are_listed_newest_first(api, pair):
    service, old, new = pair
    listed = list(api.revisions.list_revisions(parent=service.name))
    assert [revision.name for revision in listed] == [new, old]


def test_a_dash_lists_the_revisions_of_every_service(api, pair):
    _, old, new = pair
    request = run_v2.ListRevisionsRequest(parent=f"{PARENT}/services/-", page_size=7)
    names = [revision.name for revision in api.revisions.list_revisions(request)]
    assert {old, new} <= set(names)
    assert len(names) == len(set(names))


def test_a_revision_that_does_not_exist_is_not_found(api):
    service = api.create()
    with pytest.raises(exceptions.NotFound):
        api.revision(f"{service.name}/revisions/nope")
    with pytest.raises(exceptions.NotFound):
        api.revisions.delete_revision(name=f"{service.name}/revisions/nope")


def test_a_delete_answers_with_the_deleted_revision(api, pair):
    service, old, new = pair
    api.move(service.name, to(short(new), 100))
    operation = api.revisions.delete_revision(name=old)
    assert isinstance(operation.metadata, run_v2.Revision)
    gone = finish(operation)
    assert isinstance(gone, run_v2.Revision)
    assert gone.name == old
    assert gone.delete_time
    with pytest.raises(exceptions.NotFound):
        api.revision(old)


def test_a_serving_revision_cannot_be_deleted(api, pair):
    _, old, _ = pair
    with pytest.raises(exceptions.BadRequest) as caught:
        delete(api, old)
    assert isinstance(caught.value, exceptions.FailedPrecondition) == (api.transport == "grpc")
    assert (
        f'Revision "{short(old)}" cannot be directly deleted because it is actively serving.'
        in str(caught.value)
    )


def test_the_latest_revision_cannot_be_deleted(api, pair):
    _, _, new = pair
    with pytest.raises(exceptions.BadRequest):
        delete(api, new)


def test_the_only_revision_cannot_be_deleted(api):
    operation = api.start_create(run_v2.Service(template=template("demo/exits")))
    with pytest.raises(exceptions.BadRequest):
        finish(operation)
    created = api.get(operation.metadata.name).latest_created_revision
    with pytest.raises(exceptions.BadRequest):
        delete(api, created)


def test_a_tagged_0_percent_revision_can_be_deleted_and_its_tag_goes_too(api, pair):
    service, old, new = pair
    api.move(service.name, to(short(new), 100), to(short(old), 0, "old"))
    delete(api, old)
    found = api.get(service.name)
    assert [target.revision for target in found.traffic] == [short(new)]
    assert who(found.uri) == short(new)


def test_traffic_to_a_deleted_revision_fails_with_code_13(api, pair):
    service, old, new = pair
    api.move(service.name, to(short(new), 100))
    delete(api, old)
    with pytest.raises(exceptions.InternalServerError, match="does not exist or is deleted"):
        api.move(service.name, to(short(old), 100))


def test_validate_only_deletes_nothing(api, pair):
    service, old, new = pair
    api.move(service.name, to(short(new), 100))
    request = run_v2.DeleteRevisionRequest(name=old, validate_only=True)
    assert finish(api.revisions.delete_revision(request)).name == old
    assert api.revision(old).name == old


def test_a_containers_environment_is_its_revisions(api):
    service = api.create()
    wanted = run_v2.Service(name=service.name, template=template(GREETING="hello"))
    updated = api.update(wanted, "template")
    revision = api.revision(updated.latest_ready_revision)
    assert [(item.name, item.value) for item in revision.containers[0].env] == [
        ("GREETING", "hello")
    ]
