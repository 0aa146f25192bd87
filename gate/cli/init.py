"""`gate init`: listens to stable and writes a first policy that passes on it."""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gate.api import asking, caller, wiring
from gate.cli import init_har, options, prove, show
from gate.cli.init_job import Job, job_of, used_names
from gate.cli.init_results import Result, as_json, last_lines, lines_of, nothing
from gate.core.policy import Policy
from gate.core.proof import Trials
from gate.core.service import Revision, ServiceRef
from gate.errors import ExitCode, GateError, NotFoundError, UsageError
from gate.ports import Progress, Target

if TYPE_CHECKING:
    from gate.drafting.draft import Draft

_DESCRIPTION = """\
Asks what serves users now: an OpenAPI document if there is one, the usual health paths, the pages
that you name and what they lead to, and a WebSocket if you name one; several times, so that what
changes from answer to answer is told from what does not. Writes a policy with comments, NAME.yaml,
and JSON Schemas into the folder NAME, then asks stable the policy's own probes, and says what they
cannot see. Reads only: no traffic is moved and nothing is deployed. With a recorded visit (--har)
it also plays what somebody did there, if --writes or --url allows that."""


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.description = _DESCRIPTION
    parser.add_argument("--url", default="", help="ask this base URL instead of the service's own")
    parser.add_argument(
        "--path",
        action="append",
        default=[],
        help="ask this path, too, e.g. '/notes?page=1'; repeatable",
    )
    parser.add_argument(
        "--websocket",
        default="",
        metavar="PATH",
        help="hear this WebSocket, too, e.g. '/chat?room=${nonce}' for a room of its own",
    )
    parser.add_argument(
        "--say",
        default="",
        metavar="TEXT",
        help='send this to the WebSocket and hear its reply, e.g. \'{"type": "ping"}\'; with '
        "${nonce} in it, also whom it reaches in the same room and elsewhere",
    )
    _add_credentials(parser)
    _add_visit(parser)
    parser.add_argument(
        "--out", type=Path, default=Path("policies"), metavar="DIR", help="default: policies"
    )
    parser.add_argument(
        "--no-prove", action="store_true", help="do not try what faults the policy would notice"
    )
    parser.add_argument("--force", action="store_true", help="replace files that are there already")
    options.add_service(parser)
    options.add_output(parser)


def _add_credentials(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--secret",
        action="append",
        default=[],
        metavar="NAME=VARIABLE",
        help="a token for the templates below, from this environment variable; repeatable",
    )
    parser.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="send this with every request, e.g. 'Authorization: Bearer ${alice}', or ${user} for "
        "each user's own, of whom the second one comes to WebSockets; repeatable",
    )
    parser.add_argument(
        "--subprotocol",
        action="append",
        default=[],
        metavar="TEXT",
        help="offer this to the WebSocket, e.g. 'jwt.${alice|base64url}'; repeatable",
    )


def _add_visit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--har",
        type=Path,
        metavar="FILE",
        help="make a journey of a visit that a browser or a proxy recorded, too",
    )
    parser.add_argument(
        "--writes",
        action="store_true",
        help="play the journey on stable also where it changes something; --url allows that, too",
    )


def run(args: argparse.Namespace) -> int:
    """Writes the policy; 0 if all its probes pass on stable, 1 if one does not.

    Raises:
        InconclusiveError: they passed, and did not any more while faults were tried.
    """
    from gate.drafting.writing import refuse_existing  # noqa: PLC0415 - YAML only here
    from gate.mutation.proof_file import proof_path  # noqa: PLC0415

    job = job_of(args)
    refuse_existing([job.policy, proof_path(job.policy)], force=job.force)
    result = wiring.run_async(_init(args, job), many_connections=True)
    if args.output != "json":
        show.say(lines_of(result))
    proven = None
    if not result.failed and not args.no_prove and not result.played.unasked:
        asked = argparse.Namespace(
            **vars(args),
            file=job.policy,
            at_once=prove.AT_ONCE,
            suite_time=prove.SUITE_TIME_S,
            whole=False,
            no_file=False,
        )
        proven = _proven(asked, job, result.policy)
    if args.output == "json":
        show.say_json(as_json(job, result, proven))
    else:
        show.say(last_lines(job, proven))
    return ExitCode.REJECTED if result.failed else ExitCode.DONE


