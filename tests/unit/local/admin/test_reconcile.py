import asyncio

import pytest

from gate.local.admin.conditions import Kind, Reason, State, find, reason_of, state_of
from gate.local.admin.etags import V2Etags
from gate.local.admin.messages import Service
from gate.local.admin.names import short
from gate.local.api.errors import ApiError, Code
from gate.local.faults.delays import Faults
from gate.local.ports import RevisionKey, ServiceKey
from tests.fakes.local_control_plane import BROKEN, MISSING, Rig, done
from tests.fakes.local_messages import NAME, creation, latest, service, template, to, update

KEY = ServiceKey("demo", "us-central1", "backend")


async def created(rig, image="demo/good"):
    return await done(rig, rig.control.create_service(creation(service(image)), "me"))


async def updated(rig, made, *paths):
    return await done(rig, rig.control.update_service(update(made, *paths), "me"))


def stored(rig):
    return rig.control.get_service(NAME)


def revisions(rig):
    return list(rig.control.tables.service(KEY).revisions)


def routed(rig, tag=""):
    return rig.front_end.routes.get((KEY, tag))


async def test_a_new_service_ends_serving_its_first_revision():
    rig = Rig()
    operation = await created(rig)
    assert operation.WhichOneof("result") == "response"
    found = stored(rig)
    (name,) = revisions(rig)
    assert (found.generation, found.observed_generation, found.reconciling) == (1, 1, False)
    assert short(found.latest_ready_revision) == short(found.latest_created_revision) == name
    assert found.latest_ready_revision == f"{NAME}/revisions/{name}"
    assert state_of(found.terminal_condition) is State.SUCCEEDED
    assert found.uri == "http://127.0.0.1:40001"
    assert list(found.urls) == [found.uri]
    assert routed(rig) == {name: 100}
    assert found.template.revision == ""  # the server's own names are not shown


async def test_the_answer_to_a_write_shows_a_reconciling_service():
    rig = Rig()
    operation = rig.control.create_service(creation(), "me")
    shown = Service()
    assert operation.metadata.Unpack(Service.pb(shown))
    assert (operation.done, shown.reconciling, shown.generation) == (False, True, 1)
    assert shown.etag
    assert shown.uri == shown.latest_created_revision == ""
    await done(rig, operation)


async def test_a_first_revision_that_does_not_start_leaves_the_serving_state_empty():
    rig = Rig()
    operation = await created(rig, BROKEN)
    assert operation.error.code == 9
    found = stored(rig)
    assert not found.reconciling
    assert state_of(found.terminal_condition) is State.FAILED
    assert (found.observed_generation, found.latest_ready_revision, found.uri) == (0, "", "")
    assert list(found.traffic_statuses) == []
    assert short(found.latest_created_revision) == revisions(rig)[0]


@pytest.mark.parametrize(("image", "code"), [(BROKEN, 9), (MISSING, 5)])
async def test_a_failed_deploy_keeps_the_last_serving_state(image, code):
    rig = Rig()
    await created(rig)
    before = stored(rig)
    operation = await updated(rig, service(image))
    assert operation.error.code == code
    found = stored(rig)
    assert (found.generation, found.observed_generation) == (2, 1)
    assert found.latest_ready_revision == before.latest_ready_revision
    assert found.latest_created_revision != before.latest_created_revision
    assert found.traffic_statuses == before.traffic_statuses
    assert routed(rig) == {short(before.latest_ready_revision): 100}
    assert operation.error.message == found.terminal_condition.message


async def test_latest_follows_the_latest_ready_revision():
    rig = Rig()
    await created(rig)
    await updated(rig, service("demo/better"))
    assert routed(rig) == {revisions(rig)[1]: 100}


async def test_pinned_traffic_stays_when_a_revision_is_deployed():
    rig = Rig()
    await created(rig)
    (first,) = revisions(rig)
    await updated(rig, Service(name=NAME, traffic=[to(first, 100)]), "traffic")
    await updated(rig, Service(name=NAME, template=template("demo/better")), "template")
    assert routed(rig) == {first: 100}
    assert len(revisions(rig)) == 2


