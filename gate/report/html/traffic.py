"""Who had how many percent of the traffic, step by step, from intentions and the outcome."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from gate.report.attempts import Attempt, shares_meant
from gate.report.fields import Entry, child, children, number, text

LATEST = "LATEST"


@dataclass(frozen=True, slots=True)
class Step:
    """One moment at which traffic was to change, or was seen.

    Attributes:
        at: as recorded.
        since_s: seconds since the rollout began; None where that cannot be told.
        what: what was done or seen.
        shares: percent by revision from then on; empty where nobody knows.
        tags: `tag -> revision` of those.
    """

    at: str
    since_s: float | None
    what: str
    shares: Mapping[str, int]
    tags: tuple[str, ...] = ()


def steps(attempt: Attempt) -> list[Step]:
    """Before, each write that the gate set out to make, and after."""
    return [*_steps(attempt)]


def _steps(attempt: Attempt) -> Iterator[Step]:
    began, outcome = attempt.began, attempt.outcome
    before = shares_of(attempt.head, "traffic_before" if outcome is not None else "traffic_now")
    if not before and attempt.intentions:
        before = shares_of(attempt.intentions[0], "traffic_now")
    before = _meant(attempt.head, before)
    yield Step(
        began, _since(began, began), "before", before, tags_of(attempt.head, "traffic_before")
    )
    for entry in attempt.intentions:
        at = text(entry, "at")
        wanted = shares_of(entry, "traffic_wanted")
        tags = tags_of(entry, "traffic_wanted")
        yield Step(at, _since(began, at), text(entry, "why"), wanted, tags)
    if outcome is None:
        return
    at, recorded = text(outcome, "at"), child(outcome, "effective_after")
    after = {name: number(recorded, name) or 0 for name in recorded}
    shares = {name: share for name, share in after.items() if share}
    shares = shares or shares_of(outcome, "traffic_after")
    ending = text(outcome, "ending")
    yield Step(
        at, _since(began, at), f"in effect, {ending}", shares, tags_of(outcome, "traffic_after")
    )


def _meant(head: Entry, shares: dict[str, int]) -> dict[str, int]:
    """With the revisions that LATEST stood for before the rollout, where that is recorded."""
    stable = shares_meant(head)
    return stable if LATEST in shares and sum(stable.values()) == sum(shares.values()) else shares


def shares_of(entry: Entry, key: str) -> dict[str, int]:
    """Percent by revision, of a recorded split."""
    found: dict[str, int] = {}
    for line in children(entry, key):
        if percent := number(line, "percent"):
            name = text(line, "revision") or LATEST
            found[name] = found.get(name, 0) + percent
    return found


def tags_of(entry: Entry, key: str) -> tuple[str, ...]:
    """Tags of a recorded split."""
    return tuple(
        f"{text(line, 'tag')} \u2192 {text(line, 'revision') or LATEST}"
        for line in children(entry, key)
        if text(line, "tag")
    )


def _since(began: str, at: str) -> float | None:
    try:
        span = datetime.fromisoformat(at) - datetime.fromisoformat(began)
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0.0, span.total_seconds())
