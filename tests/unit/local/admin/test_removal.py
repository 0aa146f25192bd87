import asyncio
from datetime import timedelta

import pytest

from gate.local.admin.conditions import State, state_of
from gate.local.admin.etags import V2Etags
from gate.local.admin.messages import (
    DeleteRevisionRequest,
    DeleteServiceRequest,
    Revision,
    Service,
)
from gate.local.api.errors import ApiError, Code
from gate.local.faults.delays import Betrayal, Faults
from gate.local.ports import RevisionKey, ServiceKey
from tests.fakes.local_control_plane import Rig, done
from tests.fakes.local_messages import NAME, creation, service, to, update

KEY = ServiceKey("demo", "us-central1", "backend")


async def two_revisions(rig, *extra):
    made = creation(service(revision="backend-one"))
    await done(rig, rig.control.create_service(made, "me"))
    new = service("demo/better", "backend-two", (to("backend-two", 100), *extra))
    await done(rig, rig.control.update_service(update(new), "me"))


def deletion(name):
    return DeleteRevisionRequest(name=f"{NAME}/revisions/{name}")


def refusal(rig, name):
    with pytest.raises(ApiError) as caught:
        rig.control.delete_revision(deletion(name))
    assert caught.value.code is Code.FAILED_PRECONDITION
    return caught.value.message


async def test_a_deleted_revision_is_answered_with_and_gone():
    rig = Rig()
    await two_revisions(rig)
    operation = await done(rig, rig.control.delete_revision(deletion("backend-one")))
    gone = Revision()
    assert operation.response.Unpack(Revision.pb(gone))
    assert gone.name.endswith("/backend-one")
    assert gone.expire_time - gone.delete_time == timedelta(days=30)
    with pytest.raises(ApiError):
        rig.control.get_revision(f"{NAME}/revisions/backend-one")
    assert rig.instances.retired == [RevisionKey(KEY, "backend-one")]


async def test_a_serving_revision_stays():
    rig = Rig()
    await two_revisions(rig)
    await done(
        rig,
        rig.control.update_service(
            update(service("demo/three", "backend-three", (to("backend-two", 100),))), "me"
        ),
    )
    assert refusal(rig, "backend-two") == (
        'Revision "backend-two" cannot be directly deleted because it is actively serving.'
    )


async def test_a_revision_that_serves_as_the_latest_ready_one_stays():
    rig = Rig()
    await done(rig, rig.control.create_service(creation(service(revision="backend-one")), "me"))
    failed = service("demo/broken", "backend-two")
    await done(rig, rig.control.update_service(update(failed), "me"))
    assert "actively serving" in refusal(rig, "backend-one")


async def test_a_revision_that_is_asked_to_serve_stays_even_when_it_does_not_yet():
    rig = Rig()
    await two_revisions(rig)
    wanted = Service(name=NAME, traffic=[to("backend-one", 50), to("backend-nope", 50)])
    await done(rig, rig.control.update_service(update(wanted, "traffic"), "me"))
    assert rig.front_end.routes[KEY, ""] == {"backend-two": 100}
    assert "actively serving" in refusal(rig, "backend-one")


async def test_the_latest_and_the_only_revision_stay():
    rig = Rig()
    await two_revisions(rig)
    back = Service(name=NAME, traffic=[to("backend-one", 100)])
    await done(rig, rig.control.update_service(update(back, "traffic"), "me"))
    assert "latest" in refusal(rig, "backend-two")
    alone = Rig()
    made = service("demo/broken", "backend-one")
    await done(alone, alone.control.create_service(creation(made), "me"))
    assert "only revision" in refusal(alone, "backend-one")


async def test_a_tagged_revision_can_be_deleted_and_its_tag_goes():
    rig = Rig()
    await two_revisions(rig, to("backend-one", 0, "old"))
    assert (KEY, "old") in rig.front_end.ports
    await done(rig, rig.control.delete_revision(deletion("backend-one")))
    for operation in rig.control.operations.running():
        await done(rig, operation.operation)
    assert rig.control.get_service(NAME).traffic == [to("backend-two", 100)]
    assert (KEY, "old") not in rig.front_end.ports


class KeepsTags(Faults):
    """Always fails to drop a dead tag."""

    def strikes(self, betrayal):
        return betrayal is Betrayal.KEPT_DEAD_TAG


async def test_a_tag_that_could_not_be_dropped_fails_later_traffic_updates():
    rig = Rig(faults=KeepsTags(0, calm=True))
    await two_revisions(rig, to("backend-one", 0, "old"))
    await done(rig, rig.control.delete_revision(deletion("backend-one")))
    found = rig.control.get_service(NAME)
    assert to("backend-one", 0, "old") in list(found.traffic)
    wanted = Service(name=NAME, traffic=[*found.traffic, to("backend-two", 0, "new")])
    operation = await done(rig, rig.control.update_service(update(wanted, "traffic"), "me"))
    assert operation.error.code == 13
    assert "'backend-one' does not exist or is deleted" in operation.error.message


