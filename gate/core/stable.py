"""Which revision is the stable one, by what the ledger shows."""

from collections.abc import Sequence

from gate.core.service import Service
from gate.core.state import PastMove


def choose_stable(history: Sequence[PastMove], service: Service) -> str | None:
    """The revision that had 100 % before the newest recorded move that led to today's traffic.

    Args:
        history: past moves, newest first.
        service: as it stands now.

    Returns:
        A short revision name, or None where the ledger has no answer: never a guess.
    """
    now = service.effective_shares or service.traffic.pinned(service.latest_ready).shares
    for move in history:
        if dict(move.after) == now and dict(move.before) != now and len(move.before) == 1:
            return move.before[0][0]
    return None
