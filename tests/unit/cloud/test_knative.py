import pytest

from gate.cloud.knative import of_users, own_name, reserved, serving_container


@pytest.mark.parametrize(
    "key",
    [
        "run.googleapis.com/x",
        "sub.run.googleapis.com/x",
        "cloud.googleapis.com/x",
        "serving.knative.dev/x",
        "autoscaling.knative.dev/maxScale",
    ],
)
def test_the_platforms_namespaces(key):
    assert reserved(key)
    assert of_users({key: "1", "mine": "2"}) == {"mine": "2"}


@pytest.mark.parametrize(
    "key",
    ["mine", "notrun.googleapis.com/x", "client.knative.dev/user-image", "run.googleapis.co/x"],
)
def test_everything_else_is_users(key):
    assert not reserved(key)


def test_the_serving_container():
    alone, app = {"name": "alone"}, {"name": "app", "ports": [{"containerPort": 8080}]}
    assert serving_container([]) is None
    assert serving_container([alone]) is alone
    assert serving_container([alone, app]) is app
    assert serving_container([alone, alone]) is None
    assert serving_container([app, app]) is None


def test_a_name_that_the_platform_filled_in_is_no_name():
    assert own_name({"name": "shop-1"}, "shop", 0) == ""
    assert own_name({"name": "shop-1"}, "shop", 1) == "shop-1"
    assert own_name({"name": "proxy"}, "shop", 0) == "proxy"
    assert own_name({}, "shop", 0) == ""
