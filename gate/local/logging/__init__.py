"""Cloud Logging v2 of the local Cloud Run: what the platform and its clients log.

    LogLine --append--> LogStore <--write-- WriteLogEntries
                           |  visible after the ingestion delay
                           +--> ListLogEntries, TailLogEntries (filter/), ListLogs
                           +--> Journal (an append file: entries survive a restart)

A server mounts `logging_handlers(store)` and `logging_routes(store)` beside its other services; the
front end, the instances and the admin side call `store.append`.
"""

from gate.local.logging.journal import Journal
from gate.local.logging.rest import logging_routes
from gate.local.logging.service import logging_handlers
from gate.local.logging.store import Bounds, LogStore

__all__ = ["Bounds", "Journal", "LogStore", "logging_handlers", "logging_routes"]
