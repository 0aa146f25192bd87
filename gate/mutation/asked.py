"""What a probe asks, as the proxy passes it on, and the handshakes that answer it. Pure."""

import h11
from websockets.utils import accept_key

from gate.mutation import faults
from gate.mutation.http_faults import Headers, changed_head, with_header, without
from gate.mutation.wire import Upstream

_UNKNOWN_SUBPROTOCOL = "sabotaged"


class Asked:
    """A request of a probe."""

    def __init__(self, request: h11.Request) -> None:
        self.method = request.method.decode("latin-1")
        self.target = request.target.decode("latin-1")
        self.headers: Headers = tuple(request.headers.raw_items())

    def header(self, name: str) -> str:
        """The header's values, joined by commas; "" without one."""
        wanted = name.lower().encode("latin-1")
        values = (value for key, value in self.headers if key.lower() == wanted)
        return ",".join(value.decode("latin-1") for value in values)

    @property
    def websocket(self) -> bool:
        """Whether it asks for a WebSocket."""
        return self.header("upgrade").lower() == "websocket"

    @property
    def offered(self) -> list[str]:
        """The subprotocols that it offers."""
        names = self.header("sec-websocket-protocol").split(",")
        return [name.strip() for name in names if name.strip()]

    def for_service(self, upstream: Upstream) -> h11.Request:
        """The same request to the service."""
        gone = {b"host", b"sec-websocket-extensions"}
        headers = [pair for pair in self.headers if pair[0].lower() not in gone]
        headers.insert(0, (b"Host", upstream.authority.encode("latin-1")))
        return h11.Request(
            method=self.method, target=upstream.prefix + self.target, headers=headers
        )


def switching(headers: Headers, asked: Asked) -> h11.InformationalResponse:
    """101, as a server writes it that takes everybody; it selects what comes first."""
    own = [
        (b"upgrade", b"websocket"),
        (b"connection", b"Upgrade"),
        (b"sec-websocket-accept", accept_key(asked.header("sec-websocket-key")).encode()),
    ]
    own += [(b"sec-websocket-protocol", name.encode()) for name in asked.offered[:1]]
    return h11.InformationalResponse(status_code=101, headers=[*headers, *own])


def selected(headers: Headers) -> str:
    """The subprotocol that an answer selects, "" for none."""
    name = b"sec-websocket-protocol"
    return next((value.decode("latin-1") for key, value in headers if key.lower() == name), "")


def handshake(headers: Headers, fault: faults.Fault | None, asked: Asked) -> Headers:
    """The headers of a handshake after the fault."""
    match fault:
        case faults.HeaderGone() | faults.HeaderSet():
            return changed_head(headers, fault)
        case faults.Subprotocol(faults.Choice.NONE):
            return without(headers, "sec-websocket-protocol")
        case faults.Subprotocol(faults.Choice.UNKNOWN) if selected(headers):
            return with_header(headers, "sec-websocket-protocol", _UNKNOWN_SUBPROTOCOL)
        case faults.Subprotocol(faults.Choice.OTHER) if selected(headers):
            others = (name for name in asked.offered if name != selected(headers))
            other = next(others, selected(headers))
            return with_header(headers, "sec-websocket-protocol", other)
        case _:
            return headers
