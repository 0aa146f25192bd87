"""The suite's side of the proxy: one connection, its requests and what they are answered."""

import asyncio

import h11

from gate.http1.streams import Side, Streams
from gate.probes.suite.upstream import Headers

BODY_MAX = 32 << 20
"""Most bytes of a request's body: it is read before the candidate is asked."""
AHEAD_MAX = 1 << 20


class Client:
    """One connection of the suite.

    Args:
        streams: the connection.
        scheme: how the suite got here, http or https.
    """

    def __init__(self, streams: Streams, scheme: str) -> None:
        self.streams = streams
        self.scheme = scheme
        self._side = Side(h11.SERVER, streams)
        self.again = self._side.again
        self.send = self._side.send

    async def request(self) -> tuple[h11.Request, bytes] | None:
        """The next request with its body; None at the end.

        Raises:
            h11.RemoteProtocolError: it is no HTTP.
            TooLargeError: the body is.
        """
        request = await self._side.next()
        if not isinstance(request, h11.Request):
            return None
        return request, await self._side.body(BODY_MAX)

    async def gone(self) -> None:
        """Returns when the suite has closed its side; what it sends meanwhile is kept."""
        ahead = 0
        while ahead < AHEAD_MAX:
            data = await self.streams.read()
            self._side.http.receive_data(data)
            if not data:
                return
            ahead += len(data)
        await asyncio.Event().wait()

    async def answer(self, status: int, text: str) -> None:
        """A short answer of the proxy's own."""
        body = f"gate: {text}\n".encode()
        headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
        head = h11.Response(status_code=status, headers=headers)
        await self.send(head, h11.Data(data=body), h11.EndOfMessage())

    async def switch(self, status: int, headers: Headers) -> bytes:
        """Says yes to an upgrade or a tunnel; gives what came after the request."""
        kind = h11.InformationalResponse if status == 101 else h11.Response
        await self.send(kind(status_code=status, headers=headers))
        return self._side.rest
