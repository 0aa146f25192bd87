from datetime import UTC, datetime, timedelta

import pytest

from gate.local.admin.conditions import Kind, State, condition, state_of
from gate.local.admin.messages import RevisionTemplate, Service
from gate.local.admin.plan import as_time, last_change, needs_revision, plan_create, plan_update
from gate.local.admin.template import make_revision
from gate.local.api.errors import ApiError, Code
from gate.local.ports import RevisionKey, ServiceKey
from tests.fakes.local_messages import NAME, complete, to

AT = datetime(2026, 11, 22, tzinfo=UTC)


def nobody(_):
    return None


def held(image="demo/good", name="r1"):
    owner = complete(image=image, revision=name)
    key = RevisionKey(ServiceKey("demo", "us-central1", "backend"), name)
    return make_revision(key, owner, "uid", "me", AT)


def created():
    return plan_create(complete(), NAME, "uid-1", "me@example.com", AT)


def test_a_new_service_is_generation_1_reconciling_and_pending():
    made = created()
    assert (made.generation, made.uid, made.name) == (1, "uid-1", NAME)
    assert (made.creator, made.last_modifier) == ("me@example.com", "me@example.com")
    assert made.reconciling
    assert state_of(made.terminal_condition) is State.PENDING
    assert made.create_time == made.update_time == AT


def test_output_only_fields_of_a_caller_are_dropped():
    wanted = complete()
    wanted.uri, wanted.generation, wanted.latest_ready_revision = "http://evil", 9, "x"
    made = plan_create(wanted, NAME, "uid-1", "me", AT)
    assert (made.uri, made.generation, made.latest_ready_revision) == ("", 1, "")


def test_a_changed_desire_is_a_new_generation_with_a_new_etag():
    old = created()
    wanted = Service(old)
    wanted.traffic = [to("r1", 100)]
    new = plan_update(old, wanted, "you", AT + timedelta(seconds=5))
    assert new.generation == 2
    assert new.etag != old.etag
    assert (new.creator, new.last_modifier) == ("me@example.com", "you")


def test_metadata_alone_is_a_new_generation_too():
    old = created()
    wanted = Service(old)
    wanted.annotations["a"] = "b"
    new = plan_update(old, wanted, "you", AT + timedelta(seconds=5))
    assert new.generation == 2
    assert new.etag != old.etag


def test_every_write_gets_a_later_time_even_when_the_clock_stands():
    old = created()
    new = plan_update(old, Service(old), "you", AT)
    assert new.update_time > old.update_time


def test_a_write_is_later_than_the_status_that_was_read_before_it():
    old = created()
    settled = AT + timedelta(seconds=9)
    old.terminal_condition = condition(Kind.READY, State.SUCCEEDED, settled)
    assert last_change(old) == settled
    assert as_time(plan_update(old, Service(old), "you", AT).update_time) > settled


def test_a_new_service_needs_a_revision():
    assert needs_revision(None, complete().template, nobody)


def test_the_same_template_needs_none_and_keeps_its_name():
    current, wanted = complete(revision="r1").template, complete().template
    assert not needs_revision(current, wanted, nobody)
    assert wanted.revision == "r1"


def test_a_changed_template_without_a_name_needs_one():
    current, wanted = complete(revision="r1").template, complete(image="demo/new").template
    assert needs_revision(current, wanted, nobody)
    assert wanted.revision == ""


def test_a_new_name_alone_needs_one():
    current, wanted = complete(revision="r1").template, complete(revision="r2").template
    assert needs_revision(current, wanted, nobody)


def test_a_changed_template_under_an_existing_name_is_refused_with_cloud_runs_text():
    current = complete(revision="r1").template
    wanted = complete(image="demo/new", revision="r1").template
    with pytest.raises(ApiError) as caught:
        needs_revision(current, wanted, {"r1": held()}.get)
    assert caught.value.code is Code.ALREADY_EXISTS
    assert caught.value.message == (
        "Revision named 'r1' with different configuration already exists."
    )


def test_even_a_label_is_a_different_configuration():
    current = complete(revision="r1").template
    wanted = RevisionTemplate(current)
    wanted.labels["a"] = "b"
    with pytest.raises(ApiError, match="different configuration"):
        needs_revision(current, wanted, {"r1": held()}.get)


def test_an_older_revision_may_be_named_again_as_it_was():
    current = complete(image="demo/new", revision="r2").template
    assert not needs_revision(current, complete(revision="r1").template, {"r1": held()}.get)


def test_a_name_that_is_claimed_but_not_yet_made_counts():
    claim = complete(image="demo/other", revision="r2").template
    with pytest.raises(ApiError, match="different configuration"):
        needs_revision(
            complete(revision="r1").template,
            complete(image="demo/new", revision="r2").template,
            {"r2": claim}.get,
        )


def test_a_field_without_a_time_is_a_bug():
    with pytest.raises(TypeError):
        as_time(None)
