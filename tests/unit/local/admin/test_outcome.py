from datetime import UTC, datetime, timedelta

from gate.local.admin.conditions import Kind, Reason, State, find, reason_of, state_of
from gate.local.admin.messages import Revision
from gate.local.admin.outcome import finished, judge, ready, reconciling_conditions
from gate.local.admin.readiness import Start, boot_failed, booted
from gate.local.admin.traffic import Routes
from gate.local.api.errors import Code
from gate.local.ports import BootFailure, BootReason
from tests.fakes.local_messages import complete, latest, to

AT = datetime(2026, 11, 22, tzinfo=UTC)
LATER = AT + timedelta(minutes=1)
START = Start(AT, AT)
MISSING = BootFailure(BootReason.CONTAINER_MISSING, "Image 'x' not found.")
DEAF = BootFailure(BootReason.HEALTH_CHECK_CONTAINER_ERROR, "The container did not listen.")
WORLD = {
    "good": Revision(conditions=booted(START)),
    "better": Revision(conditions=booted(START)),
    "missing": Revision(conditions=boot_failed(START, MISSING)),
    "deaf": Revision(conditions=boot_failed(START, DEAF)),
}


def judged(*targets, latest="good", made=""):
    return judge(list(targets), latest, made, WORLD.get)


def test_routes_to_ready_revisions_take_effect():
    verdict = judged(to("good", 90), to("better", 10, "new"))
    assert verdict.failure is None
    assert verdict.routes == Routes((("good", 90), ("better", 10)), (("new", "better"),))


def test_a_route_to_a_revision_that_does_not_exist_fails_with_code_13():
    verdict = judged(to("gone", 100))
    assert verdict.routes is None
    assert verdict.failure.code is Code.INTERNAL
    assert verdict.failure.message == (
        "Revision 'gone' does not exist or is deleted. Update all traffic to route to currently "
        "available revisions."
    )


def test_a_tag_alone_on_a_deleted_revision_fails_too():
    assert judged(to("good", 100), to("gone", 0, "blue")).failure.code is Code.INTERNAL


def test_a_container_that_does_not_start_fails_the_routes_with_code_9():
    verdict = judged(to("deaf", 100), made="deaf")
    assert verdict.routes is None
    assert verdict.failure.kinds == {Kind.ROUTES, Kind.CONFIGURATIONS}
    assert verdict.failure.code is Code.FAILED_PRECONDITION
    assert verdict.failure.message == "The container did not listen."
    assert verdict.failure.reason is Reason.HEALTH_CHECK_CONTAINER_ERROR


def test_an_image_that_does_not_exist_fails_with_code_5():
    failure = judged(to("good", 100), to("missing", 0, "blue"), made="missing").failure
    assert failure.code is Code.NOT_FOUND
    assert failure.message.endswith("Image 'x' not found.")


def test_latest_means_the_revision_that_this_write_made():
    assert judged(latest(100), made="better").routes == Routes((("better", 100),))
    failed = judged(latest(100), made="deaf").failure
    assert failed.kinds == {Kind.ROUTES, Kind.CONFIGURATIONS}


def test_latest_means_the_latest_ready_one_otherwise():
    assert judged(latest(100)).routes == Routes((("good", 100),))


def test_a_failed_revision_that_nothing_points_at_fails_the_configuration_and_routes_go_on():
    verdict = judged(to("good", 100), made="deaf")
    assert verdict.routes == Routes((("good", 100),))
    assert verdict.failure.kinds == {Kind.CONFIGURATIONS}


def test_an_older_failed_revision_in_the_traffic_is_named_and_fails_the_routes_alone():
    failure = judged(to("good", 90), to("deaf", 10), made="better").failure
    assert failure.kinds == {Kind.ROUTES}
    assert failure.message == (
        "Revision 'deaf' is not ready and cannot serve traffic. The container did not listen."
    )


def test_an_older_failed_revision_and_a_new_one_fail_both():
    failure = judged(to("missing", 100), made="deaf").failure
    assert failure.kinds == {Kind.ROUTES, Kind.CONFIGURATIONS}
    assert failure.code is Code.NOT_FOUND


def test_traffic_away_from_a_failed_revision_succeeds():
    assert judged(to("good", 100)).failure is None


def test_ready_is_terminal_and_not_among_the_conditions():
    done = finished(complete(), AT, None)
    assert done.terminal_condition.type_ == "Ready"
    assert [item.type_ for item in done.conditions] == ["RoutesReady", "ConfigurationsReady"]


def test_a_failure_is_on_ready_and_on_the_condition_that_it_belongs_to():
    failure = judged(to("deaf", 100)).failure
    done = finished(complete(), AT, failure)
    terminal, routes, configurations = done.terminal_condition, *done.conditions
    assert state_of(terminal) is state_of(routes) is State.FAILED
    assert state_of(configurations) is State.SUCCEEDED
    assert terminal.message == failure.message


def test_a_failed_latest_fails_all_three_conditions_with_its_reason():
    done = finished(complete(), AT, judged(latest(100), made="deaf").failure)
    every = [done.terminal_condition, *done.conditions]
    assert {state_of(item) for item in every} == {State.FAILED}
    assert {reason_of(item) for item in every} == {Reason.HEALTH_CHECK_CONTAINER_ERROR}


def test_the_routes_are_ready_before_the_service_is():
    done = finished(complete(), LATER, None, AT)
    assert find(done.conditions, Kind.ROUTES).last_transition_time == AT
    assert done.terminal_condition.last_transition_time == LATER


def through(service, begun, ended):
    service.conditions = reconciling_conditions(service.conditions, begun)
    return finished(service, ended, None)


def test_the_configuration_is_as_old_as_the_first_work_and_stays_so():
    made = through(complete(), AT, LATER)
    again = through(made, LATER, LATER + timedelta(1))
    for service in (made, again):
        assert find(service.conditions, Kind.CONFIGURATIONS).last_transition_time == AT
    assert find(again.conditions, Kind.ROUTES).last_transition_time == LATER + timedelta(1)


def test_a_configuration_that_failed_is_ready_anew():
    made = finished(complete(), AT, judged(latest(100), made="deaf").failure)
    again = through(made, LATER, LATER + timedelta(1))
    assert find(again.conditions, Kind.CONFIGURATIONS).last_transition_time == LATER


def test_success_observes_the_generation_and_failure_keeps_the_serving_one():
    service = complete()
    service.generation, service.observed_generation, service.reconciling = 5, 4, True
    done = finished(service, AT, None)
    assert (done.observed_generation, done.reconciling) == (5, False)
    failed = finished(service, AT, judged(to("gone", 100)).failure)
    assert (failed.observed_generation, failed.reconciling) == (4, False)
    assert service.reconciling


def test_a_revision_without_conditions_is_not_ready():
    assert not ready(Revision())
    assert judge([to("new", 100)], "", "", lambda _: Revision()).failure.code is Code.INTERNAL
