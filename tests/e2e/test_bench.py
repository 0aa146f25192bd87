"""A handful of Gate-Bench's scenarios, for real: one of each kind."""

import json
import subprocess
import sys

import pytest

from benchmarks.bench.card import CARD
from tests.campaign import campaign
from tests.e2e.stage import ROOT, environment

FEW = ("same-as-stable", "discovery-500", "module-missing", "broken-before")


@campaign
@pytest.mark.timeout(300)
def test_the_gate_decides_a_few_scenarios_as_the_scorecard_says():
    command = [sys.executable, "-m", "benchmarks.bench", "--together", "2", "--only", *FEW]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "no worse than the committed scorecard" in done.stdout
    assert done.stdout.count("\nok ") + done.stdout.startswith("ok ") == len(FEW), done.stdout
    assert "| one GET /health |" in done.stdout  # the peers have judged, too


def test_the_committed_scorecard_has_every_side():
    kept = json.loads(CARD.read_text())
    sides = {"gate", "curl", "suite", "release-manager", "flagger", "airbag"}
    assert {*kept["scores"]} == sides
    assert {*FEW} <= {*kept["by_scenario"]}
