"""Request and response heads of HTTP/1.x, read strictly.

Nothing that two servers could read differently gets through (RFC 9112, section 11.2): both
Content-Length and Transfer-Encoding, either of them twice, a coding other than chunked, bare line
feeds, folded lines, space before a colon, control characters.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_VALUE: Final = rb"[\t\x20-\x7e\x80-\xff]*+"
_REQUEST_LINE: Final = re.compile(rb"(" + _TOKEN + rb") ([\x21-\x7e]++) HTTP/(\d\.\d)\r\n")
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-5]\d\d)(?: (" + _VALUE + rb"))?\r\n")
_FIELDS: Final = re.compile(rb"(?:" + _TOKEN + rb":" + _VALUE + rb"\r\n)*+\r\n")
_MAX_LENGTH_DIGITS: Final = 18
_VERSIONS: Final = frozenset({b"1.0", b"1.1"})
# Fields that come again are read once: so many, and none so long that they would fill memory.
_REMEMBERED: Final = 512
_REMEMBERED_BYTES: Final = 4096
_ABSOLUTE: Final = re.compile(rb"https?://([^/?#]+)([^#]*)", re.IGNORECASE)
_ESCAPED: Final = re.compile(rb"%(3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa])")
END: Final = b"\r\n\r\n"

# What the front end reads of a field: is it forwarded as it came, may it come once only?
_KEPT_ONCE: Final = (True, True)
_KEPT: Final = (True, False)
_DROPPED: Final = (False, False)
_OF_REQUESTS: Final[Mapping[bytes, tuple[bool, bool]]] = {
    b"host": _KEPT_ONCE,
    b"content-length": _KEPT_ONCE,
    b"transfer-encoding": _KEPT_ONCE,
    b"user-agent": _KEPT,
    b"authorization": _KEPT,
    b"x-serverless-authorization": _KEPT,
    b"x-gate-local-inside": _DROPPED,
    b"cookie": _KEPT,
    b"connection": _DROPPED,
    b"proxy-connection": _DROPPED,
    b"keep-alive": _DROPPED,
    b"te": _DROPPED,
    b"upgrade": _DROPPED,
    b"http2-settings": _DROPPED,
    b"x-forwarded-for": _DROPPED,
    b"x-forwarded-proto": _DROPPED,
    b"forwarded": _DROPPED,
    b"traceparent": _DROPPED,
    b"x-cloud-trace-context": _DROPPED,
}
_OF_RESPONSES: Final[Mapping[bytes, tuple[bool, bool]]] = {
    b"content-length": _KEPT_ONCE,
    b"transfer-encoding": _KEPT_ONCE,
    b"date": _KEPT,
    b"connection": _DROPPED,
    b"proxy-connection": _DROPPED,
    b"keep-alive": _DROPPED,
    b"upgrade": _DROPPED,
    b"server": _DROPPED,
    b"x-cloud-trace-context": _DROPPED,
}
_NEVER_NOMINATED: Final = frozenset(_OF_REQUESTS) | {b"close", b"trailer"}


class HeadError(Exception):
    """A head that must not be passed on; carries the status to refuse a request with."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(what)
        self.status = status


@dataclass(slots=True)
class RequestHead:
    """A request's head, ready to be passed on.

    Attributes:
        target: origin form (or `*`), as the container sees it.
        minor: of HTTP/1.x.
        fields: the lines to forward as they came, each with its line end.
        found: lower-case names and values of what the front end reads itself.
        length: bytes of the body; None when it is chunked.
        keep_alive: the client wants to use the connection again.
        upgrade: the protocol the client wants to change to, or b"".
        user_agent: as the request log shows it.
    """

    method: bytes
    target: bytes
    minor: int
    fields: bytes
    found: Mapping[bytes, bytes]
    length: int | None
    keep_alive: bool
    upgrade: bytes
    user_agent: str


