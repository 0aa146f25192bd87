"""What happens before the container listens, and to the container as a whole."""

import importlib
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from benchmarks.bench.backend.do import Do
from examples.backend.releases import Release, Welcome


def leave(do: Do) -> None:
    """Says something and exits, at once or after some seconds."""

    def end() -> None:
        for line in do.get("say", []):
            print(line, file=sys.stderr, flush=True)
        os._exit(do.get("code", 1))

    if not do.get("after_s"):
        end()
    timer = threading.Timer(do["after_s"], end)
    timer.daemon = True
    timer.start()


def load(do: Do) -> None:
    """Imports a module that the image does not have."""
    importlib.import_module(do["module"])


def compile_source(do: Do) -> None:
    """Loads a source file that was damaged on its way into the image."""
    compile(do["source"], do["file"], "exec")


def wait(do: Do) -> None:
    """Takes its time before it listens."""
    time.sleep(do["seconds"])


def deaf(_: Do) -> None:
    """Never listens where it was told to: some other port is open instead."""
    with socket.create_server(("127.0.0.1", 0)):
        threading.Event().wait()


def demand(do: Do) -> None:
    """Refuses to start without variables of the environment."""
    missing = [name for name in do["names"] if not os.environ.get(name)]
    if missing:
        print(f"{do.get('error', 'StartupError')}: {', '.join(missing)} not set", file=sys.stderr)
        sys.stderr.flush()
        os._exit(do.get("code", 3))


BOOT: dict[str, Callable[[Do], None]] = {
    "exit": leave,
    "import": load,
    "compile": compile_source,
    "boot-delay": wait,
    "deaf": deaf,
    "demand": demand,
}


def release(base: Release, dos: list[Do]) -> Release:
    """The release with what the behaviours `release` change in it."""
    for do in dos:
        if do.name == "release":
            changes = {key: value for key, value in do.told.items() if key != "do"}
            if "welcome" in changes:
                changes["welcome"] = Welcome(changes["welcome"])
            base = replace(base, **changes)
    return base
