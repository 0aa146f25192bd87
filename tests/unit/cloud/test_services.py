"""Listing services: every page, or an error; never half a list."""

import pytest
from google.cloud.run_v2.types import service as services

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.services import marked_services
from gate.cloud.wire import Wire
from gate.core.mark import KEY
from gate.errors import InfrastructureError
from tests.unit.cloud.test_run import Pages


def wire_over(*answers):
    async def opened(_):
        return Pages(*answers)

    return Wire(Place(Api.RUN, Endpoint()), connect=opened)


def page(*names, token="", unreachable=()):
    listed = [
        services.Service(name=f"projects/p/locations/r/services/{name}", annotations={KEY: "{}"})
        for name in names
    ]
    return services.ListServicesResponse(
        services=listed, next_page_token=token, unreachable=unreachable
    )


async def test_every_page_is_read_and_services_without_a_mark_are_left_out():
    stranger = services.ListServicesResponse(
        services=[services.Service(name="projects/p/locations/r/services/c")], next_page_token="t2"
    )
    wire = wire_over(page("d", token="t1"), stranger, page("a", "b"))
    found = await marked_services(wire, "p", "r")
    assert [ref.name for ref in found] == ["a", "b", "d"]


async def test_an_incomplete_list_is_an_error():
    wire = wire_over(page("a", unreachable=["r"]))
    with pytest.raises(InfrastructureError, match=r"could not all be listed \(missing: r\)"):
        await marked_services(wire, "p", "r")


async def test_pages_without_end_are_an_error():
    with pytest.raises(InfrastructureError, match="too many pages"):
        await marked_services(wire_over(page("a", token="more")), "p", "r")
