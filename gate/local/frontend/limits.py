"""What may not pass between a client and an instance (https://cloud.google.com/run/quotas).

32 MiB for requests and for responses of HTTP/1; no limit where the container speaks HTTP/2, nor for
responses in chunks.
"""

from dataclasses import dataclass
from typing import Final

from gate.local.frontend.answers import page, reset_text
from gate.local.frontend.heads import RequestHead, ResponseHead
from gate.local.frontend.settings import FrontEndSettings
from gate.local.ports import Share


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the front end answers in an instance's place.

    Attributes:
        status: of the answer.
        body: what the client gets.
        text: what the request log says of it, if anything.
        is_page: the body is HTML.
    """

    status: int
    body: bytes
    text: str | None
    is_page: bool = False


_RESPONSE_TEXT: Final = "Response size was too large. Please consider reducing response size."
_TUNNEL_TEXT: Final = reset_text("protocol error")
REQUEST_TOO_LARGE: Final = Refusal(
    413,
    b"<html><head>\n"
    b'<meta http-equiv="content-type" content="text/html;charset=utf-8">\n'
    b"<title>413 Request Entity Too Large</title>\n</head>\n<body>\n"
    b"<h1>Error: Request Entity Too Large</h1>\n"
    b"<h2>Your client issued a request that was too large.\n</h2>\n</body></html>\n",
    None,
    is_page=True,
)
RESPONSE_TOO_LARGE: Final = Refusal(500, page(500, ""), _RESPONSE_TEXT, is_page=True)
TUNNEL_OVER_HTTP2: Final = Refusal(503, _TUNNEL_TEXT.encode(), _TUNNEL_TEXT)


def refuses_request(head: RequestHead, share: Share, settings: FrontEndSettings) -> Refusal | None:
    """Why this request goes to no instance of this revision; None when it may."""
    if share.h2c:
        return TUNNEL_OVER_HTTP2 if head.upgrade else None
    if head.length and head.length > settings.request_bytes:
        return REQUEST_TOO_LARGE
    return None


def refuses_response(
    head: ResponseHead, request: RequestHead, share: Share, settings: FrontEndSettings
) -> Refusal | None:
    """Why this response does not go to the client; None when it may."""
    length = head.length or 0
    if length <= settings.response_bytes or share.h2c or request.method == b"HEAD":
        return None
    return RESPONSE_TOO_LARGE
