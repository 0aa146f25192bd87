"""What the control plane takes from outside: time, chance and patience."""

import asyncio
import random
import string
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gate.local.faults.delays import Betrayal, Delay, Faults
from gate.local.history import History
from gate.local.images import Images, ImageSource
from gate.local.ports import LogSink, NoLogs

# Consonants only, as in generated names: no word comes out of them.
_LETTERS = "".join(sorted(set(string.ascii_lowercase) - set("aeiou")))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Time, ids, delays; tests bring their own.

    Attributes:
        now: the current time, aware.
        new_id: a new unique id.
        letters: three random letters for a revision's name.
        sleep: waits so many seconds.
        faults: how long things take, and what goes wrong.
        history: what happened to each service's traffic.
        images: the images and secrets there are.
        logs: where the platform writes what became of services and revisions.
    """

    now: Callable[[], datetime]
    new_id: Callable[[], str]
    letters: Callable[[], str]
    sleep: Callable[[float], Awaitable[None]]
    faults: Faults
    history: History = field(default_factory=History)
    images: ImageSource = field(default_factory=Images)
    logs: LogSink = field(default_factory=NoLogs)

    async def take(self, delay: Delay) -> None:
        """Lets as much time pass as this takes now."""
        delay_s = self.faults.delay_s(delay)
        if delay_s > 0:
            await self.sleep(delay_s)

    def strikes(self, betrayal: Betrayal) -> bool:
        """Whether this happens now."""
        return self.faults.strikes(betrayal)


def real_surroundings(faults: Faults, images: ImageSource, logs: LogSink) -> Surroundings:
    """Gives the system's clock, random ids, real waiting, the images there are, the log."""
    rng: random.Random = faults.rng("names")
    return Surroundings(
        now=lambda: datetime.now(UTC),
        new_id=lambda: str(uuid.uuid4()),
        letters=lambda: "".join(rng.choices(_LETTERS, k=3)),
        sleep=asyncio.sleep,
        faults=faults,
        images=images,
        logs=logs,
    )
