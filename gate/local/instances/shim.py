"""Becomes an instance's command, tied to the life of the local Cloud Run on Linux.

Run as a program, on a bare interpreter: `shim.py PARENT_PID COMMAND...`. Between fork
and exec nothing of the parent's threads is alive, so this cannot be done there.
"""

import os
import sys

_PR_SET_PDEATHSIG = 1
_SIGKILL = 9


def main(arguments: list[str]) -> int:
    """Asks to be killed when the parent dies, then runs the command in this process.

    Returns only when that fails: 125 when the parent is gone already, 127 when the command
    cannot be run.
    """
    parent_pid, command = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only here, and it is a third of the start-up time

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        return 125
    try:
        os.execvp(command[0], command)  # noqa: S606 - the user's own command from the images file
    except OSError as error:
        print(f"cannot run {command[0]!r}: {error.strerror}", file=sys.stderr)
    return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
