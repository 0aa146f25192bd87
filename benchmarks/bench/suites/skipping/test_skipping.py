"""A suite that skips itself, as the incident's did, and exits with 0."""

import pytest

pytestmark = pytest.mark.skip(reason="staging is not available")


def test_health():
    raise AssertionError("was to be skipped")
