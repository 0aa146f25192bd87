"""What the front end answers itself, and the texts that Cloud Run gives."""

import html
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Final

SERVER: Final = b"Server: Google Frontend\r\n"
UPSTREAM_TIMEOUT: Final = "upstream request timeout"
MALFORMED: Final = (
    "The request failed because either the HTTP response was malformed "
    "or connection to the instance had an error."
)
NO_INSTANCE: Final = "The request was aborted because there was no available instance."


def reset_text(reason: str) -> str:
    """What a client is told when an instance that should speak HTTP/2 does not.

    Args:
        reason: e.g. "protocol error".
    """
    return f"upstream connect error or disconnect/reset before headers. reset reason: {reason}"


def page(status: int, path: str) -> bytes:
    """An HTML page as Google's front end has for what never reaches a container."""
    name = phrase(status)
    where = f"<p>{html.escape(path[:200])}" if path else ""
    return (
        f"<!DOCTYPE html>\n<html lang=en>\n<meta charset=utf-8>\n"
        f"<title>Error {status} ({name})!!1</title>\n<p><b>{status}.</b> {name}.\n{where}\n"
    ).encode()


def answer(
    status: int, body: bytes, fields: bytes, *, is_page: bool = False, head_only: bool = False
) -> bytes:
    """A whole response of the front end's own.

    Args:
        status: its status.
        body: sent as text, or as HTML.
        fields: more header lines, each with its line end.
        is_page: the body is HTML.
        head_only: the request was HEAD.
    """
    kind = b"text/html" if is_page else b"text/plain"
    return b"HTTP/1.1 %d %b\r\nContent-Type: %b; charset=UTF-8\r\nContent-Length: %d\r\n%b%b" % (
        status,
        phrase(status).encode(),
        kind,
        len(body),
        SERVER + date_field() + fields,
        b"\r\n" if head_only else b"\r\n" + body,
    )


def date_field() -> bytes:
    """The Date header line of now."""
    return b"Date: %b\r\n" % format_datetime(datetime.now(UTC), usegmt=True).encode()


def phrase(status: int) -> str:
    """What a status is called."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
