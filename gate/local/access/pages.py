"""The pages and header lines with which Cloud Run turns callers away.

Sources: google/adk-python#3814 (the 401 page, whole), googlecodelabs/feedback#1587 (the words of
403), googleapis/google-auth-library-nodejs#1208 (the words of WWW-Authenticate),
firebase/firebase-functions-python#193 and run/docs/troubleshooting (the log's words).
"""

import html
from typing import Final

from gate.local.ports import Denial

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
_DOCS: Final = "https://cloud.google.com/run/docs"
_SEE: Final = (
    f" Read more at {_DOCS}/securing/authenticating Additional troubleshooting documentation can "
    f"be found at: {_DOCS}/troubleshooting#unauthorized-client"
)
_NOBODY: Final = (
    "The request was not authenticated. Either allow unauthenticated invocations or set the "
    f"proper Authorization header.{_SEE}"
)
_NOT_ALLOWED: Final = f"The request was not authorized to invoke this service.{_SEE}"


def not_found() -> Denial:
    """To callers from outside a service with internal ingress is not there."""
    text = "The requested URL was not found on this server."
    return _denied(404, "404 Page not found", "Page not found", text)


def bad_token(target: bytes) -> Denial:
    """A token that cannot be verified, or that is made out to somebody else."""
    text = (
        f"Your client does not have permission to the requested URL <code>{_path(target)}</code>."
    )
    return _denied(401, "401 Unauthorized", "Unauthorized", text, _NOBODY, _BAD_TOKEN)


def forbidden(target: bytes, *, known: bool = False) -> Denial:
    """No token, or one of somebody who may not call the service.

    Args:
        target: what is asked for, in origin form.
        known: who asks is known.
    """
    text = (
        f"Your client does not have permission to get URL <code>{_path(target)}</code> "
        "from this server."
    )
    why = _NOT_ALLOWED if known else _NOBODY
    return _denied(403, "403 Forbidden", "Forbidden", text, why)


def _denied(
    status: int, title: str, error: str, text: str, why: str = "", fields: bytes = b""
) -> Denial:
    page = _PAGE.format(title=title, error=error, text=text).encode()
    return Denial(status, page, fields, why)


def _path(target: bytes) -> str:
    return html.escape(target.decode("latin-1")[:200])
