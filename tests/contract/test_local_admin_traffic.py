"""Traffic, fact by fact."""

import httpx
import pytest
from google.api_core import exceptions
from google.cloud import run_v2

from tests.contract.local_admin import LATEST, State, api, latest, short, template, to, who
from tests.local_cloud_run import finish, local_cloud_run, local_images

__all__ = ["api", "local_cloud_run", "local_images"]
pytestmark = pytest.mark.xdist_group("local_admin_traffic")


@pytest.fixture
def pinned(api):
    """A service whose first revision has all traffic, and that revision's name."""
    service = api.create()
    name = short(service.latest_ready_revision)
    return api.move(service.name, to(name, 100)), name


def statuses(service):
    return {
        status.tag or "": (status.revision, status.percent) for status in service.traffic_statuses
    }


def uri(service, tag):
    (found,) = [status.uri for status in service.traffic_statuses if status.tag == tag]
    return found


# Where requests go


def test_a_0_percent_target_with_a_tag_is_reached_at_its_own_address_only(api, pinned):
    service, first = pinned
    new = f"{short(service.name)}-new"
    deployed = api.deploy(service.name, to(first, 100), to(new, 0, "candidate"), revision=new)
    assert who(uri(deployed, "candidate")) == new
    assert {who(deployed.uri) for _ in range(20)} == {first}
    assert uri(deployed, "candidate") != deployed.uri


def test_a_0_percent_target_without_a_tag_is_legal(api, pinned):
    service, first = pinned
    new = f"{short(service.name)}-new"
    deployed = api.deploy(service.name, to(first, 100), to(new, 0), revision=new)
    assert len(deployed.traffic) == 2


def test_a_0_percent_latest_target_is_accepted(api, pinned):
    service, first = pinned
    moved = api.move(service.name, to(first, 100), latest(0, "newest"))
    assert who(uri(moved, "newest")) == first


def test_a_split_reaches_both_revisions(api, pinned):
    service, first = pinned
    new = f"{short(service.name)}-new"
    deployed = api.deploy(service.name, to(first, 50), to(new, 50), revision=new)
    assert {who(deployed.uri) for _ in range(60)} == {first, new}


def test_the_traffic_may_name_the_revision_that_is_being_created(api, pinned):
    service, _ = pinned
    new = f"{short(service.name)}-new"
    deployed = api.deploy(service.name, to(new, 100), revision=new)
    assert who(deployed.uri) == new


def test_latest_takes_everything_as_soon_as_a_deploy_is_ready(api):
    service = api.create()
    updated = api.update(run_v2.Service(name=service.name, template=template()), "template")
    assert who(updated.uri) == short(updated.latest_ready_revision)
    assert updated.latest_ready_revision != service.latest_ready_revision


def test_pinned_traffic_stays_pinned_through_deploys(api, pinned):
    service, first = pinned
    updated = api.update(run_v2.Service(name=service.name, template=template()), "template")
    assert who(updated.uri) == first
    assert statuses(updated) == {"": (first, 100)}


def test_latest_goes_on_with_the_last_ready_revision_when_the_newest_one_failed(api):
    service = api.create()
    wanted = run_v2.Service(name=service.name, template=template("demo/exits"))
    with pytest.raises(exceptions.GoogleAPICallError):
        api.update(wanted, "template")
    moved = api.move(service.name, latest(100))
    assert moved.terminal_condition.state is State.CONDITION_SUCCEEDED
    assert who(moved.uri) == short(service.latest_ready_revision)


# The list


def test_one_revision_may_appear_in_several_targets(api, pinned):
    service, first = pinned
    moved = api.move(service.name, to(first, 100), to(first, 0, "blue"), to(first, 0, "green"))
    assert who(uri(moved, "blue")) == who(uri(moved, "green")) == first
    assert uri(moved, "blue") != uri(moved, "green")


def test_the_whole_list_is_replaced_so_that_a_forgotten_tag_is_gone(api, pinned):
    service, first = pinned
    tagged = api.move(service.name, to(first, 100), to(first, 0, "blue"))
    address = uri(tagged, "blue")
    assert who(address) == first
    assert statuses(api.move(service.name, to(first, 100))) == {"": (first, 100)}
    with pytest.raises(httpx.ConnectError):
        who(address)


def test_a_tag_keeps_its_address_when_it_moves_to_another_revision(api, pinned):
    service, first = pinned
    tagged = api.move(service.name, to(first, 100), to(first, 0, "blue"))
    new = f"{short(service.name)}-new"
    moved = api.deploy(service.name, to(first, 100), to(new, 0, "blue"), revision=new)
    assert uri(moved, "blue") == uri(tagged, "blue")
    assert who(uri(moved, "blue")) == new


def test_a_tags_address_is_in_its_status_and_only_there(api, pinned):
    service, first = pinned
    moved = api.move(service.name, to(first, 100), to(first, 0, "blue"))
    assert [bool(status.uri) for status in moved.traffic_statuses] == [False, True]


def test_a_disabled_default_uri_turns_tag_addresses_off(api, pinned):
    service, first = pinned
    tagged = api.move(service.name, to(first, 100), to(first, 0, "blue"))
    wanted = run_v2.Service(name=service.name, default_uri_disabled=True)
    disabled = api.update(wanted, "default_uri_disabled")
    assert disabled.uri == uri(disabled, "blue") == ""
    with pytest.raises(httpx.ConnectError):
        who(uri(tagged, "blue"))


@pytest.mark.parametrize("percents", [(99,), (60, 60), (0,), (50, 49)])
def test_percents_must_add_up_to_100(api, pinned, percents):
    service, first = pinned
    traffic = [to(first, percent) for percent in percents]
    with pytest.raises(exceptions.BadRequest) as caught:
        api.move(service.name, *traffic)
    assert isinstance(caught.value, exceptions.InvalidArgument) == (api.transport == "grpc")


