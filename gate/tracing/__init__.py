"""Tells OpenTelemetry what a rollout did: spans of the rollout, its phases and its probes.

    spans ........ listens to a rollout and makes spans of what happens
    exporting .... sends them in the background, and what is left at the end within a bounded time

Needs the extra `tracing`; nothing here is imported unless the environment names an endpoint.
"""
