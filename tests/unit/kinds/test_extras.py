"""What a probe needs beside the core is known before it is asked, and said."""

import sys

import pytest

from gate.core.policy import Probe
from gate.kinds.extras import Need, install
from gate.kinds.http import HttpProbe
from gate.kinds.keys import lacking
from gate.kinds.latency import LatencyProbe
from gate.kinds.suite import SuiteProbe


@pytest.fixture
def without(monkeypatch):
    """Makes modules as good as not installed."""
    return lambda *names: [monkeypatch.setitem(sys.modules, name, None) for name in names]


def said(*specs):
    probes = [Probe(f"p{number}", spec) for number, spec in enumerate(specs)]
    return [f"{one.place}: {one.message} | {one.hint}" for _, one in lacking(probes)]


def test_what_is_missing_is_told_without_importing_what_is_there():
    need = Need("x", ("a_module_that_nobody_has", "antigravity"), "rate")
    assert need.missing == ("a_module_that_nobody_has",)
    assert "antigravity" not in sys.modules


def test_a_rate_needs_the_extra_latency(without):
    without("numpy", "aiohttp")
    assert said(HttpProbe("/"), LatencyProbe("/")) == [
        (
            "probes.p1.http.rate: needs the extra latency (got no aiohttp, numpy) "
            "| pip install 'cloud-run-gate[latency]'"
        )
    ]


def test_hosts_need_the_extra_suite_and_other_suites_nothing(without):
    without("trustme")
    own = ("api.example.com",)
    assert said(SuiteProbe(("pytest",)), SuiteProbe(("pytest",), hosts=own)) == [
        (
            "probes.p1.suite.hosts: needs the extra suite (got no trustme) "
            "| pip install 'cloud-run-gate[suite]'"
        )
    ]


def test_what_is_installed_is_not_mentioned():
    assert said(LatencyProbe("/"), SuiteProbe(("pytest",), hosts=("api.example.com",))) == []


def test_one_command_installs_several_extras_each_once():
    assert install(["suite", "latency", "suite"]) == "pip install 'cloud-run-gate[latency,suite]'"
