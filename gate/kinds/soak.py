"""`soak`: a WebSocket that is held open for a while."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

from gate.errors import ValueProblem
from gate.kinds.checks import Within
from gate.kinds.forms import Whole
from gate.kinds.keys import Keys, Remark
from gate.kinds.kind import Kind
from gate.kinds.records import Expected, Key
from gate.kinds.templates import Reading
from gate.kinds.values import (
    RequestHeaders,
    Seconds,
    Selected,
    SomeSeconds,
    TemplatedPath,
    not_offered,
    offers,
)

_REQUEST_TIMEOUT_S = 300.0
"""Cloud Run's own (cloud.google.com/run/docs/configuring/request-timeout)."""


@dataclass(frozen=True, slots=True)
class SoakProbe(Keys):
    """One WebSocket connection held open, which must stay open and alive."""

    facts: ClassVar[Kind] = Kind(
        "soak",
        "One WebSocket that is held open for a while",
        "gate.probes.soak:ask",
        long=True,
        rank=6,
    )

    path: Annotated[
        TemplatedPath, Key("path and query on the candidate's own URL; may hold templates")
    ]
    for_s: Annotated[Seconds, Within(1, 3600), Key("how long it is held, 1s to 1h")] = 120.0
    ping_every_s: Annotated[
        Seconds,
        Within(0.1, 3600),
        Key("how often we ping; each ping must be answered within as long"),
    ] = 10.0
    open_within_s: Annotated[SomeSeconds, Key("limit for the handshake")] = 10.0
    server_pings: Annotated[
        int,
        Whole(low=0, high=100_000),
        Expected("least number of the server's own pings, the protocol's and JSON ones"),
    ] = 0
    subprotocols: Annotated[
        tuple[str, ...], offers(), Key("what is offered; may hold templates")
    ] = ()
    headers: Annotated[RequestHeaders, Key("headers of the handshake; may hold templates")] = ()
    subprotocol: Selected = ""

    def unfit(self, reading: Reading) -> Iterator[ValueProblem]:
        """As Keys.unfit."""
        yield from not_offered(self.subprotocol, self.subprotocols, reading)

    @property
    def least_s(self) -> float:
        """As Keys.least_s."""
        return self.for_s

    def remarks(self, *, stable: bool) -> Iterator[Remark]:
        """As Keys.remarks."""
        del stable
        if self.for_s >= _REQUEST_TIMEOUT_S:
            yield Remark(
                "soak.for",
                "is as long as Cloud Run's request timeout, which ends every WebSocket",
                "hold less than that, or raise the timeout of the service (60m at most)",
            )
