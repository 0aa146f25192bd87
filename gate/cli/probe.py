"""`gate probe`: a policy's probes alone; no traffic is touched."""

import argparse
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import SplitResult, urlsplit

from gate.api import asking, caller, which_service, wiring
from gate.cli import options, results, show
from gate.controller.request_log import RequestLog
from gate.core.attribution import attributed
from gate.core.evidence import Evidence
from gate.core.fail_fast import NotAsked, not_asked
from gate.core.manual_moves import meant
from gate.core.policy import Baseline, Policy
from gate.core.service import Service
from gate.core.verdict import judge
from gate.errors import NotFoundError, UsageError
from gate.ledger.evidence import probes_value
from gate.ports import Headers, Narrator, Platform, Target


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    options.add_policy(parser, required=True)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--url", default="", help="ask this base URL, e.g. http://127.0.0.1:8080")
    where.add_argument(
        "--revision", default="", metavar="NAME", help="ask this revision at its own (tag) URL"
    )
    options.add_service(parser)
    options.add_results(parser)


def run(args: argparse.Namespace) -> int:
    """Probes and returns the exit code: 0 all required probes passed, 1 one failed, 5 unclear."""
    from gate.policyfile import load_policy  # noqa: PLC0415
    from gate.report.evidence import probes_lines  # noqa: PLC0415
    from gate.report.lines import BLANK  # noqa: PLC0415

    policy = load_policy(args.policy)
    proof = asking.proving(args.policy, policy)
    policy = replace(policy, probes=proof.shown(policy.probes))  # as a rollout would ask
    evidence = wiring.run_async(
        _probe(args, policy, show.plain(args.output)), many_connections=True
    )
    left_out = (
        not_asked(policy.probes, evidence, policy.repeats) if policy.stops_early else NotAsked()
    )
    verdict = judge(policy.probes, evidence, repeats=policy.repeats, left_out=left_out)
    evidence = attributed(policy.probes, evidence, policy.repeats)
    seen = probes_value(evidence, policy.probes, verdict, policy.stakes, left_out)
    result = results.Result([seen], seen, lambda: [BLANK, *probes_lines(seen)])
    results.decided(result, options.output_of(args), policy)
    return int(verdict.decision.exit_code)


async def _probe(
    args: argparse.Namespace, policy: Policy, narrator: Narrator
) -> tuple[Evidence, ...]:
    if args.url:
        runner = (await asking.probes_of(policy, None)).runner
        return await runner.run(policy.probes, await _elsewhere(args, policy), narrator.progress)
    ref = which_service.service_of(args, policy.service)
    async with AsyncExitStack() as stack:
        platform = await stack.enter_async_context(wiring.platform_of(ref))
        logs = await stack.enter_async_context(wiring.logs_of(ref))
        configurations = wiring.configurations_of(platform)
        runner = (await asking.probes_of(policy, logs, configurations)).runner
        service = await platform.read_service()
        await _must_exist(platform, args.revision)
        url = service.url_of(args.revision)
        if not url:
            raise UsageError(
                f"{ref}: revision {args.revision} has no URL of its own (it carries no tag)",
                "give it a tag with gcloud, or use gate rollout --revision",
            )
        identity = caller.identity_of(platform, policy.candidate.audience)
        headers = await identity(service.uri)
        target = Target(
            url,
            args.revision,
            await identity(service.uri, url),
            wiring.SystemClock().now(),
            policy.candidate.identity,
            stable=_stable(policy, service, args.revision, headers),
            repeats=policy.repeats,
            compare_with=_served_now(service, args.revision),
            ingress=service.ingress,
            fail_fast=policy.stops_early,
            ready_until=_ready_until(policy),
            tagged=True,
        )
        seen = await runner.run(policy.probes, target, narrator.progress)
        if target.identity and target.identity.by_log and target.since:
            request_log = RequestLog(logs, wiring.SystemClock())
            seen = await request_log.confirmed(seen, args.revision, target.since)
        return seen


async def _elsewhere(args: argparse.Namespace, policy: Policy) -> Target:
    """The service at the URL that was given."""
    url = base_url(args.url)
    return Target(
        url,
        headers=await caller.headers_at(url, policy.candidate.audience),
        since=wiring.SystemClock().now(),
        ready_until=_ready_until(policy),
        fail_fast=policy.stops_early,
    )


def _ready_until(policy: Policy) -> datetime:
    """Until when one that says that it is starting is asked again."""
    return wiring.SystemClock().now() + timedelta(seconds=policy.candidate.not_yet_s)


async def _must_exist(platform: Platform, name: str) -> None:
    """Makes sure that there is such a revision.

    Raises:
        NotFoundError: there is none; says which may be meant.
    """
    try:
        await platform.read_revision(name)
    except NotFoundError as error:
        known = meant(name, (one.name for one in await platform.list_revisions()))
        raise NotFoundError(error.message, known.removeprefix(": ") or error.hint) from None


def _stable(policy: Policy, service: Service, revision: str, headers: Headers) -> Target | None:
    """Users' own address as a control, unless the revision itself answers there."""
    shares = service.effective_shares
    if policy.baseline is not Baseline.STABLE or not service.uri or shares.get(revision):
        return None
    served = _served_now(service, revision)
    name = served[0] if len(served) == 1 else ""
    since = wiring.SystemClock().now()
    return Target(service.uri.rstrip("/"), name, headers, since, policy.candidate.identity)


def _served_now(service: Service, revision: str) -> tuple[str, ...]:
    """The other revisions that users have: what this one is compared with."""
    shares = service.effective_shares or service.traffic.pinned(service.latest_ready).shares
    return tuple(name for name in shares if name and name != revision)


def base_url(url: str) -> str:
    """A base URL without a slash at its end.

    Raises:
        UsageError: it is none that requests can be sent to, or it holds a password.
    """
    parts = _parts(url)
    if parts is None or "@" in parts.netloc:
        shown = "one with a user or password" if "@" in url else ascii(url[:200])
        raise UsageError(
            f"--url: is no base URL (got {shown}, expected e.g. https://HOST or http://HOST:PORT)",
            "the probes bring their own paths and headers",
        )
    if parts.query or parts.fragment:
        raise UsageError("--url: has a query or a fragment (expected a base URL without one)")
    return url.rstrip("/")


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if sound and url.isprintable() and " " not in url else None
