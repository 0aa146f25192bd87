"""The seams between a client's connection and an instance's, whatever either of them speaks.

What passes between them is HTTP/1.1.
"""

from typing import Protocol

from gate.local.frontend.answers import MALFORMED
from gate.local.frontend.bodies import Body
from gate.local.frontend.heads import ResponseHead
from gate.local.ports import Lease


class Receiver(Protocol):
    """Who asked: gets one response, or is told that there will be none."""

    def compose(self, head: ResponseHead, body: Body) -> bytes:
        """The head as the client gets it; called once, just before it is relayed."""
        ...

    def relay(self, data: bytes) -> None:
        """Passes bytes of the response on."""
        ...

    def finished(self, *, reusable: bool) -> None:
        """The response is complete; says whether the connection can take another request."""
        ...

    def changed(self, head: ResponseHead, rest: bytes) -> None:
        """The protocol was changed (101); `rest` are the first bytes of the new one.

        What follows comes through `relay`, without an end until `half_closed` or `broken`.
        """
        ...

    def half_closed(self) -> None:
        """The instance will send no more bytes of the new protocol."""
        ...

    def broken(self, *, malformed: bool, why: str = MALFORMED) -> None:
        """The connection is of no use any more, before the response was complete.

        Args:
            malformed: what came was no response; asking once more is of no use.
            why: as the client is told, if it has not had a head yet.
        """
        ...

    def hold(self) -> None:
        """The instance reads too slowly: send nothing for now."""
        ...

    def go_on(self) -> None:
        """The instance reads again."""
        ...


class Upstream(Protocol):
    """What carries one request to an instance, and its response back.

    Attributes:
        reused: its connection had carried another request before.
    """

    reused: bool

    def begin(self, receiver: Receiver, request: bytes, *, head_only: bool, upgrade: bool) -> None:
        """Sends a request's head; its response goes to the receiver.

        Args:
            receiver: gets the response.
            request: the head as the container gets it, perhaps with body bytes.
            head_only: the response has no body whatever its head says (HEAD).
            upgrade: 101 is an answer.
        """
        ...

    def send(self, data: bytes) -> None:
        """Sends more of the request, or of the new protocol."""
        ...

    def finish(self) -> None:
        """Says that no more bytes of the new protocol will come."""
        ...

    def close(self) -> None:
        """Ends it after what was sent; the receiver hears no more of it."""
        ...

    def drop(self) -> None:
        """Cuts it; the receiver hears no more of it."""
        ...

    def pause(self) -> None:
        """Reads nothing for now: the client is too slow."""
        ...

    def resume(self) -> None:
        """Reads again."""
        ...


class Pool(Protocol):
    """Ways to instances."""

    def take(self, lease: Lease) -> Upstream | None:
        """A way to this instance that is open already, or None."""
        ...

    async def connect(self, lease: Lease) -> Upstream:
        """A new connection to this instance.

        Raises:
            OSError: it does not listen.
        """
        ...

    def close(self) -> None:
        """Cuts every connection."""
        ...
