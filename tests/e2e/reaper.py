"""Runs a command and says what outlives it: `reaper.py COMMAND...`, on Linux.

Every orphan below this process becomes its child, so that none can hide. Its exit code is the
command's, or 99 where processes were left, which are then ended. SIGTERM is passed on.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

LEFT = 99
GRACE_S = 5.0
_PR_SET_CHILD_SUBREAPER = 36


def main(command):
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    process = subprocess.Popen(command)
    signal.signal(signal.SIGTERM, lambda number, _: process.send_signal(number))
    code = process.wait()
    ends = time.monotonic() + GRACE_S
    while (left := children()) and time.monotonic() < ends:
        time.sleep(0.05)
    for pid, name in left.items():
        print(f"left behind: {pid} {name}", file=sys.stderr)
        os.kill(pid, signal.SIGKILL)
    return LEFT if left else code


def children():
    """Living children and adopted orphans, by process id; dead ones are buried."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            name = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if int(parent) != os.getpid():
            continue
        if state == "Z":
            os.waitpid(int(folder.name), 0)
        else:
            found[int(folder.name)] = name
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
