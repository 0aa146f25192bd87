"""Suites written for one test each, a candidate for them to ask, and one way to run them."""

import asyncio
import contextlib
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.http11 import Response

from gate.core.control import Repeats
from gate.core.policy import Probe
from gate.core.redaction import Redactor
from gate.kinds.suite import SuiteProbe
from gate.ports import Target
from gate.probes.inquiry import Surroundings
from gate.probes.runner import ProbeRunner
from tests.contract.probe_servers import ARRIVAL_S, SECRETS, SystemClock

PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull)
ENV = (
    ("BASE_URL", "${url}"),
    ("WS_URL", "${ws_url}"),
    ("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1"),
)
HEAD = """
import os, pytest, urllib.error, urllib.request
URL, WS = os.environ.get("BASE_URL", ""), os.environ.get("WS_URL", "")

class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None

def get(path, **headers):
    try:
        request = urllib.request.Request(URL + path, headers=headers)
        return urllib.request.build_opener(Stay).open(request, timeout=5)
    except urllib.error.HTTPError as error:
        return error
"""


class Candidate:
    """Answers by path; says who it is where it has a name.

    Attributes:
        statuses: path to status, 200 for all others.
        heads: the headers of every request, in order.
    """

    def __init__(self, name="", **statuses):
        self.name = name
        self.statuses = {f"/{path}": status for path, status in statuses.items()}
        self.heads = []

    def answer(self, connection, request):
        self.heads.append((request.path, request.headers))
        named = [("X-Revision", self.name)] if self.name else []
        if request.headers.get("Upgrade"):
            return None
        path = request.path.partition("?")[0]
        status = self.statuses.get(path, 200)
        body = b'{"status": "healthy"}'
        more = [("Location", path + "/")] if 300 <= status < 400 else []
        head = [("Content-Length", str(len(body))), ("Content-Type", "application/json")]
        return Response(status, "Some", Headers([*head, *named, *more]), body)

    def named(self, connection, request, response):
        if self.name and response.status_code == 101:
            response.headers["X-Revision"] = self.name

    async def talk(self, connection):
        async for message in connection:
            if message == "die":
                await connection.close(1011, "Factory SSOT validation failed")
            elif message == "break":
                connection.transport.abort()
            else:
                await connection.send(f"echo {message}")

    @contextlib.asynccontextmanager
    async def serving(self, tls=None):
        async with serve(
            self.talk,
            "127.0.0.1",
            0,
            ssl=tls,
            process_request=self.answer,
            process_response=self.named,
        ) as server:
            port = server.sockets[0].getsockname()[1]
            yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"


def write(folder: Path, **files):
    """Writes test modules, each with the usual head."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(HEAD + text)
    return folder


def spec(*more, run=PYTEST, **options):
    return SuiteProbe((*run, *more), **{"env": ENV, "timeout_s": 30.0, **options})


async def run_suite(folder, suite, url, *, revision="", identity=None, headers=(), tls=None):
    """Runs a suite through the real runner."""
    target = Target(url, revision, headers, identity=identity)
    (evidence,) = await run_all(folder, suite, target, tls)
    return evidence


async def run_beside(folder, suite, candidate, stable=None, ready_within_s=0.0):
    """What both showed, or the candidate where there is no stable."""
    async with candidate.serving() as url, (stable or Candidate()).serving() as users:
        target = Target(url, stable=Target(users) if stable else None, repeats=Repeats())
        until = datetime.now(UTC) + timedelta(seconds=ready_within_s)
        target = replace(target, ready_until=until if ready_within_s else None)
        return await run_all(folder, suite, target)


async def run_all(folder, suite, target, tls=None):
    """All evidence of a suite."""
    names = ("PATH", "HOME", "LANG", "TMPDIR")
    environment = {name: os.environ[name] for name in names if name in os.environ}
    runner = ProbeRunner(
        SECRETS,
        None,
        SystemClock(),
        Redactor(SECRETS),
        arrival_within_s=ARRIVAL_S,
        surroundings=Surroundings(folder, environment),
        **({"tls": lambda: tls} if tls else {}),
    )
    async with asyncio.timeout(60):
        return await runner.run([Probe("suite", suite)], target, lambda _: None)


async def judged(folder, suite=None, candidate=None, **more):
    """The evidence of a suite that asks a candidate of its own."""
    async with (candidate or Candidate()).serving() as url:
        return await run_suite(folder, suite or spec(), url, **more)
