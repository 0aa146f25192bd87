"""The lists of v2."""

import pytest

from gate.local.admin.messages import ListRevisionsRequest, ListServicesRequest
from gate.local.api.errors import ApiError, Code
from tests.fakes.local_control_plane import Rig, done
from tests.fakes.local_messages import PARENT, creation, service, update


async def test_services_are_listed_by_name_a_page_at_a_time():
    rig = Rig()
    for service_id in ("c", "a", "b"):
        await done(rig, rig.control.create_service(creation(service(), service_id), "me"))
    first = rig.control.list_services(ListServicesRequest(parent=PARENT, page_size=2))
    assert [item.name[-1] for item in first.services] == ["a", "b"]
    token = first.next_page_token
    rest = rig.control.list_services(
        ListServicesRequest(parent=PARENT, page_size=2, page_token=token)
    )
    assert [item.name[-1] for item in rest.services] == ["c"]
    other = rig.control.list_services(ListServicesRequest(parent="projects/demo/locations/x"))
    assert list(other.services) == []


async def test_revisions_are_listed_newest_first_of_one_service_or_all():
    rig = Rig()
    await done(rig, rig.control.create_service(creation(service(revision="a-one"), "a"), "me"))
    await done(rig, rig.control.create_service(creation(service(revision="b-one"), "b"), "me"))
    newer = service("demo/better", "a-two")
    newer.name = f"{PARENT}/services/a"
    await done(rig, rig.control.update_service(update(newer), "me"))
    listed = rig.control.list_revisions(ListRevisionsRequest(parent=f"{PARENT}/services/a"))
    assert [item.name.rpartition("/")[2] for item in listed.revisions] == ["a-two", "a-one"]
    everywhere = rig.control.list_revisions(ListRevisionsRequest(parent=f"{PARENT}/services/-"))
    assert len(everywhere.revisions) == 3
    with pytest.raises(ApiError) as caught:
        rig.control.list_revisions(ListRevisionsRequest(parent=f"{PARENT}/services/nope"))
    assert caught.value.code is Code.NOT_FOUND
