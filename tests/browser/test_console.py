"""The console over many rollouts, in a real Chromium."""

import contextlib
import socket
import threading
import time

import pytest
import uvicorn
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from gate.console.app import console
from gate.console.kept import Kept
from gate.core.state import Ending
from tests.browser.chromium import (
    WITHIN_S,
    as_on,
    axe,
    complaints,
    counting,
    too_wide,
    widest,
)
from tests.browser.hostile import everywhere, rejected, texts
from tests.fakes.ledger import FakeLedger
from tests.unit.console.ledgers import counted, later, ledger_of, played, shelf_of, verified
from tests.unit.report.scenes import ALL_PASSED, REF

pytestmark = [pytest.mark.campaign, pytest.mark.xdist_group("chromium")]


@contextlib.contextmanager
def serving(ledger):
    """The console's address; it is served by a thread."""
    listening = socket.create_server(("127.0.0.1", 0))
    app = console(REF, shelf_of(ledger), None, Kept(verified), Kept(counted))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


async def test_the_list_leads_to_a_rollout_and_filters_by_keyboard_alone(chromium):
    with serving(await ledger_of(60)) as base:
        chromium.get(base)
        complaints(chromium)
        Select(chromium.find_element(By.NAME, "ending")).select_by_value("rejected")
        chromium.find_element(By.NAME, "q").send_keys("rollout-00005\n")
        (link,) = chromium.find_elements(By.CSS_SELECTOR, "tbody a")
        link.send_keys("\n")
        title = chromium.find_element(By.TAG_NAME, "h1").text
        assert title == "rollout of backend: rejected"
        assert complaints(chromium) == []


async def test_every_page_can_be_read_by_everybody(chromium):
    begun = {**played(ALL_PASSED)[0], "rollout": "at work"}
    with serving(await ledger_of(70, begun)) as base:
        one = ("/rollout?id=rollout-00002", "/rollout?id=at+work")
        for page in ("/", "/?page=2", "/history", "/stats", "/verify", *one, "/no"):
            chromium.get(f"{base}{page}")
            for width, dark in ((1280, False), (390, True)):
                as_on(chromium, width, dark=dark)
                assert axe(chromium) == [], (page, width)
                assert too_wide(chromium) <= 0, page


BROKEN = r"""
return [...document.querySelectorAll('.badge')].flatMap(badge => {
  const node = badge.firstChild, text = node.data, found = [];
  for (const match of text.matchAll(/\S+/g)) {
    const range = document.createRange();
    range.setStart(node, match.index);
    range.setEnd(node, match.index + match[0].length);
    if (range.getClientRects().length !== 1) found.push(match[0]);
  }
  return found;
})
"""


@pytest.mark.parametrize("width", [360, 800, 1025, 1280])
async def test_no_badge_breaks_inside_a_word(chromium, width):
    endings = [one.value for one in Ending] + ["taken back", "unfinished", "inconclusive"]
    last = played(ALL_PASSED)[-1]
    more = [
        {**later(last, n), "ending": one, "reason": "W" * 300, "actor": "a" * 300}
        for n, one in enumerate(endings, 10)
    ]
    with serving(await ledger_of(3, *more)) as base:
        as_on(chromium, width, dark=width == 360)
        for page in ("/", "/history", "/verify", "/rollout?id=rollout-00002"):
            chromium.get(f"{base}{page}")
            assert chromium.execute_script(BROKEN) == [], page
            assert too_wide(chromium) <= 0, widest(chromium)


async def test_a_rollout_at_work_is_shown_live_without_a_script(chromium):
    ledger = FakeLedger()
    entries = played(ALL_PASSED)
    name = entries[0]["rollout"]
    await ledger.append(entries[0], name, 0)
    with serving(ledger) as base:
        chromium.get(base)
        chromium.find_element(By.CSS_SELECTOR, "h1 ~ p a").send_keys("\n")
        assert "No outcome is recorded" in chromium.page_source
        for place, entry in enumerate(entries[1:], 1):
            await ledger.append(entry, name, place)
        until = time.monotonic() + WITHIN_S
        while "promoted" not in chromium.title and time.monotonic() < until:
            chromium.implicitly_wait(1)
            chromium.find_elements(By.ID, "not-there")
        chromium.implicitly_wait(0)
        assert chromium.title.startswith("promoted")


@pytest.mark.parametrize("number", range(len(texts(""))))
async def test_hostile_entries_run_nothing_and_fetch_nothing(chromium, number):
    ledger = FakeLedger()
    with counting() as (host, asked), serving(ledger) as base:
        text = texts(host)[number]
        name = text[:150]
        mine = {"rollout": name, "ending": text[:300], "service": REF.name}
        for place, entry in enumerate(rejected()):
            await ledger.append({**everywhere(entry, text[:200]), **mine}, name, place)
        chromium.set_window_size(800, 600)  # the narrowest at which nothing was stacked once
        chromium.get(base)
        complaints(chromium)
        for page in ("/", "/history", "/stats"):
            chromium.get(f"{base}{page}")
            assert too_wide(chromium) <= 0, widest(chromium)
        chromium.get(base)
        chromium.find_element(By.CSS_SELECTOR, "tbody a").send_keys("\n")
        assert "What is at stake" in chromium.page_source
        assert chromium.execute_script("return window.ran === undefined")
        assert (asked, complaints(chromium)) == ([], [])