async def test_traffic_may_name_the_revision_that_is_being_made():
    rig = Rig()
    await created(rig)
    (first,) = revisions(rig)
    wanted = service(
        "demo/better",
        "backend-candidate",
        (to(first, 100), to("backend-candidate", 0, "candidate")),
    )
    operation = await updated(rig, wanted)
    assert operation.WhichOneof("result") == "response"
    assert routed(rig) == {first: 100}
    assert routed(rig, "candidate") == {"backend-candidate": 100}
    statuses = {item.tag: item for item in stored(rig).traffic_statuses}
    assert statuses["candidate"].uri.startswith("http://127.0.0.1:")
    assert statuses["candidate"].uri != stored(rig).uri


async def test_traffic_to_a_revision_that_does_not_exist_fails_and_keeps_the_routes():
    rig = Rig()
    await created(rig)
    operation = await updated(rig, Service(name=NAME, traffic=[to("backend-nope", 100)]), "traffic")
    assert operation.error.code == 13
    assert routed(rig) == {revisions(rig)[0]: 100}
    assert stored(rig).traffic == [to("backend-nope", 100)]


async def test_traffic_moved_away_from_a_failed_candidate_succeeds():
    rig = Rig()
    await created(rig)
    (first,) = revisions(rig)
    pinned = (to(first, 100), to("backend-bad", 0, "candidate"))
    assert (await updated(rig, service(BROKEN, "backend-bad", pinned))).error.code == 9
    operation = await updated(rig, Service(name=NAME, traffic=[to(first, 100)]), "traffic")
    assert operation.WhichOneof("result") == "response"
    assert state_of(stored(rig).terminal_condition) is State.SUCCEEDED


async def test_a_later_write_still_fails_while_a_tag_names_a_failed_revision():
    rig = Rig()
    await created(rig)
    (first,) = revisions(rig)
    pinned = (to(first, 100), to("backend-bad", 0, "candidate"))
    await updated(rig, service(BROKEN, "backend-bad", pinned))
    operation = await updated(rig, service("demo/better", "backend-ok", pinned))
    assert operation.error.message.startswith("Revision 'backend-bad' is not ready")


async def test_metadata_alone_makes_a_generation_and_no_revision():
    rig = Rig()
    await created(rig)
    before = stored(rig)
    wanted = Service(name=NAME, annotations={"a": "b"})
    await updated(rig, wanted, "annotations")
    found = stored(rig)
    assert (found.generation, len(revisions(rig))) == (before.generation + 1, 1)
    assert found.etag != before.etag
    assert dict(found.annotations) == {"a": "b"}


async def test_a_revision_that_is_ready_after_a_later_write_is_not_shown_as_the_latest_ready_one():
    rig = Rig()
    await created(rig)
    (first,) = revisions(rig)
    gate = rig.instances.hold("demo/slow")
    pinned = service("demo/slow", "backend-slow", (to(first, 100),))
    slow = rig.control.update_service(update(pinned, "template", "traffic"), "me")
    await updated(rig, Service(name=NAME, annotations={"a": "b"}), "annotations")
    assert short(stored(rig).latest_ready_revision) == first
    gate.set()
    await done(rig, slow)
    assert short(stored(rig).latest_ready_revision) == first


async def test_a_rollback_does_not_wait_for_a_candidate_that_is_still_starting():
    rig = Rig()
    await created(rig)
    (first,) = revisions(rig)
    gate = rig.instances.hold("demo/slow")
    slow = rig.control.update_service(update(service("demo/slow")), "me")
    quick = await updated(rig, Service(name=NAME, traffic=[to(first, 100)]), "traffic")
    assert quick.WhichOneof("result") == "response"
    assert not rig.control.operations.get(slow.name).operation.done
    gate.set()
    assert (await done(rig, slow)).WhichOneof("result") == "response"
    assert routed(rig) == {first: 100}
    assert stored(rig).generation == 3


