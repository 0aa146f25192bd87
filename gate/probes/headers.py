"""The headers that a probe sends: who asks, the trace, the target's identity, the policy's own."""

import re
import secrets
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import metadata

from gate.core.evidence import span_of
from gate.core.template import Template
from gate.probes.outcome import CannotAskError

# RFC 9110: a token, and field content; anything else could end the header and begin another.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")


_OURS = secrets.token_hex(4)
"""How the trace ids of this process begin; the rest of each is random, as W3C asks for."""


class Trace:
    """A W3C trace of one probe, whose root is the parent of each of its requests.

    Cloud Run's request log carries the trace id, so that a probe's own requests can be found. The
    root's span is sent to OpenTelemetry where the environment names an endpoint (gate.tracing).
    """

    def __init__(self) -> None:
        self.id = _OURS + secrets.token_hex(12)

    def parent(self) -> str:
        """A traceparent header (W3C Trace Context, level 1), sampled."""
        return f"00-{self.id}-{span_of(self.id)}-01"


@lru_cache(maxsize=1)
def user_agent() -> str:
    """`gate/` and the installed release."""
    try:
        return f"gate/{metadata.version('cloud-run-gate')}"
    except metadata.PackageNotFoundError:
        return "gate/0"


def own(trace: str, user_agent: str) -> bool:
    """Whether a request is one of the gate's: of this process by its trace, else by its agent.

    Args:
        trace: trace id, "" without one.
        user_agent: the header, "" without one.
    """
    return trace.startswith(_OURS) or user_agent.startswith("gate/")


def render(
    trace: Trace,
    target: Iterable[tuple[str, str]],
    templates: Iterable[tuple[str, Template]],
    values: Mapping[str, str],
) -> tuple[tuple[str, str], ...]:
    """All headers of one request; the policy's replace the target's, those replace ours.

    Args:
        trace: the probe's trace.
        target: Target.headers.
        templates: the policy's headers.
        values: what its templates are rendered with.

    Raises:
        CannotAskError: a name or a value that no header can carry. Values are never shown.
    """
    headers = {"user-agent": ("User-Agent", user_agent())}
    for name, value in target:
        headers[name.lower()] = (name, value)
    for name, template in templates:
        headers[name.lower()] = (name, template.render(values))
    headers["traceparent"] = ("traceparent", trace.parent())
    for name, value in headers.values():
        _check(name, value)
    return tuple(headers.values())


def _check(name: str, value: str) -> None:
    if not _NAME.fullmatch(name):
        raise CannotAskError(f"{name!r} as the name of a header", "a name that HTTP allows")
    if not _VALUE.fullmatch(value):
        raise CannotAskError(
            f"a line break, a control or a non-ASCII character in the value of {name}",
            "a value that a header can carry",
            "a secret that was read from a file often ends in a line break",
        )
