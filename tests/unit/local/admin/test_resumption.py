"""What a second run makes of the state that the first one left."""

import asyncio

import pytest

from gate.local.admin.conditions import State, state_of
from gate.local.admin.messages import (
    DeleteServiceRequest,
    ListRevisionsRequest,
    Service,
)
from gate.local.api.errors import ApiError, Code
from gate.local.faults.delays import Faults
from gate.local.ports import RevisionKey, ServiceKey
from tests.fakes.local_control_plane import Rig, done
from tests.fakes.local_messages import NAME, creation, service, template, to, update

KEY = ServiceKey("demo", "us-central1", "backend")


async def first_run():
    rig = Rig()
    made = service(revision="backend-one", traffic=(to("backend-one", 100, "blue"),))
    made.template.scaling = {"min_instance_count": 2}
    await done(rig, rig.control.create_service(creation(made), "me"))
    return rig


def again(rig, **options):
    return Rig(journal=rig.journal, **options)


async def test_services_revisions_and_routes_survive_a_restart():
    before = await first_run()
    rig = again(before)
    await rig.control.resume()
    assert rig.control.get_service(NAME) == before.control.get_service(NAME)
    revision = f"{NAME}/revisions/backend-one"
    assert rig.control.get_revision(revision) == before.control.get_revision(revision)
    assert rig.front_end.routes == before.front_end.routes
    assert rig.front_end.ports == before.front_end.ports


async def test_a_restart_boots_nothing_but_keeps_min_instances():
    rig = again(await first_run())
    await rig.control.resume()
    assert rig.instances.booted == []
    assert rig.instances.remembered[RevisionKey(KEY, "backend-one")].min_instances == 2


async def test_a_port_that_was_taken_meanwhile_is_replaced_and_shown():
    before = await first_run()
    rig = again(before)
    rig.front_end.taken = {before.front_end.ports[KEY, "blue"]}
    await rig.control.resume()
    (status,) = rig.control.get_service(NAME).traffic_statuses
    assert status.uri == f"http://127.0.0.1:{rig.front_end.ports[KEY, 'blue']}"
    assert rig.front_end.ports[KEY, "blue"] != before.front_end.ports[KEY, "blue"]
    assert rig.control.get_service(NAME).uri == before.control.get_service(NAME).uri


async def test_an_operation_that_was_under_way_is_taken_up_again():
    before = await first_run()
    before.instances.hold("demo/slow")
    new = Service(name=NAME, template=template("demo/slow", "backend-two"))
    operation = before.control.update_service(update(new, "template"), "me")
    await asyncio.sleep(0)
    await before.control.close()
    rig = again(before)
    await rig.control.resume()
    finished = await done(rig, operation)
    assert finished.WhichOneof("result") == "response"
    assert [spec.key.revision for spec in rig.instances.booted] == ["backend-two"]
    assert state_of(rig.control.get_service(NAME).terminal_condition) is State.SUCCEEDED


async def test_a_write_that_had_not_begun_is_carried_out_under_its_name():
    before = await first_run()
    rude = again(before, faults=Faults(1))
    await rude.control.resume()
    new = Service(name=NAME, template=template("demo/better"))
    operation = rude.control.update_service(update(new, "template"), "me")
    await asyncio.sleep(0)
    await rude.control.close()
    rig = again(before)
    await rig.control.resume()
    await done(rig, operation)
    name = rig.control.get_service(NAME).latest_created_revision
    assert rig.control.get_revision(name).containers[0].image == "demo/better"


async def test_a_revision_name_that_was_promised_stays_promised():
    before = await first_run()
    rude = again(before, faults=Faults(1))
    await rude.control.resume()
    new = Service(name=NAME, template=template("demo/better", "backend-b-x"))
    rude.control.update_service(update(new, "template"), "me")
    await rude.control.close()
    rig = again(before, faults=Faults(1))
    await rig.control.resume()
    with pytest.raises(ApiError) as caught:
        rig.control.create_service(creation(service(revision="backend-b-x"), "backend-b"), "me")
    assert caught.value.code is Code.ALREADY_EXISTS
    await rig.control.close()


async def test_a_revision_without_a_name_whose_operation_was_lost_is_made_once():
    before = await first_run()
    rude = again(before, faults=Faults(1))
    await rude.control.resume()
    new = Service(name=NAME, template=template("demo/better"))
    rude.control.update_service(update(new, "template"), "me")
    await rude.control.close()
    before.journal.kinds["operations"].clear()
    rig = again(before)
    await rig.control.resume()
    (running,) = rig.control.operations.running()
    await done(rig, running.operation)
    assert [spec.main.image for spec in rig.instances.booted] == ["demo/better"]
    third = again(rig)
    await third.control.resume()
    assert third.control.operations.running() == []


async def test_a_revision_that_was_made_is_not_made_again_when_its_operation_was_lost():
    before = await first_run()
    before.instances.hold("demo/slow")
    new = Service(name=NAME, template=template("demo/slow"))
    before.control.update_service(update(new, "template"), "me")
    for _ in range(10):  # turns of the loop: enough to begin, and to wait for the boot
        await asyncio.sleep(0)
    assert len(before.control.list_revisions(ListRevisionsRequest(parent=NAME)).revisions) == 2
    await before.control.close()
    before.journal.kinds["operations"].clear()
    rig = again(before)
    await rig.control.resume()
    (running,) = rig.control.operations.running()
    await done(rig, running.operation)
    assert len(rig.control.list_revisions(ListRevisionsRequest(parent=NAME)).revisions) == 2


async def test_a_write_whose_operation_was_lost_is_carried_out_anyway():
    before = await first_run()
    rude = again(before, faults=Faults(1))
    await rude.control.resume()
    wanted = Service(name=NAME, traffic=[to("backend-one", 100)])
    rude.control.update_service(update(wanted, "traffic"), "me")
    await rude.control.close()
    before.journal.kinds["operations"].clear()
    rig = again(before)
    await rig.control.resume()
    (running,) = rig.control.operations.running()
    await done(rig, running.operation)
    assert not rig.control.get_service(NAME).reconciling


async def test_a_deletion_that_was_under_way_is_finished():
    before = await first_run()
    rude = again(before, faults=Faults(1))
    await rude.control.resume()
    operation = rude.control.delete_service(DeleteServiceRequest(name=NAME))
    await rude.control.close()
    rig = again(before)
    await rig.control.resume()
    assert (await done(rig, operation)).WhichOneof("result") == "response"
    with pytest.raises(ApiError):
        rig.control.get_service(NAME)


async def test_an_operation_on_what_is_gone_ends_with_an_error():
    before = await first_run()
    rude = again(before, faults=Faults(1))
    await rude.control.resume()
    wanted = Service(name=NAME, traffic=[to("backend-one", 100)])
    operation = rude.control.update_service(update(wanted, "traffic"), "me")
    await rude.control.close()
    before.journal.kinds["services"].clear()
    rig = again(before)
    await rig.control.resume()
    assert (await done(rig, operation)).error.code == Code.ABORTED.number
