"""Runs one instance of a service: `python -m benchmarks.bench.services shop|notes|rooms`."""

import logging
import os
import sys
from importlib import import_module

import uvicorn

from benchmarks.bench.backend.do import App, behaviours
from benchmarks.bench.backend.http import HTTP
from benchmarks.bench.services.faults import Faults
from examples.backend import log
from examples.backend.startup import StartupError

SERVICES = ("shop", "notes", "rooms")


def application(name: str, told: str, seed: str, key: str) -> App:
    """The service with what is told to be wrong with it.

    Raises:
        StartupError: there is no such service, or no such fault.
    """
    if name not in SERVICES:
        raise StartupError(f"no such service (got {name!r}, expected {', '.join(SERVICES)})")
    service = import_module(f"benchmarks.bench.services.{name}")
    dos = behaviours(told, seed)
    own = [do for do in dos if do.name not in HTTP]
    app: App = service.build(Faults(own, service.FAULTS, key))
    for do in dos:
        if wrap := HTTP.get(do.name):
            app = wrap(app, do)
    return app


def main() -> int:
    """Serves until SIGTERM; 1 if the container cannot start."""
    log.configure(os.environ.get("GOOGLE_CLOUD_PROJECT", ""))
    env = os.environ
    try:
        app = application(
            sys.argv[1] if len(sys.argv) > 1 else "",
            env.get("BENCH_DO", ""),
            env.get("BENCH_SEED", ""),
            env["JWT_SECRET_KEY"],
        )
    except (StartupError, KeyError) as error:
        logging.getLogger("backend").error("Application startup failed: %s", error)  # noqa: TRY400 - one line is enough
        return 1
    uvicorn.run(
        app,
        host=env.get("BACKEND_HOST", "127.0.0.1"),
        port=int(env.get("PORT", "8080")),
        ws="websockets-sansio",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=620,
        timeout_graceful_shutdown=2,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
