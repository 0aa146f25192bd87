"""Listing services: every page, or an error; never half a list."""

import pytest

from gate.cloud.services import marked_services
from gate.core.annotation import KEY
from gate.errors import InfrastructureError
from tests.unit.cloud.answers import Scripted, ok, wire_over


def page(*names, token="", annotations=None, **more):
    given = {KEY: "{}"} if annotations is None else annotations
    listed = [{"metadata": {"name": name, "annotations": given}} for name in names]
    return ok({"items": listed, "metadata": {"continue": token}, **more})


async def found(*answers):
    client = Scripted(*answers)
    wire, _ = wire_over(client)
    return await marked_services(wire, "p"), client


async def test_every_page_is_read_and_services_without_a_mark_are_left_out():
    refs, client = await found(
        page("d", token="t1"), page("c", token="t2", annotations={}), page("a", "b")
    )
    assert [ref.name for ref in refs] == ["a", "b", "d"]
    path = "/apis/serving.knative.dev/v1/namespaces/p/services?limit=100"
    paths = [target for _, target, _ in client.asked]
    assert paths == [path, f"{path}&continue=t1", f"{path}&continue=t2"]


async def test_no_services_at_all():
    refs, _ = await found(ok({"kind": "ServiceList"}))
    assert refs == ()


async def test_an_incomplete_list_is_an_error():
    with pytest.raises(InfrastructureError, match=r"could not all be listed \(missing: r\)"):
        await found(page("a", unreachable=["r"]))


async def test_pages_without_end_are_an_error():
    with pytest.raises(InfrastructureError, match="too many pages"):
        await found(page("a", token="more"))
