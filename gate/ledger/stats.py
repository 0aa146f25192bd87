"""The numbers of a ledger: the four keys of delivery, and what became of the gate's own word. Pure.

What each number means is said in docs/statistics.md.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median

from gate.core.policy import Json
from gate.core.recorded import Decision
from gate.ledger.facts import Fact, fact_of

DAY = timedelta(days=1)


def stats(
    decisions: Iterable[Decision],
    since: datetime,
    until: datetime,
    commits: Mapping[str, datetime] | None = None,
) -> dict[str, Json]:
    """The numbers of the decisions that began within a time.

    Args:
        decisions: of one service, in any order; also those from before and after that time, since
            one decision may undo an older one.
        since: from then on.
        until: and before then.
        commits: when commits were made, by their full hash.
    """
    all_facts = [fact for one in decisions if (fact := fact_of(one)) is not None]
    facts = sorted((one for one in all_facts if not one.invented), key=lambda one: one.began)
    within = [one for one in facts if since <= one.began < until]
    deployed = [one for one in within if one.deployed]
    restored = restorations(facts)
    failed = [one for one in deployed if one.id in restored]
    invented = [one for one in all_facts if one.invented and since <= one.began < until]
    days = (until - since) / DAY
    return {
        "since": since.isoformat(),
        "until": until.isoformat(),
        "days": round(days, 3),
        "decisions": len(within),
        "endings": dict(sorted(Counter(one.ending for one in within).items())),
        "conflicting": len(invented) + sum(one.disputed for one in within),
        "deployments": {
            "count": len(deployed),
            "per_week": round(len(deployed) / days * 7, 2) if days else None,
            "days_with_one": len({one.began.date() for one in deployed}),
        },
        "lead_time": _lead_time(deployed, commits or {}),
        "change_failures": {
            "count": len(failed),
            "of": len(deployed),
            "percent": round(100 * len(failed) / len(deployed), 1) if deployed else None,
        },
        "time_to_restore": _spread([restored[one.id] for one in failed]),
        "holds": _holds(within, facts),
        "overrides": _overrides(within),
        "probes": probes(within, facts),
    }


def restorations(facts: Sequence[Fact]) -> dict[str, float]:
    """Deployments that failed with users on them, by id: seconds until users were back.

    The gate saw it itself (`regressed`), or a person rolled back: then it is the newest deployment
    before of a revision that lost its users so.

    Args:
        facts: the oldest first.
    """
    found: dict[str, float] = {}
    on: dict[str, Fact] = {}
    for one in facts:
        if one.deployed and one.ending == "regressed":
            found[one.id] = _between(one, one.ended)
        elif one.deployed:
            on[one.revision] = one
        elif one.rolled_back:
            bad = [on[name] for name in one.left if name in on]
            if bad:
                worst = max(bad, key=lambda fact: fact.began)
                found.setdefault(worst.id, _between(worst, one.ended))
    return found


def probes(within: Sequence[Fact], facts: Sequence[Fact]) -> list[Json]:
    """What became of each probe's word, by name.

    Each is {probe, kind, capability, asked, found, unclear, rejected, undone}.

    Args:
        within: the decisions that count.
        facts: all of them, the oldest first.
    """
    rows: dict[str, dict[str, Json]] = {}
    counts: dict[str, Counter[str]] = {}
    persons = [one for one in facts if one.by_person]
    for one in within:
        undone = one.ending == "rejected" and _promoted_later(one, persons)
        for saw in one.saw:
            rows[saw.probe] = {
                "probe": saw.probe,
                "kind": saw.kind,
                "capability": saw.capability,
            }
            rejected = saw.blamed and saw.failed and one.ending in {"rejected", "regressed"}
            counts.setdefault(saw.probe, Counter()).update(
                asked=1,
                found=saw.failed,
                unclear=saw.unclear and not saw.failed,
                rejected=rejected,
                undone=rejected and undone,
            )
    return [{**rows[name], **counts[name]} for name in sorted(rows)]


def _promoted_later(one: Fact, persons: Sequence[Fact]) -> bool:
    """Whether a person promoted the same revision or image afterwards."""
    return any(
        later.began > one.began
        and (_same(later.revision, one.revision) or _same(later.image, one.image))
        for later in persons
    )


def _same(one: str, other: str) -> bool:
    return bool(one) and one == other


def _holds(within: Sequence[Fact], facts: Sequence[Fact]) -> Json:
    persons = [one for one in facts if one.let_go]
    held = [one for one in within if one.ending == "held"]
    return {
        "count": len(held),
        "promoted_later": sum(_promoted_later(one, persons) for one in held),
    }


def _overrides(within: Sequence[Fact]) -> Json:
    what = Counter(name for one in within for name in one.overrides)
    who = Counter(one.actor for one in within if one.overrides)
    return {"what": dict(sorted(what.items())), "who": dict(sorted(who.items()))}


def _lead_time(deployed: Sequence[Fact], commits: Mapping[str, datetime]) -> Json:
    """From a commit until it was deployed to stay."""
    stayed = [one for one in deployed if one.ending == "promoted" and one.ended]
    known = [
        (one.ended - commits[one.commit]).total_seconds()
        for one in stayed
        if one.ended and one.commit in commits
    ]
    return {**_spread(known), "unknown": len(stayed) - len(known)}


def _between(deployed: Fact, until: datetime | None) -> float:
    since = deployed.users_at or deployed.ended
    return max(0.0, (until - since).total_seconds()) if since and until else 0.0


def _spread(seconds: Sequence[float]) -> dict[str, Json]:
    """How many, the middle one, and the one that nine of ten do not exceed; null of none."""
    if not seconds:
        return {"count": 0, "median_s": None, "p90_s": None}
    ordered = sorted(seconds)
    ninth = ordered[math.ceil(0.9 * len(ordered)) - 1]
    return {"count": len(ordered), "median_s": round(median(ordered), 3), "p90_s": round(ninth, 3)}
