import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from gate.local.admin.masks import merged, parse_mask
from gate.local.admin.messages import Service
from gate.local.api.errors import ApiError, Code
from tests.fakes.local_messages import complete, latest, template, to


def current():
    made = complete(traffic=(to("r1", 100),))
    made.labels["a"] = "b"
    made.description = "old"
    made.generation = 7
    return made


def test_a_mask_replaces_its_fields_only():
    wanted = merged(
        current(),
        Service(traffic=[latest(100)], description="new"),
        FieldMask(paths=["traffic"]),
    )
    assert wanted.traffic == [latest(100)]
    assert wanted.description == "old"


def test_a_repeated_field_is_replaced_as_a_whole():
    incoming = Service(traffic=[to("r2", 100)])
    assert merged(current(), incoming, FieldMask(paths=["traffic"])).traffic == [to("r2", 100)]


def test_a_masked_field_that_is_left_out_becomes_empty():
    paths = FieldMask(paths=["traffic", "description", "labels"])
    wanted = merged(current(), Service(), paths)
    assert (list(wanted.traffic), wanted.description, dict(wanted.labels)) == ([], "", {})


def test_a_nested_path_leaves_its_neighbours():
    incoming = Service(template=template("demo/new"))
    wanted = merged(current(), incoming, FieldMask(paths=["template.containers"]))
    assert wanted.template.containers[0].image == "demo/new"
    assert wanted.template.max_instance_request_concurrency == 80


@pytest.mark.parametrize("paths", [[], ["*"]])
def test_without_a_mask_everything_is_replaced_traffic_included(paths):
    wanted = merged(current(), Service(template=template("demo/new")), FieldMask(paths=paths))
    assert list(wanted.traffic) == []
    assert wanted.description == ""
    assert dict(wanted.labels) == {}


@pytest.mark.parametrize("paths", [[], ["generation", "uri", "etag", "name"]])
def test_output_only_fields_are_never_taken_over(paths):
    incoming = Service(generation=99, uri="http://evil", etag="x", name="other")
    wanted = merged(current(), incoming, FieldMask(paths=paths))
    assert (wanted.generation, wanted.uri) == (7, "")


@pytest.mark.parametrize(
    "path", ["nope", "template.nope", "trafic", "traffic.percent", "scaling.minInstanceCount", ""]
)
def test_a_path_that_a_service_does_not_have_is_refused(path):
    with pytest.raises(ApiError) as caught:
        merged(current(), Service(), FieldMask(paths=[path]))
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_too_many_paths_are_refused():
    with pytest.raises(ApiError, match="too many paths"):
        merged(current(), Service(), FieldMask(paths=["traffic"] * 201))


def test_the_json_form_takes_camel_case_and_snake_case():
    mask = parse_mask("traffic, template.containers,scaling.minInstanceCount,default_uri_disabled")
    assert list(mask.paths) == [
        "traffic",
        "template.containers",
        "scaling.min_instance_count",
        "default_uri_disabled",
    ]
