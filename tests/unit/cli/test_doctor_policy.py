"""What `gate doctor` finds missing for a policy on this machine."""

import sys

import pytest

from gate.cli.doctor_facts import policy_facts, unusable_keys
from gate.policyfile import load_policy

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


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", []),
        (SIGN, ["sign.key: the environment variable GATE_KEY is not set"]),
        (REQUIRE, ["require_signed.key: the file "]),
        (f"{SIGN}\n{REQUIRE}", ["sign.key: the environment variable", "require_signed.key: the"]),
        ("sign: {key: {file: policy.yaml}}", ["sign.key: is no private key"]),
    ],
)
async def test_a_key_that_cannot_be_used_is_told_before_a_rollout_is_refused(tmp_path, line, said):
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"version: 1\n{line}\nprobes: {{health: {{http: {{path: /health}}}}}}\n")
    found = await unusable_keys(load_policy(policy))
    assert [one[: len(text)] for (one, _), text in zip(found, said, strict=True)] == said
