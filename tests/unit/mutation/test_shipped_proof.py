"""The proof of the shipped policy speaks for the policy as it is, and is one worth having."""

from pathlib import Path

from gate.api.asking import proving
from gate.policyfile import load_policy

POLICY = Path(__file__).parents[3] / "policies" / "backend.yaml"


def test_the_shipped_policy_has_a_fresh_proof():
    policy = load_policy(POLICY)
    known = proving(POLICY, policy)
    assert known.lacking(policy.probes) == "", "prove it anew: make prove"
    assert known.proof.kill_percent >= 98
    assert known.proof.cannot_fail == ()
    assert all("nothing in a policy yet" in one.caught_by for one in known.proof.survivors)
