"""`gate local env`: what to export so that clients, or gcloud, use a running local Cloud Run.

The settings of gcloud were found by leaving out each in turn. Its proxy is the trick: gcloud puts
the region before the host of its endpoint (us-central1-127.0.0.1), a name that nobody resolves; a
proxy gets it unresolved. It is also a guard: whatever else gcloud asks for comes here, too, and is
refused.
"""

import argparse
import shlex
from collections.abc import Callable
from pathlib import Path

from gate.errors import UsageError

_HOST = "127.0.0.1"
_GCLOUD_DIRECTORY = "gcloud"
_EPILOG = """\
For a shell:  eval "$(gate local env)"   or   eval "$(gate local env --gcloud)"

It asks nobody: --port and --state are those of `gate local up`. gcloud's settings are for that
shell only; gcloud keeps what is its own in the state directory, apart from yours.
"""


def register(
    parser: argparse.ArgumentParser, read_port: Callable[[str], int], port: int, state: Path
) -> None:
    """Adds the arguments.

    Args:
        parser: of `gate local env`.
        read_port: reads `--port`, as for `gate local up`.
        port: its default.
        state: the default of `--state`.
    """
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--gcloud", action="store_true", help="for gcloud, and nothing else")
    parser.add_argument(
        "--port",
        type=read_port,
        default=port,
        metavar="N",
        help=f"the port that it listens on (default {port})",
    )
    parser.add_argument(
        "--state",
        type=Path,
        default=state,
        metavar="DIR",
        help=f"gcloud keeps its own files in there (default {state})",
    )
    parser.add_argument("--project", default="demo", metavar="ID", help="gcloud's (default demo)")
    parser.add_argument(
        "--region",
        default="us-central1",
        metavar="NAME",
        help="gcloud's (default us-central1)",
    )


def run(args: argparse.Namespace) -> int:
    """Prints the lines; returns the exit code.

    Raises:
        UsageError: no port is named.
    """
    if not args.port:
        raise UsageError(
            "gate local env --port: which one? (got 0, expected one port)",
            "give the number that `gate local up` printed",
        )
    where = f"{_HOST}:{args.port}"
    found = _gcloud(args, where) if args.gcloud else _clients(where)
    for name, value in found.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def _clients(where: str) -> dict[str, str]:
    """What the gate reads, and what builds Google's clients."""
    return {
        "CLOUD_RUN_EMULATOR_HOST": where,
        "LOGGING_EMULATOR_HOST": where,
        "SECRET_MANAGER_EMULATOR_HOST": where,
        "MONITORING_EMULATOR_HOST": where,
    }


def _gcloud(args: argparse.Namespace, where: str) -> dict[str, str]:
    """Everything that the unmodified gcloud needs, and what keeps it from asking anybody else."""
    return {
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN": f"http://{where}/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING": f"http://{where}/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER": f"http://{where}/",
        "CLOUDSDK_PROXY_TYPE": "http",
        "CLOUDSDK_PROXY_ADDRESS": _HOST,
        "CLOUDSDK_PROXY_PORT": str(args.port),
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CORE_PROJECT": args.project,
        "CLOUDSDK_RUN_REGION": args.region,
        "CLOUDSDK_CONFIG": str((args.state / _GCLOUD_DIRECTORY).absolute()),
        "CLOUDSDK_CORE_SHOULD_PROMPT_TO_ENABLE_API": "false",
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "true",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_CORE_DISABLE_FILE_LOGGING": "true",
        "CLOUDSDK_CORE_CHECK_GCE_METADATA": "false",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
        "CLOUDSDK_SURVEY_DISABLE_PROMPTS": "true",
    }
