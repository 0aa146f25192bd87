"""Where a candidate is placed, what it is built on, and what people left; by processes."""

import threading

import httpx
import pytest
from google.cloud import run_v2

from tests.e2e.safety import DIGESTS
from tests.local_cloud_run import PARENT, finish

BY_LATEST = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST
BY_NAME = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION
HEAD = "candidate: {ready_within: 20s}\ndeadline: 2m"


# --- nobody's address meets what has not passed


def tag_latest(shop, tag):
    """All users on the first revision by name; a person's tag follows LATEST without a share."""
    first = shop.stable()
    lines = [
        run_v2.TrafficTarget(type_=BY_NAME, revision=first, percent=100),
        run_v2.TrafficTarget(type_=BY_LATEST, tag=tag),
    ]
    shop.human("eve@example.com", "traffic", traffic=lines)
    return first, next(one.uri for one in shop.service().traffic_statuses if one.tag == tag)


def asked_all_along(url, path, ran):
    """Statuses of an address while something runs."""
    seen, over = set(), threading.Event()

    def ask():
        with httpx.Client() as client:
            while not over.is_set():
                seen.add(client.get(url + path).status_code)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    try:
        return ran(), seen
    finally:
        over.set()
        asking.join(timeout=30)


def test_a_persons_tag_on_latest_never_meets_a_candidate_that_is_rejected(shop):
    first, prod = tag_latest(shop, "prod")
    shop.spoilt.touch()
    policy = shop.policy(HEAD)
    ran, seen = asked_all_along(prod, "/health", lambda: shop.rollout(policy, "spoils"))
    assert ran.code == 1, ran
    assert seen == {200}
    assert httpx.get(f"{prod}/health").status_code == 200
    assert shop.tags == {"prod": first}
    assert f"tag prod followed LATEST and is pinned to {first} from now on" in ran.out


def test_the_tag_stays_where_it_was_when_the_candidate_is_promoted(shop):
    first, _ = tag_latest(shop, "prod")
    ran = shop.rollout(shop.policy(HEAD), "good:2")
    assert ran.code == 0, ran
    assert shop.stable() != first
    assert shop.tags == {"prod": first}
    (outcome,) = shop.outcomes()
    assert any("tag prod followed LATEST" in note for note in outcome["notes"])


# --- what it is built on


def leave_behind(shop, **env):
    """Somebody deploys a revision that gets no users, and its settings stay in the template."""
    service = shop.service()
    template = service.template
    template.containers[0].env = [run_v2.EnvVar(name=k, value=v) for k, v in env.items()]
    template.max_instance_request_concurrency = 1
    template.revision = ""
    request = run_v2.UpdateServiceRequest(service=service, update_mask="template")
    finish(shop.cloud.services().update_service(request))


def revision(shop, name):
    found = shop.cloud.revisions().get_revision(
        name=f"{PARENT}/services/{shop.name}/revisions/{name}"
    )
    return {one.name: one.value for one in found.containers[0].env}, (
        found.max_instance_request_concurrency
    )


@pytest.mark.parametrize("template", ["stable", "service"])
def test_what_a_rejected_revision_left_is_inherited_only_if_the_policy_says_so(shop, template):
    first = shop.stable()
    shop.human_moves("eve@example.com", {first: 100})
    usual = revision(shop, first)
    leave_behind(shop, FEATURE_X="on")
    ran = shop.rollout(shop.policy(f"{HEAD}\ntemplate: {template}"), "good:2")
    assert ran.code == 0, ran
    (outcome,) = shop.outcomes()
    built = revision(shop, shop.stable())
    if template == "stable":
        assert (built, outcome["base"]) == (usual, first)
    else:
        assert (built, outcome["base"]) == (({"FEATURE_X": "on"}, 1), "")
        assert "WARNING: built on the service's template" in ran.out
    assert "env FEATURE_X (only in the template)" in outcome["template_differences"]
    assert any("concurrency" in one for one in outcome["template_differences"])
    said, sent = ran.out.index("env FEATURE_X"), ran.out.index("deploying good:2")
    assert said < sent


# --- what people decided against


def test_what_a_person_left_with_other_means_is_barred_with_its_image_from_then_on(shop):
    first, policy = shop.stable(), shop.policy(HEAD)
    assert shop.rollout(policy, DIGESTS["a"]).code == 0
    bad = shop.stable()
    shop.human_moves("eve@example.com", {first: 100})
    (bar,) = shop.status()["barred"]
    expected = (bad, DIGESTS["a"], "eve@example.com")
    assert (bar["revision"], bar["image"], bar["actor"]) == expected
    assert shop.rollout(policy, DIGESTS["b"]).code == 0  # another write, and another image
    refused = shop.rollout(policy, DIGESTS["a"])
    assert refused.code == 2, refused
    assert f"eve@example.com moved users away from {bad}" in refused.out
    again = shop.rollout(policy, DIGESTS["a"], "--again", "--reason", "it was the database")
    assert again.code == 0, again
    assert shop.status()["barred"] == []


def test_a_rollback_without_a_policy_knows_the_image_that_it_leaves(shop):
    policy = shop.policy(HEAD)
    first = shop.stable()
    assert shop.rollout(policy, DIGESTS["a"]).code == 0
    back = shop.gate("rollback", "--to", first, "--yes", "--reason", "orders fail", *shop.where)
    assert back.code == 0, back
    assert shop.rollout(policy, DIGESTS["a"]).code == 2
    assert shop.stable() == first
    (bar,) = shop.status()["barred"]
    assert bar["image"] == DIGESTS["a"]
