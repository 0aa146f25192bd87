from datetime import UTC, datetime, timedelta

import pytest
from google.cloud.run_v2.types import revision as revisions
from google.protobuf.timestamp_pb2 import Timestamp

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.run import CloudRun
from gate.cloud.wire import Wire
from gate.core.service import ServiceRef
from gate.errors import InfrastructureError, NotFoundError

START = datetime(2026, 1, 1, tzinfo=UTC)


class Pages:
    """A channel that answers from a list of messages; the last one repeats."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.tokens = []

    def unary_unary(self, path, request_serializer, response_deserializer):
        async def ask(payload, timeout, metadata):  # noqa: ASYNC109 - as grpc.aio has it
            if path.endswith("ListRevisions"):
                request = revisions.ListRevisionsRequest.deserialize(payload)
                self.tokens.append(request.page_token)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            return type(answer).serialize(answer)

        return ask


def platform_over(channel):
    async def opened(_):
        return channel

    platform = CloudRun(ServiceRef("demo", "us-central1", "backend"), Endpoint())
    platform._wire = Wire(Place(Api.RUN, Endpoint()), connect=opened)
    return platform


def page(names, token=""):
    listed = []
    for name in names:
        created = Timestamp()
        created.FromDatetime(START + timedelta(hours=int(name[1:])))
        listed.append(revisions.Revision(name=f"x/revisions/{name}", create_time=created))
    return revisions.ListRevisionsResponse(revisions=listed, next_page_token=token)


async def test_every_page_of_revisions_is_read_and_the_newest_comes_first():
    channel = Pages(page(["r1", "r5"], "t1"), page([], "t2"), page(["r3"]))
    found = await platform_over(channel).list_revisions()
    assert [one.name for one in found] == ["r5", "r3", "r1"]
    assert channel.tokens == ["", "t1", "t2"]


async def test_pages_without_end_are_an_error():
    with pytest.raises(InfrastructureError, match="too many pages"):
        await platform_over(Pages(page(["r1"], "again"))).list_revisions()


@pytest.mark.parametrize("owner", ["other", "projects/demo/locations/us-central1/services/other"])
async def test_a_revision_of_another_service_is_not_found(owner):
    platform = platform_over(Pages(revisions.Revision(name="r1", service=owner)))
    with pytest.raises(NotFoundError, match=r"belongs to another service \(got other\)"):
        await platform.read_revision("r1")
