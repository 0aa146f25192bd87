"""The corpus is whole: every scenario is labelled, can be played, and is unknown to the gate."""

from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from benchmarks.bench import policies
from benchmarks.bench.backend.boot import BOOT
from benchmarks.bench.backend.http import HTTP
from benchmarks.bench.backend.rpc import RPC
from benchmarks.bench.backend.sockets import SOCKETS
from benchmarks.bench.scenario import Decision, load
from benchmarks.bench.services import notes, rooms, shop
from benchmarks.bench.stage import Cloud, Stage
from gate.core.traffic import tag_problem
from gate.policyfile import load_policy

ROOT = Path(__file__).parents[3]
CORPUS = load()
NOWHERE = Cloud({}, None)
KNOWN = {
    "http": {*BOOT, *HTTP, *SOCKETS, "release"},
    "grpc": RPC,
    "shop": shop.FAULTS | {*HTTP},
    "notes": notes.FAULTS | {*HTTP},
    "rooms": rooms.FAULTS | {*HTTP},
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return policies.write(tmp_path_factory.mktemp("policies"))


def test_it_is_large_and_has_all_three_labels():
    labels = Counter(each.decision for each in CORPUS)
    assert sum(labels.values()) >= 100
    assert min(labels[each] for each in Decision) >= 15


def test_it_covers_the_incidents():
    classes = {each.incident for each in CORPUS}
    mine = {str(number) for number in range(1, 49)} - {"45"}
    others = {f"E{number}" for number in (1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13)}
    assert {*mine, *others} <= classes, sorted((mine | others) - classes)


@cache
def _probes(path):
    return {probe.name for probe in load_policy(path).probes}


@pytest.mark.parametrize("scenario", CORPUS, ids=lambda each: each.name)
def test_a_scenario_names_only_what_exists(scenario, written):
    behaviours = [*scenario.candidate, *scenario.stable, *scenario.shared]
    speaks = scenario.speaks if scenario.service == "backend" else scenario.service
    assert {each["do"] for each in behaviours} <= KNOWN[speaks]
    assert scenario.policy in written
    assert {*scenario.because} <= _probes(written[scenario.policy]) | {"readiness"}
    stage = Stage(NOWHERE, scenario)
    assert tag_problem("candidate", stage.name) is None
    if scenario.decision is Decision.PROMOTE:
        assert scenario.incident in {"healthy", "E9", "E11", "E12"}
    else:
        assert (
            behaviours
            or scenario.deploy
            or scenario.tokens
            or scenario.faults
            or (scenario.policy != "bench")
        )


def test_names_of_services_differ():
    names = [Stage(NOWHERE, each).name for each in CORPUS]
    assert len({*names}) == len(names)


def test_the_gate_does_not_know_the_scenarios():
    code = "\n".join(path.read_text() for path in (ROOT / "gate").rglob("*.py"))
    assert "BENCH" not in code
    assert "benchmarks" not in code
    shown = [
        text for each in CORPUS for text in (each.reference("candidate"), Stage(NOWHERE, each).name)
    ]
    assert not [text for text in shown for each in CORPUS if each.name in text]


@pytest.mark.parametrize("service", [shop, notes, rooms], ids=lambda one: one.__name__)
def test_every_fault_of_a_service_is_played(service):
    own = [each for each in CORPUS if each.service == service.__name__.rpartition(".")[2]]
    assert {done["do"] for each in own for done in each.candidate} >= service.FAULTS


def test_a_label_needs_a_reason_and_blame_where_it_belongs(tmp_path):
    entry = "- {name: x, incident: 1, decision: %s, why: '%s'%s}\n"
    for decision, why, more in (
        ("reject", "broken", ""),
        ("promote", "fine", ", blame: regression"),
        ("promote", " ", ""),
        ("reject", "broken", ", blame: bad luck"),
    ):
        (tmp_path / "some.yaml").write_text(entry % (decision, why, more))
        with pytest.raises(ValueError, match=r"^x: "):
            load(tmp_path)
    (tmp_path / "some.yaml").write_text(2 * (entry % ("promote", "fine", "")))
    with pytest.raises(ValueError, match=r"given twice: x"):
        load(tmp_path)
