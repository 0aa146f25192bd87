"""All findings of what was learnt."""

from gate.doctor.caller import of_caller, of_clock, of_log, of_permissions, of_token
from gate.doctor.facts import Facts, Unknown
from gate.doctor.finding import Finding, worst_first
from gate.doctor.policy import of_policy
from gate.doctor.reach import of_addresses, of_exposure
from gate.doctor.traffic import of_traffic

_CHECKS = (
    of_caller,
    of_permissions,
    of_token,
    of_log,
    of_clock,
    of_exposure,
    of_addresses,
    of_traffic,
    of_policy,
)


def findings(facts: Facts) -> tuple[Finding, ...]:
    """What would hold a rollout, what is better known, and what is well: the worst first.

    Without credentials nothing of Google's was learnt, and that alone is told.
    """
    checks = (of_caller, of_policy) if isinstance(facts.caller, Unknown) else _CHECKS
    return worst_first(found for check in checks for found in check(facts))
