"""`gate local`: a Cloud Run on this machine. `up` runs it in the foreground, until Ctrl-C."""

import argparse
import asyncio
import os
import random
import re
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gate.cli import local_env
from gate.errors import InfrastructureError, UsageError
from gate.kinds.extras import hint
from gate.local.deferral import put_off_clients

if TYPE_CHECKING:
    from gate.local.server import Endpoints, Settings

DEFAULT_PORT = 8790
DEFAULT_STATE = ".gate-local"
HELP = "a Cloud Run on this machine, to try and test against"
_EPILOG = """\
Runs until Ctrl-C or SIGTERM, then stops every process it started and exits with 0.

images file:
  images:
    NAME: {command: [program, argument, ...], env: {KEY: value}, cwd: DIRECTORY}
    NAME: {entrypoint: [program, ...], command: [argument, ...]}
  secrets: {NAME: value}

exit codes: 0 stopped, 2 wrong arguments or images file, 3 a port or the state directory is taken
"""


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the subcommand and its arguments."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True, dest="local_command")
    up = commands.add_parser(
        "up",
        help="start it in the foreground",
        description="Starts a local Cloud Run: Admin API (gRPC, REST), Logging API, front end.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _register_up(up)
    env = commands.add_parser(
        "env",
        help="print what to export so that clients, or gcloud, use it",
        description="Prints the environment for clients of a running local Cloud Run.",
        allow_abbrev=False,
    )
    local_env.register(env, _port, DEFAULT_PORT, Path(DEFAULT_STATE))


def _register_up(up: argparse.ArgumentParser) -> None:
    keep = up.add_mutually_exclusive_group()
    keep.add_argument(
        "--state",
        type=Path,
        default=Path(DEFAULT_STATE),
        metavar="DIR",
        help=f"where services, revisions and logs are kept (default {DEFAULT_STATE})",
    )
    keep.add_argument("--ephemeral", action="store_true", help="keep nothing after the end")
    up.add_argument("--images", type=Path, metavar="FILE", help="what to run for an image")
    up.add_argument(
        "--port",
        type=_port,
        default=DEFAULT_PORT,
        metavar="N",
        help=f"of gRPC and REST; REST alone gets the next one; 0: any free ones "
        f"(default {DEFAULT_PORT})",
    )
    up.add_argument("--seed", type=int, metavar="N", help="of delays and split (default: random)")
    up.add_argument("--calm", action="store_true", help="no artificial delays")
    up.add_argument(
        "--v2-etags",
        choices=("ignored", "enforced"),
        default="ignored",
        help="what v2's etags do: nothing, as on the real Cloud Run, or refuse stale writes "
        "(default ignored)",
    )
    up.add_argument(
        "--require-auth",
        action="store_true",
        help="services want an ID token of somebody whom their IAM policy lets in",
    )
    up.add_argument(
        "--deny",
        action="append",
        default=[],
        type=_permission,
        metavar="PERMISSION",
        help="callers lack this permission, e.g. run.services.update (may be given more than once)",
    )
    up.add_argument(
        "--metadata",
        choices=("compute", "cloud-build"),
        default="compute",
        help="whose metadata server is imitated: Cloud Build's gives no ID tokens "
        "(default compute)",
    )
    up.add_argument(
        "--metrics-lag",
        type=_lag,
        default=0.0,
        metavar="SECONDS",
        help="so long after the end of a minute Cloud Monitoring shows it (default 0; the real "
        "one takes up to 180)",
    )
    up.add_argument("--caller", metavar="EMAIL", help="who callers are (default local-user@...)")


def run(args: argparse.Namespace) -> int:
    """Runs a local Cloud Run until it is stopped, or says how to use one; returns the exit code.

    Raises:
        UsageError: the images file or the state directory's content is wrong.
        InfrastructureError: a port or the state directory is taken.
    """
    return local_env.run(args) if args.local_command == "env" else _up(args)


def _up(args: argparse.Namespace) -> int:
    # Instances are forked while gRPC's threads run; its fork handlers only complain about that.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    try:
        put_off_clients()  # the local Cloud Run needs their messages only, and is ready sooner
        import uvloop  # noqa: PLC0415 - heavy, like all that follows, and only for this command

        from gate.local.server import PortInUseError  # noqa: PLC0415
        from gate.local.state import StateError  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise UsageError(
            f"gate local: needs the extra local (got no {error.name})",
            hint(["local"]),
        ) from error
    settings = _settings(args)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings))
    except PortInUseError as error:
        raise InfrastructureError(
            f"--port {settings.port}: {error}",
            "give --port another number (REST takes the one after it), or --port 0 for free ones",
        ) from error
    except StateError as error:
        raise InfrastructureError(
            str(error), "give --state another directory, or use --ephemeral"
        ) from error
    return 0


