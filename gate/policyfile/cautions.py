"""Advice about the kinds of questions.py: what can never fail, and what cannot be answered."""

from collections.abc import Iterator, Mapping

from gate.core.checks import may_be_kept
from gate.core.policy import Baseline, HttpProbe, Policy, WebSocketProbe
from gate.core.questions import (
    DiffProbe,
    LatencyProbe,
    RoutesProbe,
    SoakProbe,
    StartupProbe,
)

_REQUEST_TIMEOUT_S = 300.0
"""Cloud Run's own (cloud.google.com/run/docs/configuring/request-timeout)."""
_ASKS: Mapping[type, str] = {
    HttpProbe: "http",
    WebSocketProbe: "websocket",
    LatencyProbe: "http",
    StartupProbe: "startup",
    SoakProbe: "soak",
    RoutesProbe: "routes",
}
"""The key of what asks a path."""


def of_paths(policy: Policy) -> Iterator[tuple[str, str, str]]:
    """Paths that the front end may keep for itself: place, what is to be said of it, hint."""
    asked = [
        (f"probes.{probe.name}.{_ASKS[type(probe.spec)]}.path", str(path))
        for probe in policy.probes
        if (path := getattr(probe.spec, "path", None)) is not None
    ]
    if policy.candidate.identity:
        asked.append(("candidate.identity.json.path", policy.candidate.identity.path))
    for where, path in asked:
        if may_be_kept(path):
            yield (
                where,
                f"{path} ends in z: Cloud Run's front end keeps some such paths for itself",
                "a path that ends otherwise, e.g. /health, always reaches the container",
            )


def of_questions(policy: Policy) -> Iterator[tuple[str, str, str]]:
    """Path of the place, what is to be said of it, hint."""
    for probe in policy.probes:
        where = f"probes.{probe.name}"
        match probe.spec:
            case RoutesProbe() if policy.baseline is not Baseline.STABLE:
                yield (
                    f"{where}.routes",
                    "asks stable, which only happens with a baseline: it is always inconclusive",
                    "add baseline: stable",
                )
            case DiffProbe(missing=None, changed=None):
                yield f"{where}.expect", "anything may differ, so that the probe cannot fail", ""
            case SoakProbe() as spec if spec.for_s >= _REQUEST_TIMEOUT_S:
                yield (
                    f"{where}.soak.for",
                    "is as long as Cloud Run's request timeout, which ends every WebSocket",
                    "hold less than that, or raise the timeout of the service (60m at most)",
                )
