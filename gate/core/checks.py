"""What every value of a policy is checked for; an impossible one raises ValueProblem."""

from gate.errors import ValueProblem


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
    if path.split("?", maxsplit=1)[0] == "/healthz":
        raise ValueProblem(
            "path",
            "/healthz never reaches a container: Cloud Run's front end answers it with its own 404",
            hint="use another path, e.g. /health or /readyz",
        )


_OWN_HEADERS = frozenset(
    {"connection", "content-length", "host", "traceparent", "transfer-encoding", "upgrade"}
)
"""Headers that a probe writes itself; another Host would ask another service."""


def own_headers(headers: tuple[tuple[str, str], ...]) -> None:
    """Refuses headers that a probe writes itself."""
    for name, _ in headers:
        if name.lower() in _OWN_HEADERS:
            raise ValueProblem("headers", f"must leave {name} to the probe, which writes it itself")
        if name.lower().startswith("sec-websocket-"):
            raise ValueProblem(
                "headers",
                f"must leave {name} to the probe, which negotiates itself",
                hint="offer subprotocols under `subprotocols`",
            )
