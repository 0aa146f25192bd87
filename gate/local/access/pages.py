"""The pages and header lines with which Cloud Run turns callers away.

Sources: google/adk-python#3814 (the 401 page, whole), googlecodelabs/feedback#1587 (the words of
403), googleapis/google-auth-library-nodejs#1208 (the words of WWW-Authenticate).
"""

import html
from typing import Final

from gate.local.ports import Refusal

_PAGE: Final = """\

<html><head>
<meta http-equiv="content-type" content="text/html;charset=utf-8">
<title>{title}</title>
</head>
<body text=#000000 bgcolor=#ffffff>
<h1>Error: {error}</h1>
<h2>{text}</h2>
<h2></h2>
</body></html>
"""
_BAD_TOKEN: Final = (
    b'WWW-Authenticate: Bearer error="invalid_token" '
    b'error_description="The access token could not be verified"\r\n'
)


def not_found() -> Refusal:
    """To callers from outside a service with internal ingress is not there."""
    text = "The requested URL was not found on this server."
    return _refusal(404, "404 Page not found", "Page not found", text)


def bad_token(target: bytes) -> Refusal:
    """A token that cannot be verified, or that is made out to somebody else."""
    text = (
        f"Your client does not have permission to the requested URL <code>{_path(target)}</code>."
    )
    return _refusal(401, "401 Unauthorized", "Unauthorized", text, _BAD_TOKEN)


def forbidden(target: bytes) -> Refusal:
    """No token, or one of somebody who may not call the service."""
    text = (
        f"Your client does not have permission to get URL <code>{_path(target)}</code> "
        "from this server."
    )
    return _refusal(403, "403 Forbidden", "Forbidden", text)


def _refusal(status: int, title: str, error: str, text: str, fields: bytes = b"") -> Refusal:
    return Refusal(status, _PAGE.format(title=title, error=error, text=text).encode(), fields)


def _path(target: bytes) -> str:
    return html.escape(target.decode("latin-1")[:200])
