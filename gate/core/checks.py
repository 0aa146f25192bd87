"""What every value of a policy is checked for; an impossible one raises ValueProblem."""

import re

from gate.errors import ValueProblem

_KEPT = frozenset({"/healthz", "/eventlog"})
_KEPT_BELOW = "/_ah/"
_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")


def more_than_0(name: str, value: float) -> None:
    """Refuses a duration that is not more than 0 s."""
    if not value > 0:
        raise ValueProblem(name, f"must be more than 0 (got {value:g} s)")


def within(name: str, value: float, low: float, high: float) -> None:
    """Refuses a number outside its range."""
    if not low <= value <= high:
        raise ValueProblem(name, f"is out of range (got {value:g}, expected {low:g} to {high:g})")


def path_on_candidate(path: str) -> None:
    """Refuses a path that leaves the candidate, or that never reaches a container."""
    if not path.startswith("/") or path.startswith("//"):
        raise ValueProblem(
            "path",
            f"must be a path on the candidate (got {path!r}, expected it to start with one /)",
            hint="the address is the candidate's own; a policy cannot name another host",
        )
    if any(character <= " " or character in "#\x7f" for character in path):
        raise ValueProblem(
            "path",
            f"holds what no request line can carry (got {path!r})",
            hint="write spaces and # as %20 and %23",
        )
    if kept := kept_by_front_end(path):
        raise ValueProblem(
            "path",
            f"{kept} never reaches a container: Cloud Run's front end keeps it for itself",
            hint="use another path, e.g. /health",
        )


def kept_by_front_end(path: str) -> str:
    """The path that Cloud Run's front end answers itself, "" if this one reaches the container.

    The list is that of https://cloud.google.com/run/docs/known-issues (reserved URL paths).
    """
    plain = _plain(path)
    return plain if plain in _KEPT or plain.startswith(_KEPT_BELOW) else ""


def may_be_kept(path: str) -> bool:
    """Whether a path ends in z: some of those are kept, too, and which is not said anywhere."""
    return _plain(path).endswith("z")


def _plain(path: str) -> str:
    """A path without its query and its percent-encoding."""
    return _ENCODED.sub(lambda match: chr(int(match[1], 16)), path.split("?", maxsplit=1)[0])


_SENT_BY_CLIENT = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "traceparent",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that a probe's client writes itself; another Host would ask another service."""


def sent_by_client(name: str) -> str | None:
    """What to do instead of giving this header, "" for nothing; None where it may be given."""
    lower = name.lower()
    if lower == "sec-websocket-protocol":
        return "use subprotocols"
    return "" if lower in _SENT_BY_CLIENT or lower.startswith("sec-websocket-") else None


def own_headers(headers: tuple[tuple[str, str], ...]) -> None:
    """Refuses headers that a probe's client writes itself."""
    for name, _ in headers:
        if (hint := sent_by_client(name)) is not None:
            raise ValueProblem("headers", f"{name} is for the client itself to send", hint)
