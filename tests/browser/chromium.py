"""A real Chromium, driven from outside, and a server that counts what a page fetches."""

import contextlib
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars"),
)
WITHIN_S = 60


def browser(profile):
    """A headless Chromium with a profile of its own; skips where there is none."""
    binary = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("needs chromium and chromedriver on the PATH")
    from selenium import webdriver  # noqa: PLC0415 - only where there is a browser
    from selenium.webdriver.chrome.service import Service  # noqa: PLC0415

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(driver))
    started.set_page_load_timeout(WITHIN_S)
    started.set_script_timeout(WITHIN_S)
    return started


def complaints(driver):
    """What its console says since the last time: refused by policy, failed, thrown."""
    return [line["message"] for line in driver.get_log("browser")]


def as_on(driver, width, *, dark=False, media=""):
    """Shows the page as on a screen of this width, in dark or light, or as it is printed."""
    features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def too_wide(driver):
    """By how many pixels the page is wider than its screen."""
    script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    return driver.execute_script(script)


def widest(driver):
    """The elements that reach beyond the screen, for whoever wonders why it is too wide."""
    return driver.execute_script(
        "return [location.pathname, ...[...document.querySelectorAll('*')].filter(one => "
        "one.getBoundingClientRect().right > innerWidth).slice(0, 5).map(one => "
        "one.outerHTML.slice(0, 120))]"
    )


def axe(driver):
    """What axe finds, by its rules of WCAG 2.2 A and AA and of best practice."""
    driver.execute_script(resources.files("axe_core_python").joinpath("axe.min.js").read_text())
    found = driver.execute_async_script(
        "const done = arguments[0]; axe.run(document).then(done, error => done({violations: "
        "[{id: String(error), nodes: []}]}))"
    )
    return [
        (one["id"], [node["html"][:200] for node in one["nodes"]][:3])
        for one in found["violations"]
    ]


@contextlib.contextmanager
def counting():
    """A server on loopback that keeps the path of every request; yields its address and them."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        do_POST = do_HEAD = do_OPTIONS = do_GET  # noqa: N815

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()
