"""What the ledger's entries remember of a service: who served, and what was decided on whom."""

from gate.core.annotation import RolloutAnnotation
from gate.core.policy import Json
from gate.core.state import Ending, Past, PastMove, PastOutcome
from gate.ledger.canonical import digest

SEEN_MAX = 5
"""Most outcomes that a rollout's first entry vouches for."""


def past_moves(entries: tuple[dict[str, Json], ...]) -> tuple[PastMove, ...]:
    """The promotions that these entries tell of, in their order: each knows the way back.

    A rollback is none: what had the traffic before it is what users were moved away from.
    """
    moves = []
    for entry in entries:
        before, after = entry.get("traffic_before"), entry.get("effective_after")
        if entry.get("ending") != "promoted" or not isinstance(before, list):
            continue
        shares = _quarantined(entry) or _named_shares(before, entry)
        if isinstance(after, dict) and shares:
            pairs = tuple((str(k), v) for k, v in after.items() if isinstance(v, int))
            moves.append(PastMove(shares, pairs))
    return tuple(moves)


def past_of(entries: tuple[dict[str, Json], ...]) -> Past:
    """What these entries, newest first, remember of the service's revisions."""
    last: dict[str, str] = {}
    served: dict[str, None] = {}
    for entry in entries:
        if entry.get("entry") != "outcome":
            continue
        name = _candidate_name(entry)
        if name and (verdict := _decided(entry)) is not None:
            last.setdefault(name, verdict)
        shares = [one for one, _ in _named_shares_of(entry)]
        served |= dict.fromkeys(one for one in shares if one != name or last.get(one) == "")
    against = tuple((name, verdict) for name, verdict in last.items() if verdict)
    return Past(past_moves(entries), tuple(served), against, newest_outcomes(entries))


def newest_outcomes(entries: tuple[dict[str, Json], ...]) -> tuple[PastOutcome, ...]:
    """The newest outcomes of these entries, which are newest first, with their digests.

    One that has no canonical form was not written by the gate, and is none.
    """
    found: list[PastOutcome] = []
    for entry in entries:
        if entry.get("entry") == "outcome" and len(found) < SEEN_MAX:
            try:
                one = PastOutcome(str(entry["rollout"]), str(entry["at"]), digest(entry))
            except (KeyError, TypeError, ValueError):
                continue
            found.append(one)
    return tuple(found)


def unexplained(mark: RolloutAnnotation, entries: tuple[dict[str, Json], ...]) -> str:
    """Why these entries do not explain the last write on a service, "" where they do.

    Args:
        mark: what the service says of that write.
        entries: newest first; where none of them is as old as the write, nobody can tell.
    """
    if not mark.sequence:
        return ""
    numbers = [
        number
        for entry in entries
        if isinstance(number := entry.get("sequence"), int) and entry.get("entry") == "intention"
    ]
    if any(_digest(entry) == mark.entry for entry in entries):
        return ""
    if not numbers or min(numbers) > mark.sequence:
        return ""
    newest = max(numbers)
    if newest < mark.sequence:
        return f"its last write is explained by entry {mark.sequence}, the ledger ends at {newest}"
    return f"its last write is explained by an entry {mark.sequence} that the ledger does not have"


def _digest(entry: dict[str, Json]) -> str:
    """The hash of an entry, "" of what no gate wrote."""
    try:
        return digest(entry)
    except (TypeError, ValueError):
        return ""


def _quarantined(entry: dict[str, Json]) -> tuple[tuple[str, int], ...]:
    """Whom users were taken back to before the candidate was asked: the way back from it."""
    quarantine = entry.get("quarantine")
    stable = quarantine.get("stable") if isinstance(quarantine, dict) else ""
    return ((stable, 100),) if isinstance(stable, str) and stable else ()


def _candidate_name(entry: dict[str, Json]) -> str:
    candidate = entry.get("candidate")
    name = candidate.get("revision") if isinstance(candidate, dict) else ""
    return name if isinstance(name, str) else ""


def _decided(entry: dict[str, Json]) -> str | None:
    """What an outcome says against its candidate, "" if it is for it, None if neither."""
    ending, at = entry.get("ending"), str(entry.get("at", ""))[:16].replace("T", " ")
    if ending in {Ending.PROMOTED.value, Ending.ROLLED_BACK.value}:
        return ""
    if ending not in {Ending.REJECTED.value, Ending.REGRESSED.value}:
        return None
    verdict = entry.get("verdict")
    reasons = verdict.get("reasons") if isinstance(verdict, dict) else None
    first = reasons[0] if isinstance(reasons, list) and reasons else None
    why = f": {first.get('subject')}: {first.get('text')}" if isinstance(first, dict) else ""
    return f"was {ending} by the gate at {at} UTC{why}"


def _named_shares_of(entry: dict[str, Json]) -> tuple[tuple[str, int], ...]:
    """Who had users before and after an outcome."""
    before, after = entry.get("traffic_before"), entry.get("effective_after")
    had = _named_shares(before, entry) if isinstance(before, list) else ()
    has = after.items() if isinstance(after, dict) else ()
    return (*((name, share) for name, share in has if isinstance(share, int)), *had)


def _named_shares(before: list[Json], entry: dict[str, Json]) -> tuple[tuple[str, int], ...]:
    """Shares before the move; LATEST by the name of the stable revision it meant then."""
    stable = entry.get("stable")
    names = (
        [str(item.get("revision") or "") for item in stable if isinstance(item, dict)]
        if isinstance(stable, list)
        else []
    )
    shares = []
    for line in before:
        if not isinstance(line, dict) or not isinstance(percent := line.get("percent"), int):
            continue
        name = str(line.get("revision") or "")
        if percent and not name:
            if len(names) != 1 or not names[0]:
                return ()
            name = names[0]
        if percent:
            shares.append((name, percent))
    return tuple(shares)
