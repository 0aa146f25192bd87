"""`gate policy prove FILE`: shows that a policy's probes fail when something is wrong."""

import argparse
import asyncio
import signal
import ssl
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from gate.api import asking, caller, which_service, wiring
from gate.cli import options, show
from gate.cli.probe import base_url
from gate.core.policy import Policy
from gate.core.proof import Trial, Trials
from gate.core.service import Service
from gate.errors import ExitCode, GateError, InfrastructureError, UsageError
from gate.ports import Target

if TYPE_CHECKING:  # the proxy is imported where it is used
    from gate.mutation.part_file import PartFile
    from gate.mutation.wire import Upstream

AT_ONCE = 8
AT_ONCE_MAX = 64
SUITE_TIME_S = 300
SUITE_TIME_MAX_S = 24 * 3600


class InconclusiveError(GateError):
    """The healthy service does not pass, so that nothing can be said of the probes."""

    exit_code = ExitCode.HELD


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `gate policy prove`."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the policy (YAML)")
    parser.add_argument(
        "--url",
        default="",
        help="a healthy service to stand in front of (default: the policy's service, as users "
        "reach it)",
    )
    parser.add_argument(
        "--writes",
        action="store_true",
        help="without --url: ask probes that change something, too, of the service that users have",
    )
    parser.add_argument(
        "--at-once",
        type=_at_once,
        default=AT_ONCE,
        metavar="N",
        help=f"most mutants at the same time (default: {AT_ONCE})",
    )
    parser.add_argument(
        "--whole",
        action="store_true",
        help="let every probe and suite meet every mutant, also those that another has noticed",
    )
    parser.add_argument(
        "--suite-time",
        type=_suite_time,
        default=SUITE_TIME_S,
        metavar="SECONDS",
        help="how long each suite may meet faults, its tests one by one first (default: "
        f"{SUITE_TIME_S})",
    )
    parser.add_argument(
        "--no-file", action="store_true", help="keep no proof file (default: beside the policy)"
    )
    options.add_service(parser)
    options.add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Proves; 0 if every probe can fail, 1 if one or all cannot, 5 if the service does not pass.

    Raises:
        InconclusiveError: the healthy service does not pass.
    """
    from gate.policyfile import load_policy  # noqa: PLC0415
    from gate.report import proving  # noqa: PLC0415

    policy = load_policy(args.file)
    _spare_users(args, policy)
    trials = prove(args, policy)
    kept, failure = "", None
    try:
        kept = keep(args, policy, trials)
    except GateError as error:  # what was found out is worth more than the file
        failure = error
    if args.output == "json":
        show.say_json(proving.proof_value(trials, str(args.file), kept))
    else:
        show.say(proving.proof_lines(trials, str(args.file), kept, show.width()))
    if failure is not None:
        raise failure
    return ExitCode.REJECTED if trials.cannot_fail or not trials.killed else ExitCode.DONE


def _spare_users(args: argparse.Namespace, policy: Policy) -> None:
    """Sees to it that nothing is written to the service that users have, unless that is wanted.

    Raises:
        UsageError: a probe changes something there.
    """
    writing = [probe.name for probe in policy.probes if probe.spec.writes]
    if writing and not args.url and not args.writes:
        raise UsageError(
            f"{args.file}: changes what the service keeps, once for each fault (got the probes "
            f"{', '.join(writing)}, expected --url or --writes)",
            "prove against a service of its own with --url; --writes proves in front of users' one",
        )


def prove(args: argparse.Namespace, policy: Policy) -> Trials:
    """Proves a policy.

    Args:
        args: as `register` makes them; `file` is where the policy lies.
        policy: as it was read from there.

    Raises:
        InconclusiveError: the healthy service does not pass.
        UsageError: the proof is to be kept, and could not be.
    """
    from gate.mutation.proof_file import check_place, proof_path  # noqa: PLC0415

    if not args.no_file:
        check_place(proof_path(args.file))
    try:
        return wiring.run_async(_prove(args, policy), many_connections=True)
    except (asyncio.CancelledError, KeyboardInterrupt):  # every connection has been closed
        raise KeyboardInterrupt(_stopped(args)) from None


def _stopped(args: argparse.Namespace) -> str:
    """What is said where somebody stops it, "" where there is nothing to say."""
    from gate.mutation.part_file import part_path  # noqa: PLC0415

    if args.no_file or not part_path(args.file).exists():
        return ""
    return (
        f"before all was tried: {part_path(args.file)} has what was; gate policy prove "
        f"{args.file} goes on from there"
    )


def keep(args: argparse.Namespace, policy: Policy, trials: Trials) -> str:
    """Keeps the proof unless it is not wanted; returns its file, "" for none.

    Raises:
        GateError: it cannot be written.
    """
    from gate.mutation.proof_file import proof_path, write_proof  # noqa: PLC0415
    from gate.policyfile import contract_digest  # noqa: PLC0415

    if args.no_file:
        return ""
    made_at = wiring.SystemClock().now()
    proof = trials.proof(_release(), policy.digest, contract_digest(policy), made_at)
    write_proof(proof_path(args.file), proof)
    return str(proof_path(args.file))


async def _prove(args: argparse.Namespace, policy: Policy) -> Trials:
    from gate.mutation.run import ControlError, MutationRun  # noqa: PLC0415
    from gate.mutation.settings import RunSettings  # noqa: PLC0415
    from gate.mutation.wire import Upstream  # noqa: PLC0415

    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    runner, redactor, _ = await asking.probes_of(policy, None, arrived=True)
    told = _teller(args.output)
    target = await _target(args, policy)
    upstream = Upstream(target.url, _tls(target.url))
    await _reached(upstream)
    target = await _named(policy, upstream, target)
    told(f"proving {args.file} against {target.url}")
    part = _part(args, policy, target)
    before = () if args.no_file else part.read()

    def keep(trials: Sequence[Trial]) -> None:
        if not args.no_file:
            part.keep(Trials((), tuple(trials)).said(redactor.text).trials)

    how = RunSettings(
        args.at_once,
        args.whole,
        policy.baseline,
        policy.repeats,
        args.suite_time,
        before,
        keep,
    )
    if before:
        told(f"going on from {part.path}: {len(before)} mutants were met before")
    try:
        run = MutationRun(policy.probes, runner, upstream, target, how, told)
        trials = (await run.run()).said(redactor.text)
    except ControlError as error:
        lines = [f"{one.probe}: {redactor.text(one.seen)}" for one in error.evidence]
        raise InconclusiveError(
            f"control: the healthy service at {target.url} does not pass {error.when}:\n  "
            + "\n  ".join(lines),
            "a mutant shows nothing where the healthy service fails; look with gate probe --url, "
            "or, if it failed only afterwards, prove with fewer mutants --at-once",
        ) from None
    part.drop()
    return trials


def _part(args: argparse.Namespace, policy: Policy, target: Target) -> "PartFile":
    from gate.mutation.part_file import PartFile, part_path  # noqa: PLC0415
    from gate.policyfile import contract_digest  # noqa: PLC0415

    stamp = {
        "gate": _release(),
        "policy_digest": policy.digest,
        "contract_digest": contract_digest(policy),
        "service": target.url,
        "revision": target.revision,
    }
    return PartFile(part_path(args.file), stamp)


async def _target(args: argparse.Namespace, policy: Policy) -> Target:
    """The healthy service: the URL that was given, or what serves the policy's users now."""
    identity = policy.candidate.identity
    audience = policy.candidate.audience
    if args.url:
        url = base_url(args.url)
        headers = await caller.headers_at(url, audience)
        return Target(url, headers=headers, identity=identity)
    ref = which_service.service_of(args, policy.service)
    async with AsyncExitStack() as stack:
        platform = await stack.enter_async_context(wiring.platform_of(ref))
        service = await platform.read_service()
        headers = await caller.identity_of(platform, audience)(service.uri)
        return Target(service.uri.rstrip("/"), _sole(service), headers, identity=identity)


