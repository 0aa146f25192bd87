"""Where a rollout was asked for: in which build, from which commit."""

from typing import NamedTuple

RELEASE = "0.1.0"
"""The gate's own version, as its package declares it: reading that takes a rollback too long."""


class Origin(NamedTuple):
    """What surrounds the gate where it runs; "" for what nobody tells.

    Attributes:
        system: what runs the gate: `cloud build`, `github actions`, `gitlab ci`.
        build: the id of this run of it.
        trigger: what started that run.
        commit: the commit that it was started for.
        release: the gate's own version.
    """

    system: str = ""
    build: str = ""
    trigger: str = ""
    commit: str = ""
    release: str = ""