@pytest.mark.parametrize("percent", [-1, 101])
def test_a_percent_is_from_0_to_100(api, pinned, percent):
    service, first = pinned
    with pytest.raises(exceptions.BadRequest):
        api.move(service.name, to(first, percent), to(first, 100 - percent))


def test_tag_and_service_name_together_have_46_characters_at_most(api, pinned):
    service, first = pinned
    tag = "t" * (47 - len(short(service.name)))
    with pytest.raises(exceptions.BadRequest) as caught:
        api.move(service.name, to(first, 100, tag))
    assert (
        f"traffic tag '{tag}' and service name '{short(service.name)}' together are too long. "
        "Combined traffic tag and service name cannot exceed 46 characters."
    ) in str(caught.value)
    assert who(api.move(service.name, to(first, 100, tag[1:])).uri) == first


def test_a_tag_that_is_too_long_names_its_field(api, pinned):
    service, first = pinned
    with pytest.raises(exceptions.BadRequest) as caught:
        api.move(service.name, to(first, 100, "t" * 46))
    if api.transport == "grpc":
        (detail,) = caught.value.details
        assert detail.field_violations[0].field == "spec.traffic.tag"
    else:
        (detail,) = caught.value.details
        assert detail["fieldViolations"][0]["field"] == "spec.traffic.tag"


def test_a_tag_is_used_once(api, pinned):
    service, first = pinned
    with pytest.raises(exceptions.BadRequest, match="used once"):
        api.move(service.name, to(first, 100, "blue"), to(first, 0, "blue"))


# Revisions that are not there, or not ready


def test_traffic_to_a_revision_that_does_not_exist_fails_the_reconcile_with_code_13(api, pinned):
    service, first = pinned
    nope = f"{short(service.name)}-nope"
    with pytest.raises(exceptions.InternalServerError) as caught:
        api.move(service.name, to(nope, 100))
    assert (
        f"Revision '{nope}' does not exist or is deleted. Update all traffic to route to currently "
        "available revisions."
    ) in str(caught.value)
    found = api.get(service.name)
    assert [target.revision for target in found.traffic] == [nope]
    assert statuses(found) == {"": (first, 100)}
    assert who(found.uri) == first


def test_traffic_names_revisions_of_its_service_by_their_short_names(api, pinned):
    service, first = pinned
    for name in ("abc123", f"{service.name}/revisions/{first}"):
        with pytest.raises(exceptions.BadRequest) as caught:
            api.move(service.name, to(name, 100))
        said = f"Revision target '{name}' invalid. Expected a revision prefixed with "
        assert f"{said}'{short(service.name)}-'" in str(caught.value)


def test_traffic_to_a_failed_revision_fails_and_keeps_what_serves(api, pinned):
    service, first = pinned
    bad = f"{short(service.name)}-bad"
    with pytest.raises(exceptions.BadRequest, match="400 The user-provided container failed"):
        api.deploy(service.name, to(first, 100), to(bad, 0, "c"), image="demo/exits", revision=bad)
    with pytest.raises(exceptions.BadRequest, match="is not ready and cannot serve traffic"):
        api.move(service.name, to(bad, 100))
    assert who(api.get(service.name).uri) == first


def test_a_failed_candidate_can_be_cleaned_up_after(api, pinned):
    service, first = pinned
    bad = f"{short(service.name)}-bad"
    with pytest.raises(exceptions.BadRequest):
        api.deploy(service.name, to(first, 100), to(bad, 0, "c"), image="demo/exits", revision=bad)
    cleaned = api.move(service.name, to(first, 100))
    assert cleaned.terminal_condition.state is State.CONDITION_SUCCEEDED
    assert cleaned.observed_generation == cleaned.generation


def test_a_stale_tag_on_a_failed_revision_fails_every_later_deploy(api, pinned):
    service, first = pinned
    bad, good = f"{short(service.name)}-bad", f"{short(service.name)}-good"
    with pytest.raises(exceptions.BadRequest):
        api.deploy(service.name, to(first, 100), to(bad, 0, "c"), image="demo/exits", revision=bad)
    wanted = run_v2.Service(name=service.name, template=template(revision=good))
    with pytest.raises(exceptions.BadRequest, match=f"'{bad}' is not ready"):
        api.update(wanted, "template")


def test_a_rollback_does_not_wait_for_a_candidate_that_hangs(api, pinned):
    service, first = pinned
    slow = f"{short(service.name)}-slow"
    hanging = template("demo/deaf", slow)
    hanging.containers[0].startup_probe = run_v2.Probe(
        tcp_socket={"port": 8080}, timeout_seconds=2, period_seconds=2, failure_threshold=1
    )
    wanted = run_v2.Service(
        name=service.name, template=hanging, traffic=[to(first, 100), to(slow, 0, "c")]
    )
    deploying = api.start_update(wanted, "template", "traffic")
    rolled_back = api.move(service.name, to(first, 100))
    assert rolled_back.terminal_condition.state is State.CONDITION_SUCCEEDED
    assert not deploying.done()
    with pytest.raises(exceptions.BadRequest):
        finish(deploying)
    assert api.get(service.name).terminal_condition.state is State.CONDITION_SUCCEEDED


def test_a_latest_target_must_not_name_a_revision(api, pinned):
    service, first = pinned
    both = run_v2.TrafficTarget(type_=LATEST, revision=first, percent=100)
    with pytest.raises(exceptions.BadRequest):
        api.move(service.name, both)


def test_a_target_without_a_type_is_refused(api, pinned):
    service, first = pinned
    with pytest.raises(exceptions.BadRequest):
        api.move(service.name, run_v2.TrafficTarget(revision=first, percent=100))
