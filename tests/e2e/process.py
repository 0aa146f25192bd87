"""`gate` as a process of its own, without a start of its own: forked from one that has imported it.

Its arguments, environment, streams, signals and exit code are those of any process; what is shared
is only what Python has loaded. How `gate` starts is held by test_output.py, and what each command
loads by tests/unit/test_purity.py.
"""

import fcntl
import multiprocessing
import os
import signal
import subprocess
import sys
import termios
from multiprocessing.reduction import DupFd
from pathlib import Path

ROOT = Path(__file__).parents[2]
_NOT_LOADED = (
    *("gate.local", "gate.cli.__main__", "gate.probes.suite.pytest_plugin"),
    "gate.cloud.sources",  # of google-auth it loads what reads the environment as it is loaded
)
_LIBRARIES = ("aiohttp", "grpc.aio", "jsonschema", "rich.live", "uvloop", "websockets")


def _loaded():
    files = sorted((ROOT / "gate").rglob("*.py"))
    names = (".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files)
    return [*_LIBRARIES, *(name for name in names if not name.startswith(_NOT_LOADED))]


_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__, *_loaded()])


class Process:
    """As much of `subprocess.Popen` as is needed, in text.

    Args:
        streams: of its standard input, output and error; else nothing, `stdout` and `stderr`.
        terminal: whether its standard input is its controlling terminal, as in a shell.
    """

    def __init__(self, arguments, env, cwd=ROOT, *, streams=(), terminal=False):
        ours = ()
        if not streams:
            ours, theirs = zip(os.pipe(), os.pipe(), strict=True)
            streams = given = (os.open(os.devnull, os.O_RDONLY), *theirs)
        what = (list(map(str, arguments)), dict(env), str(cwd), _Streams(streams), terminal)
        self._process = _FORKS.Process(target=_become, args=what)
        self._process.start()
        self.pid = self._process.pid
        if ours:
            for stream in given:
                os.close(stream)
            self.stdout, self.stderr = (os.fdopen(stream) for stream in ours)

    def poll(self):
        return self._process.exitcode

    def wait(self, timeout):
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("gate", timeout)
        return self._process.exitcode

    def send_signal(self, number):
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    def kill(self):
        self._process.kill()


class _Streams:
    """File descriptors, which are handed over as the process is forked."""

    def __init__(self, numbers):
        self.numbers = numbers

    def __reduce__(self):
        return _detached, tuple(DupFd(number) for number in self.numbers)


def _detached(*handed):
    return [one.detach() for one in handed]


def _become(arguments, env, cwd, streams, terminal):
    """What `python -m gate.cli` does, once Python has started."""
    for place, stream in enumerate(streams):
        os.dup2(stream, place)
        os.close(stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    if terminal:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["gate", *arguments]
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - as Python opens them, until its end
    sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))  # noqa: SIM115
    from gate.cli.main import main  # noqa: PLC0415

    main()
