import base64
from datetime import UTC, datetime, timedelta

import pytest
from google.iam.v1.policy_pb2 import AuditConfig, Policy
from google.type.expr_pb2 import Expr

from gate.local.access.policy import changed, check_permissions, invokers, shown
from gate.local.api.errors import ApiError, Code

AT = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
ME = "user:me@example.com"


def policy(*pairs, **more):
    made = Policy(**more)
    for role, *members in pairs:
        made.bindings.add(role=role, members=members)
    return made


def bindings(made):
    return [(binding.role, *binding.members) for binding in made.bindings]


def test_a_policy_that_nobody_set_has_an_etag_and_nothing_else():
    assert shown(Policy()) == Policy(etag=base64.b64decode("ACAB"))


def test_a_write_has_version_1_and_an_etag_of_its_time():
    made = changed(Policy(), policy(("roles/run.invoker", ME)), (), AT)
    assert (made.version, bindings(made)) == (1, [("roles/run.invoker", ME)])
    assert made.etag[0] == 7
    assert int.from_bytes(made.etag[1:]) == AT.timestamp() * 1_000_000


def test_bindings_of_one_role_become_one_without_doubles():
    asked = policy(("roles/run.invoker", ME), ("roles/viewer",), ("roles/run.invoker", ME))
    assert bindings(changed(Policy(), asked, (), AT)) == [("roles/run.invoker", ME)]


def test_a_stale_etag_is_a_conflict_in_googles_words():
    first = changed(Policy(), policy(("roles/run.invoker", ME)), (), AT)
    stale = policy(etag=b"\x00\x20\x01")
    with pytest.raises(ApiError) as caught:
        changed(first, stale, (), AT)
    assert caught.value.code is Code.ABORTED
    assert caught.value.message.startswith("There were concurrent policy changes. Please retry")
    assert r"ETag '\000 \001' did not match" in caught.value.message


def test_the_etag_that_was_read_and_none_are_accepted():
    first = changed(Policy(), policy(etag=b"\x00\x20\x01"), (), AT)
    later = AT + timedelta(seconds=1)
    assert changed(first, policy(etag=first.etag), (), later).etag != first.etag
    assert changed(first, policy(), (), later).etag != first.etag


def test_a_mask_without_bindings_leaves_them():
    first = changed(Policy(), policy(("roles/run.invoker", ME)), (), AT)
    made = changed(first, policy(("roles/viewer", ME)), ["etag"], AT)
    assert bindings(made) == [("roles/run.invoker", ME)]
    with pytest.raises(ApiError, match="update_mask"):
        changed(first, Policy(), ["rules"], AT)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (policy(("roles/run.invoker", "me@example.com")), "of an unknown type. Please set"),
        (policy(("roles/run.invoker", "allusers")), "of an unknown type"),
        (policy(("invoker", ME)), "Role invoker is not supported for this resource."),
        (policy(version=2), "policy.version"),
        (policy(audit_configs=[AuditConfig(service="x")]), "audit_configs"),
        (policy(("roles/viewer", *[f"user:{n}@x" for n in range(1501)])), "too many"),
    ],
)
def test_what_no_policy_may_have(asked, text):
    with pytest.raises(ApiError, match=text) as caught:
        changed(Policy(), asked, (), AT)
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_conditions_are_refused_not_dropped():
    asked = Policy(version=3)
    asked.bindings.add(role="roles/run.invoker", members=[ME], condition=Expr(expression="true"))
    with pytest.raises(ApiError, match="condition"):
        changed(Policy(), asked, (), AT)


def test_who_may_call():
    assert invokers(Policy()) == frozenset()
    assert invokers(policy(("roles/run.invoker", ME), ("roles/viewer", "user:no@x"))) == {ME}
    assert invokers(policy(("roles/run.admin", ME))) == {ME}
    assert invokers(policy(("roles/run.invoker", ME, "allUsers"))) is None
    assert invokers(policy(("roles/viewer", "allUsers"))) == frozenset()


def test_permissions_have_no_wildcards():
    check_permissions(["run.services.setIamPolicy", "run.routes.invoke"])
    for wrong in ("run.services.*", "*", "", "run"):
        with pytest.raises(ApiError, match="is not valid"):
            check_permissions([wrong])
