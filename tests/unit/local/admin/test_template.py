from datetime import UTC, datetime

from gate.local.admin.messages import RevisionTemplate
from gate.local.admin.template import (
    make_revision,
    make_spec,
    matches,
    same_template,
    scaled,
)
from gate.local.admin.traffic import Routes
from gate.local.ports import ProbeSpec, RevisionKey, ServiceKey
from tests.fakes.local_messages import NAME, complete

AT = datetime(2026, 11, 22, tzinfo=UTC)
KEY = RevisionKey(ServiceKey("demo", "us-central1", "backend"), "r1")


def owner():
    made = complete()
    made.template.labels["a"] = "b"
    made.template.containers[0].env = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    made.template.scaling = {"min_instance_count": 2, "max_instance_count": 5}
    return made


def revision(made=None):
    return make_revision(KEY, made or owner(), "uid", "me", AT)


def test_templates_are_compared_without_their_name():
    one, other = RevisionTemplate(complete().template), complete(revision="r9").template
    assert same_template(one, other)
    assert other.revision == "r9"
    other.labels["x"] = "y"
    assert not same_template(one, other)


def test_a_revision_has_what_its_template_says():
    made = revision()
    assert made.name == f"{NAME}/revisions/r1"
    assert made.service == NAME
    assert dict(made.labels) == {"a": "b"}
    assert made.containers[0].image == "demo/good"
    assert made.reconciling
    assert matches(made, owner().template)
    assert not matches(made, complete().template)


def test_a_spec_says_what_it_takes_to_run_it():
    spec = make_spec(KEY, revision(), {"demo/good": "demo/good@sha256:1"})
    assert spec.main.image == "demo/good"
    assert spec.main.digest == "demo/good@sha256:1"
    assert spec.main.env == (("A", "1"), ("B", "2"))
    assert (spec.main.port, spec.concurrency, spec.timeout_s) == (8080, 80, 300.0)
    assert spec.main.startup == ProbeSpec()
    assert (spec.min_instances, spec.max_instances) == (0, 5)


def test_a_reachable_revision_gets_its_own_min_instances_and_an_unreachable_one_none():
    made = owner()
    spec = make_spec(KEY, revision(made), {})
    tagged = scaled(spec, made, revision(made), Routes((("r0", 100),), (("blue", "r1"),)))
    assert tagged.min_instances == 2
    assert scaled(spec, made, revision(made), Routes((("r0", 100),))).min_instances == 0


def test_the_services_counts_are_divided_by_percent_and_not_for_tags():
    made = owner()
    made.scaling = {"min_instance_count": 10, "max_instance_count": 12}
    made.template.scaling.max_instance_count = 0
    held = revision(made)
    spec = make_spec(KEY, held, {})
    quarter = scaled(spec, made, held, Routes((("r1", 25), ("r0", 75))))
    assert (quarter.min_instances, quarter.max_instances) == (3, 3)
    tagged = scaled(spec, made, held, Routes((("r0", 100),), (("blue", "r1"),)))
    assert (tagged.min_instances, tagged.max_instances) == (2, 100)


def test_the_container_with_a_port_is_the_one_that_takes_requests():
    made = owner()
    made.template.containers[0].name = "main"
    made.template.containers = [{"name": "side", "image": "side"}, *made.template.containers]
    spec = make_spec(KEY, revision(made), {})
    assert spec.main.name == "main"
    assert [(side.name, side.port) for side in spec.sidecars] == [("side", 0)]
