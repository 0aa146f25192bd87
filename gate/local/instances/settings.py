"""Times and sizes of instances, with Cloud Run's values where it documents them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InstanceSettings:
    """How instances are started, queued for and stopped.

    Attributes:
        idle_s: an instance without a request for so long is stopped (Cloud Run keeps them for up
            to 15 minutes; a laptop wants them gone sooner, and cold starts to be seen).
        queue_s: how long a request waits for a place; Cloud Run's pending queue allows 10 s, or
            3.5 times the mean startup time where that is longer.
        grace_s: from SIGTERM to SIGKILL (Cloud Run's container contract: 10 s).
        probe_interval_s: pause between two attempts of the TCP startup probe.
        restart_backoff_s: pause before replacing an instance that died, doubled each time in a
            row up to 30 s.
        line_bytes: longer log lines are cut (a log entry holds about 256 KiB).
    """

    idle_s: float = 60.0
    queue_s: float = 10.0
    grace_s: float = 10.0
    probe_interval_s: float = 0.02
    restart_backoff_s: float = 0.5
    line_bytes: int = 200 * 1024
