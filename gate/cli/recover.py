"""`gate recover`: takes back what a rollout left that died; for a scheduler, and for people."""

import argparse
import asyncio
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gate.api import looking, plans, wiring
from gate.api.moves import led_on
from gate.cli import manual_moves, options, results, show
from gate.cli.options import Output
from gate.cli.run_rollout import carry_out
from gate.core.gcloud import instead
from gate.core.policy import Json
from gate.core.service import Service, ServiceRef
from gate.core.state import Plan
from gate.errors import (
    AccessError,
    ExitCode,
    GateError,
    InfrastructureError,
    UnavailableError,
)

if TYPE_CHECKING:  # loaded only where it is used
    from gate.report.lines import Block

READS_AT_ONCE = 10
_WORST_LAST = (
    ExitCode.DONE,
    ExitCode.REJECTED,
    ExitCode.HELD,
    ExitCode.INTERRUPTED,
    ExitCode.USAGE,
    ExitCode.INFRASTRUCTURE,
    ExitCode.STUCK,
)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found on one service, and what came of it.

    Attributes:
        service: as read, None where it could not be.
        error: why it could not be read or recovered, or None.
        outcome: of the recovery, as the ledger has it, or None where there was none.
        blocks: the same for people.
    """

    ref: ServiceRef
    service: Service | None = None
    error: GateError | None = None
    outcome: dict[str, Json] | None = None
    exit_code: ExitCode = ExitCode.DONE
    blocks: "tuple[Block, ...]" = ()


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "--all",
        action="store_true",
        help="every service of the project and region that the gate has written on",
    )
    options.add_policy(parser, required=False)
    options.add_service(parser)
    options.add_results(parser)


def run(args: argparse.Namespace) -> int:
    """Recovers what has to be, and returns the worst exit code; 0 where there was nothing to do."""
    if args.all:
        refs = wiring.run_async(wiring.marked_services(*manual_moves.place_of(args)))
    else:
        refs = (manual_moves.service_of(args),)
    output = options.output_of(args)
    found = [_recovered(one, output) for one in wiring.run_async(_read(refs))]
    if output.form == "text" and not found:
        show.say(["no service here carries a mark of the gate: nothing to recover"])
    results.decided(_result(found), output, shown=output.form == "text")
    return max((one.exit_code for one in found), key=_WORST_LAST.index, default=ExitCode.DONE)


def _result(found: list[Found]) -> results.Result:
    value: Json = {"services": [_value(one) for one in found]}
    blocks = [block for one in found for block in one.blocks]
    return results.Result([_document(one) for one in found], value, lambda: blocks)


def _document(found: Found) -> dict[str, Json]:
    """The recovery's outcome; where there was none, what was found instead."""
    error = found.error.message if found.error else ""
    return found.outcome or looking.idle_document(found.ref, found.exit_code, error)


async def _read(refs: tuple[ServiceRef, ...]) -> list[Found]:
    """Each service as it stands; one that cannot be read does not hide the others."""
    few = asyncio.Semaphore(READS_AT_ONCE)

    async def read(ref: ServiceRef) -> Found:
        try:
            async with few:
                return Found(ref, await looking.read(ref))
        except (AccessError, UnavailableError) as error:
            led = led_on(error, *instead(_plan(ref)))
            return Found(ref, error=led, exit_code=led.exit_code)
        except InfrastructureError as error:
            return Found(ref, error=error, exit_code=error.exit_code)

    return await asyncio.gather(*(read(ref) for ref in refs))


def _recovered(found: Found, output: Output) -> Found:
    """What is left of a dead rollout is taken back; anything else is said and left alone."""
    if found.service is None:
        return _failed(found)
    code = looking.idle(found.service, wiring.SystemClock().now())
    if code is not None:
        return _said(replace(found, exit_code=code, blocks=_idle(found.service)), output)
    try:
        ended = carry_out(_plan(found.ref), output)
    except GateError as error:
        return _failed(replace(found, error=error, exit_code=error.exit_code))
    ended.send_spans()
    blocks = tuple(ended.result.blocks())
    code = ended.rollout.exit_code
    return _said(replace(found, outcome=ended.entry, exit_code=code, blocks=blocks), output)


def _plan(ref: ServiceRef) -> Plan:
    return plans.recovery_plan(ref, plans.By())


def _failed(found: Found) -> Found:
    from gate.report.lines import Line  # noqa: PLC0415

    assert found.error is not None
    said = found.error.message, f"hint: {found.error.hint}" if found.error.hint else ""
    lines = tuple(filter(None, said))
    for line in lines:
        print(line, file=sys.stderr)
    return replace(found, blocks=tuple(map(Line, lines)))


def _said(found: Found, output: Output) -> Found:
    if output.form == "text":
        show.draw(found.blocks)
    return found


def _idle(service: Service) -> "tuple[Block, ...]":
    from gate.report.lease import idle_lines  # noqa: PLC0415

    return tuple(idle_lines(service, wiring.SystemClock().now()))


def _value(found: Found) -> Json:
    from gate.report.lease import lease_value  # noqa: PLC0415

    now = wiring.SystemClock().now()
    return {
        "project": found.ref.project,
        "region": found.ref.region,
        "service": found.ref.name,
        "lease": lease_value(found.service, now) if found.service else None,
        "outcome": found.outcome,
        "error": found.error.message if found.error else "",
    }
