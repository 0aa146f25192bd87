"""Runs one instance: `python -m examples.backend`."""

import logging
import os
import sys
import traceback

import uvicorn

from examples.backend import log
from examples.backend.app import build
from examples.backend.startup import StartupError, settings


def main() -> int:
    """Serves until SIGTERM; 1 if the container cannot start."""
    log.configure(os.environ.get("GOOGLE_CLOUD_PROJECT", ""))
    logger = logging.getLogger("backend")
    try:
        chosen = settings(os.environ)
    except StartupError as error:
        logger.error("Application startup failed: %s", error)  # noqa: TRY400 - the trace follows
        traceback.print_exc()
        return 1
    logger.info("starting", extra=log.fields(revision=chosen.backend.revision))
    uvicorn.run(
        build(chosen.backend),
        host=os.environ.get("BACKEND_HOST", "127.0.0.1"),  # 0.0.0.0 in a real container
        port=chosen.port,
        ws="websockets-sansio",
        ws_max_size=256 * 1024,
        log_config=None,
        access_log=False,
        proxy_headers=False,  # as behind any front end that it was not told of: requests are http
        server_header=False,
        timeout_keep_alive=620,  # the front end closes idle connections, not the container
        timeout_graceful_shutdown=5,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
