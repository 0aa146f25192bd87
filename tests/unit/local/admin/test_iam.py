import asyncio

import pytest
from google.cloud import run_v2
from google.iam.v1.policy_pb2 import Policy

from gate.local.admin.iam import access
from gate.local.admin.messages import CreateServiceRequest, DeleteServiceRequest
from gate.local.admin.tables import ServiceRecord
from gate.local.api.errors import ApiError, Code
from gate.local.faults.delays import Faults
from gate.local.ports import ServiceKey
from tests.fakes.local_control_plane import Rig, done

PARENT = "projects/demo/locations/us-central1"
NAME = f"{PARENT}/services/backend"
KEY = ServiceKey("demo", "us-central1", "backend")
ME = "user:me@example.com"


def invoked_by(*members, etag=b""):
    made = Policy(etag=etag)
    made.bindings.add(role="roles/run.invoker", members=members)
    return made


async def turns():
    """Lets every task run as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def made(rig, **more):
    container = run_v2.Container(image="demo/app:v1")
    service = run_v2.Service(template=run_v2.RevisionTemplate(containers=[container]), **more)
    request = CreateServiceRequest(parent=PARENT, service_id="backend", service=service)
    operation = rig.control.create_service(request, "me")
    await done(rig, operation)
    return rig


async def test_a_new_service_lets_in_nobody_until_its_policy_does():
    rig = await made(Rig())
    url = rig.control.get_service(NAME).uri
    known = rig.front_end.access[KEY]
    assert (known.invokers, known.audiences) == (frozenset(), {url})
    rig.control.iam.set_policy(NAME, invoked_by(ME))
    assert rig.front_end.access[KEY].invokers == {ME}
    assert rig.front_end.access[KEY].audiences == {url}
    await rig.control.close()


async def test_a_policy_outlives_the_process_and_not_the_service():
    first = await made(Rig())
    etag = first.control.iam.set_policy(NAME, invoked_by(ME)).etag
    await first.control.close()
    second = Rig(first.journal)
    second.front_end.taken = set(range(40_000, 40_010))  # other ports: other URLs
    await second.control.resume()
    assert second.control.iam.get_policy(NAME).etag == etag
    url = second.control.get_service(NAME).uri
    assert second.front_end.access[KEY].audiences == {url}
    assert second.front_end.access[KEY].invokers == {ME}
    operation = second.control.delete_service(DeleteServiceRequest(name=NAME))
    await done(second, operation)
    with pytest.raises(ApiError) as caught:
        second.control.iam.get_policy(NAME)
    assert caught.value.code is Code.NOT_FOUND
    await made(second)
    assert not second.control.iam.get_policy(NAME).bindings
    await second.control.close()


async def test_a_policy_takes_effect_a_moment_after_it_was_set():
    first = await made(Rig())
    await first.control.close()
    rude = Rig(first.journal, Faults(1, calm=False))
    await rude.control.resume()
    rude.control.iam.set_policy(NAME, invoked_by(ME))
    assert rude.front_end.access[KEY].invokers == frozenset()
    await turns()
    rude.surroundings.wake()
    await turns()
    assert rude.front_end.access[KEY].invokers == {ME}
    await rude.control.close()


def test_permissions_are_held_on_a_service_yet_to_be_made():
    asked = ["run.services.setIamPolicy", "run.routes.invoke", "run.routes.invoke"]
    assert Rig().control.iam.test_permissions(NAME, asked) == asked[:2]


@pytest.mark.parametrize(("ingress", "inside_only"), [(0, False), (1, False), (2, True), (3, True)])
def test_ingress_other_than_all_is_for_callers_inside(ingress, inside_only):
    record = ServiceRecord(KEY, run_v2.Service(ingress=ingress))
    assert access(record, record.resource).inside_only is inside_only


def test_settings_that_let_callers_in():
    service = run_v2.Service(uri="http://a", urls=["http://a", "http://b/"], custom_audiences=["c"])
    record = ServiceRecord(KEY, service)
    assert access(record, service).audiences == {"http://a", "http://b", "c"}
    assert access(record, service).invokers == frozenset()
    service.invoker_iam_disabled = True
    assert access(record, service).invokers is None
