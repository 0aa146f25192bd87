"""Whether sessions are enough to keep what a probe's `success` promises: part of the advice."""

from gate.core.statistics import SAMPLE_MAX, noticed, sample_size

BAD = 0.1
"""A service on which this share of the sessions fails must be told from one without a fault."""
SURE = 0.95


def of_budget(success_percent: float, sessions: int) -> tuple[str, str] | None:
    """One probe with an error budget of its own: too small a sample lets too much through.

    Returns:
        What is to be said of it, and a hint; None where the sessions are enough.
    """
    allowed = 1 - success_percent / 100
    if not 0 < allowed < 0.5:
        return None
    bad = max(BAD, 2 * allowed)
    if noticed(allowed, sessions, bad=bad) >= SURE:
        return None
    size = sample_size(allowed, bad=bad, beta=1 - SURE)
    needed = f"{size} sessions are" if size < SAMPLE_MAX else "no probe is"
    told = f"{_missed(allowed, sessions, bad)} ({needed} enough)"
    return told, "raise repeat, or connections"


def of_all(most: int) -> tuple[str, str] | None:
    """No probe at all asks often enough to notice what fails now and then; as of_budget."""
    if noticed(0, most, bad=BAD) >= SURE:
        return None
    size = sample_size(0, bad=BAD, beta=1 - SURE)
    text = f"no websocket probe has enough sessions: the most are {_missed(0, most, BAD)}"
    return f"{text} ({size} are enough)", "give one probe a repeat"


def _missed(allowed: float, total: int, bad: float) -> str:
    chance = 1 - noticed(allowed, total, bad=bad)
    sessions = "1 session, which passes" if total == 1 else f"{total} sessions, which pass"
    return f"{sessions} {chance:.0%} of the time where {bad:.0%} of them fail"
