"""`gate init`: listens to stable and writes a first policy that passes on it."""

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gate.api import asking, caller, secret_values, which_service, wiring
from gate.cli import init_har, options, prove, show
from gate.cli.probe import base_url
from gate.core.checks import kept_by_front_end
from gate.core.evidence import Evidence
from gate.core.policy import Policy, SecretRef, ServiceName
from gate.core.proof import Trials
from gate.core.recording import Asked, Recording
from gate.core.secret import Secret
from gate.core.service import Revision, ServiceRef
from gate.errors import ExitCode, GateError, NotFoundError, UnavailableError, UsageError
from gate.ports import Progress, Target

if TYPE_CHECKING:
    from gate.drafting.draft import Draft

PATHS = ("/health", "/health/ready", "/ready", "/api/health", "/")
"""Where services are wont to say how they are. Cloud Run keeps /healthz, and advises against all
paths that end in z."""

_SECRET = re.compile(r"([A-Za-z_][A-Za-z0-9_-]{0,59})=([A-Za-z_][A-Za-z0-9_]{0,199})")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}):\s*([!-~](?:[ -~]*[!-~])?)")
_STEPS_SHOWN = 3
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


@dataclass(frozen=True, slots=True)
class _Job:
    """What is to be done.

    Attributes:
        name: of the policy, for its file and its schemas' folder.
        values: of the secrets.
        visit: a recorded one, None without.
    """

    asked: Asked
    service: ServiceName
    secrets: Mapping[str, SecretRef]
    values: Mapping[str, Secret]
    policy: Path
    name: str
    url: str
    force: bool
    visit: init_har.Visit | None = None


@dataclass(frozen=True, slots=True)
class _Result:
    """What came of it."""

    draft: "Draft"
    files: tuple[Path, ...]
    policy: Policy
    evidence: tuple[Evidence, ...]
    target: Target
    played: init_har.Played = field(default_factory=init_har.Played)

    @property
    def failed(self) -> dict[str, str]:
        """The probes that do not pass on stable, with what was seen."""
        return {item.probe: item.seen for item in self.evidence if not item.passed}


def run(args: argparse.Namespace) -> int:
    """Writes the policy; 0 if all its probes pass on stable, 1 if one does not.

    Raises:
        InconclusiveError: they passed, and did not any more while faults were tried.
    """
    from gate.drafting.writing import refuse_existing  # noqa: PLC0415 - YAML only here
    from gate.mutation.proof_file import proof_path  # noqa: PLC0415

    job = _job(args)
    refuse_existing([job.policy, proof_path(job.policy)], force=job.force)
    result = wiring.run_async(_init(args, job), many_connections=True)
    if args.output != "json":
        show.say(_lines(result))
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
        show.say_json(_as_json(job, result, proven))
    else:
        show.say(_last_lines(job, proven))
    return ExitCode.REJECTED if result.failed else ExitCode.DONE


def _proven(asked: argparse.Namespace, job: "_Job", policy: Policy) -> tuple[Trials, str]:
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


def _job(args: argparse.Namespace) -> _Job:
    from gate.probes.following import plain_path  # noqa: PLC0415 - only here

    paths = tuple(dict.fromkeys((*PATHS, *args.path)))
    for path in (*paths, *([args.websocket] if args.websocket else [])):
        if not plain_path(path):
            raise UsageError(
                f"gate init: {path[:200]!a} is no path that can be asked (expected e.g. /health)",
                f"Cloud Run's front end keeps {kept} for itself"
                if (kept := kept_by_front_end(path))
                else "",
            )
    secrets = dict(_pair(_SECRET, "--secret", text, "NAME=VARIABLE") for text in args.secret)
    refs = {name: SecretRef(variable) for name, variable in secrets.items()}
    asked = Asked(
        paths,
        tuple(_pair(_HEADER, "--header", text, "NAME: VALUE") for text in args.header),
        args.websocket,
        tuple(args.subprotocol),
        args.say,
    )
    asked = replace(asked, users=_users(asked, refs, elsewhere=args.har is not None))
    if args.url:
        service, url = ServiceName(args.project, args.region, args.service), base_url(args.url)
    else:
        ref = which_service.service_of(args)
        service, url = ServiceName(ref.project, ref.region, ref.name), ""
    name = service.name or "service"
    if not re.fullmatch(r"[a-z](?:[a-z0-9-]{0,47}[a-z0-9])?", name):
        raise UsageError(f"--service: {name[:100]!a} is no name of a Cloud Run service")
    hint = "export them before running gate init"
    values = wiring.run_async(secret_values.read(refs, hint)).values
    visit = None
    if args.har is not None:
        visit = init_har.Visit(init_har.read(args.har), values, bool(args.writes or args.url))
    path = args.out / f"{name}.yaml"
    return _Job(asked, service, refs, values, path, name, url, args.force, visit)


