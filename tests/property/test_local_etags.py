from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from gate.local.admin.etags import (
    etag,
    micros,
    micros_of_etag,
    micros_of_resource_version,
    resource_version,
)

TIMES = st.datetimes(
    min_value=datetime(1971, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(TIMES, st.text(max_size=50))
def test_every_etag_gives_back_its_version(at, name):
    assert micros_of_etag(etag(at, name)) == micros(at)


@given(TIMES)
def test_every_resource_version_gives_back_its_version(at):
    assert micros_of_resource_version(resource_version(at)) == micros(at)
