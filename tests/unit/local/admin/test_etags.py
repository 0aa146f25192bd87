from datetime import UTC, datetime

import pytest

from gate.local.admin.etags import (
    conflict,
    etag,
    micros,
    micros_of_etag,
    micros_of_resource_version,
    resource_version,
)
from gate.local.api.errors import ApiError, Code

AT = datetime(2026, 8, 17, 6, 42, 57, 368306, tzinfo=UTC)


def test_both_forms_give_back_the_epoch_microseconds():
    assert micros_of_etag(etag(AT, "projects/p")) == micros(AT)
    assert micros_of_resource_version(resource_version(AT)) == micros(AT)


def test_an_etag_is_quoted_as_in_v2():
    assert etag(AT, "projects/p").startswith('"')
    assert etag(AT, "projects/p").endswith('"')


def test_a_v1_resource_version_is_base64_of_microseconds():
    # Recorded: an asset whose resourceVersion was AAXYN2StUX8 at 2022-02-17T14:15:07.434367Z.
    assert resource_version(datetime(2022, 2, 17, 14, 15, 7, 434367, tzinfo=UTC)) == "AAXYN2StUX8"


@pytest.mark.parametrize("value", ["x", '"%%%"', '"////"', "a" * 3_000, "\0"])
def test_an_etag_of_nobody_is_refused(value):
    with pytest.raises(ApiError) as caught:
        micros_of_etag(value)
    assert caught.value.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize("value", ["x", "%%%", "AAAA"])
def test_a_resource_version_of_nobody_is_refused(value):
    with pytest.raises(ApiError, match="not a version"):
        micros_of_resource_version(value)


def test_a_conflict_has_cloud_runs_text():
    error = conflict("dispatch-web", 1786946577368306, 1786946626661729)
    assert error.code is Code.ABORTED
    assert error.message == (
        "Conflict for resource 'dispatch-web': version '1786946577368306' was specified but "
        "current version is '1786946626661729'."
    )