def _pair(pattern: re.Pattern[str], flag: str, text: str, form: str) -> tuple[str, str]:
    match = pattern.fullmatch(text)
    if match is None:  # the text is not shown: it may be the secret itself
        raise UsageError(f"{flag}: has the wrong form (got some text, expected {form})")
    return match[1], match[2]


def _used(asked: Asked) -> set[str]:
    """The names that its templates use.

    Raises:
        ValueProblem: one is malformed.
    """
    from gate.core import template  # noqa: PLC0415 - only here

    texts = [*asked.subprotocols, *(value for _, value in asked.headers), asked.say]
    texts += [asked.websocket, *asked.paths]
    return {name for text in texts for name in template.parse(text).names}


def _users(asked: Asked, secrets: Mapping[str, SecretRef], *, elsewhere: bool) -> tuple[str, ...]:
    """The users whose secret is `${user}`.

    Refuses unknown names, and secrets that nothing uses, unless they may be used elsewhere.
    """
    from gate.core import template  # noqa: PLC0415 - only here
    from gate.errors import ValueProblem  # noqa: PLC0415

    try:
        used = _used(asked)
    except ValueProblem as error:
        raise UsageError(
            f"gate init: a template is malformed: {error.message}", error.hint
        ) from None
    users = tuple(name for name in secrets if name not in used) if template.USER in used else ()
    if unknown := sorted(used - secrets.keys() - {template.NONCE, template.USER}):
        names = ", ".join(f"${{{name}}}" for name in unknown)
        raise UsageError(f"gate init: no value for {names}", "give it with --secret NAME=VARIABLE")
    if template.USER in used and not users:
        raise UsageError("gate init: no user for ${user}", "give one with --secret NAME=VARIABLE")
    if not elsewhere and (unused := sorted(secrets.keys() - used - {*users})):
        raise UsageError(
            f"--secret: {', '.join(unused)} is used nowhere",
            "name it in --header or --subprotocol, as ${NAME} or ${NAME|base64url}, or write "
            "${user} there for each user's",
        )
    return users


async def _init(args: argparse.Namespace, job: _Job) -> _Result:
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
        drafted = init_har.with_journeys(drafted, played, _used(job.asked) | {*job.asked.users})
    if not drafted.asks:
        raise _nothing(target.url, recording)
    result = await _tried(job, drafted, target, narrator.progress, played, force=job.force)
    if result.failed and (rest := drafted.without(result.failed)).asks:
        result = await _tried(job, rest, target, narrator.progress, played, force=True)
    return result


def _start_s(revisions: Sequence[Revision]) -> float:
    """How long the slowest of them takes to start, 0 where that of one of them is not known."""
    known = all(one.start_s for one in revisions)
    return max((one.start_s for one in revisions), default=0.0) if known else 0.0


async def _target(job: _Job) -> tuple[Target, tuple[Revision, ...]]:
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
    job: _Job,
    drafted: "Draft",
    target: Target,
    progress: Callable[[Progress], None],
    played: init_har.Played,
    *,
    force: bool,
) -> _Result:
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
    return _Result(drafted, files, policy, evidence, target, played)