def _proven(asked: argparse.Namespace, job: Job, policy: Policy) -> tuple[Trials, str]:
    """The trials, and the proof's file; whoever interrupts that hears what is there by then."""
    try:
        trials = prove.prove(asked, policy)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"while proving: {job.policy} is written, and unproven; go on with gate policy prove "
            f"{job.policy}, or with gate init --force"
        ) from None
    try:
        return trials, prove.keep(asked, policy, trials)
    except GateError as error:  # the policy is there, and so is what was found out
        print(error.message, file=sys.stderr)
        return trials, ""


async def _init(args: argparse.Namespace, job: Job) -> Result:
    from gate.drafting.draft import draft  # noqa: PLC0415
    from gate.drafting.expectations import start_of  # noqa: PLC0415
    from gate.probes.outcome import CannotAskError  # noqa: PLC0415
    from gate.probes.recording import Recorder  # noqa: PLC0415

    narrator = show.plain(args.output)
    target, serving = await _target(job)  # of all that serve, if there are several
    recorder = Recorder(target, job.values, wiring.SystemClock())
    try:
        names, start_s = tuple(one.name for one in serving), _start_s(serving)
        recording = await recorder.record(job.asked, names, start_s)
    except CannotAskError as error:
        raise UsageError(f"gate init: {error.fault.seen}", error.fault.hint) from None
    drafted = draft(
        recording, job.asked, job.service, job.secrets, folder=job.name, logs=not job.url
    )
    played = init_har.Played()
    if job.visit is not None:
        played = await init_har.play(job.visit, target, job.name, drafted, start_of(recording))
        drafted = init_har.with_journeys(
            drafted, played, used_names(job.asked) | {*job.asked.users}
        )
    if not drafted.asks:
        raise nothing(target.url, recording)
    result = await _tried(job, drafted, target, narrator.progress, played, force=job.force)
    if result.failed and (rest := drafted.without(result.failed)).asks:
        result = await _tried(job, rest, target, narrator.progress, played, force=True)
    return result


def _start_s(revisions: Sequence[Revision]) -> float:
    """How long the slowest of them takes to start, 0 where that of one of them is not known."""
    known = all(one.start_s for one in revisions)
    return max((one.start_s for one in revisions), default=0.0) if known else 0.0


async def _target(job: Job) -> tuple[Target, tuple[Revision, ...]]:
    """Whom to ask, and the revisions that serve there."""
    now = wiring.SystemClock().now()
    if job.url:
        return Target(job.url, headers=await caller.headers_at(job.url), since=now), ()
    ref = ServiceRef(job.service.project, job.service.region, job.service.name)
    async with AsyncExitStack() as stack:
        platform = await stack.enter_async_context(wiring.platform_of(ref))
        service = await platform.read_service()
        if not service.uri:
            raise NotFoundError(f"{ref}: has no URL yet", "deploy it first, or give --url")
        headers = await caller.identity_of(platform)(service.uri)
        serving = [await platform.read_revision(name) for name in service.effective_shares]
        only = serving[0].name if len(serving) == 1 else ""
        return Target(service.uri.rstrip("/"), only, headers, now), tuple(serving)


async def _tried(
    job: Job,
    drafted: "Draft",
    target: Target,
    progress: Callable[[Progress], None],
    played: init_har.Played,
    *,
    force: bool,
) -> Result:
    """Writes the draft and asks stable its probes, but not how it differs from itself.

    Nor for its logs: users write those, too.
    """
    from gate.drafting.writing import write_draft  # noqa: PLC0415
    from gate.kinds.keys import keys_of  # noqa: PLC0415 - lazy, as all here
    from gate.policyfile import load_policy  # noqa: PLC0415

    files = write_draft(drafted, job.policy, force=force)
    policy = load_policy(job.policy)
    askable = init_har.askable(policy, played.unasked) if job.visit else policy
    runner = (await asking.probes_of(askable, None)).runner
    kinds = {probe.name: keys_of(probe).facts for probe in policy.probes}
    asked = [
        probe
        for probe in askable.probes
        if kinds[probe.name].addressed and not kinds[probe.name].compares
    ]
    proven = replace(target, identity=policy.candidate.identity) if target.revision else target
    evidence = await runner.run(asked, proven, progress)
    return Result(drafted, files, policy, evidence, target, played)
