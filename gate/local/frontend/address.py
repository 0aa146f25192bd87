"""An address of the front end: where it listens and who takes its requests."""

import asyncio
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Protocol

from gate.local.frontend.affinity import session_of
from gate.local.frontend.heads import RequestHead
from gate.local.frontend.seams import Pool
from gate.local.frontend.settings import FrontEndSettings
from gate.local.frontend.split import Split
from gate.local.frontend.upstream import UpstreamPool
from gate.local.ports import Access, Denial, Door, LogSink, Places, ServiceKey, Share

HOST: Final = "127.0.0.1"
_REFUSED_METHODS: Final = frozenset({b"TRACE", b"CONNECT"})
_RESERVED: Final = (b"/healthz", b"/eventlog", b"/_ah/")
_RESERVED_PATH: Final = re.compile(rb"/(?:healthz|eventlog)(?:\?|\Z)|/_ah/")
_LOOPBACK: Final = re.compile(
    rb"(?:127\.0\.0\.1|\[::1\]|(?:[a-z0-9-]+\.)*localhost)(?::\d{1,5})?", re.IGNORECASE
)
_NONE: Final = ServiceKey("", "", "")


@dataclass(slots=True, eq=False)
class Address:
    """One listening address: a service, or one of its tags.

    Attributes:
        url: http://127.0.0.1:PORT.
        service: whose address it is.
        split: who takes the next request; None without a route.
        shut: it takes no more requests.
        door: decides who is let in; None lets everybody in.
        access: who may call the service, as the door needs it.
    """

    url: str = ""
    split: Split | None = None
    service: ServiceKey = _NONE
    shut: bool = False
    door: Door | None = None
    access: Access = field(default_factory=Access)

    def judge(self, head: RequestHead) -> Share | Denial | int:
        """Who takes this request, or the status with which the front end answers it itself.

        404 for the paths that never reach a container (known issues page), for a host
        that is not this machine (a site that a browser was led to believe lives here), and where
        nothing is routed; 405 for what is not delivered.
        """
        if head.method in _REFUSED_METHODS:
            return 405
        host = head.found.get(b"host", b"")
        if host and not _is_here(host):
            return 404
        target = head.target
        if target.startswith(_RESERVED) and _RESERVED_PATH.match(target):
            return 404
        if self.split is None or self.shut:
            return 404
        return self._denied(head) or self._chosen(self.split, head)

    def _denied(self, head: RequestHead) -> Denial | None:
        """Asks the door, before a revision is chosen; a token that opened it is defused."""
        if self.door is None:
            return None
        answer = self.door.judge(head.target, head.found, self.access)
        if isinstance(answer, Denial):
            return answer
        if answer.token:
            head.fields = head.fields.replace(answer.token, defused(answer.token))
        return None

    @staticmethod
    def _chosen(split: Split, head: RequestHead) -> Share:
        """Where the client was before, which goes before the split; else as the split says."""
        if not split.sticky:
            return split.pick()
        session = session_of(head.found)
        share = None if session is None else split.again(session.revision)
        return share or split.pick()


def defused(token: bytes) -> bytes:
    """A token without its signature: nobody can use what the container gets (service-to-service).

    The word in its place is the one that containers on Cloud Run see.
    """
    return token.rpartition(b".")[0] + b".SIGNATURE_REMOVED_BY_GOOGLE"


@lru_cache(maxsize=32)
def _is_here(host: bytes) -> bool:
    """Whether a Host header names this machine; the same few come again and again."""
    return _LOOPBACK.fullmatch(host) is not None


@dataclass(slots=True, eq=False)
class FrontEndContext:
    """What all connections of a front end share.

    Attributes:
        places: finds an instance for a request.
        pool: connections of HTTP/1.1 to instances.
        http2_pool: those of HTTP/2, once there were any.
        sink: the request log.
        connections: those of clients, for as long as they are open.
        empty: there are none.
    """

    places: Places
    pool: UpstreamPool
    sink: LogSink
    settings: FrontEndSettings
    http2_pool: Pool | None = None
    connections: "set[Cut]" = field(default_factory=set)
    empty: asyncio.Event = field(default_factory=asyncio.Event)

    def pool_for(self, share: Share) -> Pool:
        """The connections that the containers of this revision understand."""
        if not share.h2c:
            return self.pool
        if self.http2_pool is None:
            from gate.local.frontend.http2.instance import Http2Pool  # noqa: PLC0415 - few need it

            self.http2_pool = Http2Pool(self.settings)
        return self.http2_pool

    def close(self) -> None:
        """Cuts every connection to an instance."""
        self.pool.close()
        if self.http2_pool is not None:
            self.http2_pool.close()

    def enter(self, connection: "Cut") -> None:
        """A client has connected."""
        self.connections.add(connection)
        self.empty.clear()

    def leave(self, connection: "Cut") -> None:
        """A client's connection is gone."""
        self.connections.discard(connection)
        if not self.connections:
            self.empty.set()


class Cut(Protocol):
    """A connection that can be ended from outside."""

    def cut(self) -> None:
        """Ends it now."""
        ...
