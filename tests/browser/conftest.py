"""One Chromium for each worker."""

import pytest

from tests.browser.chromium import browser


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    driver = browser(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()
