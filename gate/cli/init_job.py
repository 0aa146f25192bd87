"""What `gate init` is asked to do: whom it asks, as whom, and where it writes."""

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gate.api import secret_values, which_service, wiring
from gate.cli import init_har
from gate.cli.probe import base_url
from gate.core.checks import kept_by_front_end
from gate.core.policy import SecretRef, ServiceName
from gate.core.recording import Asked
from gate.core.secret import Secret
from gate.errors import UsageError

PATHS = ("/health", "/health/ready", "/ready", "/api/health", "/")
"""Where services are wont to say how they are. Cloud Run keeps /healthz, and advises against all
paths that end in z."""

_SECRET = re.compile(r"([A-Za-z_][A-Za-z0-9_-]{0,59})=([A-Za-z_][A-Za-z0-9_]{0,199})")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}):\s*([!-~](?:[ -~]*[!-~])?)")


@dataclass(frozen=True, slots=True)
class Job:
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


def job_of(args: argparse.Namespace) -> Job:
    """What the command line asks for, with the secrets that it names.

    Raises:
        UsageError: a path, a header, a secret or a name is none, or a secret is nowhere used.
    """
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
    return Job(asked, service, refs, values, path, name, url, args.force, visit)


def _pair(pattern: re.Pattern[str], flag: str, text: str, form: str) -> tuple[str, str]:
    match = pattern.fullmatch(text)
    if match is None:  # the text is not shown: it may be the secret itself
        raise UsageError(f"{flag}: has the wrong form (got some text, expected {form})")
    return match[1], match[2]


def used_names(asked: Asked) -> set[str]:
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
        used = used_names(asked)
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
