"""`gate status`: how a service stands."""

import argparse
import sys

from gate.api import wiring
from gate.api.looking import stands
from gate.cli import manual_moves, options, show
from gate.cli.run_rollout import services_meant
from gate.errors import AccessError, NotFoundError, UnavailableError


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    options.add_policy(parser, required=False)
    options.add_service(parser)
    options.add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Shows the service and returns the exit code."""
    from gate.report.machine import status_value  # noqa: PLC0415
    from gate.report.status import status_lines  # noqa: PLC0415

    ref = manual_moves.service_of(args)
    try:
        service, revisions, entries, note = wiring.run_async(stands(ref))
    except NotFoundError as error:
        said = wiring.run_async(services_meant(ref))
        raise NotFoundError(error.message, said or error.hint) from None
    except (AccessError, UnavailableError) as error:
        from gate.core.gcloud import LOOK, look  # noqa: PLC0415 - only then

        raise manual_moves.led_on(error, LOOK, look(ref)) from None
    now = wiring.SystemClock().now()
    if args.output == "json":
        show.say_json(status_value(service, revisions, entries, now))
    else:
        show.say(status_lines(service, revisions, entries, now, show.width()))
    if note:
        print(note, file=sys.stderr)
    return 0
