"""`gate doctor`: what would hold a rollout, before one is tried; changes nothing."""

import argparse

from gate.api import wiring
from gate.cli import manual_moves, options, show
from gate.cli.run_rollout import services_meant
from gate.errors import NotFoundError

EPILOG = """\
exit codes:
  0    nothing found that holds a rollout
  2    usage or policy, or no such service
  3    Cloud Run cannot be reached
  5    something would hold a rollout, or nobody can tell
"""


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    options.add_policy(parser, required=False)
    options.add_service(parser)
    options.add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Looks, tells what was found, and returns the exit code."""
    from gate.cli.doctor_facts import facts_of, policy_facts  # noqa: PLC0415 - only here
    from gate.doctor.examine import findings  # noqa: PLC0415
    from gate.doctor.finding import document, exit_code  # noqa: PLC0415
    from gate.report.findings import findings_lines  # noqa: PLC0415

    policy = policy_facts(args.policy) if args.policy else None
    ref = manual_moves.service_of(args)
    try:
        found = findings(wiring.run_async(facts_of(ref, policy)))
    except NotFoundError as error:
        said = wiring.run_async(services_meant(ref))
        raise NotFoundError(error.message, said or error.hint) from None
    told = document(found)
    if args.output == "json":
        show.say_json({"project": ref.project, "region": ref.region, "service": ref.name, **told})
    else:
        show.draw(findings_lines(told))
    return int(exit_code(found))