async def test_a_superseded_write_still_reports_that_its_own_revision_failed():
    rig = Rig()
    await created(rig)
    (first,) = revisions(rig)
    gate = rig.instances.hold(BROKEN)
    slow = rig.control.update_service(update(service(BROKEN)), "me")
    await updated(rig, Service(name=NAME, traffic=[to(first, 100)]), "traffic")
    gate.set()
    assert (await done(rig, slow)).error.code == 9
    assert state_of(stored(rig).terminal_condition) is State.SUCCEEDED


async def test_traffic_to_latest_waits_for_the_revision_that_is_starting():
    rig = Rig()
    await created(rig)
    gate = rig.instances.hold("demo/slow")
    slow = rig.control.update_service(update(service("demo/slow")), "me")
    await asyncio.sleep(0)
    wanted = Service(name=NAME, traffic=[latest(100, "new")])
    tagged = rig.control.update_service(update(wanted, "traffic"), "me")
    await asyncio.sleep(0)
    gate.set()
    await done(rig, slow)
    await done(rig, tagged)
    assert routed(rig) == routed(rig, "new") == {revisions(rig)[1]: 100}


async def test_what_users_get_lags_behind_what_clients_are_told():
    rig = Rig(faults=Faults(7))
    operation = rig.control.create_service(creation(), "me")
    while not rig.control.operations.get(operation.name).operation.done:
        assert routed(rig) is None
        rig.surroundings.wake()
        await asyncio.sleep(0)
    assert stored(rig).uri
    assert routed(rig) is None
    while routed(rig) is None:
        rig.surroundings.wake()
        await asyncio.sleep(0)
    await rig.control.close()


async def test_a_removed_tag_loses_its_address():
    rig = Rig()
    await created(rig)
    (first,) = revisions(rig)
    await updated(rig, Service(name=NAME, traffic=[to(first, 100, "blue")]), "traffic")
    assert (KEY, "blue") in rig.front_end.ports
    await updated(rig, Service(name=NAME, traffic=[to(first, 100)]), "traffic")
    assert (KEY, "blue") not in rig.front_end.ports
    assert (KEY, "") in rig.front_end.ports


async def test_a_disabled_default_uri_leaves_no_address():
    rig = Rig()
    await created(rig)
    wanted = Service(name=NAME, default_uri_disabled=True)
    await updated(rig, wanted, "default_uri_disabled")
    assert stored(rig).uri == ""
    assert rig.front_end.ports == {}


async def test_min_instances_follow_the_traffic():
    rig = Rig()
    await created(rig)
    (first,) = revisions(rig)
    made = service("demo/better", "backend-two", (to(first, 100),))
    made.template.scaling = {"min_instance_count": 3}
    await updated(rig, made)
    two = RevisionKey(KEY, "backend-two")
    reserved = find(
        rig.control.get_revision(f"{NAME}/revisions/backend-two").conditions, Kind.MIN_INSTANCES
    )
    assert state_of(reserved) is State.FAILED
    tagged = [to(first, 100), to("backend-two", 0, "candidate")]
    await updated(rig, Service(name=NAME, traffic=tagged), "traffic")
    assert rig.instances.remembered[two].min_instances == 3
    await updated(rig, Service(name=NAME, traffic=[to(first, 100)]), "traffic")
    assert rig.instances.remembered[two].min_instances == 0


async def test_a_deploy_that_nothing_points_at_is_ready_and_retired_and_not_the_latest_ready():
    rig = Rig()
    await created(rig)
    (first,) = revisions(rig)
    await updated(rig, Service(name=NAME, traffic=[to(first, 100)]), "traffic")
    await updated(
        rig, Service(name=NAME, template=template("demo/better", "backend-two")), "template"
    )
    found = stored(rig)
    assert short(found.latest_created_revision) == "backend-two"
    assert short(found.latest_ready_revision) == first
    assert state_of(found.terminal_condition) is State.SUCCEEDED
    ready = find(rig.control.get_revision(f"{NAME}/revisions/backend-two").conditions, Kind.READY)
    assert (state_of(ready), reason_of(ready)) == (State.SUCCEEDED, Reason.RETIRED)


