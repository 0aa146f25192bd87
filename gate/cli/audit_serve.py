"""`gate audit serve`: the reviewers' console in a browser."""

import argparse
import asyncio
import os
import socket
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from gate.api import wiring
from gate.cli import manual_moves, options
from gate.core.policy import Json
from gate.core.service import ServiceRef
from gate.errors import UnavailableError, UsageError
from gate.kinds.extras import hint

if TYPE_CHECKING:  # loaded only where it is served
    from gate.console.door import Check
    from gate.console.shelf import Shelf
    from gate.ledger.index_read import Reader

PORT = 8765
LOOPBACK = ("127.0.0.1", "::1", "localhost")
EXTRA = "console"
COUNTED = timedelta(days=90)
"""Over which time numbers are counted, as `gate audit stats` does by itself."""


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "--port",
        type=_port,
        metavar="N",
        help=f"where to listen; 0 for any that is free (default $PORT, else {PORT})",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="where to listen; any but this machine itself needs --behind-iap (default 127.0.0.1)",
    )
    parser.add_argument(
        "--behind-iap",
        default="",
        metavar="AUDIENCE",
        help="let in only what Identity-Aware Proxy has signed for this audience, e.g. "
        "/projects/123/locations/us-central1/services/console",
    )
    options.add_policy(parser, required=False)
    options.add_service(parser)
    parser.set_defaults(what="serve")


def run(args: argparse.Namespace) -> int:
    """Serves until it is stopped; returns the exit code."""
    if args.host not in LOOPBACK and not args.behind_iap:
        raise UsageError(
            f"--host: would show the record to a network (got {args.host}, expected 127.0.0.1, or "
            "--behind-iap AUDIENCE beside it)",
            "Identity-Aware Proxy in front of it says who may read: docs/console.md",
        )
    ref = manual_moves.service_of(args)
    try:
        import gate.console.app  # noqa: F401, PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise UsageError(
            f"audit serve: needs the extra {EXTRA} (got no {error.name})",
            hint([EXTRA]),
        ) from None
    port = _port_of_environment() if args.port is None else args.port
    listening = _listen(args.host, port)
    try:
        wiring.run_async(_serve(ref, listening, args.behind_iap))
    except KeyboardInterrupt:  # how it is stopped
        pass
    finally:
        listening.close()
    return 0


async def _serve(ref: ServiceRef, listening: socket.socket, audience: str) -> None:
    import uvicorn  # noqa: PLC0415 - an extra

    from gate.cli.audit_index import path_of  # noqa: PLC0415
    from gate.cli.audit_verify import of_service  # noqa: PLC0415
    from gate.console.app import console  # noqa: PLC0415
    from gate.console.kept import Kept  # noqa: PLC0415
    from gate.console.shelf import Shelf  # noqa: PLC0415

    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host

    async def verify() -> dict[str, Json]:
        return (await of_service(ref, aside=True)).value()

    async with wiring.ledger_of(ref) as ledger:
        shelf = Shelf(ledger, ref.name, path_of(ref), wiring.SystemClock().now)
        app = console(ref, shelf, _check(audience), Kept(verify), Kept(partial(numbers, shelf)))
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        print(f"the record of {ref} is at http://{shown}:{port}/ (Ctrl-C ends it)", flush=True)
        begun = asyncio.create_task(shelf.begin())
        try:
            await uvicorn.Server(config).serve(sockets=[listening])
        finally:
            begun.cancel()
            await shelf.end()


async def numbers(shelf: "Shelf") -> dict[str, Json]:
    """What `gate audit stats` counts, over the same time.

    Raises:
        UnavailableError: the ledger could not be read now, or not yet.
    """
    from gate.ledger.stats import stats  # noqa: PLC0415 - as the console

    until = wiring.SystemClock().now()

    def read(index: "Reader") -> dict[str, Json]:
        return stats(index.decisions(), until - COUNTED, until, {})

    found, state = await shelf.read(read)
    if state.problem or not state.read:
        why = state.problem or "the ledger is still being read"
        raise UnavailableError(why, "reload this page in a few seconds")
    return found


def _check(audience: str) -> "Check | None":
    if not audience:
        return None
    from gate.cloud.iap import Iap  # noqa: PLC0415 - only behind it
    from gate.console.door import Passport  # noqa: PLC0415

    iap = Iap(audience)

    async def check(assertion: str) -> Passport:
        return Passport((await iap.standing(assertion)).value)

    return check


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise UsageError(
            f"--port: cannot listen (got {host}:{port}: {error.strerror or error})",
            "take another with --port, or 0 for any that is free",
        ) from None
    return listening


def _port_of_environment() -> int:
    given = os.environ.get("PORT", "")
    if not given:
        return PORT
    try:
        return _port(given)
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"$PORT: {error}", "unset it, or give --port") from None


def _port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else -1
    if not 0 <= number <= 65_535:
        raise argparse.ArgumentTypeError(f"is no port (got {text!r}, expected 0 to 65535)")
    return number
