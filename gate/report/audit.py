"""What the ledger remembers, for people. Entries are as gate.ledger.entry writes them."""

from collections.abc import Sequence

from gate.core.policy import Json


def audit_list_lines(entries: Sequence[dict[str, Json]], width: int = 100) -> list[str]:
    """The recorded rollouts, one a row, newest first; without an outcome one is `unfinished`.

    Args:
        entries: intentions and outcomes, newest first.
        width: columns; rows wrap within their columns where it is too small.
    """
    raise NotImplementedError


def audit_show_lines(entries: Sequence[dict[str, Json]], width: int = 100) -> list[str]:
    """Everything about one rollout, from its entries in any order."""
    raise NotImplementedError
