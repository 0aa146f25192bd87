"""Records of running processes on disk, so that what a killed local Cloud Run left can be ended.

A process is the one recorded only if its start time is the one recorded: numbers are used again.
Its children share its session and its environment, and outlive it when it dies first.
"""

import errno
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

_PROC = Path("/proc")
_BOOT_ID = _PROC / "sys/kernel/random/boot_id"
_MAX_RECORD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """One instance's process, and the local Cloud Run that started it.

    Attributes:
        pid: also the number of its session and of its process group.
        started: what `started` said of it just after it began.
        marker: a line of its environment that no other process has, as NAME=value.
        owner_pid: the local Cloud Run.
        owner_started: what `started` said of the local Cloud Run.
    """

    pid: int
    started: str
    marker: str
    owner_pid: int
    owner_started: str


class Records:
    """A directory with one small file a running instance.

    Args:
        directory: made when absent.

    Raises:
        OSError: the directory cannot be made.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._owner = (os.getpid(), started(os.getpid()) or "")

    def add(self, pid: int, marker: str) -> None:
        """Records a process that has just been started (nothing when it is gone already)."""
        since = started(pid)
        if since is None:
            return
        path = self._path(pid)
        draft = path.with_suffix(".tmp")
        draft.write_text(json.dumps(asdict(ProcessRecord(pid, since, marker, *self._owner))))
        draft.replace(path)

    def remove(self, pid: int) -> None:
        """Forgets a process that has ended."""
        self._path(pid).unlink(missing_ok=True)

    def orphans(self) -> Iterator[ProcessRecord]:
        """Records whose local Cloud Run is gone; unreadable ones are removed."""
        for path in sorted(self._directory.glob("*.json")):
            record = _read(path)
            if record is None:
                path.unlink(missing_ok=True)
            elif started(record.owner_pid) != record.owner_started:
                yield record

    def _path(self, pid: int) -> Path:
        return self._directory / f"{pid}.json"


def started(pid: int) -> str | None:
    """When a process began, as text that no later process with its number will share.

    On Linux the boot's id and the clock ticks since then (/proc/PID/stat, field 22); elsewhere
    what `ps` says, to the second. None when there is no such process, or it is a zombie.
    """
    if not _BOOT_ID.exists():
        return _started_by_ps(pid)
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    state, *fields = stat[stat.rindex(")") + 1 :].split()
    return None if state == "Z" else f"{_BOOT_ID.read_text().strip()}:{fields[18]}"


def end_orphan(record: ProcessRecord) -> int:
    """Kills an orphan and its children, if they are still the ones recorded. Returns how many."""
    ended = _kill_if(record.pid, lambda: started(record.pid) == record.started)
    return ended + end_marked(record.marker)


def end_marked(marker: str) -> int:
    """Kills every process of ours whose environment has the marker. Returns how many.

    Finds what an instance left behind, in its process group or not. Without /proc: nothing.
    """
    needle = marker.encode()
    ended = 0
    for entry in _PROC.glob("[0-9]*"):
        is_it = partial(_has_line, entry, needle)
        if is_it():
            ended += _kill_if(int(entry.name), is_it)
    return ended


def _kill_if(pid: int, is_it: Callable[[], bool]) -> int:
    """SIGKILL, through a file descriptor that names the process that was checked and no other."""
    with suppress(ProcessLookupError, PermissionError):
        handle = _pidfd(pid)
        if handle is None:
            if is_it():
                os.kill(pid, signal.SIGKILL)
                return 1
            return 0
        try:
            if is_it():
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                return 1
        finally:
            os.close(handle)
    return 0


def _pidfd(pid: int) -> int | None:
    """A file descriptor for a process, or None where the system has none."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError as error:
        if error.errno == errno.ENOSYS:
            return None
        raise


def _has_line(entry: Path, needle: bytes) -> bool:
    try:
        return needle in (entry / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _started_by_ps(pid: int) -> str | None:
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def _read(path: Path) -> ProcessRecord | None:
    try:
        with path.open("rb") as file:
            fields = json.loads(file.read(_MAX_RECORD_BYTES))
        record = ProcessRecord(**fields)
    except (OSError, ValueError, TypeError):
        return None
    numbers = (record.pid, record.owner_pid)
    texts = (record.started, record.marker, record.owner_started)
    sound = all(type(n) is int and n > 1 for n in numbers) and all(type(t) is str for t in texts)
    return record if sound and record.started and "=" in record.marker else None