# What the fields of a request say: the attributes of RequestHead from `minor` on.
_Read = tuple[int, bytes, Mapping[bytes, bytes], int | None, bool, bytes, str]


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """A response's head, ready to be passed on; many responses may share it.

    Attributes:
        status: 100 to 599.
        reason: the text after it.
        fields: the lines to forward as they came, each with its line end.
        found: lower-case names and values of what the front end reads itself.
        chunked: the body has chunks.
        length: bytes of the body as said; None when nothing is said or it is chunked.
        keep_alive: the instance will take another request on this connection.
    """

    status: int
    reason: bytes
    fields: bytes
    found: Mapping[bytes, bytes]
    chunked: bool
    length: int | None
    keep_alive: bool


class HeadBuffer:
    """Collects bytes up to the end of a head, however they are cut.

    Args:
        limit: longest head, in bytes.
    """

    __slots__ = ("_data", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._data = bytearray()

    def __len__(self) -> int:
        return len(self._data)

    def feed(self, data: bytes) -> tuple[bytes, int] | None:
        """Everything so far and where the head in it ends; None while it is incomplete.

        Raises:
            HeadError: 431, longer than the limit.
        """
        if not self._data:
            end = data.find(END)
            if 0 <= end <= self._limit:
                return data, end + 4
        seen = len(self._data)
        self._data += data
        end = self._data.find(END, max(seen - 3, 0))
        if (end if end >= 0 else len(self._data)) > self._limit:
            self._data.clear()
            raise HeadError(431, f"head longer than {self._limit} bytes")
        if end < 0:
            return None
        whole = bytes(self._data)
        self._data.clear()
        return whole, end + 4


def parse_request(head: bytes) -> RequestHead:
    """Reads a request's head, from the request line to the empty line.

    Raises:
        HeadError: 400 or 505, and nothing of it may be passed on.
    """
    line = _REQUEST_LINE.match(head)
    if line is None:
        raise HeadError(400, "request line is malformed")
    method, target, number = line.groups()
    if number not in _VERSIONS:
        raise HeadError(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
    block = head[line.end() :]
    read = _request_fields if len(block) <= _REMEMBERED_BYTES else _request_fields.__wrapped__
    rest = read(block, number == b"1.1")
    if not target.startswith(b"/") or b"%" in target:
        target = _origin_form(target, rest[2], method)
    return RequestHead(method, target, *rest)


@lru_cache(maxsize=_REMEMBERED)
def _request_fields(block: bytes, minor: bool) -> _Read:  # noqa: FBT001 - HTTP/1.1
    """Reads the fields of a request; a client repeats them from request to request."""
    fields, found = _read_fields(block, _OF_REQUESTS)
    if minor and not found.get(b"host"):
        raise HeadError(400, "Host is missing")
    length = _request_length(found, minor=minor)
    options = _options(found.get(b"connection", b""))
    nominated = options - _NEVER_NOMINATED if options else options
    if nominated:
        fields = [field for field in fields if field.split(b":", 1)[0].lower() not in nominated]
    upgrade = found.get(b"upgrade", b"") if b"upgrade" in options and minor else b""
    if upgrade.lower().startswith(b"h2"):
        upgrade = b""
    if upgrade and length != 0:
        raise HeadError(400, "a request with a body cannot change the protocol")
    keep_alive = _keeps_alive(options, minor=minor)
    user_agent = found.get(b"user-agent", b"").decode("latin-1")
    return int(minor), _joined(fields), found, length, keep_alive, upgrade, user_agent


def parse_response(head: bytes) -> ResponseHead:
    """Reads a response's head, from the status line to the empty line.

    Raises:
        HeadError: it is malformed; its status has no meaning here.
    """
    if len(head) <= _REMEMBERED_BYTES:
        return _response_head(head)
    return _response_head.__wrapped__(head)


@lru_cache(maxsize=_REMEMBERED)
def _response_head(head: bytes) -> ResponseHead:
    """Reads a head; an instance that is busy repeats it within a second."""
    line = _STATUS_LINE.match(head)
    if line is None:
        raise HeadError(502, "status line is malformed")
    fields, found = _read_fields(head[line.end() :], _OF_RESPONSES)
    status = int(line[2])
    chunked = b"transfer-encoding" in found
    length = _length(found)
    if chunked and (length is not None or not _is_chunked(found)):
        raise HeadError(502, "body is framed in two ways")
    options = _options(found.get(b"connection", b""))
    if status == 101 and b"upgrade" in found:
        fields += [b"Upgrade: " + found[b"upgrade"], b"Connection: Upgrade"]
    if status < 200 or status == 204:
        fields = [field for field in fields if not _frames(field)]
    return ResponseHead(
        status=status,
        reason=line[3] or b"",
        fields=_joined(fields),
        found=found,
        chunked=chunked,
        length=length,
        keep_alive=_keeps_alive(options, minor=line[1] == b"1"),
    )


def _read_fields(
    block: bytes, rules: Mapping[bytes, tuple[bool, bool]]
) -> tuple[list[bytes], dict[bytes, bytes]]:
    if _FIELDS.fullmatch(block) is None:
        raise HeadError(400, "header is malformed")
    kept: list[bytes] = []
    found: dict[bytes, bytes] = {}
    for line in block[:-4].split(b"\r\n"):
        name, _, value = line.partition(b":")
        key = name.lower()
        rule = rules.get(key)
        if rule is not None:
            if key not in found:
                found[key] = value.strip(b" \t")
            elif rule[1]:
                raise HeadError(400, f"{key.decode()} is given twice")
            else:
                found[key] += b", " + value.strip(b" \t")
            if not rule[0]:
                continue
        kept.append(line)
    return kept, found


def _joined(lines: list[bytes]) -> bytes:
    """Lines, each with its end; without fields there is one line, and it is empty."""
    return b"\r\n".join(lines) + b"\r\n" if lines and lines[0] else b""


def _request_length(found: Mapping[bytes, bytes], *, minor: bool) -> int | None:
    length = _length(found)
    if b"transfer-encoding" not in found:
        return length or 0
    if length is not None:
        raise HeadError(400, "both Content-Length and Transfer-Encoding")
    if not minor or not _is_chunked(found):
        raise HeadError(400, "only the transfer coding chunked, and only in HTTP/1.1")
    return None


def _length(found: Mapping[bytes, bytes]) -> int | None:
    said = found.get(b"content-length")
    if said is None:
        return None
    if not said.isdigit() or len(said) > _MAX_LENGTH_DIGITS:
        raise HeadError(400, "Content-Length is not a number")
    return int(said)


def _is_chunked(found: Mapping[bytes, bytes]) -> bool:
    return found[b"transfer-encoding"].lower() == b"chunked"


@lru_cache(maxsize=32)
def _options(said: bytes) -> frozenset[bytes]:
    """The lower-case options of a Connection header; the same few come again and again."""
    return frozenset(option.strip(b" \t") for option in said.lower().split(b",") if option)


def _keeps_alive(options: frozenset[bytes], *, minor: bool) -> bool:
    return b"close" not in options if minor else b"keep-alive" in options


def _frames(field: bytes) -> bool:
    return field.lower().startswith((b"content-length:", b"transfer-encoding:"))


def _origin_form(target: bytes, found: Mapping[bytes, bytes], method: bytes) -> bytes:
    if not target.startswith(b"/"):
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is not None:
            if absolute[1].lower() != found.get(b"host", absolute[1]).lower():
                raise HeadError(400, "target and Host name different hosts")
            path = absolute[2]
            target = path if path.startswith(b"/") else b"/" + path
        elif target != b"*" or method != b"OPTIONS":
            raise HeadError(400, "target is malformed")
    if b"%" in target:
        target = _unescape(target)
    return target


def _unescape(target: bytes) -> bytes:
    """Letters and digits lose their escapes in the path: %41 arrives as A (known-issues page)."""
    path, mark, query = target.partition(b"?")
    return _ESCAPED.sub(lambda escape: bytes([int(escape[1], 16)]), path) + mark + query
