"""Whether sessions are enough to keep what a probe's `success` promises: part of the advice."""

from collections.abc import Iterator

from gate.core.policy import Policy, WebSocketProbe
from gate.core.statistics import SAMPLE_MAX, noticed, sample_size

BAD = 0.1
"""A service on which this share of the sessions fails must be told from one without a fault."""
SURE = 0.95
_MORE = "raise repeat, or connections"

_Said = tuple[str, str, str]


def of_budget(where: str, spec: WebSocketProbe) -> Iterator[_Said]:
    """One probe with an error budget of its own: too small a sample lets too much through.

    Args:
        where: the probe's path in the policy.
        spec: the probe.
    """
    allowed = 1 - spec.success_percent / 100
    if not 0 < allowed < 0.5:
        return
    bad = max(BAD, 2 * allowed)
    total = spec.connections * spec.repeat
    if noticed(allowed, total, bad=bad) >= SURE:
        return
    size = sample_size(allowed, bad=bad, beta=1 - SURE)
    needed = f"{size} sessions are" if size < SAMPLE_MAX else "no probe is"
    yield (f"{where}.expect.success", f"{_missed(allowed, total, bad)} ({needed} enough)", _MORE)


def of_all(policy: Policy) -> Iterator[_Said]:
    """No probe at all asks often enough to notice what fails now and then."""
    specs = [probe.spec for probe in policy.probes if isinstance(probe.spec, WebSocketProbe)]
    strict = [spec for spec in specs if not spec.refused]
    if not strict or any(spec.success_percent < 100 for spec in strict):
        return
    most = max(spec.connections * spec.repeat for spec in strict)
    if noticed(0, most, bad=BAD) < SURE:
        size = sample_size(0, bad=BAD, beta=1 - SURE)
        text = f"no websocket probe has enough sessions: the most are {_missed(0, most, BAD)}"
        yield ("probes", f"{text} ({size} are enough)", "give one probe a repeat")


def _missed(allowed: float, total: int, bad: float) -> str:
    chance = 1 - noticed(allowed, total, bad=bad)
    sessions = "1 session, which passes" if total == 1 else f"{total} sessions, which pass"
    return f"{sessions} {chance:.0%} of the time where {bad:.0%} of them fail"
