"""Reports in a real Chromium: hostile content is inert, and people can read them."""

import pytest
from selenium.common.exceptions import NoAlertPresentException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from gate.report.attempts import attempts
from gate.report.html.page import html
from tests.browser.chromium import as_on, axe, complaints, counting, too_wide
from tests.browser.hostile import entries, everywhere, rejected, texts

pytestmark = [pytest.mark.campaign, pytest.mark.xdist_group("chromium")]


def opened(driver, path, found):
    path.write_text(html(attempts(found[::-1]), found), encoding="utf-8")
    driver.get(path.as_uri())


def assert_inert(driver, asked):
    with pytest.raises(NoAlertPresentException):
        driver.switch_to.alert.accept()
    assert driver.execute_script("return window.ran === undefined && !document.scripts.length")
    assert asked == []
    assert complaints(driver) == []


@pytest.mark.parametrize("number", range(len(texts(""))))
def test_hostile_content_runs_nothing_and_fetches_nothing(chromium, tmp_path, number):
    with counting() as (host, asked):
        text = texts(host)[number]
        chromium.get(f"http://{host}/alive")
        assert asked.pop(0) == "/alive"  # it can be reached, and would be counted
        chromium.get("about:blank")
        complaints(chromium)
        asked.clear()
        as_on(chromium, 390)
        opened(chromium, tmp_path / "report.html", [everywhere(one, text) for one in rejected()])
        chromium.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert_inert(chromium, asked)
        assert chromium.find_elements(By.CSS_SELECTOR, "section[aria-labelledby$=approvals] td")
        assert too_wide(chromium) <= 0
        assert not chromium.find_elements(By.CSS_SELECTOR, "a:not(.skip), img, iframe, form, link")


@pytest.mark.parametrize("which", ["rejected", "promoted", "at work"])
def test_it_can_be_read_by_everybody(chromium, tmp_path, which):
    found = {"rejected": rejected(), "promoted": entries(), "at work": entries()[:1]}[which]
    opened(chromium, tmp_path / "report.html", found)
    assert complaints(chromium) == []
    for width, dark in ((1280, False), (1280, True), (390, False), (390, True)):
        as_on(chromium, width, dark=dark)
        assert axe(chromium) == [], (width, dark)
        assert too_wide(chromium) <= 0


def test_the_keyboard_leads_to_the_content_and_opens_what_is_folded(chromium, tmp_path):
    opened(chromium, tmp_path / "report.html", rejected())
    as_on(chromium, 1280)
    chromium.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    link = chromium.switch_to.active_element
    assert link.text == "Skip to the report"
    link.send_keys(Keys.ENTER)
    assert chromium.switch_to.active_element.get_attribute("id") == "content"
    chromium.switch_to.active_element.send_keys(Keys.TAB)
    summary = chromium.switch_to.active_element
    assert summary.tag_name == "summary"
    was_open = summary.find_element(By.XPATH, "..").get_attribute("open")
    summary.send_keys(Keys.SPACE)
    assert summary.find_element(By.XPATH, "..").get_attribute("open") != was_open


def test_what_is_unfolded_is_printed_dark_on_white_within_the_paper(chromium, tmp_path):
    opened(chromium, tmp_path / "report.html", rejected())
    as_on(chromium, 794, dark=True, media="print")
    back = "return getComputedStyle(document.body).backgroundColor"
    assert chromium.execute_script(back) == "rgb(255, 255, 255)"
    failed = chromium.find_element(By.CSS_SELECTOR, "details[open] pre")
    assert failed.is_displayed()
    assert too_wide(chromium) <= 0
