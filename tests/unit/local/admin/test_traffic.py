import pytest

from gate.local.admin.conditions import Standing
from gate.local.admin.messages import LATEST, TrafficTarget
from gate.local.admin.traffic import (
    Routes,
    check_traffic,
    evictable_tags,
    names,
    names_latest,
    resolve,
    statuses,
    with_default,
    without_revision,
    without_tags,
)
from gate.local.api.errors import ApiError, Code
from tests.fakes.local_messages import latest, to


def test_no_traffic_means_all_of_it_to_the_latest_revision():
    (only,) = with_default([])
    assert (only.type_, only.percent) == (LATEST, 100)
    assert with_default([to("r1", 100)]) == [to("r1", 100)]


@pytest.mark.parametrize(
    "targets",
    [
        [to("backend-1", 99)],
        [to("backend-1", 60), to("backend-2", 60)],
        [to("backend-1", 0)],
        [],
        [to("backend-1", 101), to("backend-2", -1)],
        [to("backend-1", 200), to("backend-2", -100)],
        [TrafficTarget(revision="backend-1", percent=100)],
        [to("", 100)],
        [to("backend-Not A Name", 100)],
        [TrafficTarget(type_=LATEST, revision="backend-1", percent=100)],
        [to("backend-1", 100, "blue"), to("backend-2", 0, "blue")],
        [to("backend-1", 100, "Blue")],
        [to("backend-1", 100, "b" * 40)],
        [to("backend-1", 100), *[to("backend-1", 0)] * 2_000],
    ],
)
def test_what_cannot_be_a_traffic_list_is_refused(targets):
    with pytest.raises(ApiError) as caught:
        check_traffic("UpdateServiceRequest.service.traffic", targets, "backend")
    assert caught.value.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "targets",
    [
        [to("backend-1", 100)],
        [latest(100)],
        [to("backend-1", 100), latest(0)],
        [to("backend-1", 100), to("backend-1", 0, "blue"), to("backend-1", 0, "green")],
        [to("backend-1", 40), to("backend-1", 40), latest(20, "new")],
    ],
)
def test_what_cloud_run_takes_is_taken(targets):
    check_traffic("UpdateServiceRequest.service.traffic", targets, "backend")


@pytest.mark.parametrize(
    "name",
    ["abc123", "other-1", "backend", "projects/p/locations/l/services/backend/revisions/backend-1"],
)
def test_traffic_names_revisions_of_its_service_by_their_short_names(name):
    with pytest.raises(ApiError) as caught:
        check_traffic("UpdateServiceRequest.service.traffic", [to(name, 100)], "backend")
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.message == (
        f"Revision target '{name}' invalid. Expected a revision prefixed with 'backend-'"
    )


def test_one_revision_may_appear_in_several_targets():
    routes = resolve([to("r1", 30), to("r1", 20, "blue"), latest(50)], "r1")
    assert routes == Routes((("r1", 100),), (("blue", "r1"),))


def test_a_revision_serves_is_reserved_or_retired():
    routes = resolve([to("r1", 99), to("r0", 1), to("r2", 0, "blue"), to("r3", 0)], "r9")
    standings = {name: routes.standing(name) for name in ("r0", "r1", "r2", "r3")}
    assert standings == {
        "r0": Standing.SERVING,
        "r1": Standing.SERVING,
        "r2": Standing.RESERVE,
        "r3": Standing.RETIRED,
    }
    assert routes.revisions() == {"r0", "r1", "r2"}


def test_targets_name_revisions_or_follow_the_latest():
    targets = [to("r2", 100), latest(0, "new"), to("a/r1", 0, "old")]
    assert names(targets) == ["r2", "r1"]
    assert names_latest(targets)
    assert not names_latest(targets[:1])


def test_statuses_give_short_names_no_name_for_latest_and_uris_for_tags_only():
    made = statuses([to("a/b/r1", 100), latest(0, "new")], {"": "http://s", "new": "http://t"})
    assert [(item.revision, item.percent, item.tag, item.uri) for item in made] == [
        ("r1", 100, "", ""),
        ("", 0, "new", "http://t"),
    ]


def test_a_deleted_revisions_idle_targets_go_and_nobody_elses():
    targets = [to("r1", 100), to("r2", 0, "blue"), to("r1", 0, "green"), latest(0, "new")]
    assert without_revision(targets, "r2") == [targets[0], targets[2], targets[3]]
    assert without_revision(targets, "r1") == [targets[0], targets[1], targets[3]]


def test_the_oldest_idle_tags_are_evicted_first():
    targets = [to("r1", 100, "live"), to("r1", 0, "old"), to("r1", 0, "older")]
    assert evictable_tags(targets, 1) == {"old"}
    assert evictable_tags(targets, 5) == {"old", "older"}
    assert without_tags(targets, frozenset({"old", "live"})) == [targets[0], targets[2]]
