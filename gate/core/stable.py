"""Which revision is the stable one, by what the ledger shows; and what lies on the way to it."""

from collections.abc import Sequence

from gate.core.mark import UnreadableMark
from gate.core.service import ConditionState, Revision, Service
from gate.core.state import PastMove

IRREVERSIBLE = "cloud-run-gate/irreversible"
"""Annotation of a revision (in its template) that cannot be gone back across, e.g. for a migration
that older code does not understand; its value says why."""


def before_rollout(service: Service) -> str:
    """The revision that had all users before the rollout whose candidate has some of them now.

    Returns:
        A short revision name; "" where no rollout is under way or left half-way, where its
        candidate has no users, where somebody has moved them since, or where they were split
        before.
    """
    try:
        mark = service.mark
    except UnreadableMark:
        return ""
    now = service.traffic.pinned(service.latest_ready).shares
    ours = bool(mark.holder) and now == dict(mark.wrote) != dict(mark.safe)
    return mark.safe[0][0] if ours and len(mark.safe) == 1 else ""


def choose_stable(
    history: Sequence[PastMove], service: Service, revisions: Sequence[Revision] = ()
) -> str | None:
    """The revision that had 100 % before what led to today's traffic.

    That is the rollout under way, where there is one, else the newest recorded move.

    Args:
        history: past moves that were verified, newest first.
        service: as it stands now.
        revisions: those that exist, where they were listed: only one that is ready is chosen.

    Returns:
        A short revision name, or None where the ledger has no answer: never a guess.
    """
    now = service.effective_shares or service.traffic.pinned(service.latest_ready).shares
    if back := before_rollout(service):
        return back
    fit = {r.name for r in revisions if r.ready.state is ConditionState.SUCCEEDED}
    for move in history:
        if dict(move.after) != now or dict(move.before) == now or len(move.before) != 1:
            continue
        name = move.before[0][0]
        if not revisions or name in fit:
            return name
    return None


def crossed(revisions: Sequence[Revision], target: str, service: Service) -> tuple[str, ...]:
    """Why one cannot simply go back to the target: marks of the revisions newer than it.

    Args:
        revisions: all that exist.
        target: short name of the revision to go back to.
        service: as it stands now; revisions newer than those with traffic do not matter.

    Returns:
        `NAME: WHY` of each revision marked as irreversible that is newer than the target and not
        newer than the newest revision with traffic.
    """
    created = {r.name: r.created_at for r in revisions}
    since = created.get(target)
    serving = [created.get(name) for name in service.effective_shares]
    until = max((at for at in serving if at is not None), default=None)
    if since is None or until is None:
        return ()
    return tuple(
        f"{r.name}: {why}"
        for r in revisions
        if (why := dict(r.annotations).get(IRREVERSIBLE))
        and r.created_at is not None
        and since < r.created_at <= until
    )
