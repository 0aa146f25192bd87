"""What the operating system asks of a rollout: to stop, by Ctrl-C or when a build is cancelled."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable


@contextlib.asynccontextmanager
async def stopping(stop: Callable[[], None]) -> AsyncIterator[None]:
    """SIGINT and SIGTERM call `stop` while this lasts, then what they did before."""
    loop = asyncio.get_running_loop()
    caught = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        before = signal.getsignal(number)
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, stop)
            caught[number] = before
    try:
        yield
    finally:
        for number, before in caught.items():
            loop.remove_signal_handler(number)
            if before is not None:  # None: not Python's to give back
                signal.signal(number, before)
