"""`gate status`: how a service stands."""

import argparse
import sys
from datetime import datetime, timedelta

from gate.api import wiring
from gate.api.looking import stands
from gate.api.moves import led_on
from gate.cli import manual_moves, options, show
from gate.cli.run_rollout import services_meant
from gate.core.annotation import UnreadableAnnotation
from gate.core.policy import Json
from gate.core.service import Service
from gate.errors import AccessError, NotFoundError, UnavailableError
from gate.ledger.past import unexplained

RECORD_WITHIN = timedelta(seconds=60)
"""How late an entry may be seen."""


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    options.add_policy(parser, required=False)
    options.add_service(parser)
    options.add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Shows the service and returns the exit code."""
    from gate.report.machine import status_value  # noqa: PLC0415
    from gate.report.status import status_lines, unread_note  # noqa: PLC0415

    ref = manual_moves.service_of(args)
    try:
        service, revisions, entries, problem = wiring.run_async(stands(ref))
    except NotFoundError as error:
        said = wiring.run_async(services_meant(ref))
        raise NotFoundError(error.message, said or error.hint) from None
    except (AccessError, UnavailableError) as error:
        from gate.core.gcloud import LOOK, look  # noqa: PLC0415 - only then

        raise led_on(error, LOOK, look(ref)) from None
    now = wiring.SystemClock().now()
    doubt = _doubt(service, entries, now)
    if args.output == "json":
        known = {"problem": problem, "doubt": doubt}
        show.say_json(status_value(service, revisions, entries, now, **known))
    else:
        unread = "they cannot be read" if problem else ""
        show.say(status_lines(service, revisions, entries, now, show.width(), unread))
    said = f"the record does not fit the service: {doubt}\nhint: gate audit verify says more"
    for line in filter(None, (unread_note(problem), doubt and said)):
        print(line, file=sys.stderr)
    return 0


def _doubt(service: Service, entries: tuple[dict[str, Json], ...], now: datetime) -> str:
    """Why the record does not fit what the service says; entries are seen some seconds late."""
    late = service.updated_at is not None and now - service.updated_at < RECORD_WITHIN
    try:
        return "" if late else unexplained(service.rollout_annotation, entries)
    except UnreadableAnnotation:
        return ""  # told with the lease
