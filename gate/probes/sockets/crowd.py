"""What it takes of this process to hold thousands of connections at once."""

import contextlib
import gc
import resource
from collections.abc import Iterator

CROWD = 32
"""From so many connections on, the garbage collector's pauses show."""
_FILES_BESIDES = 64


@contextlib.contextmanager
def quiet(sessions: int) -> Iterator[None]:
    """Keeps the garbage collector from stopping a crowd in the middle of its handshakes.

    With thousands of connections its pauses end up in the latencies of all of them. Objects that
    are there already are set aside, too, so that they are not gone through afterwards.
    """
    if sessions < CROWD or not gc.isenabled():
        yield
        return
    freeze = not gc.get_freeze_count()  # else somebody has done so for good
    if freeze:
        gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        if freeze:
            gc.unfreeze()


@contextlib.contextmanager
def collecting() -> Iterator[None]:
    """Lets the garbage collector work for a while, since a hold may be long."""
    quiet = not gc.isenabled()
    gc.enable()
    try:
        yield
    finally:
        if quiet:
            gc.disable()


def make_room(connections: int) -> None:
    """Raises the soft limit of open files, where the hard one allows, to what is needed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + _FILES_BESIDES
    if soft != resource.RLIM_INFINITY and soft < needed:
        most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
