"""Configurations in memory."""

from collections.abc import Mapping

from gate.errors import InfrastructureError, NotFoundError
from gate.ports import Configuration


class FakeConfigurations:
    """Implements gate.ports.Configurations.

    Args:
        known: revision to how it is set up.

    Attributes:
        asked: the revisions asked for, in order.
        failure: raised instead of an answer, where set.
    """

    def __init__(self, known: Mapping[str, Configuration]) -> None:
        self._known = known
        self.asked: list[str] = []
        self.failure: InfrastructureError | None = None

    async def of(self, revision: str) -> Configuration:
        """As gate.ports.Configurations."""
        self.asked.append(revision)
        if self.failure is not None:
            raise self.failure
        if revision not in self._known:
            raise NotFoundError(f"revision {revision}: does not exist")
        return self._known[revision]
