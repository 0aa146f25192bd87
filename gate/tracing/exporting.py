"""Sends spans over OTLP/HTTP, as the OTEL_ variables of the environment say."""

import logging
import threading
from collections.abc import Mapping, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gate.tracing.spans import GivenIds, SpanNarrator

WITHIN_S = 3.0
"""How long the last spans are waited for at the end."""


class Exporting:
    """One rollout's spans on their way.

    Args:
        environment: variables; those of the SDK itself it reads by itself.
        within_s: how long the end is waited for.
    """

    def __init__(self, environment: Mapping[str, str], within_s: float = WITHIN_S) -> None:
        quiet = logging.getLogger("opentelemetry")  # what it says of failures is said here
        quiet.addHandler(logging.NullHandler())
        quiet.propagate = False
        self._within_s = within_s
        ids = GivenIds()
        self._provider = TracerProvider(
            resource=_resource(environment), shutdown_on_exit=False, id_generator=ids
        )
        self._exporter = _Watched()
        self._processor = BatchSpanProcessor(self._exporter)
        self._provider.add_span_processor(self._processor)
        carrier = {"traceparent": environment.get("TRACEPARENT", "")}
        parent = TraceContextTextMapPropagator().extract(carrier)
        self.narrator = SpanNarrator(self._provider, ids, parent)

    def finish(self) -> bool:
        """Sends what is left; whether all of it was taken in time. Nothing is sent any more."""
        taken: list[bool] = []
        flushing = threading.Thread(target=lambda: taken.append(self._flush()), daemon=True)
        flushing.start()
        flushing.join(self._within_s)
        closing = threading.Thread(target=self._exporter.shutdown, daemon=True)
        closing.start()  # a try that is under way ends by itself, or with the process
        return taken == [True] and not self._exporter.failed

    def _flush(self) -> bool:
        return bool(self._processor.force_flush(int(self._within_s * 1000)))


class _Watched(OTLPSpanExporter):
    """Remembers whether anything was not taken."""

    failed = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """As the SDK asks for it."""
        result = super().export(spans)
        self.failed |= result is not SpanExportResult.SUCCESS
        return result


def _resource(environment: Mapping[str, str]) -> Resource:
    named = "OTEL_SERVICE_NAME" in environment or f"{SERVICE_NAME}=" in environment.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    return Resource.create({} if named else {SERVICE_NAME: "gate"})
