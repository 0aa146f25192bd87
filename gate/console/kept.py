"""What takes long to find out: made when somebody asks, once for all who ask meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable

from gate.core.policy import Json

FRESH_S = 60.0
"""How long it stays good: it may need the whole ledger."""

Make = Callable[[], Awaitable[dict[str, Json]]]
"""Makes a document, as a command prints it with --output json."""


class Kept:
    """Keeps the last one.

    Args:
        make: makes one.
        fresh_s: how long it stays good.
    """

    def __init__(self, make: Make, *, fresh_s: float = FRESH_S) -> None:
        self._make, self._fresh_s = make, fresh_s
        self._kept: dict[str, Json] = {}
        self._made_at: float | None = None
        self._lock = asyncio.Lock()

    async def value(self) -> dict[str, Json]:
        """The document.

        Raises:
            InfrastructureError: the ledger cannot be read.
        """
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if self._made_at is None or now - self._made_at >= self._fresh_s:
                self._kept = await self._make()
                self._made_at = asyncio.get_running_loop().time()
        return self._kept
