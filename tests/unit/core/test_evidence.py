from dataclasses import replace

import pytest

from gate.core.evidence import Finding, Outcome, Symptom
from tests.unit.core.rollouts import evidence

FINDING = Finding(Symptom.STATUS, "200", "500")


def test_a_finding_in_words():
    assert str(FINDING) == "status: got 500, expected 200"
    assert str(replace(FINDING, count=3)) == "status: got 500, expected 200 (3 times)"


def test_only_a_pass_without_findings_is_a_pass():
    assert evidence().passed
    assert not replace(evidence(), findings=(FINDING,)).passed


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.INCONCLUSIVE])
def test_nothing_else_is(outcome):
    assert not replace(evidence(), outcome=outcome).passed
