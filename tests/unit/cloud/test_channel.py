import pytest

from gate.cloud.channel import Api, Endpoint, Place
from gate.errors import UsageError


def test_the_real_api_is_asked_at_the_regions_own_host():
    place = Place(Api.RUN, Endpoint(), "us-central1")
    assert place.host == place.target == "us-central1-run.googleapis.com"
    assert place.address == ("us-central1-run.googleapis.com", 443)
    assert Place(Api.LOGGING, Endpoint()).host == "logging.googleapis.com"


def test_an_emulator_keeps_its_address_and_hears_the_region():
    place = Place(Api.RUN, Endpoint("127.0.0.1:80"), "us-central1")
    assert (place.address, place.host) == (("127.0.0.1", 80), "us-central1-127.0.0.1:80")
    six = Place(Api.RUN, Endpoint("[::1]:80"), "us-central1")
    assert (six.address, six.host) == (("::1", 80), "[::1]:80")


@pytest.mark.parametrize("region", ["evil.example/", "a@b", "Us", "1", "a" * 64, "a\n"])
def test_what_cannot_be_a_region_becomes_no_host(region):
    with pytest.raises(UsageError, match=r"^region: is none \(got "):
        Place(Api.RUN, Endpoint(), region)


@pytest.mark.parametrize("value", [None, ""])
def test_an_unset_variable_is_the_real_api(value):
    place = Place(Api.RUN, Endpoint(value))
    assert (place.emulated, place.target, place.name) == (
        False,
        "run.googleapis.com",
        "Cloud Run",
    )


def test_a_variable_names_an_emulator():
    place = Place(Api.LOGGING, Endpoint("127.0.0.1:9000"))
    assert (place.emulated, place.target, place.name) == (
        True,
        "127.0.0.1:9000",
        "LOGGING_EMULATOR_HOST",
    )


@pytest.mark.parametrize("host", ["localhost:80", "[::1]:443", "run-1.local:65535"])
def test_addresses_that_are_fine(host):
    assert Place(Api.RUN, Endpoint(host)).target == host


@pytest.mark.parametrize(
    "host",
    [
        "http://127.0.0.1:80",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        ":80",
        "a b:80",
        "127.0.0.1:80/",
        "unix:/tmp/x",
        "dns:///h:80",
        "h:80\n",
        "h" * 10_000,
    ],
)
def test_what_is_no_address_is_refused_with_the_variables_name(host):
    with pytest.raises(UsageError, match=r"^CLOUD_RUN_EMULATOR_HOST: is no address \(got ") as info:
        Place(Api.RUN, Endpoint(host))
    assert "gate local up" in info.value.hint
    assert len(info.value.message) < 400
