import pytest

from gate.local.admin.names import (
    check_revision_id,
    check_service_id,
    check_tag,
    parse_operation,
    parse_place,
    parse_revision,
    parse_service,
    revision_id,
    revision_path,
    service_path,
    short,
)
from gate.local.api.errors import ApiError, Code


def test_full_names_are_read_and_written():
    key = parse_revision("projects/p/locations/l/services/s/revisions/r")
    assert revision_path(key) == "projects/p/locations/l/services/s/revisions/r"
    assert service_path(parse_service("projects/p/locations/l/services/s")) == (
        "projects/p/locations/l/services/s"
    )
    assert str(parse_place("projects/p/locations/l")) == "projects/p/locations/l"
    assert parse_operation("projects/p/locations/l/operations/o").location == "l"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "backend",
        "projects/p/locations/l",
        "projects/p/locations/l/services/",
        "projects/p/locations/../services/s",
        "projects/p/locations/l/services/..",
        "projects/p/locations/l/services/s/revisions/r",
        "projects/p/locations/l/services/s\n",
        "projects/p/locations/l/services/" + "s" * 2_000,
    ],
)
def test_other_names_are_refused(name):
    with pytest.raises(ApiError) as caught:
        parse_service(name)
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_lists_take_no_wildcard_region():
    with pytest.raises(ApiError, match="wildcard"):
        parse_place("projects/p/locations/-")


@pytest.mark.parametrize("service_id", ["", "1a", "a-", "A", "a_b", "a" * 50, "ä"])
def test_service_ids_have_fewer_than_50_lowercase_characters(service_id):
    with pytest.raises(ApiError, match=r"^Violation in CreateServiceRequest\.service_id: "):
        check_service_id(service_id)


def test_a_service_id_of_49_characters_is_fine():
    check_service_id("a" * 49)


@pytest.mark.parametrize("revision", ["", "1a", "a-", "A", "a" * 64])
def test_revision_names_have_fewer_than_64_characters(revision):
    with pytest.raises(ApiError, match="fewer than 64"):
        check_revision_id("template.revision", revision)


def test_tag_and_service_name_may_have_46_characters_together():
    check_tag("traffic[0].tag", "t" * 20, "s" * 26)
    with pytest.raises(ApiError) as caught:
        check_tag("traffic[0].tag", "t" * 21, "s" * 26)
    assert caught.value.message.endswith(
        "together are too long. Combined traffic tag and service name cannot exceed 46 characters."
    )
    assert caught.value.violations[0].field == "spec.traffic.tag"


@pytest.mark.parametrize("tag", ["", "A", "a.b", "-a", "a-", "1a"])
def test_a_tag_is_a_lowercase_dns_label(tag):
    with pytest.raises(ApiError, match="DNS label"):
        check_tag("traffic[0].tag", tag, "s")


def test_the_server_names_revisions_after_the_service_a_number_and_three_letters():
    assert revision_id("backend", 3, "xyz") == "backend-00003-xyz"


def test_a_server_made_revision_name_fits_63_characters():
    name = revision_id("s" * 60, 12, "xyz")
    assert len(name) == 63
    assert name.endswith("-00012-xyz")


def test_short_names_stay_as_they_are():
    assert short("a/b/c") == "c"
    assert short("c") == "c"
