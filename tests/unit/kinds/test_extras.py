"""What a probe needs beside the core is known before it is asked, and said."""

import re
import sys
from importlib import metadata
from pathlib import Path

import pytest

from gate.core.policy import Probe
from gate.kinds.extras import Need, hint, install
from gate.kinds.http import HttpProbe
from gate.kinds.keys import lacking
from gate.kinds.latency import LatencyProbe
from gate.kinds.suite import SuiteProbe

ROOT = Path(__file__).parents[3]
LATENCY = "pip install 'aiohttp<4,>=3.14' 'numpy>=2' 'scipy>=1.15' 'yarl>=1.17'"
SUITE = "pip install 'defusedxml>=0.7' 'trustme>=1.2'"
IMAGE = "an image has what it was built with: EXTRAS={} (docs/pipeline.md#extras)"


@pytest.fixture
def without(monkeypatch):
    """Makes modules as good as not installed."""
    return lambda *names: [monkeypatch.setitem(sys.modules, name, None) for name in names]


def said(*specs):
    probes = [Probe(f"p{number}", spec) for number, spec in enumerate(specs)]
    return [(f"{one.place}: {one.message}", one.hint) for _, one in lacking(probes)]


def test_what_is_missing_is_told_without_importing_what_is_there():
    need = Need("x", ("a_module_that_nobody_has", "antigravity"), "rate")
    assert need.missing == ("a_module_that_nobody_has",)
    assert "antigravity" not in sys.modules


def test_a_rate_needs_the_extra_latency(without):
    without("numpy", "aiohttp")
    told = "probes.p1.http.rate: needs the extra latency (got no aiohttp, numpy)"
    how = f"in the environment of the gate: `{LATENCY}`; {IMAGE.format('latency')}"
    assert said(HttpProbe("/"), LatencyProbe("/")) == [(told, how)]


def test_hosts_need_the_extra_suite_and_other_suites_nothing(without):
    without("trustme")
    own = ("api.example.com",)
    told = "probes.p1.suite.hosts: needs the extra suite (got no trustme)"
    how = f"in the environment of the gate: `{SUITE}`; {IMAGE.format('suite')}"
    assert said(SuiteProbe(("pytest",)), SuiteProbe(("pytest",), hosts=own)) == [(told, how)]


def test_what_is_installed_is_not_mentioned():
    assert said(LatencyProbe("/"), SuiteProbe(("pytest",), hosts=("api.example.com",))) == []


def test_one_command_installs_several_extras_each_library_once():
    every = install(["suite", "latency", "suite"])
    assert sorted(re.findall("'([^']+)'", every)) == sorted(
        re.findall("'([^']+)'", f"{LATENCY} {SUITE}")
    )


class Distribution(metadata.Distribution):
    """One that is installed, or none, as importlib.metadata finds it."""

    def __init__(self, text):
        self.text = text

    def read_text(self, filename):
        return self.text if filename == "METADATA" else None

    def locate_file(self, path):
        raise NotImplementedError


class Finder(metadata.DistributionFinder):
    """Knows the distributions that it is given, before those that are there."""

    def __init__(self, **found):
        self.found = found

    def find_spec(self, *_):
        return None

    def find_distributions(self, context=metadata.DistributionFinder.Context()):  # noqa: B008
        text = self.found.get((context.name or "").replace("-", "_"))
        return [] if text is None else [Distribution(text)]


@pytest.fixture
def installed(monkeypatch):
    """Installs distributions, by their metadata."""
    return lambda **found: monkeypatch.setattr(sys, "meta_path", [Finder(**found)])


@pytest.mark.parametrize(
    ("found", "command"),
    [
        ({}, ""),  # run from its sources
        ({"b": "Name: b\nVersion: 2\n"}, "pip install 'a>=1'"),
        ({"a": "Name: a\nVersion: 1\n", "b": "Name: b\nVersion: 2\n"}, "pip install 'a>=1' b"),
    ],
)
def test_libraries_that_are_there_are_left_out_unless_all_are(installed, found, command):
    """All of them are there, and something of them is not: they are installed anew."""
    ours = 'Name: cloud-run-gate\nVersion: 1\nRequires-Dist: c; python_version > "3"\n'
    ours += "Requires-Dist: a>=1 ; extra == 'x'\nRequires-Dist: b; extra == \"x\"\n"
    installed(**found, **({"cloud_run_gate": ours} if found else {}))
    assert install(["x"]) == command
    assert hint(["x"]).endswith(IMAGE.format("x"))


def test_nothing_leads_to_a_package_of_the_gates_name_in_an_index():
    """Whatever an index has under that name is somebody else's: a file or a tag is named."""
    named = re.compile(r"pip install[^`\n]*?\bcloud-run-gate\b(?![^`\n]* @ git\+)")
    files = [*(ROOT / "gate").rglob("*.py"), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    told = {file.name: named.findall(file.read_text(encoding="utf-8")) for file in files}
    assert {name: found for name, found in told.items() if found} == {}
