"""Recognises an application that lets nobody in at a host name that it does not know.

Frameworks that compare the Host header with a list (Django's ALLOWED_HOSTS, Rails' config.hosts,
Starlette's TrustedHostMiddleware ...) refuse every request at the candidate's tag, whose host name
users never use. That says nothing of what users get.
"""

import re

from gate.core.evidence import Symptom
from gate.probes.outcome import Fault

LOOKED_AT = 16_384
"""Only this many characters of a body are looked at; pages for debugging are long."""
STATUSES = frozenset({400, 403, 404, 421})
"""With which frameworks refuse a host."""

_TEXTS = re.compile(
    r"invalid http_host header|disallowedhost|invalid host ?name|invalid host\b(?! key)"
    r"|request hostname is invalid|blocked hosts?:|\bblocked request\. this host"
    r"|untrusted (?:host|domain)|\bhost (?:name )?(?:is )?not (?:allowed|trusted|permitted)"
    r"|\bhost \(?[\"'][^\"']+[\"']\)? is not (?:trusted|allowed|permitted)|disallowed host"
    r"|unknown host header|not (?:in|listed in) (?:the )?allowed[ _]hosts|misdirected request",
    re.IGNORECASE,
)
_MEANING = "the application lets nobody in at the tag's host name"
_UNKNOWN = "the application does not know the tag's host name"
_HINT = (
    "users are at the service's own host name, so that nobody has asked yet what they ask: allow "
    "the tag's host names in the application, too (on Cloud Run e.g. .run.app; ALLOWED_HOSTS, "
    "config.hosts, allowed_hosts ...), and run the gate again"
)

TELLING = (
    "whose it is, a tag at stable's revision tells (gcloud run services update-traffic SERVICE "
    "--update-tags stable=REVISION): where stable answers so there, too, it is the application's "
    "list of host names, else the candidate's own fault; with such a tag the gate looks by itself, "
    "and gate doctor shows what each tag answers"
)
"""What tells a host name that is not known from a candidate that answers so everywhere."""


def refuses_host(status: int, body: str) -> bool:
    """Whether an answer says in the words of a framework that the host is not allowed.

    Args:
        status: the HTTP status.
        body: the beginning of the body.
    """
    return status in STATUSES and bool(_TEXTS.search(body[:LOOKED_AT]))


def host_fault(status: str, expected: str) -> Fault:
    """The fault of an answer at a host name that the application does not know.

    Args:
        status: the status with its usual name.
        expected: what was expected, in words.
    """
    return Fault(Symptom.HOST, f"{status}: {_MEANING}", expected, _HINT)


def unknown_host_fault(status: str, expected: str) -> Fault:
    """As host_fault, of one that goes by host names and has no routes at this one."""
    return Fault(Symptom.HOST, f"{status}: {_UNKNOWN}", expected, f"{_HINT}; {TELLING}")
