from datetime import UTC, datetime

from gate.local.admin.conditions import Kind, Reason, State, boot_failed, booted, find, state_of
from gate.local.admin.errors import Code
from gate.local.admin.messages import Revision
from gate.local.admin.outcome import finished, judge, ready, service_conditions
from gate.local.admin.traffic import Routes
from gate.local.ports import BootFailure, BootReason
from tests.fakes.local_messages import complete, latest, to

AT = datetime(2026, 11, 22, tzinfo=UTC)
MISSING = BootFailure(BootReason.CONTAINER_MISSING, "Image 'x' not found.")
DEAF = BootFailure(BootReason.HEALTH_CHECK_CONTAINER_ERROR, "The container did not listen.")
WORLD = {
    "good": Revision(conditions=booted(AT)),
    "better": Revision(conditions=booted(AT)),
    "missing": Revision(conditions=boot_failed(AT, MISSING)),
    "deaf": Revision(conditions=boot_failed(AT, DEAF)),
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
    assert verdict.failure.kind is Kind.ROUTES
    assert verdict.failure.code is Code.FAILED_PRECONDITION
    assert verdict.failure.message == (
        "Revision 'deaf' is not ready and cannot serve traffic. The container did not listen."
    )
    assert verdict.failure.reason is Reason.HEALTH_CHECK_CONTAINER_ERROR


def test_an_image_that_does_not_exist_fails_with_code_5():
    failure = judged(to("good", 100), to("missing", 0, "blue"), made="missing").failure
    assert failure.code is Code.NOT_FOUND
    assert failure.message.endswith("Image 'x' not found.")


def test_latest_means_the_revision_that_this_write_made():
    assert judged(latest(100), made="better").routes == Routes((("better", 100),))
    assert judged(latest(100), made="deaf").failure.kind is Kind.ROUTES


def test_latest_means_the_latest_ready_one_otherwise():
    assert judged(latest(100)).routes == Routes((("good", 100),))


def test_a_failed_revision_that_nothing_points_at_fails_the_configuration_and_routes_go_on():
    verdict = judged(to("good", 100), made="deaf")
    assert verdict.routes == Routes((("good", 100),))
    assert verdict.failure.kind is Kind.CONFIGURATIONS


def test_traffic_away_from_a_failed_revision_succeeds():
    assert judged(to("good", 100)).failure is None


def test_ready_is_terminal_and_not_among_the_conditions():
    terminal, others = service_conditions(AT, None)
    assert terminal.type_ == "Ready"
    assert [item.type_ for item in others] == ["RoutesReady", "ConfigurationsReady"]


def test_a_failure_is_on_ready_and_on_the_condition_that_it_belongs_to():
    failure = judged(to("deaf", 100)).failure
    terminal, others = service_conditions(AT, failure)
    assert state_of(terminal) is state_of(find(others, Kind.ROUTES)) is State.FAILED
    assert state_of(find(others, Kind.CONFIGURATIONS)) is State.SUCCEEDED
    assert terminal.message == failure.message


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
