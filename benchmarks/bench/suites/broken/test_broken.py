"""A suite that needs what this machine does not have."""

import a_module_that_nobody_has_installed


def test_nothing():
    assert a_module_that_nobody_has_installed
