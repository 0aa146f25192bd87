"""Runs one instance: `python -m benchmarks.bench.backend`, as `python -m examples.backend`."""

import asyncio
import logging
import os
import random
import sys
import traceback
from dataclasses import replace

import uvicorn

from benchmarks.bench.backend.boot import BOOT, release
from benchmarks.bench.backend.do import App, Do, Receive, Scope, Send, behaviours
from benchmarks.bench.backend.http import HTTP
from benchmarks.bench.backend.sockets import SOCKETS
from examples.backend import log
from examples.backend.app import build
from examples.backend.sessions import Sessions
from examples.backend.startup import Settings, StartupError, settings

NOISE_S = 0.004
"""Each request comes up to this much later, drawn from the seed: no two runs are alike."""


def application(chosen: Settings, dos: list[Do], seed: str) -> App:
    """The backend, wrapped in the behaviours; the first of them is the innermost."""
    changed = release(chosen.backend.release, dos)
    sessions = Sessions(changed.sessions_per_user, forgets=changed.forgets_to_close)
    app: App = build(replace(chosen.backend, release=changed, sessions=sessions))
    for do in dos:
        if wrap := {**HTTP, **SOCKETS}.get(do.name):
            app = wrap(app, do)
        elif do.name not in {*BOOT, "release"}:
            raise StartupError(f"BENCH_DO: no such behaviour (got {do.name!r})")
    chance = random.Random(seed)

    async def outermost(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            transport = send.__self__.transport
            scope["bench.abort"] = transport.abort
            scope["bench.freeze"] = transport.pause_reading
            await asyncio.sleep(chance.random() * NOISE_S)
        await app(scope, receive, send)

    return outermost


def main() -> int:
    """Serves until SIGTERM; 1 if the container cannot start."""
    log.configure(os.environ.get("GOOGLE_CLOUD_PROJECT", ""))
    logger = logging.getLogger("backend")
    seed = os.environ.get("BENCH_SEED", "")
    dos = behaviours(os.environ.get("BENCH_DO", ""), seed)
    try:
        for do in dos:
            if do.name in BOOT:
                BOOT[do.name](do)
        chosen = settings(os.environ)
        app = application(chosen, dos, seed)
    except (StartupError, ImportError, SyntaxError, KeyError) as error:
        logger.error("Application startup failed: %s", error)  # noqa: TRY400 - the trace follows
        traceback.print_exc()
        return 1
    uvicorn.run(
        app,
        host=os.environ.get("BACKEND_HOST", "127.0.0.1"),
        port=chosen.port,
        ws="websockets-sansio",
        ws_max_size=256 * 1024,
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
