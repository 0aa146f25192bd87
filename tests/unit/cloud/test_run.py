"""What is sent: the very service that was read, with its version; over a scripted client."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest

from gate.cloud.channel import Endpoint
from gate.cloud.run import CloudRun
from gate.cloud.way_in import WayIn
from gate.core.service import ServiceRef
from gate.core.traffic import Split
from gate.errors import (
    AccessError,
    ConflictError,
    InfrastructureError,
    NotFoundError,
    UnavailableError,
)
from tests.unit.cloud.answers import Scripted, error, ok, ways_over
from tests.unit.cloud.knative_documents import container, revision_of, service, template

REF = ServiceRef("acme", "europe-west1", "shop")
PATH = "/apis/serving.knative.dev/v1/namespaces/acme/services/shop"
VERSION = "AAZEDQKk1OQ"
TO_A = Split.all_to("shop-00001-aaa")
START = datetime(2026, 1, 1, tzinfo=UTC)


def platform_over(*answers):
    client = Scripted(*answers)
    return CloudRun(REF, Endpoint(), ways=ways_over(client)), client


def version(document, name):
    document["metadata"]["resourceVersion"] = name
    return document


def written(generation=8):
    document = service()
    document["metadata"]["generation"] = generation
    return ok(document)


async def test_a_move_of_traffic_sends_what_was_read_with_other_traffic():
    platform, client = platform_over(ok(service()), written())
    read = await platform.read_service()
    assert await platform.set_traffic(TO_A, read.etag) == 8
    expected = service()
    expected["spec"]["traffic"] = [{"revisionName": "shop-00001-aaa", "percent": 100}]
    assert client.asked == [("GET", PATH, 10.0), ("PUT", PATH, 15.0)]
    assert client.bodies[1] == expected
    assert client.bodies[1]["metadata"]["resourceVersion"] == VERSION


async def test_annotations_replace_users_and_leave_the_platforms():
    platform, client = platform_over(ok(service()), written())
    read = await platform.read_service()
    given = {"b": "3", "ours/mark": "{}", "run.googleapis.com/ingress": "all"}
    await platform.set_traffic(TO_A, read.etag, given)
    sent = client.bodies[1]["metadata"]["annotations"]
    as_read = service()["metadata"]["annotations"]
    assert sent == {**{k: v for k, v in as_read.items() if "/" in k}, "b": "3", "ours/mark": "{}"}


async def test_a_write_names_the_version_on_which_it_was_decided_not_the_newest():
    platform, client = platform_over(
        ok(version(service(), "v1")), ok(version(service(), "v2")), written()
    )
    first = await platform.read_service()
    await platform.read_service()
    await platform.set_traffic(TO_A, first.etag)
    assert client.bodies[-1]["metadata"]["resourceVersion"] == "v1"


async def test_one_read_may_be_written_twice():
    platform, client = platform_over(ok(service()), written(), error(409, "ABORTED"))
    read = await platform.read_service()
    await platform.set_traffic(TO_A, read.etag, {"x": "1"})
    with pytest.raises(ConflictError):
        await platform.set_traffic(TO_A, read.etag)
    assert "x" not in client.bodies[-1]["metadata"]["annotations"]


@pytest.mark.parametrize("etag", ["another", ""])
async def test_a_version_that_is_not_known_is_read_again_and_never_left_out(etag):
    platform, client = platform_over(ok(service()))
    with pytest.raises(ConflictError, match="has changed since it was read"):
        await platform.set_traffic(TO_A, etag)
    assert [method for method, *_ in client.asked] == ["GET"]


async def test_a_version_of_another_process_is_written_if_it_is_current():
    platform, client = platform_over(ok(service()), written())
    assert await platform.set_traffic(TO_A, VERSION) == 8
    assert [method for method, *_ in client.asked] == ["GET", "PUT"]


async def test_old_reads_are_forgotten_not_hoarded():
    reads = [ok(version(service(), f"v{n}")) for n in range(40)]
    platform, client = platform_over(*reads, ok(version(service(), "v40")))
    for _ in reads:
        await platform.read_service()
    with pytest.raises(ConflictError):
        await platform.set_traffic(TO_A, "v3")
    assert len(client.asked) == 41


@pytest.mark.parametrize(
    "strange", [{}, {"metadata": {"resourceVersion": "x"}}, {"spec": {"a": 1}}]
)
async def test_what_is_no_service_is_never_sent_back(strange):
    platform, client = platform_over(ok(strange))
    for call in (platform.read_service(), platform.set_traffic(TO_A, "x")):
        with pytest.raises(InfrastructureError, match="what came is no service"):
            await call
    assert [method for method, *_ in client.asked] == ["GET", "GET"]


async def test_an_answer_without_a_generation_is_not_known():
    platform, _ = platform_over(ok(service()), ok({"kind": "Service"}))
    read = await platform.read_service()
    assert await platform.set_traffic(TO_A, read.etag) == 0


async def test_a_lost_answer_followed_by_a_conflict_may_be_our_own_success():
    platform, _ = platform_over(ok(service()), error(503), error(409, "ABORTED"))
    read = await platform.read_service()
    with pytest.raises(UnavailableError, match="may have happened"):
        await platform.set_traffic(TO_A, read.etag)


async def test_a_deploy_builds_on_the_services_template():
    platform, client = platform_over(ok(service()), written())
    read = await platform.read_service()
    assert await platform.deploy("new", "shop-00003-ccc", TO_A, read.etag) == 8
    sent = client.bodies[1]
    made = sent["spec"]["template"]
    assert made["metadata"]["name"] == "shop-00003-ccc"
    assert made["spec"]["containers"] == [container("new")]
    assert made["spec"]["timeoutSeconds"] == 60
    assert sent["spec"]["traffic"] == [{"revisionName": "shop-00001-aaa", "percent": 100}]
    assert sent["metadata"] == service()["metadata"]


async def test_a_deploy_builds_on_stable_where_the_template_says_something_else():
    rejected = service()
    rejected["spec"]["template"] = template(container(env=[{"name": "FEATURE_X", "value": "on"}]))
    stable = revision_of(template(), "shop-00001-aaa")
    platform, client = platform_over(ok(rejected), ok(stable), written())
    read = await platform.read_service()
    await platform.deploy("new", "shop-00003-ccc", TO_A, read.etag, base="shop-00001-aaa")
    assert client.asked[1][1].endswith("/namespaces/acme/revisions/shop-00001-aaa")
    (sent,) = client.bodies[2]["spec"]["template"]["spec"]["containers"]
    assert sent == container("new")


async def test_a_deploy_keeps_the_services_template_where_stable_was_made_of_it():
    own = service()
    own["spec"]["template"]["spec"]["novel"] = "x"
    stable = revision_of(own["spec"]["template"], "shop-00001-aaa")
    platform, client = platform_over(ok(own), ok(stable), written())
    read = await platform.read_service()
    await platform.deploy("new", "shop-00003-ccc", TO_A, read.etag, base="shop-00001-aaa")
    sent = deepcopy(client.bodies[2]["spec"]["template"]["spec"])
    assert sent == {**own["spec"]["template"]["spec"], "containers": [container("new")]}


async def test_a_base_that_is_gone_stops_the_deploy():
    platform, client = platform_over(ok(service()), error(404, "NOT_FOUND"))
    read = await platform.read_service()
    with pytest.raises(NotFoundError, match="revision shop-00001-aaa"):
        await platform.deploy("new", "shop-00003-ccc", TO_A, read.etag, base="shop-00001-aaa")
    assert [method for method, *_ in client.asked] == ["GET", "GET"]


async def test_a_first_deploy_creates():
    platform, client = platform_over(written(1))
    assert await platform.deploy("new", "shop-00001-aaa", TO_A, "", {"ours": "1"}) == 1
    assert client.asked == [("POST", PATH.removesuffix("/shop"), 15.0)]
    assert client.bodies[0] == {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "shop", "namespace": "acme", "annotations": {"ours": "1"}},
        "spec": {
            "template": {
                "metadata": {
                    "name": "shop-00001-aaa",
                    "labels": {},
                    "annotations": {"client.knative.dev/user-image": "new"},
                },
                "spec": {"containers": [{"image": "new"}]},
            },
            "traffic": [{"revisionName": "shop-00001-aaa", "percent": 100}],
        },
    }


async def test_a_service_that_exists_by_now_is_not_a_conflict_to_be_retried():
    platform, _ = platform_over(error(409, "ALREADY_EXISTS", "it exists"))
    with pytest.raises(InfrastructureError, match="it exists") as caught:
        await platform.deploy("new", "shop-00001-aaa", TO_A, "")
    assert not isinstance(caught.value, ConflictError)


def listed(*names, token=""):
    revisions = []
    for name in names:
        revision = revision_of(template(), name)
        created = START + timedelta(hours=int(name[1:]))
        revision["metadata"]["creationTimestamp"] = created.isoformat()
        revisions.append(revision)
    return ok({"items": revisions, "metadata": {"continue": token} if token else {}})


async def test_every_page_of_revisions_is_read_and_the_newest_comes_first():
    platform, client = platform_over(
        listed("r1", "r5", token="t&1"), listed(token="t2"), listed("r3")
    )
    found = await platform.list_revisions()
    assert [one.name for one in found] == ["r5", "r3", "r1"]
    path = "/apis/serving.knative.dev/v1/namespaces/acme/revisions"
    first = f"{path}?labelSelector=serving.knative.dev%2Fservice%3Dshop"
    paths = [target for _, target, _ in client.asked]
    assert paths == [first, f"{first}&continue=t%261", f"{first}&continue=t2"]


async def test_a_revision_of_another_service_is_not_found():
    stranger = revision_of(template())
    stranger["metadata"]["labels"]["serving.knative.dev/service"] = "other"
    platform, _ = platform_over(ok(stranger))
    with pytest.raises(NotFoundError, match=r"belongs to another service \(got other\)"):
        await platform.read_revision("shop-00002-abc")


@pytest.mark.parametrize("name", ["", "../../x", "Shop-1", "shop_1", "1shop", "shop-", "s" * 64])
async def test_what_has_a_name_that_none_can_have_does_not_exist(name):
    platform, client = platform_over()
    with pytest.raises(NotFoundError, match="does not exist"):
        await platform.read_revision(name)
    nobody = CloudRun(
        ServiceRef("acme", "europe-west1", name), Endpoint(""), ways=ways_over(client)
    )
    for read in (nobody.read_service, nobody.list_revisions):
        with pytest.raises(NotFoundError, match="does not exist"):
            await read()
    assert client.asked == []


def bound(role, members):
    return {"bindings": [{"role": role, "members": members}]}


@pytest.mark.parametrize(
    ("answer", "way"),
    [
        (ok({}), WayIn.TOKEN),
        (ok(bound("roles/run.invoker", ["allUsers"])), WayIn.OPEN),
        (ok(bound("roles/run.invoker", ["user:a", "allUsers"])), WayIn.OPEN),
        (ok(bound("roles/run.invoker", ["allAuthenticated"])), WayIn.TOKEN),
        (ok(bound("roles/run.viewer", ["allUsers"])), WayIn.TOKEN),
        (ok(bound("roles/run.invoker", "allUsers")), WayIn.TOKEN),
        (error(403, "PERMISSION_DENIED"), WayIn.TOKEN),
    ],
)
async def test_the_iam_policy_says_who_may_call(answer, way):
    platform, client = platform_over(ok(service()), answer)
    assert await platform.way_in() is way
    path = "/v1/projects/acme/locations/europe-west1/services/shop:getIamPolicy"
    assert client.asked[1] == ("GET", path, 10.0)


async def test_the_members_that_may_call_are_those_of_the_invokers_role():
    bindings = [
        {"role": "roles/run.invoker", "members": ["user:a@b.c", "group:g@b.c"]},
        {"role": "roles/run.developer", "members": ["user:d@b.c"]},
    ]
    platform, _ = platform_over(ok({"bindings": bindings}))
    assert await platform.invokers() == ("user:a@b.c", "group:g@b.c")
    denied, _ = platform_over(error(403, "PERMISSION_DENIED"))
    with pytest.raises(AccessError):
        await denied.invokers()


@pytest.mark.parametrize(
    ("annotations", "way"),
    [
        ({"invoker-iam-disabled": "true"}, WayIn.OPEN),
        ({"iap-enabled": "true"}, WayIn.IAP),
        ({"invoker-iam-disabled": "true", "iap-enabled": "true"}, WayIn.IAP),
    ],
)
async def test_what_the_service_itself_says_needs_no_iam_policy(annotations, way):
    said = service()
    named = {f"run.googleapis.com/{key}": value for key, value in annotations.items()}
    said["metadata"]["annotations"] |= named
    platform, client = platform_over(ok(said))
    assert await platform.way_in() is way
    assert len(client.asked) == 1


async def test_what_is_not_known_is_not_guessed():
    platform, _ = platform_over(ok(service()), error(501, "UNIMPLEMENTED"))
    with pytest.raises(InfrastructureError):
        await platform.way_in()
