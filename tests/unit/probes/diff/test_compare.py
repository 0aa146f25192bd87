from dataclasses import replace

import pytest

from gate.kinds.diff import DiffProbe
from gate.ports import Configuration
from gate.probes.diff.compare import How, differences

STABLE = Configuration(
    env={"LOG_LEVEL": "d1", "MODE": "d2"},
    secrets={"JWT_SECRET_KEY": "jwt:3", "mount /certs": "tls path=1"},
    fields={
        "image": "a:1",
        "cpu": "1",
        "memory": "512Mi",
        "port": "8080",
        "service_account": "a@x",
        "concurrency": "80",
        "vpc_connector": "none",
        "mount /data": "bucket b",
        "proxy/image": "p:1",
        "proxy/memory": "128Mi",
        "encryption_key": "none",
    },
    hidden={"args": "d3"},
)
SPEC = DiffProbe()


def found(candidate, spec=SPEC, stable=STABLE):
    return [(one.how, one.name) for one in differences(spec, stable, candidate)]


def without(mapping, name):
    return {key: value for key, value in mapping.items() if key != name}


def test_nothing_differs():
    assert differences(SPEC, STABLE, STABLE) == ()


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("env", "LOG_LEVEL"),
        ("secrets", "JWT_SECRET_KEY"),
        ("secrets", "mount /certs"),
        ("fields", "memory"),
        ("fields", "mount /data"),
        ("hidden", "args"),
    ],
)
def test_what_stable_has_and_the_candidate_lacks_is_missing(part, name):
    candidate = replace(STABLE, **{part: without(getattr(STABLE, part), name)})
    assert found(candidate) == [(How.MISSING, name)]
    assert found(STABLE, stable=candidate) == [(How.ADDED, name)]


@pytest.mark.parametrize(
    ("part", "name", "fields"),
    [
        ("env", "LOG_LEVEL", "env"),
        ("secrets", "JWT_SECRET_KEY", "secrets"),
        ("resources", "memory", "fields"),
        ("resources", "proxy/memory", "fields"),
        ("ports", "port", "fields"),
        ("identity", "service_account", "fields"),
        ("scaling", "concurrency", "fields"),
        ("network", "vpc_connector", "fields"),
        ("volumes", "mount /data", "fields"),
    ],
)
def test_what_is_another_is_changed_unless_its_part_is_not_compared(part, name, fields):
    candidate = replace(STABLE, **{fields: {**getattr(STABLE, fields), name: "other"}})
    assert found(candidate) == [(How.CHANGED, name)]
    assert found(candidate, replace(SPEC, **{part: False})) == []


def test_images_are_compared_where_that_is_asked_for():
    candidate = replace(STABLE, fields={**STABLE.fields, "image": "a:2", "proxy/image": "p:2"})
    assert found(candidate) == []
    asked = replace(SPEC, image=True)
    assert found(candidate, asked) == [(How.CHANGED, "image"), (How.CHANGED, "proxy/image")]


def test_a_field_of_no_known_part_is_always_compared():
    fields = {**STABLE.fields, "encryption_key": "k"}
    nothing_but_image = DiffProbe(*[False] * 3, True, *[False] * 5)
    assert found(replace(STABLE, fields=fields), nothing_but_image) == [
        (How.CHANGED, "encryption_key")
    ]


def test_a_secret_that_became_a_plain_value_is_changed_and_said():
    candidate = replace(
        STABLE,
        env={**STABLE.env, "JWT_SECRET_KEY": "d9"},
        secrets=without(STABLE.secrets, "JWT_SECRET_KEY"),
    )
    (one,) = differences(SPEC, STABLE, candidate)
    assert (one.how, one.candidate, one.stable) == (
        How.CHANGED,
        "a plain value",
        "from secret jwt:3",
    )
    (back,) = differences(SPEC, candidate, STABLE)
    assert (back.how, back.candidate, back.stable) == (
        How.CHANGED,
        "from secret jwt:3",
        "a plain value",
    )


def test_a_variable_may_be_called_like_a_field():
    stable = replace(STABLE, env={**STABLE.env, "memory": "d7"})
    candidate = replace(stable, fields={**STABLE.fields, "memory": "1Gi"})
    (one,) = differences(SPEC, stable, candidate)
    assert (one.how, one.candidate, one.stable) == (How.CHANGED, "1Gi", "512Mi")
    assert found(STABLE, stable=stable) == [(How.MISSING, "memory")]


def test_digests_are_never_told():
    candidate = replace(STABLE, env={"LOG_LEVEL": "e1", "NEW": "e2"}, hidden={"args": "e3"})
    told = repr(differences(SPEC, STABLE, candidate))
    assert "another value" in told
    assert not any(digest in told for digest in ("d1", "d2", "d3", "e1", "e2", "e3"))


@pytest.mark.parametrize(
    ("spec", "declared"),
    [
        (DiffProbe(), (False, False, True)),
        (DiffProbe(missing=("MODE",)), (True, False, True)),
        (DiffProbe(missing=("OTHER",), changed=("LOG_LEVEL",)), (False, True, True)),
        (DiffProbe(missing=("LOG_LEVEL",), changed=("MODE",)), (False, False, True)),
        (DiffProbe(missing=None, changed=None), (True, True, True)),
    ],
)
def test_what_the_policy_allows(spec, declared):
    candidate = replace(STABLE, env={"LOG_LEVEL": "e1", "NEW": "e2"})
    by_name = {one.name: one.declared(spec) for one in differences(spec, STABLE, candidate)}
    assert (by_name["MODE"], by_name["LOG_LEVEL"], by_name["NEW"]) == declared
