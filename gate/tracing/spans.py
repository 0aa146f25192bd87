"""A span for the rollout, one for each phase beneath it, one for each probe beneath those.

A probe's requests carry a trace of its own, by which logs are told apart; the root of that trace is
sent, too, and each of the two spans links to the other.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace import set_span_in_context as within

from gate.core.evidence import Evidence, Outcome, span_of
from gate.core.messages import Command, Event
from gate.core.state import Phase, Rollout
from gate.errors import ExitCode
from gate.ports import Progress

_TRACE = re.compile("[0-9a-f]{32}")
Attributes = Mapping[str, str | int]


class GivenIds(RandomIdGenerator):
    """Ids at random, but for the root of a trace that a probe has already told of."""

    def __init__(self) -> None:
        self._given: list[int] = []

    def next_root(self, trace: str) -> None:
        """The next span is the root of this trace."""
        self._given = [int(span_of(trace), 16), int(trace, 16)]

    def generate_trace_id(self) -> int:
        """As the SDK asks for it: for a root first, before the span's own id."""
        return self._given.pop() if self._given else super().generate_trace_id()

    def generate_span_id(self) -> int:
        """As above."""
        return self._given.pop() if self._given else super().generate_span_id()


class SpanNarrator:
    """Implements gate.ports.Narrator with spans; never raises, never waits.

    Args:
        provider: where spans go; its ids are made by `ids`.
        ids: of its spans.
        parent: what the rollout's own span is a child of.
    """

    def __init__(self, provider: TracerProvider, ids: GivenIds, parent: Context) -> None:
        self._tracer = provider.get_tracer("gate")
        self._ids = ids
        self._parent = parent
        self._rollout: Span | None = None
        self._phase: Span | None = None
        self._name: Phase | None = None
        self._silent = False

    def doing(self, rollout: Rollout, command: Command) -> None:  # noqa: ARG002 - the port's
        """The rollout's span begins with its first command."""
        self._safely(lambda: self._begin(rollout))

    def happened(self, rollout: Rollout, event: Event) -> None:
        """A phase ends with the event that leads to another; the rollout with its last."""
        self._safely(lambda: self._move(rollout, event.at))

    def progress(self, progress: Progress) -> None:
        """A probe's span is made once it has ended."""
        evidence = progress.evidence
        if evidence is not None:
            self._safely(lambda: self._probed(evidence))

    def _safely(self, tell: Callable[[], None]) -> None:
        if self._silent:
            return
        try:
            tell()
        except Exception:  # noqa: BLE001 - whatever breaks here must not stop a move of traffic
            self._silent = True

    def _begin(self, rollout: Rollout) -> None:
        if self._rollout is not None:
            return
        plan = rollout.plan
        self._rollout = self._tracer.start_span(
            f"gate {plan.kind.value}",
            self._parent,
            start_time=_ns(rollout.started_at),
            attributes=_told(
                {
                    "gate.rollout": rollout.id,
                    "gate.service": plan.service.name,
                    "gcp.project_id": plan.service.project,
                    "cloud.region": plan.service.region,
                    "gate.policy": plan.policy_source,
                    "gate.policy_digest": plan.policy_digest,
                }
            ),
        )
        self._enter(rollout.phase, rollout.started_at)

    def _enter(self, phase: Phase, at: datetime) -> None:
        assert self._rollout is not None
        context = within(self._rollout, Context())
        self._phase = self._tracer.start_span(phase.value, context, start_time=_ns(at))
        self._name = phase

    def _move(self, rollout: Rollout, at: datetime) -> None:
        self._begin(rollout)
        assert self._rollout is not None
        assert self._phase is not None
        if rollout.phase is self._name:
            return
        self._phase.end(_ns(at))
        if not rollout.ended:
            self._enter(rollout.phase, at)
            return
        ending = rollout.ending.value if rollout.ending else "unknown"
        self._rollout.set_attribute("gate.ending", ending)
        self._rollout.set_attribute("gate.exit_code", int(rollout.exit_code))
        self._rollout.set_attribute("gate.candidate", rollout.candidate)
        if rollout.exit_code is not ExitCode.DONE:
            self._rollout.set_status(Status(StatusCode.ERROR, ending))
        self._rollout.end(_ns(at))

    def _probed(self, evidence: Evidence) -> None:
        """A span beneath the phase, and the root of the trace that its requests carried."""
        if self._phase is None:
            return
        began = _ns(evidence.started_at)
        ended = _ns(evidence.started_at + timedelta(seconds=evidence.duration_s))
        name, told = f"probe {evidence.probe}", _attributes(evidence)
        traced = bool(_TRACE.fullmatch(evidence.trace))
        links = [Link(_root_of(evidence.trace))] if traced else []
        context = within(self._phase, Context())
        own = self._tracer.start_span(name, context, attributes=told, links=links, start_time=began)
        spans = [own]
        if traced:
            self._ids.next_root(evidence.trace)
            link = Link(own.get_span_context())
            spans.append(
                self._tracer.start_span(
                    name, Context(), SpanKind.CLIENT, told, [link], start_time=began
                )
            )
        for span in spans:
            if evidence.outcome is not Outcome.PASSED:
                span.set_status(Status(StatusCode.ERROR, evidence.seen))
            span.end(ended)


def _root_of(trace: str) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED)
    return SpanContext(int(trace, 16), int(span_of(trace), 16), is_remote=False, trace_flags=flags)


def _attributes(evidence: Evidence) -> Attributes:
    told: dict[str, str | int] = {
        "gate.probe.name": evidence.probe,
        "gate.probe.kind": evidence.kind,
        "gate.probe.outcome": evidence.outcome.value,
        "gate.probe.address": evidence.address,
        "gate.probe.asked": evidence.asked,
        "gate.probe.expected": evidence.expected,
        "gate.probe.seen": evidence.seen,
        "gate.probe.asked_times": evidence.asked_times,
        "gate.probe.right_times": evidence.right_times,
    }
    return _told(told)


def _told(attributes: Attributes) -> Attributes:
    return {key: value for key, value in attributes.items() if value != ""}


def _ns(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1_000
