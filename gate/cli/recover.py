"""`gate recover`: takes back what a rollout left that died; for a scheduler, and for people."""

import argparse
import asyncio
import sys
from dataclasses import dataclass

from gate.cli import manual_moves, options, show, wiring
from gate.cli.run_rollout import carry_out
from gate.core.gcloud import instead
from gate.core.lease import LeaseState, half_done, lease_state
from gate.core.policy import Json
from gate.core.service import Service, ServiceRef
from gate.core.state import Kind, Plan
from gate.errors import (
    AccessError,
    ExitCode,
    GateError,
    InfrastructureError,
    UnavailableError,
)

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
    """

    ref: ServiceRef
    service: Service | None = None
    error: GateError | None = None
    outcome: dict[str, Json] | None = None
    exit_code: ExitCode = ExitCode.DONE


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "--all",
        action="store_true",
        help="every service of the project and region that the gate has written on",
    )
    options.add_policy(parser, required=False)
    options.add_service(parser)
    options.add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Recovers what has to be, and returns the worst exit code; 0 where there was nothing to do."""
    if args.all:
        refs = wiring.run_async(wiring.marked_services(*manual_moves.place_of(args)))
    else:
        refs = (manual_moves.service_of(args),)
    found = [_recovered(one, args.output) for one in wiring.run_async(_read(refs))]
    if args.output == "json":
        show.say_json({"services": [_value(one) for one in found]})
    elif not found:
        show.say(["no service here carries a mark of the gate: nothing to recover"])
    return max((one.exit_code for one in found), key=_WORST_LAST.index, default=ExitCode.DONE)


async def _read(refs: tuple[ServiceRef, ...]) -> list[Found]:
    """Each service as it stands; one that cannot be read does not hide the others."""
    few = asyncio.Semaphore(READS_AT_ONCE)

    async def read(ref: ServiceRef) -> Found:
        try:
            async with few, wiring.platform_of(ref) as platform:
                return Found(ref, await platform.read_service())
        except (AccessError, UnavailableError) as error:
            led = manual_moves.led_on(error, *instead(_plan(ref)))
            return Found(ref, error=led, exit_code=led.exit_code)
        except InfrastructureError as error:
            return Found(ref, error=error, exit_code=error.exit_code)

    return await asyncio.gather(*(read(ref) for ref in refs))


def _recovered(found: Found, output: str) -> Found:
    """What is left of a dead rollout is taken back; anything else is said and left alone."""
    if found.service is None:
        return _failed(found)
    stands = lease_state(found.service, wiring.SystemClock().now())
    if stands is not LeaseState.LAPSED and not half_done(found.service):
        _say(found.service, output)
        code = ExitCode.HELD if stands is LeaseState.UNREADABLE else ExitCode.DONE
        return Found(found.ref, found.service, exit_code=code)
    try:
        ended = carry_out(_plan(found.ref), output)
    except GateError as error:
        return _failed(Found(found.ref, found.service, error, exit_code=error.exit_code))
    if output != "json":
        ended.summarize()
    code = ended.rollout.exit_code
    return Found(found.ref, found.service, None, ended.entry, code)


def _plan(ref: ServiceRef) -> Plan:
    return Plan(Kind.RECOVER, ref, tag="", actor=wiring.actor())


def _failed(found: Found) -> Found:
    assert found.error is not None
    print(found.error.message, file=sys.stderr)
    if found.error.hint:
        print(f"hint: {found.error.hint}", file=sys.stderr)
    return found


def _say(service: Service, output: str) -> None:
    if output != "json":
        from gate.report.lease import idle_lines  # noqa: PLC0415
        from gate.report.lines import plain  # noqa: PLC0415

        show.say(plain(idle_lines(service, wiring.SystemClock().now()), show.width()))


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
