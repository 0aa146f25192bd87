"""The `gate` command: finds the subcommand, imports only its module, maps errors to exit codes.

Imports stay light here: a rollback in an incident pays for every module loaded.
"""

import argparse
import gc
import importlib
import os
import signal
import sys
from collections.abc import Container, Sequence

from gate.cli.parser import Parser
from gate.cli.streams import steady
from gate.errors import ExitCode, GateError

COMMANDS = {
    "rollout": "deploy or adopt a candidate at 0 %, probe it, then promote or reject it",
    "promote": "move all traffic to a candidate by hand",
    "rollback": "move all traffic back to a revision that served before",
    "recover": "take back what a rollout left that died (for a scheduler: --all)",
    "unlock": "take the lease away from a rollout that is at work",
    "approve": "say that a held candidate may go to users, for the record",
    "stop": "stop the line: nothing is rolled out nor promoted until it is resumed",
    "resume": "let rollouts and promotions go on where the line was stopped",
    "status": "show traffic, tags, revisions and the last decisions",
    "probe": "run a policy's probes against a URL or a revision; moves nothing",
    "init": "write a first policy from what a service answers now",
    "policy": "check and prove policies, print their JSON Schema",
    "doctor": "look for what would hold a rollout, and say what mends it",
    "audit": "list recorded decisions, show one with its evidence",
    "attest": "hand on what was signed about a rollout's image",
    "local": "a Cloud Run on this machine, to try and test against",
    "completion": "print what completes these commands in a shell",
}

ALLOCATIONS = 50_000
"""Between two looks for garbage: with Python's own 700, imports alone cause hundreds of them."""
EXIT_CODES = """\
exit codes:
  0    promoted, or done
  1    the gate said no, and traffic is safe
  2    usage or policy
  3    infrastructure failed, and traffic is where it was
  4    traffic is not where it should be, and a person is needed
  5    held: not enough evidence, a rule for people, or somebody else at work
  130  interrupted, and safe
"""


def main() -> None:
    """Entry point of the `gate` script."""
    gc.set_threshold(ALLOCATIONS)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its C core writes to stderr by itself
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until a rollout has its own way
    steady()
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except KeyboardInterrupt:  # how it ended is known, and is the exit code
        pass
    sys.exit(code)


def run(argv: Sequence[str]) -> int:
    """Runs one command line and returns its exit code."""
    args = argparse.Namespace()
    try:
        parser = _parser(argv)
        if not argv:
            parser.print_help(sys.stderr)
            return int(ExitCode.USAGE)
        parser.parse_args(argv, args)
        return int(args.run(args))
    except SystemExit as stop:  # argparse, after it has said why
        return int(stop.code or 0)
    except GateError as error:
        _say(error)
        _keep(args, error)
        return int(error.exit_code)
    except KeyboardInterrupt as stop:
        done = str(stop) or "before anything was changed"
        print(f"gate: interrupted {done}", file=sys.stderr)
        return int(ExitCode.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - a defect of ours; a traceback could hold a secret
        print(f"gate: internal error at {_place(error)} ({type(error).__name__})", file=sys.stderr)
        print("hint: this is a defect of the gate; please report it", file=sys.stderr)
        return int(ExitCode.INFRASTRUCTURE)


def _place(error: Exception) -> str:
    import traceback  # noqa: PLC0415 - costs start-up time that no command should pay

    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{os.path.basename(frame.filename)}:{frame.lineno}"  # noqa: PTH119 - no pathlib


def _say(error: GateError) -> None:
    print(error.message, file=sys.stderr)
    if error.hint:
        print(f"hint: {error.hint}", file=sys.stderr)


def _keep(args: argparse.Namespace, error: GateError) -> None:
    """Tells files and a build's page, too, of a command that decides and could not begin."""
    if hasattr(args, "write"):
        from gate.cli.results import refused  # noqa: PLC0415 - only where something is wrong

        refused(args, error)


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The whole parser, but with the arguments of the chosen command only."""
    return parser_with([word for word in argv if not word.startswith("-")][:1])


def parser_with(chosen: Container[str]) -> argparse.ArgumentParser:
    """The parser of all commands, with the arguments of these: their modules are imported."""
    parser = Parser(
        prog="gate",
        description="A Cloud Run deployment gate and rollback controller.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=text.replace("%", "%%"),
            description=text,
            allow_abbrev=False,
        )
        if name in chosen:
            command.set_defaults(command=name)
            module = importlib.import_module(f"gate.cli.{name}")
            module.register(command)
            command.set_defaults(run=module.run)
    return parser


class _Version(argparse.Action):
    """Prints the version."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from gate.core.origin import RELEASE  # noqa: PLC0415 - only when asked

        print(f"gate {RELEASE}")
        parser.exit()