async def test_deleting_a_service_takes_everything_with_it():
    rig = Rig()
    await two_revisions(rig)
    operation = await done(rig, rig.control.delete_service(DeleteServiceRequest(name=NAME)))
    gone = Service()
    assert operation.response.Unpack(Service.pb(gone))
    assert gone.expire_time - gone.delete_time == timedelta(days=30)
    with pytest.raises(ApiError) as caught:
        rig.control.get_service(NAME)
    assert caught.value.code is Code.NOT_FOUND
    assert rig.front_end.ports == {}
    assert {key.revision for key in rig.instances.retired} == {"backend-one", "backend-two"}
    assert rig.journal.kinds["services"] == rig.journal.kinds["revisions"] == {}


async def test_deleting_a_service_ends_what_was_under_way_on_it(capsys):
    rig = Rig()
    await two_revisions(rig)
    gate = rig.instances.hold("demo/slow")
    slow = rig.control.update_service(update(service("demo/slow")), "me")
    await done(rig, rig.control.delete_service(DeleteServiceRequest(name=NAME)))
    assert (await done(rig, slow)).error.code == Code.ABORTED.number
    gate.set()
    for _ in range(9):
        await asyncio.sleep(0)
    assert rig.journal.kinds["services"] == rig.journal.kinds["revisions"] == {}
    assert rig.front_end.routes == {}
    assert capsys.readouterr().err == ""


async def test_a_service_that_is_being_deleted_takes_no_writes():
    rig = Rig()
    await two_revisions(rig)
    operation = rig.control.delete_service(DeleteServiceRequest(name=NAME))
    with pytest.raises(ApiError) as caught:
        rig.control.update_service(update(service()), "me")
    assert caught.value.code is Code.FAILED_PRECONDITION
    await done(rig, operation)


async def test_enforced_a_stale_etag_keeps_service_and_revision():
    rig = Rig(v2_etags=V2Etags.ENFORCED)
    await two_revisions(rig)
    stale = rig.control.get_service(NAME).etag
    wanted = Service(name=NAME, annotations={"a": "b"})
    await done(rig, rig.control.update_service(update(wanted, "annotations"), "me"))
    with pytest.raises(ApiError) as caught:
        rig.control.delete_service(DeleteServiceRequest(name=NAME, etag=stale))
    assert caught.value.code is Code.ABORTED
    request = deletion("backend-one")
    request.etag = stale
    with pytest.raises(ApiError) as caught:
        rig.control.delete_revision(request)
    assert caught.value.code is Code.ABORTED


async def test_validating_a_deletion_deletes_nothing():
    rig = Rig()
    await two_revisions(rig)
    request = deletion("backend-one")
    request.validate_only = True
    assert rig.control.delete_revision(request).done
    assert rig.control.delete_service(DeleteServiceRequest(name=NAME, validate_only=True)).done
    assert not rig.control.get_revision(f"{NAME}/revisions/backend-one").reconciling
    assert "delete_time" not in rig.control.get_service(NAME)


async def test_a_service_that_goes_is_a_generation_of_its_own_and_is_kept_for_30_days():
    rig = Rig()
    await two_revisions(rig)
    before = rig.control.get_service(NAME)
    operation = rig.control.delete_service(DeleteServiceRequest(name=NAME))
    going = Service()
    operation.metadata.Unpack(Service.pb(going))
    assert (going.generation, going.observed_generation, going.reconciling) == (3, 2, True)
    assert going.delete_time == going.update_time > before.update_time
    assert going.expire_time == going.delete_time + timedelta(days=30)
    assert going.etag != before.etag
    assert state_of(going.terminal_condition) is State.PENDING
    old = before.terminal_condition.last_transition_time
    assert going.terminal_condition.last_transition_time == old
    assert going.conditions == before.conditions
    await done(rig, operation)


async def test_a_service_that_is_gone_is_shown_whole_with_a_last_change_of_time_and_etag():
    rig = Rig()
    await two_revisions(rig)
    operation = rig.control.delete_service(DeleteServiceRequest(name=NAME))
    going, gone = Service(), Service()
    operation.metadata.Unpack(Service.pb(going))
    (await done(rig, operation)).response.Unpack(Service.pb(gone))
    assert (gone.generation, gone.observed_generation, gone.reconciling) == (3, 3, False)
    assert gone.update_time > gone.delete_time == going.delete_time
    assert gone.expire_time == going.expire_time
    assert gone.etag != going.etag
    assert state_of(gone.terminal_condition) is State.SUCCEEDED
    assert gone.terminal_condition.last_transition_time == gone.update_time
    assert gone.conditions == going.conditions
    assert gone.uri
    assert gone.latest_ready_revision
    assert gone.traffic_statuses
