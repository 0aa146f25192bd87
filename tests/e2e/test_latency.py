"""A candidate that is slower than stable, by processes: asked in turns."""

import subprocess

from gate.core.evidence import STABLE
from gate.kinds import extras
from tests.e2e.stage import GATE, ROOT, Done

HEAD = "baseline: stable\n"
PROBES = """\
  health: {http: {path: /}}
  latency:
    http: {path: /, rate: 20/s, for: 5s, warm_up: 500ms}
    expect: {slower_than_stable: 100%}
"""


def test_a_candidate_that_is_slower_than_stable_is_rejected(stage_of, tmp_path):
    stage = stage_of("teller")
    policy = stage.policy(tmp_path, PROBES, HEAD)
    done = stage.gate("rollout", "--policy", policy, "--image", "sluggish")
    assert done.code == 1, done.out
    outcome = stage.recorded(done.rollout)
    asked = [item for item in outcome["evidence"] if item["probe"] == "latency"]
    (own,) = [item for item in asked if not item.get("address")]
    (control,) = [item for item in asked if item.get("address") == STABLE]
    assert (own["kind"], own["asked_times"], control["asked_times"]) == ("latency", 100, 100)
    assert control["outcome"] == "passed"
    assert "(stable: p95 " in own["seen"]
    stage.only(stage.first)
    assert [finding["symptom"] for finding in own["findings"]] == ["slow"]
    assert "times stable's" in own["findings"][0]["seen"]
    assert [reason["subject"] for reason in outcome["verdict"]["reasons"]] == ["latency"]
    assert own["attribution"] == "regression"


def test_without_its_extra_it_is_advice_to_a_check_and_a_rollout_writes_nothing(small, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['numpy'] = None\n")
    policy = small.policy(tmp_path, PROBES, HEAD)
    before = small.read()
    bare = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    missing = "probes.latency.http.rate: needs the extra latency (got no numpy)"
    hint = f"hint: {extras.hint(['latency'])}"

    def started(*arguments):
        command = [*GATE, *map(str, arguments)]
        env = {**small.env, **bare}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        return Done(done.returncode, done.stdout, done.stderr)

    checked = started("policy", "check", policy)
    assert checked.code == 0
    assert f"advice: {missing}\n  {hint}\n" in checked.out
    rollout = ("rollout", "--policy", policy, "--image", "small:v2", *small.which)
    started(*rollout).refused(2, missing, hint)
    assert small.read() == before
    assert small.records() == []
