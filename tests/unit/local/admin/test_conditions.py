from datetime import UTC, datetime

from google.cloud.run_v2.types import Condition

from gate.local.admin.conditions import Kind, Reason, State, condition, reason_of

AT = datetime(2026, 11, 22, tzinfo=UTC)


def test_our_enums_are_the_librarys():
    for state in State:
        name = f"{'STATE' if state is State.UNSPECIFIED else 'CONDITION'}_{state.name}"
        assert Condition.State[name] == state
    kinds = {"reason": Condition.CommonReason, "revision_reason": Condition.RevisionReason}
    for reason in Reason:
        member, number = reason.value
        assert kinds[member][reason.name] == number


def test_exactly_one_kind_of_reason_is_set():
    made = condition(Kind.READY, State.FAILED, AT, reason=Reason.CONTAINER_MISSING)
    assert Condition.pb(made).WhichOneof("reasons") == "reason"
    made = condition(Kind.READY, State.FAILED, AT, reason=Reason.HEALTH_CHECK_CONTAINER_ERROR)
    assert Condition.pb(made).WhichOneof("reasons") == "revision_reason"
    assert reason_of(made) is Reason.HEALTH_CHECK_CONTAINER_ERROR
