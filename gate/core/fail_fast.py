"""What need not be asked any more once a required probe has failed beyond doubt.

Whatever the others show, the candidate is rejected then: what takes long is left out, and what may
explain the failure is still asked. Leaving out never makes a yes of a no.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gate.core.attribution import attribute, control_of, rule_at
from gate.core.control import Repeats
from gate.core.evidence import SERVICE, Attribution, Evidence, Outcome, Symptom
from gate.core.policy import Probe

_ITS_OWN = frozenset({Attribution.REGRESSION, Attribution.CONTRACT_CHANGE})


@dataclass(frozen=True, slots=True)
class NotAsked:
    """Probes that were not asked, or not at every address, and the failure that made them needless.

    Attributes:
        probes: their names.
        since: name of the probe that has failed.
    """

    probes: tuple[str, ...] = ()
    since: str = ""

    @property
    def told(self) -> str:
        """It in words, without the names."""
        return f"not asked, since {self.since} has failed"


def beyond_doubt(
    item: Evidence, control: Evidence | None, rule: Repeats | None = None, *, live: bool = False
) -> bool:
    """Whether this failure is the candidate's own, so that it alone rejects.

    Where stable was asked the same, it must have shown that the candidate is to blame; what the
    platform's front end says never is beyond doubt.

    Args:
        item: what the candidate showed.
        control: what stable showed, None where it was not asked.
        rule: the test that repeated probes were put to.
        live: whether the candidate has users: then a failure is asked again, and may be by chance.
    """
    if item.outcome is not Outcome.FAILED:
        return False
    if any(finding.symptom is Symptom.PLATFORM for finding in item.findings):
        return False
    if control is None and not live:
        return True
    return attribute(item, control, rule, live=live) in _ITS_OWN


def decided_by(
    probes: Iterable[Probe],
    evidence: Sequence[Evidence],
    rule: Repeats | None = None,
    *,
    live: bool = False,
    share: int = 100,
) -> str:
    """Name of the first required probe that has failed beyond doubt, "" for none.

    Args:
        probes: those that were to run.
        evidence: what they saw, of stable, too.
        rule: as in `beyond_doubt`.
        live: as in `beyond_doubt`.
        share: percent of the answers at users' address that are the candidate's.
    """
    required = {probe.name for probe in probes if probe.required}
    for item in evidence:
        if item.probe in required and not item.control:
            control = None if item.address else control_of(item.probe, evidence)
            if beyond_doubt(item, control, rule_at(item, rule, share), live=live):
                return item.probe
    return ""


def not_asked(
    probes: Sequence[Probe],
    evidence: Sequence[Evidence],
    rule: Repeats | None = None,
    *,
    live: bool = False,
    share: int = 100,
) -> NotAsked:
    """The long probes that were left out, since the verdict was known without them.

    Args:
        probes: those that were to run.
        evidence: what they saw, of stable, too.
        rule: as in `beyond_doubt`.
        live: whether users' address was to be asked, too.
        share: as in `decided_by`.
    """
    since = decided_by(probes, evidence, rule, live=live, share=share)
    if not since:
        return NotAsked()
    seen = {(item.probe, item.address) for item in evidence}

    def missing(probe: Probe) -> bool:
        users = live and probe.spec.facts.asks_users
        return (probe.name, "") not in seen or (users and (probe.name, SERVICE) not in seen)

    names = tuple(probe.name for probe in probes if probe.spec.long and missing(probe))
    return NotAsked(names, since if names else "")
