"""Runs inside the suite's own pytest: says which test is running and what became of each.

One file with nothing but the standard library and pytest, for Python 3.8 and newer, since the suite
may live in another virtual environment than the gate: a copy is put on its PYTHONPATH. Each event
is one line of JSON to the gate's loopback socket; where the proxy must know something before the
test goes on, the plugin waits until the gate has read it. Whatever goes wrong here stops pytest
with an internal error, which is never a pass.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

CHANNEL = "GATE_SUITE_CHANNEL"
ONLY = "GATE_SUITE_ONLY"
WAIT_S = 30.0
ID_MAX = 1000
WHY_MAX = 2000
MARKERS_MAX = 50


class _Channel:
    """The line to the gate. Only the process that opened it may speak, not a fork of it."""

    def __init__(self, address: str) -> None:
        host, port, token = address.split(":")
        self._pid = os.getpid()
        self._socket = socket.create_connection((host, int(port)), WAIT_S)
        self._say(token)

    def tell(self, event: str, **more: object) -> None:
        """Sends one event."""
        if os.getpid() == self._pid:
            self._say(json.dumps({"event": event, **more}))

    def tell_and_wait(self, event: str, **more: object) -> None:
        """Sends one event and waits until the gate has read it."""
        if os.getpid() == self._pid:
            self._say(json.dumps({"event": event, "wait": True, **more}))
            if self._socket.recv(1) != b"\n":
                raise RuntimeError("gate: the gate no longer listens to this suite")

    def _say(self, line: str) -> None:
        self._socket.sendall(line.encode() + b"\n")


class _Witness:
    """Reports on one pytest process: the only one, or one of several workers, or their head."""

    def __init__(self, address: str, only: str | None, *, worker: bool) -> None:
        self._address = address
        self._only = _names(only)
        self._channel = _Channel(address)
        self._worker = worker

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Lets a worker of pytest-xdist report, too."""
        node.workerinput[CHANNEL] = self._address

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Says who runs."""
        if not self._worker:
            self._channel.tell_and_wait("start", pytest=pytest.__version__)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Leaves out what is not to run, where only some tests are."""
        if self._only is None:
            return
        left_out = [item for item in items if _id(item.nodeid) not in self._only]
        items[:] = [item for item in items if _id(item.nodeid) in self._only]
        if left_out:
            config.hook.pytest_deselected(items=left_out)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Names every test that is to run."""
        for item in session.items:
            self._channel.tell("item", id=_id(item.nodeid), markers=_markers(item))

    @pytest.hookimpl(trylast=True)
    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Names tests that were left out."""
        for item in items:
            self._channel.tell("deselected", id=_id(item.nodeid), markers=_markers(item))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Names files that could not be collected, or that were skipped as a whole."""
        if report.outcome != "passed":
            why = _why(report)
            self._channel.tell("uncollected", id=_id(report.nodeid), how=report.outcome, why=why)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, None, None]:
        """Says which test is running, before it can ask anything."""
        self._channel.tell_and_wait("begin", id=_id(item.nodeid))
        yield
        self._channel.tell_and_wait("end", id=_id(item.nodeid))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Says what became of one phase of one test."""
        if self._worker:
            return  # the head hears of it, and says it
        self._channel.tell(
            "report",
            id=_id(report.nodeid),
            when=report.when,
            outcome=report.outcome,
            xfail=hasattr(report, "wasxfail"),
            part=hasattr(report, "context"),  # of a test with subtests
            why="" if report.outcome == "passed" else _why(report),
        )

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Says the exit code."""
        if not self._worker:
            self._channel.tell_and_wait("finish", code=int(exitstatus))


def pytest_configure(config: pytest.Config) -> None:
    """Begins to report, where a gate started this suite; a pytest within a test does not."""
    given = getattr(config, "workerinput", None)
    home = os.environ if given is None else given  # noqa: TID251 - the suite's process
    address = home.pop(CHANNEL, None)
    only = os.environ.get(ONLY)  # noqa: TID251 - the suite's process; its workers have it, too
    if address:
        witness = _Witness(address, only, worker=given is not None)
        config.pluginmanager.register(witness, "gate-witness")


def _names(path: str | None) -> set[str] | None:
    """The tests that are to run, None for all."""
    if path is None:
        return None
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - Python 3.8, and no more imports
        return set(json.load(file))


def _id(nodeid: str) -> str:
    """The node id; a very long one is cut and stays one of its own."""
    if len(nodeid) <= ID_MAX:
        return nodeid
    digest = hashlib.sha256(nodeid.encode("utf-8", "replace")).hexdigest()
    return nodeid[: ID_MAX - 20] + "~" + digest[:16]


def _markers(item: pytest.Item) -> list[str]:
    names = {mark.name for mark in item.iter_markers()}
    return sorted(name for name in names if len(name) <= 100)[:MARKERS_MAX]


def _why(report: pytest.CollectReport | pytest.TestReport) -> str:
    """What pytest has to say in a few words: the reason of a skip, or the error itself."""
    told = report.longrepr
    if isinstance(told, tuple) and len(told) == 3:
        return str(told[2])[:WHY_MAX]
    crash = getattr(told, "reprcrash", None)
    if crash:
        return str(crash.message)[:WHY_MAX]
    text = str(told)  # an ellipsis says that it is cut: half a secret is one, too
    return text if len(text) <= WHY_MAX else "…" + text[1 - WHY_MAX :]