def _settings(args: argparse.Namespace) -> "Settings":
    from gate.local.admin.etags import V2Etags  # noqa: PLC0415
    from gate.local.catalog import Catalog  # noqa: PLC0415
    from gate.local.image_store import ImageStore  # noqa: PLC0415
    from gate.local.images import Images, ImagesError  # noqa: PLC0415
    from gate.local.server import DEFAULT_CALLER, Settings  # noqa: PLC0415

    try:
        store = ImageStore(None if args.ephemeral else args.state / "images")
        images = Catalog(args.images, _complain, store) if args.images else Images()
    except ImagesError as error:
        raise UsageError(str(error), "see `gate local up --help` for the form") from error
    return Settings(
        state=None if args.ephemeral else args.state,
        images=images,
        port=args.port,
        seed=random.SystemRandom().randrange(10**6) if args.seed is None else args.seed,
        calm=args.calm,
        caller=args.caller or DEFAULT_CALLER,
        v2_etags=V2Etags(args.v2_etags),
        require_auth=args.require_auth,
        denied=tuple(args.deny),
        identities=args.metadata == "compute",
        metrics_lag_s=args.metrics_lag,
    )


def _complain(mistakes: str) -> None:
    print(mistakes, file=sys.stderr, flush=True)


async def _serve(settings: "Settings") -> None:
    from gate.local.server import LocalCloudRun  # noqa: PLC0415

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    cloud_run = LocalCloudRun(settings)
    try:
        endpoints = await cloud_run.start()
        print("\n".join(_greeting(settings, endpoints)), flush=True)
        await stop.wait()
    finally:
        await cloud_run.stop()


def _greeting(settings: "Settings", endpoints: "Endpoints") -> list[str]:
    port = endpoints.grpc.rpartition(":")[2]
    manner = "calm" if settings.calm else "rude: operations and traffic changes take a moment"
    where = settings.state or "nowhere (--ephemeral)"
    lines = [
        "gate local: ready. This is an imitation of Cloud Run on this machine only.",
        f"  admin API and logging (gRPC, plaintext)  {endpoints.grpc}",
        f"  admin API (REST)                         {endpoints.rest}",
        f"  state {where} · seed {settings.seed} · {manner}",
    ]
    if endpoints.reaped:
        lines.append(f"  ended {endpoints.reaped} processes that an earlier run had left")
    lines += [
        "",
        f"export CLOUD_RUN_EMULATOR_HOST={endpoints.grpc}",
        f"export LOGGING_EMULATOR_HOST={endpoints.grpc}",
        f"export SECRET_MANAGER_EMULATOR_HOST={endpoints.grpc}",
        f"export MONITORING_EMULATOR_HOST={endpoints.grpc}",
        *_identity_lines(settings, endpoints),
        "",
        "# and for gcloud, in a shell for nothing else:",
        f'eval "$(gate local env --gcloud --port {port}{_state_flag(settings)})"',
    ]
    return lines


def _state_flag(settings: "Settings") -> str:
    """Where gcloud keeps its files: beside the state, if that is not the default place."""
    if settings.state in (None, Path(DEFAULT_STATE)):
        return ""
    return f" --state {shlex.quote(str(settings.state))}"


def _identity_lines(settings: "Settings", endpoints: "Endpoints") -> list[str]:
    if not settings.require_auth:
        return []
    return [
        "",
        f"# and for ID tokens of {settings.caller}, in a shell for nothing else:",
        f"export GCE_METADATA_HOST={endpoints.grpc} GCE_METADATA_IP={endpoints.grpc}",
        f"export IAM_CREDENTIALS_EMULATOR_HOST={endpoints.grpc}",
    ]


def _permission(text: str) -> str:
    if not re.fullmatch(r"[a-z]+(?:\.[A-Za-z]+)+", text) or len(text) > 200:
        expected = "expected one, e.g. run.services.update"
        raise argparse.ArgumentTypeError(f"not a permission (got {text[:80]!r}, {expected})")
    return text


def _lag(text: str) -> float:
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= number <= 3_600:
        raise argparse.ArgumentTypeError(f"no lag (got {text}, expected 0 to 3600 seconds)")
    return float(number)


def _port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= number <= 65_534:
        raise argparse.ArgumentTypeError(f"not a port (got {text}, expected 0 to 65534)")
    return number
