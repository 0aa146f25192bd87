"""Times and sizes of the front end."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FrontEndSettings:
    """What the front end tolerates, and for how long.

    Attributes:
        head_bytes: longest request or response head.
        head_s: longest time from a request's first byte to the end of its head.
        idle_s: how long a client's connection may rest between two requests.
        upstream_idle_s: how long a connection to an instance is kept for the next request; below
            the keep-alive time of common servers, so that it is not closed under a request.
        linger_s: how long the bytes of a refused client are read and thrown away, so that it
            sees the answer; also how long one half of a WebSocket outlives the other.
        backlog_bytes: bytes of a client kept while it waits for an instance, or sent ahead.
        request_bytes: longest request body for a container of HTTP/1.
        response_bytes: longest response body of one, unless it comes in chunks.
    """

    head_bytes: int = 64 * 1024
    head_s: float = 30.0
    idle_s: float = 600.0
    upstream_idle_s: float = 1.0
    linger_s: float = 2.0
    backlog_bytes: int = 64 * 1024
    request_bytes: int = 32 * 1024 * 1024
    response_bytes: int = 32 * 1024 * 1024
