from hypothesis import given
from hypothesis import strategies as st

from gate.local.admin.messages import TrafficTarget
from gate.local.admin.names import short
from gate.local.admin.traffic import check_traffic, names, resolve, statuses, with_default
from gate.local.api.errors import ApiError, Code

NAMES = st.sampled_from(["backend-1", "backend-2", "a/b/backend-3", "", "backend-Bad"])
TAGS = st.sampled_from(["", "", "blue", "green", "-", "t" * 45])
TARGETS = st.lists(
    st.builds(
        lambda kind, revision, percent, tag: TrafficTarget(
            type_=kind, revision=revision, percent=percent, tag=tag
        ),
        st.sampled_from([0, 1, 2, 2, 2]),
        NAMES,
        st.sampled_from([0, 0, 10, 50, 90, 100, 100, -1, 101]),
        TAGS,
    ),
    max_size=5,
)


def refused(targets):
    try:
        check_traffic("field", targets, "backend")
    except ApiError as error:
        return error.code is Code.INVALID_ARGUMENT
    return False


@given(TARGETS)
def test_a_list_is_refused_or_sends_every_request_somewhere(targets):
    whole = with_default(targets)
    if refused(whole):
        return
    routes = resolve(whole, "newest")
    assert sum(percent for _, percent in routes.shares) == 100
    assert all(percent > 0 for _, percent in routes.shares)
    assert dict(routes.tags).keys() == {target.tag for target in whole if target.tag}
    assert routes.revisions() <= {"newest", *names(whole)}
    assert all(name == short(name) for name in routes.revisions())


@given(TARGETS)
def test_every_target_has_one_status(targets):
    made = statuses(targets, {"blue": "http://blue"})
    assert [(item.percent, item.tag) for item in made] == [
        (item.percent, item.tag) for item in targets
    ]
