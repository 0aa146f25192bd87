"""The suite's side of the proxy: one connection that h11 reads and writes."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import h11

from gate.probes.suite.upstream import Headers

BODY_MAX = 32 << 20
"""Most bytes of a request's body: it is read before the candidate is asked."""
AHEAD_MAX = 1 << 20
_CHUNK = 1 << 16
_HEAD_MAX = 1 << 17


class TooLargeError(Exception):
    """A request's body is larger than what the proxy holds."""


@dataclass(slots=True)
class Client:
    """One connection of the suite.

    Attributes:
        scheme: how the suite got here, http or https.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    scheme: str
    _http: h11.Connection = field(
        default_factory=lambda: h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_MAX)
    )

    async def request(self) -> tuple[h11.Request, bytes] | None:
        """The next request with its body; None at the end.

        Raises:
            h11.RemoteProtocolError: it is no HTTP.
            TooLargeError: the body is.
        """
        request = await self._event()
        if not isinstance(request, h11.Request):
            return None
        body = bytearray()
        while isinstance(event := await self._event(), h11.Data):
            body += event.data
            if len(body) > BODY_MAX:
                raise TooLargeError
        return request, bytes(body)

    async def _event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                await self.send(h11.InformationalResponse(status_code=100, headers=[]))
            self._http.receive_data(await self.reader.read(_CHUNK))
        return event

    async def gone(self) -> None:
        """Returns when the suite has closed its side; what it sends meanwhile is kept."""
        ahead = 0
        while ahead < AHEAD_MAX:
            data = await self.reader.read(_CHUNK)
            self._http.receive_data(data)
            if not data:
                return
            ahead += len(data)
        await asyncio.Event().wait()

    async def send(self, event: h11.Event) -> None:
        """Sends a part of an answer.

        Raises:
            OSError: nobody is there any more.
        """
        data = self._http.send(event)
        if data:
            self.writer.write(data)
            await self.writer.drain()

    async def answer(self, status: int, text: str) -> None:
        """A short answer of the proxy's own."""
        body = f"gate: {text}\n".encode()
        headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
        await self.send(h11.Response(status_code=status, headers=headers))
        await self.send(h11.Data(data=body))
        await self.send(h11.EndOfMessage())

    async def switch(self, status: int, headers: Headers) -> bytes:
        """Says yes to an upgrade or a tunnel; gives what came after the request."""
        kind = h11.InformationalResponse if status == 101 else h11.Response
        await self.send(kind(status_code=status, headers=headers))
        return self._http.trailing_data[0]

    def again(self) -> bool:
        """Whether another request may follow; then it may be read."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            return True
        return False

    async def close(self) -> None:
        """Closes once everything has been sent."""
        with contextlib.suppress(OSError):
            self.writer.close()
            await self.writer.wait_closed()

    def abort(self) -> None:
        """Ends the connection in the middle, as the candidate did."""
        self.writer.transport.abort()
