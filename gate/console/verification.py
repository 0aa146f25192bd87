"""Whether the record is whole: verified when somebody asks, once for all who ask meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable

from gate.core.policy import Json

FRESH_S = 60.0
"""How long a verification stays good: it reads the whole ledger."""

Verify = Callable[[], Awaitable[dict[str, Json]]]
"""Verifies the ledger; the document that `gate audit verify --output json` prints."""


class Verification:
    """Keeps the last one.

    Args:
        verify: makes one.
        fresh_s: how long it stays good.
    """

    def __init__(self, verify: Verify, *, fresh_s: float = FRESH_S) -> None:
        self._verify, self._fresh_s = verify, fresh_s
        self._kept: dict[str, Json] = {}
        self._made_at: float | None = None
        self._lock = asyncio.Lock()

    async def value(self) -> dict[str, Json]:
        """What was found.

        Raises:
            InfrastructureError: the ledger cannot be read.
        """
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if self._made_at is None or now - self._made_at >= self._fresh_s:
                self._kept = await self._verify()
                self._made_at = asyncio.get_running_loop().time()
        return self._kept
