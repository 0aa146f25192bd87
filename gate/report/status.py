"""How a service stands now."""

from collections.abc import Sequence

from gate.core.policy import Json
from gate.core.service import Revision, Service


def status_lines(
    service: Service,
    revisions: Sequence[Revision],
    latest_entries: Sequence[dict[str, Json]],
    width: int = 100,
) -> list[str]:
    """URL, traffic, tags, recent revisions and the last recorded decisions.

    Args:
        service: as it was just read.
        revisions: newest first.
        latest_entries: entries of the ledger, newest first.
        width: columns.
    """
    raise NotImplementedError
