"""Cloud Monitoring v3 of the local Cloud Run: two metrics, made of the request log when asked for.

A server mounts `monitoring_handlers(store, lag_s)` and `monitoring_routes(store, lag_s)` beside its
other services.
"""

from gate.local.monitoring.rest import monitoring_routes
from gate.local.monitoring.service import monitoring_handlers

__all__ = ["monitoring_handlers", "monitoring_routes"]