async def driven(rig, operation):
    while not rig.control.operations.get(operation.name).operation.done:
        rig.surroundings.wake()
        await asyncio.sleep(0)


async def test_a_service_with_a_secret_that_is_not_there_fails_and_says_so():
    rig = Rig()
    made = service()
    source = {"secret_key_ref": {"secret": "key", "version": "1"}}
    made.template.containers[0].env = [{"name": "K", "value_source": source}]
    operation = await done(rig, rig.control.create_service(creation(made), "me"))
    assert "'key' cannot be read" in operation.error.message
    assert rig.instances.booted == []


async def test_revisions_beyond_what_is_retained_go_oldest_first_and_only_idle_ones():
    rig = Rig(retained=3)
    await created(rig)
    (first,) = revisions(rig)
    await updated(rig, Service(name=NAME, traffic=[to(first, 100)]), "traffic")
    for number in range(2, 7):
        new = Service(name=NAME, template=template(f"demo/good:{number}", f"backend-{number}"))
        await updated(rig, new, "template")
    assert revisions(rig) == [first, "backend-5", "backend-6"]
    assert [key.revision for key in rig.instances.retired] == [
        "backend-2",
        "backend-3",
        "backend-4",
    ]


async def test_enforced_a_stale_etag_is_a_conflict_and_changes_nothing():
    rig = Rig(v2_etags=V2Etags.ENFORCED)
    await created(rig)
    stale = stored(rig).etag
    await updated(rig, Service(name=NAME, annotations={"a": "b"}), "annotations")
    wanted = Service(name=NAME, etag=stale, traffic=[to("backend-x", 100)])
    with pytest.raises(ApiError) as caught:
        rig.control.update_service(update(wanted, "traffic"), "me")
    assert caught.value.code is Code.ABORTED
    assert stored(rig).traffic == [latest(100)]


async def test_a_name_that_another_service_holds_is_taken():
    rig = Rig()
    await done(rig, rig.control.create_service(creation(service(revision="backend-b-x")), "me"))
    with pytest.raises(ApiError) as caught:
        rig.control.create_service(creation(service(revision="backend-b-x"), "backend-b"), "me")
    assert caught.value.code is Code.ALREADY_EXISTS


async def test_validating_only_fills_in_defaults_and_keeps_nothing():
    rig = Rig()
    request = creation()
    request.validate_only = True
    operation = rig.control.create_service(request, "me")
    shown = Service()
    assert operation.done
    assert operation.response.Unpack(Service.pb(shown))
    assert shown.template.max_instance_request_concurrency == 80
    with pytest.raises(ApiError):
        stored(rig)
    await created(rig)
    before = stored(rig)
    dry = update(Service(name=NAME, traffic=[to("backend-x", 100)]), "traffic")
    dry.validate_only = True
    assert rig.control.update_service(dry, "me").done
    assert stored(rig) == before


async def test_allow_missing_creates_what_is_absent():
    rig = Rig()
    request = update(service())
    with pytest.raises(ApiError) as caught:
        rig.control.update_service(request, "me")
    assert caught.value.code is Code.NOT_FOUND
    request.allow_missing = True
    await done(rig, rig.control.update_service(request, "me"))
    assert stored(rig).generation == 1


async def test_latest_ready_stays_where_users_are_until_the_newer_one_is_reached():
    rig = Rig()
    await created(rig)
    await updated(rig, service("demo/better", "backend-two", (to("backend-two", 100),)))
    assert short(stored(rig).latest_ready_revision) == "backend-two"
    tagged = (to("backend-two", 100), to("backend-three", 0, "new"))
    await updated(rig, service("demo/best", "backend-three", tagged))
    assert short(stored(rig).latest_ready_revision) == "backend-three"
    await updated(rig, service("demo/hidden", "backend-four", tagged))
    assert short(stored(rig).latest_ready_revision) == "backend-three"
    back = [to(revisions(rig)[0], 100)]
    await updated(rig, Service(name=NAME, traffic=back), "traffic")
    assert short(stored(rig).latest_ready_revision) == "backend-three"
    await updated(rig, Service(name=NAME, traffic=[latest(100)]), "traffic")
    assert routed(rig) == {"backend-four": 100}
    assert short(stored(rig).latest_ready_revision) == "backend-four"


