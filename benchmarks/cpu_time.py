"""How much CPU a process and its children have used: what a busy machine does not change."""

import os
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    """User and system time of a process and of the children it has now, in seconds."""
    used = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:  # it has ended
            continue
        if pid in (int(path.parent.name), int(fields[1])):
            used += int(fields[11]) + int(fields[12])
    return used / TICKS_PER_S
