"""What a redirect means. Probes never follow one: a status other than the expected is the answer.

Browsers and `curl -L` hide what is told here, a server that calls another does not follow.
"""

import re
from typing import NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

from gate.core.evidence import Symptom
from gate.probes.outcome import Fault

_SIGN_IN_HOST = re.compile(r"(^|\.)(accounts\.google\.com|login\.|auth\.|sso\.)", re.IGNORECASE)
_SIGN_IN_PATH = re.compile(
    r"/(login|log-in|signin|sign-in|oauth2?|sso|authorize)(/|$)", re.IGNORECASE
)
LOCATION_MAX = 8192
"""A longer Location is not taken apart."""


class Redirect(NamedTuple):
    """What a Location means, in a clause, and what to do about it."""

    meaning: str
    hint: str = ""


def read(asked: str, location: str) -> Redirect:
    """Compares the address asked with the one in the answer.

    Args:
        asked: the whole URL of the request.
        location: the answer's Location header, "" without one.
    """
    if not location:
        return Redirect("without a Location")
    try:
        here, there = urlsplit(asked), urlsplit(urljoin(asked, location[:LOCATION_MAX]))
        found = _elsewhere(here, there) or _same_host(here, there)
    except ValueError:
        return Redirect("to an address that cannot be read")
    return found


def fault(asked: str, phrase: str, location: str, expected: str) -> Fault:
    """An answer that leads elsewhere.

    Args:
        asked: the whole URL of the request.
        phrase: the status with its usual name.
        location: as in `read`.
        expected: what was expected, in words.
    """
    meaning, hint = read(asked, location)
    to = f" ({location})" if location else ""
    return Fault(Symptom.REDIRECT, f"{phrase}: {meaning}{to}", expected, hint)


def _elsewhere(here: SplitResult, there: SplitResult) -> Redirect | None:
    if _signs_in(here, there):
        return Redirect(
            "to a sign-in page",
            "the probe came without credentials that the service accepts: send a header, or ask a "
            "path that needs none",
        )
    if there.hostname == here.hostname:
        if _port(there) == _port(here):
            return None
        return Redirect("to another port", "the app should build addresses from the Host header")
    if here.hostname and there.hostname and here.hostname.endswith(f"---{there.hostname}"):
        return Redirect(
            "to the service's main URL",
            "whoever follows it asks the revision that serves users, not the candidate: the app "
            "should build addresses from the Host header",
        )
    return Redirect(
        "to another host",
        "whoever follows it asks something else than the candidate",
    )


def _same_host(here: SplitResult, there: SplitResult) -> Redirect:
    parts, hints = [], []
    if here.scheme == "https" and there.scheme == "http":
        parts.append("the scheme is lost behind TLS")
        hints.append(
            "TLS ends at the front end, which says so in X-Forwarded-Proto: let the server trust "
            "it (uvicorn --proxy-headers --forwarded-allow-ips '*')"
        )
    elif here.scheme == "http" and there.scheme == "https":
        parts.append("https is asked for")
    if slash := _slash(here.path, there.path):
        parts.append(slash)
        hints.append("serve the path in both forms, or ask the form that the app serves")
    elif here.path != there.path:
        parts.append("to another path")
    if not parts:
        return Redirect(
            "to the same address again" if here.query == there.query else "to another query",
            "it would go round in circles" if here.query == there.query else "",
        )
    return Redirect(" and ".join(parts), "; ".join(hints))


def _slash(here: str, there: str) -> str:
    if there == f"{here}/":
        return "a slash is added"
    return "a slash is removed" if here == f"{there}/" else ""


def _signs_in(here: SplitResult, there: SplitResult) -> bool:
    if here.path == there.path:
        return False
    return bool(_SIGN_IN_HOST.search(there.hostname or "") or _SIGN_IN_PATH.search(there.path))


def _port(url: SplitResult) -> int | None:
    """The port, None for the scheme's default one: a lost scheme changes no port."""
    default = {"http": 80, "https": 443}.get(url.scheme)
    return None if url.port == default else url.port