async def test_a_write_that_comes_in_while_addresses_open_wins():
    rig = Rig()
    await created(rig)
    (first,) = revisions(rig)
    rig.front_end.opening = asyncio.Event()
    slow = rig.control.update_service(
        update(Service(name=NAME, traffic=[to(first, 100, "one")]), "traffic"), "me"
    )
    for _ in range(5):
        await asyncio.sleep(0)
    quick = rig.control.update_service(
        update(Service(name=NAME, traffic=[to(first, 100, "two")]), "traffic"), "me"
    )
    rig.front_end.opening.set()
    await done(rig, slow)
    await done(rig, quick)
    assert [status.tag for status in stored(rig).traffic_statuses] == ["two"]
    assert set(rig.front_end.ports) == {(KEY, ""), (KEY, "two")}
    assert stored(rig).observed_generation == stored(rig).generation == 3


async def test_the_newest_ready_revision_is_latest_whichever_started_faster():
    rig = Rig()
    await created(rig)
    gate = rig.instances.hold("demo/slow")
    slow = rig.control.update_service(update(service("demo/slow", "backend-two")), "me")
    quick = rig.control.update_service(update(service("demo/quick", "backend-three")), "me")
    for _ in range(9):
        await asyncio.sleep(0)
    gate.set()
    await done(rig, slow)
    await done(rig, quick)
    assert short(stored(rig).latest_ready_revision) == "backend-three"
    assert routed(rig) == {"backend-three": 100}
    await updated(rig, Service(name=NAME, traffic=[latest(100, "new")]), "traffic")
    assert routed(rig) == routed(rig, "new") == {"backend-three": 100}


async def test_the_newest_revision_is_latest_created_whichever_was_made_first():
    rig = Rig(faults=Faults(3))
    await driven(rig, rig.control.create_service(creation(), "me"))
    for _ in range(9):
        rig.surroundings.wake()
        await asyncio.sleep(0)
    older = rig.control.update_service(update(service("demo/older", "backend-two")), "me")
    newer = rig.control.update_service(update(service("demo/newer", "backend-three")), "me")
    await asyncio.sleep(0)
    rig.surroundings.wake(1)
    await asyncio.sleep(0)
    assert short(stored(rig).latest_created_revision) == "backend-three"
    await driven(rig, newer)
    await driven(rig, older)
    assert short(stored(rig).latest_created_revision) == "backend-three"
    await rig.control.close()


async def test_standing_follows_the_routes():
    rig = Rig()
    await created(rig)
    (first,) = revisions(rig)
    await updated(rig, service("demo/better", "backend-two", (to("backend-two", 100),)))

    def active(name):
        revision = rig.control.get_revision(f"{NAME}/revisions/{name}")
        return state_of(find(revision.conditions, Kind.ACTIVE))

    assert (active(first), active("backend-two")) == (State.FAILED, State.SUCCEEDED)
    await updated(rig, Service(name=NAME, traffic=[to(first, 100)]), "traffic")
    assert (active(first), active("backend-two")) == (State.SUCCEEDED, State.FAILED)


# --- conditions and times, as recorded


async def test_the_first_answer_shows_a_pending_condition_without_type_and_time():
    rig = Rig()
    operation = rig.control.create_service(creation(), "me")
    shown = Service()
    operation.metadata.Unpack(Service.pb(shown))
    terminal = Service.pb(shown).terminal_condition
    assert (terminal.type_, terminal.state) == ("", State.PENDING)
    assert not terminal.HasField("last_transition_time")
    assert not shown.conditions
    assert shown.observed_generation == 0
    assert "ingress" not in shown
    await done(rig, operation)
    assert stored(rig).ingress == 1


