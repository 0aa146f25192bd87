"""Whether everybody may call a service: asked of a scripted server, as Cloud Run answers."""

from contextlib import asynccontextmanager

import grpc
import grpc.aio
import pytest
from google.cloud.run_v2.types import service as services
from google.iam.v1 import iam_policy_pb2, policy_pb2

from gate.cloud.channel import Endpoint
from gate.cloud.run import CloudRun
from gate.core.service import ServiceRef
from gate.errors import InfrastructureError

NAME = "projects/demo/locations/us-central1/services/backend"


@asynccontextmanager
async def serving(service, policy):
    asked = []

    async def get_service(request, _):
        return service

    async def get_iam_policy(request, context):
        asked.append((request.resource, dict(context.invocation_metadata())))
        if isinstance(policy, grpc.StatusCode):
            await context.abort(policy, "no")
        return policy

    handlers = {
        "GetService": grpc.unary_unary_rpc_method_handler(
            get_service, services.GetServiceRequest.deserialize, services.Service.serialize
        ),
        "GetIamPolicy": grpc.unary_unary_rpc_method_handler(
            get_iam_policy,
            iam_policy_pb2.GetIamPolicyRequest.FromString,
            policy_pb2.Policy.SerializeToString,
        ),
    }
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("google.cloud.run.v2.Services", handlers),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    ref = ServiceRef("demo", "us-central1", "backend")
    try:
        async with CloudRun(ref, Endpoint(f"127.0.0.1:{port}")) as platform:
            yield platform, asked
    finally:
        await server.stop(grace=0)


def policy(*bindings):
    return policy_pb2.Policy(
        bindings=[policy_pb2.Binding(role=role, members=members) for role, members in bindings]
    )


@pytest.mark.parametrize(
    ("answer", "public"),
    [
        (policy(), False),
        (policy(("roles/run.invoker", ["allUsers"])), True),
        (policy(("roles/run.invoker", ["user:a@b.c", "allUsers"])), True),
        (policy(("roles/run.invoker", ["allAuthenticatedUsers"])), False),
        (policy(("roles/run.viewer", ["allUsers"])), False),
        (grpc.StatusCode.PERMISSION_DENIED, False),
    ],
)
async def test_the_iam_policy_says_who_may_call(answer, public):
    async with serving(services.Service(), answer) as (platform, asked):
        assert await platform.is_public() is public
    ((resource, metadata),) = asked
    assert resource == NAME
    assert metadata["x-goog-request-params"] == f"resource={NAME}"


async def test_a_service_that_checks_nobody_is_public_without_asking():
    async with serving(services.Service(invoker_iam_disabled=True), policy()) as (platform, asked):
        assert await platform.is_public()
    assert asked == []


async def test_what_is_not_known_is_not_guessed():
    async with serving(services.Service(), grpc.StatusCode.UNIMPLEMENTED) as (platform, _):
        with pytest.raises(InfrastructureError):
            await platform.is_public()
