"""The traffic front end: one loopback address for a service and one for each of its tags."""

import random

from gate.local.frontend_knobs import FrontEndKnobs
from gate.local.ports import LogSink, Places, ServiceKey, Share


class LoopbackFrontEnd:
    """Splits requests over revisions and passes HTTP/1.1 and WebSockets through (FrontEnd).

    Must be used inside a running event loop (uvloop, for speed).

    Args:
        places: where requests find an instance (ProcessInstances is one).
        sink: takes one line for each request.
        rng: draws the split; seed it to repeat a run.
        knobs: times and sizes.
    """

    def __init__(
        self,
        places: Places,
        sink: LogSink,
        rng: random.Random,
        knobs: FrontEndKnobs | None = None,
    ) -> None:
        raise NotImplementedError

    async def open(self, service: ServiceKey, tag: str | None, port: int = 0) -> str:
        """As `FrontEnd.open`."""
        raise NotImplementedError

    def route(self, service: ServiceKey, tag: str | None, shares: tuple[Share, ...]) -> None:
        """As `FrontEnd.route`."""
        raise NotImplementedError

    async def shut(self, service: ServiceKey, tag: str | None) -> None:
        """As `FrontEnd.shut`."""
        raise NotImplementedError

    async def close(self) -> None:
        """As `FrontEnd.close`."""
        raise NotImplementedError