def _nothing(url: str, recording: Recording) -> GateError:
    """Why there is no policy to write."""
    pages = recording.pages
    if not any(page.reached for page in pages):
        why = pages[0].fault if pages else "no answer"
        return UnavailableError(
            f"{url}: cannot be reached ({why})", "is it up, and is this its URL?"
        )
    statuses = sorted({one.status for page in pages for one in page.samples})
    got = f"statuses {', '.join(map(str, statuses))}" if statuses else pages[0].fault
    if {401, 403} & set(statuses):
        return UsageError(
            f"{url}: lets nobody in (got {got}, expected a page that answers)",
            "give credentials: --secret alice=VARIABLE --header 'Authorization: Bearer ${alice}'",
        )
    return UsageError(
        f"{url}: nothing to gate by (got {got} at {', '.join(page.path for page in pages[:8])}, "
        "expected a page that answers 2xx)",
        "name a page with --path, or a WebSocket with --websocket",
    )


def _lines(result: _Result) -> list[str]:
    from gate.report.safe import safe  # noqa: PLC0415

    asked = len(result.evidence)
    passed = asked - len(result.failed)
    lines = [f"asked {result.target.url}, {result.draft.times} times each"]
    lines += [f"  {question.name}: {_asked(question.ask)}" for question in result.draft.questions]
    lines += [f"  left out {safe(path)}: {safe(why)}" for path, why in result.draft.left_out]
    if result.draft.missing:
        lines.append(f"  not there: {', '.join(result.draft.missing)}")
    lines += [f"  {safe(line)}" for line in result.played.lines]
    lines += [
        f"  {name} is written and was not asked of stable: {safe(why)}"
        for name, why in result.played.unasked.items()
    ]
    lines += [f"  cannot see {safe(one)}" for one in result.draft.unseen]
    policy, *schemas = result.files
    beside = f", and {len(schemas)} schemas in {schemas[0].parent}" if schemas else ""
    lines.append(f"wrote {policy}{beside}")
    lines.append(f"on stable: {passed} of {asked} probes passed")
    lines += [f"  {name}: {safe(seen)}" for name, seen in result.failed.items()]
    return lines


def _last_lines(job: _Job, proven: tuple[Trials, str] | None) -> list[str]:
    from gate.report import proving  # noqa: PLC0415

    roll_out = f"next: gate rollout --policy {job.policy} --image IMAGE"
    if proven is None:
        return [f"next: gate policy prove {job.policy}", roll_out]
    trials, kept = proven
    return [*proving.proof_lines(trials, str(job.policy), kept, show.width()), roll_out]


def _asked(ask: Mapping[str, object]) -> str:
    (kind, parts), *_ = ask.items()
    given = parts if isinstance(parts, dict) else {}
    steps = given.get("steps", ())
    if len(steps) > _STEPS_SHOWN:
        return f"{kind} of {len(steps)} steps"
    paths = [given.get("path")] + [one.get("get") for one in steps]
    return " ".join([kind, *(str(path) for path in paths if path)])


def _as_json(job: _Job, result: _Result, proven: tuple[Trials, str] | None) -> object:
    from gate.report import proving  # noqa: PLC0415

    return {
        "proof": None
        if proven is None
        else proving.proof_value(proven[0], str(job.policy), proven[1]),
        "policy": str(job.policy),
        "files": [str(file) for file in result.files],
        "digest": result.policy.digest,
        "probes": [question.name for question in result.draft.questions],
        "missing": list(result.draft.missing),
        "unseen": list(result.draft.unseen),
        "left_out": [{"what": path, "why": why} for path, why in result.draft.left_out],
        "visit": list(result.played.lines),
        "not_asked_of_stable": dict(result.played.unasked),
        "passed_on_stable": [item.probe for item in result.evidence if item.passed],
        "failed_on_stable": [{"probe": name, "seen": seen} for name, seen in result.failed.items()],
    }
