"""What `gate doctor` finds missing for a policy on this machine."""

import sys

import pytest

from gate.cli.doctor_facts import policy_facts

SIGN = "sign: {key: {env: GATE_KEY}}"
REQUIRE = "require_signed: {key: {file: gate.pub}, stage: {name: staging}}"


@pytest.mark.parametrize(
    ("line", "lacking"),
    [("", ()), (SIGN, (("signing", "sign"),)), (REQUIRE, (("signing", "require_signed"),))],
)
def test_the_extra_for_signing_is_missed_where_the_policy_needs_it(
    tmp_path, monkeypatch, line, lacking
):
    monkeypatch.setitem(sys.modules, "securesystemslib", None)  # as where it is not installed
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"version: 1\n{line}\nprobes: {{health: {{http: {{path: /health}}}}}}\n")
    assert policy_facts(policy).lacking == lacking