def _sole(service: Service) -> str:
    """The one revision that serves, "" where several do."""
    shares = service.effective_shares
    return next(iter(shares)) if len(shares) == 1 else ""


async def _reached(upstream: "Upstream") -> None:
    """Sees to it that somebody is there: behind a proxy that looks like a broken connection.

    Raises:
        InfrastructureError: nobody is.
    """
    try:
        await (await upstream.connect()).close()
    except (OSError, TimeoutError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise InfrastructureError(
            f"{upstream.url}: no connection ({why})", "prove against a service that is up"
        ) from None


async def _named(policy: Policy, upstream: "Upstream", target: Target) -> Target:
    """The same with the revision that answers, where the policy has a rule for that.

    Raises:
        InconclusiveError: nobody answers, or no answer says which revision gave it.
    """
    from gate.kinds.keys import keys_of  # noqa: PLC0415 - lazy, as all here
    from gate.mutation.naming import NoNameError, revision_of  # noqa: PLC0415

    rule = policy.candidate.identity
    if rule is None or target.revision:
        return target
    if not any(one.header or one.path or one.json for one in rule.rules):
        return replace(target, identity=None)  # no answer to a request says it
    quick = (keys_of(probe) for probe in policy.probes if probe.spec.facts.quick)
    path = next((keys.asked for keys in quick), "/")
    try:
        name = await revision_of(upstream, rule, target.headers, path)
    except NoNameError as error:
        if rule.by_log:
            return replace(target, identity=None)
        hint = "prove against a service that is up, healthy, and says which revision it is"
        raise InconclusiveError(f"{target.url}: {error}", hint) from None
    return replace(target, revision=name)


def _tls(url: str) -> ssl.SSLContext | None:
    if not url.startswith("https:"):
        return None
    from gate.probes.tls import shared_context  # noqa: PLC0415 - certificates only where needed

    return shared_context()


def _teller(output: str) -> Callable[[str], None]:
    """Says how far it is; where standard output is for JSON, on standard error."""
    stream = sys.stderr if output == "json" else sys.stdout

    def told(text: str) -> None:
        print(text, file=stream, flush=True)

    return told


def _release() -> str:
    try:
        return version("cloud-run-gate")
    except PackageNotFoundError:
        return "unreleased"


def _at_once(text: str) -> int:
    return _number(text, 1, AT_ONCE_MAX)


def _suite_time(text: str) -> int:
    return _number(text, 0, SUITE_TIME_MAX_S)


def _number(text: str, least: int, most: int) -> int:
    number = int(text) if text.isdecimal() and len(text) < len(str(most)) + 1 else -1
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(
            f"is out of range (got {text[:20]!r}, expected {least} to {most})"
        )
    return number
