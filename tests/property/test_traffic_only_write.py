"""A move of traffic changes nothing else and makes no revision, whatever the service holds.

Compared through v2, which is not the wire that the gate writes by.
"""

import asyncio
import socket

import pytest
from google.cloud import run_v2
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.cloud.channel import Endpoint
from gate.cloud.run import CloudRun
from gate.core.annotation import KEY
from gate.core.service import ServiceRef
from gate.core.traffic import Split, Target
from gate.local.admin.rest_api_v1 import V1RestApi
from gate.local.http_server import HttpServer
from tests.fakes.local_control_plane import Rig
from tests.property.run_services import services

PARENT = "projects/demo/locations/us-central1"
REF = ServiceRef("demo", "us-central1", "backend")
NAME = f"{PARENT}/services/backend"
WRITTEN = {"traffic", "generation", "update_time", "etag", "last_modifier"}
STATUS = {
    "observed_generation", "terminal_condition", "conditions", "traffic_statuses", "reconciling",
    "latest_ready_revision", "uri", "urls",
}  # fmt: skip


class Stage:
    """A control plane on fakes behind the v1 face, and the gate's adapter before it."""

    def __init__(self, runner):
        self._runner = runner

    def check(self, made, traffic, annotations):
        self._runner.run(self._check(made, traffic, annotations))

    async def _check(self, made, traffic, annotations):
        rig = Rig()
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        http = HttpServer(V1RestApi(rig.control, "ann@acme.example").routes(), listener)
        await http.start()
        try:
            await self._moved(rig, listener.getsockname()[1], made, traffic, annotations)
        finally:
            await http.stop()
            await rig.control.close()

    async def _moved(self, rig, port, made, traffic, annotations):
        request = run_v2.CreateServiceRequest(parent=PARENT, service_id="backend")
        json_format.ParseDict(made, run_v2.Service.pb(request.service))
        operation = rig.control.create_service(request, "ann@acme.example")
        await rig.control.operations.wait(operation.name, 5)
        before, revisions = self._everything(rig)
        name = next(iter(revisions)).rpartition("/")[2]
        split = Split.of(
            [Target(name if one.revision else None, one.percent, one.tag) for one in traffic]
        )
        async with CloudRun(REF, Endpoint(f"127.0.0.1:{port}")) as platform:
            read = await platform.read_service()
            written = None
            if annotations:
                written = {**dict(read.annotations), KEY: "{}"}
            assert await platform.set_traffic(split, read.etag, written) == read.generation + 1
            seen = await platform.read_service()
        after, again = self._everything(rig)
        assert seen.traffic == split
        assert again == revisions
        if annotations:
            assert after["annotations"].pop(KEY) == "{}"
            after["annotations"] or after.pop("annotations")
        assert _kept(after) == _kept(before)
        assert int(after["generation"]) == int(before["generation"]) + 1

    def _everything(self, rig):
        """The service, and its revisions by name, as v2 gives them."""
        asked = run_v2.ListRevisionsRequest(parent=NAME)
        revisions = rig.control.list_revisions(asked).revisions
        service = rig.control.get_service(NAME)
        return _shown(service), {one.name: _spec(_shown(one)) for one in revisions}


def _shown(message):
    return json_format.MessageToDict(type(message).pb(message), preserving_proto_field_name=True)


def _kept(service):
    return {name: value for name, value in service.items() if name not in WRITTEN | STATUS}


def _spec(revision):
    moving = {"conditions", "reconciling", "observed_generation", "update_time", "etag"}
    return {name: value for name, value in revision.items() if name not in moving}


@pytest.fixture(scope="module")
def stage():
    with asyncio.Runner() as runner:
        yield Stage(runner)


TRAFFIC = st.sampled_from(
    [
        Split.all_to("it"),
        Split.of([Target(None, 100)]),
        Split.of([Target("it", 100), Target("it", 0, "candidate")]),
        Split.of([Target("it", 60), Target(None, 40), Target(None, 0, "newest")]),
    ]
)


@settings(max_examples=settings.default.max_examples // 3)
@given(services("backend"), TRAFFIC, st.booleans())
def test_a_move_of_traffic_changes_nothing_else_and_makes_no_revision(
    stage, made, traffic, annotations
):
    stage.check(made, traffic, annotations)
