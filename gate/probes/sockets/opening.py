"""How a connection is asked for: address, subprotocols, headers. Prepared once for a probe."""

import logging
import re
import ssl
from collections.abc import Mapping, Sequence

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidURI
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI, parse_uri

from gate.core.template import USER, Template, parse
from gate.kinds.websocket import WebSocketProbe
from gate.probes import headers, paths
from gate.probes.inquiry import Run, ws_url
from gate.probes.outcome import CannotAskError, Fault
from gate.probes.sockets import classify

MESSAGE_MAX = 1 << 20
"""Most bytes of one message."""
_MESSAGE_LEAST = 1 << 16
_MEMORY_MAX = 1 << 28
"""What the messages of all connections together may take, as far as _MESSAGE_LEAST allows."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 6455 4.1: a subprotocol is a token

# The library logs every header at DEBUG, secrets included: this logger never passes anything on.
_SILENT = logging.getLogger("gate.probes.websocket")
_SILENT.setLevel(logging.CRITICAL + 1)


class Opening:
    """Asks for the connections of one probe.

    Args:
        spec: the probe.
        run: what it runs in.
        trace: that of other connections of the same question; None for a new one.

    Attributes:
        url: what is asked, as http(s), with templates as the policy writes them.
        trace: the trace that all connections belong to.
        tls: TLS context, None for ws.

    Raises:
        CannotAskError: the target's URL is none.
        ValueProblem: a template is malformed.
    """

    def __init__(self, spec: WebSocketProbe, run: Run, trace: headers.Trace | None = None) -> None:
        self.url = run.target.url + spec.path
        self._base, self._path = run.target.url, parse(spec.path)
        self.trace = trace or headers.Trace()
        self._uri = _uri(ws_url(self._base))
        self.tls: ssl.SSLContext | None = run.tls() if self._uri.secure else None
        self._target_headers = run.target.headers
        self._subprotocols = tuple(map(parse, spec.subprotocols))
        self._headers = _headers(spec, self._path, self._subprotocols)
        share = _MEMORY_MAX // spec.connections
        self._message_max = max(_MESSAGE_LEAST, min(MESSAGE_MAX, share))
        plain = self._path.parts == (spec.path,)
        self._fixed = self._head(spec.path) if plain else None

    @property
    def host(self) -> str:
        """Where to connect to."""
        return self._uri.host

    @property
    def port(self) -> int:
        """Where to connect to."""
        return self._uri.port

    @property
    def offers(self) -> bool:
        """Whether any subprotocol is offered."""
        return bool(self._subprotocols)

    def __str__(self) -> str:
        """The request as the policy writes it: without a secret."""
        offered = ", ".join(template.source for template in self._subprotocols)
        shown = [f"{name}: {template.source}" for name, template in self._headers]
        return "; ".join([f"GET {self.url}", *([f"offering {offered}"] if offered else []), *shown])

    def handshake(self, values: Mapping[str, str]) -> tuple[ClientProtocol, bytes]:
        """The library's side of one connection, and the bytes of its handshake.

        Args:
            values: what templates are rendered with.

        Raises:
            CannotAskError: a value is missing, or is none that a handshake can carry.
        """
        offered = self._offered(values)
        ws = self._protocol(offered)
        sent = headers.render(self.trace, self._target_headers, self._headers, values)
        if offered:
            sent = (("Sec-WebSocket-Protocol", ", ".join(offered)), *sent)
        own = "".join(f"{name}: {value}\r\n" for name, value in sent)
        before, after = self._fixed or self._head(paths.rendered(self._path, values))
        return ws, b"".join((before, ws.key.encode(), after, own.encode(), b"\r\n"))

    def address(self, values: Mapping[str, str]) -> str:
        """What is asked, as http(s), for one connection; may hold secrets."""
        return self._base + paths.rendered(self._path, values)

    def as_written(self, subprotocol: str, values: Mapping[str, str]) -> str:
        """A subprotocol that was offered, as the policy writes it; any other as it is."""
        written = (one.source for one in self._subprotocols if one.render(values) == subprotocol)
        return next(written, subprotocol)

    def wrong_selection(
        self, selected: str, wanted: str, values: Mapping[str, str]
    ) -> Fault | None:
        """What is wrong with the subprotocol that the server has selected.

        Args:
            selected: as it came, "" for none.
            wanted: as the policy writes it: one of those offered, `none`, `any`, or "".
            values: what the handshake was rendered with.
        """
        offered = [one.source for one in self._subprotocols]
        if wanted in offered and parse(wanted).render(values) == selected:
            return None
        return classify.wrong_selection(self.as_written(selected, values), wanted, offered)

    def _protocol(
        self, offered: Sequence[Subprotocol], uri: WebSocketURI | None = None
    ) -> ClientProtocol:
        return ClientProtocol(
            uri or self._uri,
            subprotocols=offered or None,
            max_size=self._message_max,
            logger=_SILENT,
        )

    def _head(self, path: str) -> tuple[bytes, bytes]:
        """What the library writes for any connection, before and after the key that differs."""
        ws = self._protocol((), _uri(ws_url(self._base + path)))
        head = ws.connect().serialize().removesuffix(b"\r\n")
        before, _, after = head.partition(ws.key.encode())
        return before, after

    def _offered(self, values: Mapping[str, str]) -> Sequence[Subprotocol]:
        offered = [Subprotocol(template.render(values)) for template in self._subprotocols]
        for template, value in zip(self._subprotocols, offered, strict=True):
            if not _TOKEN.fullmatch(value):
                raise CannotAskError(
                    f"a subprotocol that is no token: {template.source}",
                    "letters, digits and !#$%&'*+-.^_`|~",
                    "write ${name|base64url} to put a secret into a subprotocol",
                )
        return offered


def _uri(url: str) -> WebSocketURI:
    try:
        return parse_uri(url)
    except (InvalidURI, ValueError) as error:
        raise CannotAskError(f"an address that is none ({error})", "an http or https URL") from None


def _headers(
    spec: WebSocketProbe, path: Template, subprotocols: Sequence[Template]
) -> tuple[tuple[str, Template], ...]:
    """The policy's headers; where nothing says how users show who they are, as bearers."""
    given = tuple((name, parse(value)) for name, value in spec.headers)
    named = {name for template in subprotocols for name in template.names}
    named |= path.names | {name for _, template in given for name in template.names}
    if spec.users and USER not in named:
        return (*given, ("Authorization", parse(f"Bearer ${{{USER}}}")))
    return given
