from copy import deepcopy

import pytest

from gate.cloud.settings import settings_of
from gate.cloud.template import next_template, same_settings, template_of
from gate.errors import InfrastructureError
from tests.unit.cloud.knative_documents import DIGEST, container, revision_of, template

USER_IMAGE = "client.knative.dev/user-image"


def test_everything_a_user_set_stays():
    current = template(
        {"name": "proxy", "image": "envoy:1"},
        container("old", novel={"a": [1]}),
        labels={"client.knative.dev/nonce": "abcdefghij"},
        annotations={
            "mine": "1",
            "run.googleapis.com/cpu-throttling": "false",
            "run.googleapis.com/client-version": "528.0.0",
            "run.googleapis.com/sources": '{"shop":"gs://b/o"}',
            "run.googleapis.com/build-function-target": "f",
            USER_IMAGE: "old",
        },
        volumes=[{"name": "v", "emptyDir": {}}],
        novel="x",
    )
    current["metadata"]["name"] = "shop-00001-aaa"
    before = deepcopy(current)
    expected = deepcopy(current)
    expected["metadata"] = {
        "name": "shop-00002-bbb",
        "labels": {"team": "pay"},
        "annotations": {
            "autoscaling.knative.dev/maxScale": "5",
            "mine": "1",
            "run.googleapis.com/cpu-throttling": "false",
            USER_IMAGE: "new",
        },
    }
    expected["spec"]["containers"][1]["image"] = "new"
    assert next_template(current, "new", "shop-00002-bbb", "service s") == expected
    assert current == before


@pytest.mark.parametrize("metadata", [{}, None, {"labels": None, "annotations": 7}])
def test_a_template_may_have_no_metadata(metadata):
    current = {"metadata": metadata, "spec": {"containers": [container("old")]}}
    made = next_template(current, "new", "r", "service s")
    assert made["metadata"] == {"name": "r", "labels": {}, "annotations": {USER_IMAGE: "new"}}


def test_which_container_gets_the_image_is_not_guessed():
    several = template(*({"name": name, "image": "x"} for name in ("a", "b")))
    with pytest.raises(InfrastructureError, match=r"^service s: .*got 2 containers"):
        next_template(several, "new", "r", "service s")


def test_a_revisions_template_makes_the_same_revision_again():
    made = template(
        container(),
        {"image": "helper:1"},
        annotations={"mine": "1", "run.googleapis.com/execution-environment": "gen2"},
    )
    revision = revision_of(made)
    before = deepcopy(revision)
    again = template_of(revision, "shop")
    assert settings_of(again, "shop") == settings_of(made, "shop")
    sent, first = (next_template(one, "new", "r", "s") for one in (again, made))
    assert sent["metadata"] == first["metadata"]
    assert again["spec"]["containers"][0] == {**container(), "image": DIGEST}
    assert again["spec"]["containers"][1] == {"image": "helper:1"}
    assert revision == before


def test_a_filled_in_name_that_another_container_waits_for_stays():
    waits = {"run.googleapis.com/container-dependencies": '{"shop-1":["shop-2"]}'}
    made = template(container(), {"image": "helper:1"}, annotations=waits)
    again = template_of(revision_of(made), "shop")
    assert [one["name"] for one in again["spec"]["containers"]] == ["shop-1", "shop-2"]


def test_nothing_that_cloud_run_put_there_is_sent_back():
    again = template_of(revision_of(template()), "shop")
    keys = {*again["metadata"]["labels"], *again["metadata"]["annotations"]}
    assert not any(key.startswith(("serving.knative.dev", "cloud.googleapis.com")) for key in keys)
    assert "name" not in again["metadata"]
    assert "status" not in again
    sent = next_template(again, "new", "r", "s")["metadata"]["annotations"]
    assert sent == {"autoscaling.knative.dev/maxScale": "5", USER_IMAGE: "new"}


def test_whether_a_template_says_what_a_revision_is():
    revision = revision_of(template())
    assert same_settings(template(container("other")), revision, "shop")
    assert not same_settings(template(containerConcurrency=1), revision, "shop")
