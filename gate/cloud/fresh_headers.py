"""Headers with a token in them that is renewed before it expires, while they are in use."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import overload

from gate.errors import GateError

LIFETIME = timedelta(hours=1)
"""Of a token that does not say how long it lives: that of all of Google's ID tokens."""
MARGIN = timedelta(minutes=15)
AGAIN = timedelta(seconds=30)
"""How long after a renewal that failed the next one is tried."""

Pair = tuple[str, str]


class FreshHeaders(Sequence[Pair]):
    """One header `NAME: Bearer TOKEN`, whoever looks at it and whenever they do.

    Whoever looks within the last quarter of an hour of the token's life (or the last quarter of a
    shorter life) gets it as it is, and makes it be renewed in the background.

    Args:
        name: of the header.
        make: makes a token.
        now: the time, aware.
    """

    def __init__(
        self, name: str, make: Callable[[], Awaitable[str]], now: Callable[[], datetime]
    ) -> None:
        self._name = name
        self._make = make
        self._now = now
        self._token = ""
        self._expires = self._renew_at = now()
        self._renewal: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Sees to it that there is a good token, a new one where the old one is about to expire.

        Raises:
            GateError: none is to be had, and the old one is good no more.
        """
        if self._aging:
            try:
                await self._renew()
            except GateError:
                if self._now() >= self._expires:
                    raise
                self._renew_at = self._now() + AGAIN

    @property
    def _aging(self) -> bool:
        return self._now() >= self._renew_at

    async def _renew(self) -> None:
        token = await self._make()
        now = self._now()
        self._token = token
        self._expires = expiry_of(token) or now + LIFETIME
        self._renew_at = self._expires - min(MARGIN, (self._expires - now) / 4)

    def __len__(self) -> int:
        return 1

    @overload
    def __getitem__(self, index: int) -> Pair: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Pair]: ...
    def __getitem__(self, index: int | slice) -> Pair | Sequence[Pair]:
        if self._aging:
            self._renew_in_background()
        return ((self._name, f"Bearer {self._token}"),)[index]

    def __repr__(self) -> str:
        return f"FreshHeaders({self._name!r})"

    def _renew_in_background(self) -> None:
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.get_running_loop().create_task(self._again())

    async def _again(self) -> None:
        try:
            await self._renew()
        except GateError:  # the token at hand may still be good; whoever gets no further says so
            self._renew_at = self._now() + AGAIN


def expiry_of(token: str) -> datetime | None:
    """When a JSON Web Token says that it expires; None where it says nothing of it."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, OSError):
        return None
