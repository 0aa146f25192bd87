"""Changes of an HTML page as bytes: whatever is not touched stays as it came. Pure."""

import re

from gate.mutation.edits import CHANGED_TO

BRACES = f"{{{{ {CHANGED_TO} }}}}"
_INPUT = re.compile(rb"<input\b[^>]{0,2000}>", re.IGNORECASE)
_VALUE = re.compile(rb"(\svalue\s*=\s*)(\"[^\"]*\"|'[^']*'|[^\s>\"']+)", re.IGNORECASE)
_HEADING = re.compile(rb"(<(?:h1|title|p|body)\b[^>]{0,2000}>)", re.IGNORECASE)
_BEGINS = re.compile(rb"\s*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)


def is_page(body: bytes, content_type: str) -> bool:
    """Whether an answer is HTML."""
    return "html" in content_type.lower() or _BEGINS.match(body) is not None


def without_fields(body: bytes) -> bytes:
    """The page without its form fields."""
    return _INPUT.sub(b"", body)


def with_other_values(body: bytes) -> bytes:
    """The page with other values in its form fields: a token that nobody gave out."""
    other = rb'\1"%s"' % CHANGED_TO.encode()
    return _INPUT.sub(lambda field: _VALUE.sub(other, field[0]), body)


def with_braces(body: bytes) -> bytes:
    """The page with a template in it that nobody rendered, in each place for a title or a text."""
    return _HEADING.sub(rb"\1" + BRACES.encode(), body)