async def test_the_end_of_a_reconcile_leaves_etag_and_time_of_the_write():
    rig = Rig()
    operation = rig.control.create_service(creation(), "me")
    shown = Service()
    operation.metadata.Unpack(Service.pb(shown))
    await done(rig, operation)
    assert (stored(rig).etag, stored(rig).update_time) == (shown.etag, shown.update_time)


async def test_the_first_answer_to_an_update_keeps_old_conditions_and_times():
    rig = Rig()
    await created(rig)
    before = stored(rig)
    operation = rig.control.update_service(update(service("demo/better")), "me")
    shown = Service()
    operation.metadata.Unpack(Service.pb(shown))
    assert (shown.generation, shown.observed_generation) == (2, 1)
    terminal = shown.terminal_condition
    assert state_of(terminal) is State.PENDING
    assert terminal.last_transition_time == before.terminal_condition.last_transition_time
    assert shown.conditions == before.conditions
    assert shown.latest_created_revision == before.latest_created_revision
    await done(rig, operation)


async def test_an_update_moves_ready_and_the_routes_and_leaves_the_configuration():
    rig = Rig()
    await created(rig)
    before = stored(rig)
    await updated(rig, service("demo/better"))
    after = stored(rig)
    stamps = [
        [item.last_transition_time for item in (made.terminal_condition, *made.conditions)]
        for made in (before, after)
    ]
    (ready, routes, configuration), (later, routed, configured) = stamps
    assert routes < ready
    assert routed < later
    assert ready < routed
    assert configuration == configured


async def test_a_failed_latest_fails_all_three_conditions_and_keeps_what_serves():
    rig = Rig()
    await created(rig)
    first = revisions(rig)[0]
    operation = await updated(rig, service(BROKEN))
    found = stored(rig)
    every = [found.terminal_condition, *found.conditions]
    assert {reason_of(item) for item in every} == {Reason.HEALTH_CHECK_CONTAINER_ERROR}
    assert short(found.latest_ready_revision) == first
    assert routed(rig) == {first: 100}
    assert operation.error.message.startswith("The user-provided container failed to start.\n\n")


async def test_a_failed_startup_probe_says_where_its_logs_are():
    rig = Rig()
    operation = await created(rig, BROKEN)
    (name,) = revisions(rig)
    assert operation.error.message.splitlines()[2:] == [
        (
            "Logs URL: https://console.cloud.google.com/logs/viewer?project=demo&resource="
            f"cloud_run_revision/service_name/backend/revision_name/{name}&advancedFilter="
            "resource.type%3D%22cloud_run_revision%22%0A"
            "resource.labels.service_name%3D%22backend%22%0A"
            f"resource.labels.revision_name%3D%22{name}%22 "
        ),
        (
            "For more troubleshooting guidance, see "
            "https://cloud.google.com/run/docs/troubleshooting#container-failed-to-start"
        ),
    ]


async def test_the_next_update_reports_the_old_failure_though_its_own_revision_is_healthy():
    rig = Rig()
    await created(rig)
    (first,) = revisions(rig)
    canary = (to(first, 90), to("backend-broken", 10))
    await updated(rig, service(BROKEN, "backend-broken", canary))
    assert routed(rig) == {first: 100}
    new = Service(name=NAME, template=template("demo/better", "backend-well"))
    operation = await updated(rig, new, "template")
    assert operation.error.message.startswith(
        "Revision 'backend-broken' is not ready and cannot serve traffic. The user-provided"
    )
    well = rig.control.get_revision(f"{NAME}/revisions/backend-well")
    assert state_of(find(well.conditions, Kind.READY)) is State.SUCCEEDED
    assert [(short(each.revision), each.percent) for each in stored(rig).traffic] == [
        (first, 90),
        ("backend-broken", 10),
    ]
