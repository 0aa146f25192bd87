"""Names of logs and of the resources that own them."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

_OWNERS = "(?:projects|organizations|folders|billingAccounts)"
_LOG = re.compile(rf"({_OWNERS}/[^/]+)/logs/([^/]+)")
_RESOURCE = re.compile(
    rf"({_OWNERS}/[^/]+)(?:/locations/[^/]+/buckets/[^/]+/views/[^/]+)?",
)
_LOG_ID = re.compile(r"[A-Za-z0-9/_.\-]{1,511}")
_MAX_NAME_CHARS = 2_048


@dataclass(frozen=True, slots=True)
class LogName:
    """A log: its owner (projects/P) and its id as people write it (run.googleapis.com/stdout)."""

    parent: str
    log_id: str

    def __str__(self) -> str:
        """Gives the resource name, in which the id is percent-encoded."""
        return f"{self.parent}/logs/{quote(self.log_id, safe='')}"


@lru_cache(maxsize=1024)
def parse_log_name(name: str) -> LogName:
    """Takes a log's resource name apart.

    The id is below 512 characters: letters, digits, slash, underscore, hyphen, period
    (google.logging.v2.LogEntry, log_name).

    Raises:
        ValueError: the name has another form; says what is wrong.
    """
    match = _LOG.fullmatch(name[:_MAX_NAME_CHARS])
    if match is None:
        raise ValueError(
            f"log name: not the name of a log (got {name[:200]!r}, "
            "expected projects/PROJECT/logs/LOG_ID with LOG_ID percent-encoded)"
        )
    log_id = unquote(match[2])
    if _LOG_ID.fullmatch(log_id) is None:
        raise ValueError(
            f"log name: not a log id (got {log_id[:200]!r}, expected fewer than 512 "
            "letters, digits, '/', '_', '-' and '.')"
        )
    return LogName(match[1], log_id)


def parse_parent(name: str) -> str:
    """Gives the owner in the name of a project (or organization, ...) or of one of its log views.

    Every view shows everything here: buckets that hold a part of the logs are not imitated.

    Raises:
        ValueError: the name has another form.
    """
    match = _RESOURCE.fullmatch(name[:_MAX_NAME_CHARS])
    if match is None:
        raise ValueError(
            f"resource name: not a resource that owns logs (got {name[:200]!r}, "
            "expected projects/PROJECT or projects/PROJECT/locations/L/buckets/B/views/V)"
        )
    return match[1]
