"""Options that several commands share."""

import argparse
import os
import re
from dataclasses import dataclass
from pathlib import Path

from gate.core.overrides import RULES, Override

FORMS = ("text", "json", "junit", "markdown", "html")
"""In which a result can be had."""


@dataclass(frozen=True, slots=True)
class Output:
    """Where a result is wanted.

    Attributes:
        form: of standard output, one of FORMS.
        files: a form and a file each, to be written besides.
        upload: gs://BUCKET/PREFIX or a folder, for every form of it; "" for nowhere.
    """

    form: str = "text"
    files: tuple[tuple[str, Path], ...] = ()
    upload: str = ""

    @property
    def forms(self) -> frozenset[str]:
        """Every form that is wanted somewhere."""
        return frozenset({self.form, *(form for form, _ in self.files)})


def add_service(parser: argparse.ArgumentParser) -> None:
    """--project, --region, --service: where not given, the policy or gcloud's settings say it."""
    group = parser.add_argument_group(
        "the service (a policy names it, too; project and region may come from gcloud's settings)"
    )
    group.add_argument("--project", default="", metavar="ID", help="project id")
    group.add_argument("--region", default="", help="region, e.g. us-central1")
    group.add_argument("--service", default="", metavar="NAME", help="name of the service")
    add_impersonation(parser)


def add_impersonation(parser: argparse.ArgumentParser) -> None:
    """--impersonate-service-account, as gcloud has it."""
    parser.add_argument(
        "--impersonate-service-account",
        action=_Impersonate,
        type=_account,
        metavar="ACCOUNT",
        help="act as this service account, as gcloud does "
        "(default: CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT)",
    )


def _account(text: str) -> str:
    """The email of a service account, with those that stand between, comma-separated, before it."""
    if not re.fullmatch(r"[^\s@,]+@[^\s@,]+(?:,[^\s@,]+@[^\s@,]+)*", text):
        raise argparse.ArgumentTypeError(
            f"is no service account (got {text[:200]!a}, expected its email)"
        )
    return text


class _Impersonate(argparse.Action):
    """Has all that follows done as a service account."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - argparse's signature
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        from gate.api import wiring  # noqa: PLC0415 - loaded by the command anyway

        os.environ[wiring.IMPERSONATED] = str(values)
        setattr(namespace, self.dest, values)


def add_policy(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """--policy FILE."""
    parser.add_argument(
        "--policy", type=Path, required=required, metavar="FILE", help="the policy (YAML)"
    )


def add_output(parser: argparse.ArgumentParser) -> None:
    """--output text|json."""
    parser.add_argument(
        "--output",
        choices=("text", "json"),
        default="text",
        help="text for people (default), or one JSON document for machines",
    )


def add_results(parser: argparse.ArgumentParser) -> None:
    """--output and --write, of commands that decide."""
    parser.add_argument(
        "--output",
        choices=FORMS,
        default="text",
        help="text for people (default), one JSON document, JUnit XML, Markdown, or an HTML page",
    )
    parser.add_argument(
        "--write",
        action="append",
        type=_file_in_a_form,
        default=[],
        metavar="FORM=FILE",
        help="write the result to this file, too, e.g. junit=out/gate.xml; repeatable",
    )


def output_of(args: argparse.Namespace) -> Output:
    """What --output and --write say."""
    return Output(args.output, tuple(args.write))


def _file_in_a_form(text: str) -> tuple[str, Path]:
    """A form and a file that may be written."""
    form, _, name = text.partition("=")
    if form not in FORMS or not name.strip() or not name.isprintable():
        known = ", ".join(FORMS)
        raise argparse.ArgumentTypeError(
            f"is no FORM=FILE (got {text!r}, expected one of {known}, = and a file's name)"
        )
    if os.path.isdir(name):  # noqa: PTH112 - Path's own raises for names that are too long
        raise argparse.ArgumentTypeError(f"is a directory (got {name!r}, expected a file)")
    return form, Path(name)


def add_by_hand(parser: argparse.ArgumentParser) -> None:
    """--reason and --yes, for moves that a person asks for."""
    add_reason(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")


def add_reason(parser: argparse.ArgumentParser) -> None:
    """--reason, which must be given."""
    parser.add_argument(
        "--reason",
        required=True,
        type=_said,
        metavar="TEXT",
        help="why, for the record (required)",
    )


def rollout_id(text: str) -> str:
    """A rollout's id that says something: what is blank would mean any rollout."""
    if not text.strip() or not text.isprintable():
        raise argparse.ArgumentTypeError(
            f"is no id (got {text[:200]!a}, expected one that `gate audit list` shows)"
        )
    return text


def _said(text: str) -> str:
    """A reason that says something."""
    if not text.strip():
        raise argparse.ArgumentTypeError("is blank (got nothing, expected why, for the record)")
    return text


def add_override(parser: argparse.ArgumentParser) -> None:
    """--override and --expires: break glass."""
    parser.add_argument(
        "--override",
        action="append",
        default=[],
        metavar="RULE",
        help=f"set this rule for people aside: {', '.join(RULES)}; repeatable; needs --reason and "
        "--expires",
    )
    parser.add_argument(
        "--expires",
        type=duration,
        default=None,
        metavar="DURATION",
        help="for how long rules are set aside, at most 24h",
    )


def override_of(args: argparse.Namespace, otherwise_s: float | None = None) -> Override | None:
    """What --override and --expires say; None where nothing is to be set aside.

    Args:
        args: the command line.
        otherwise_s: for how long without --expires; None where it must be there.

    Raises:
        UsageError: there is no such rule, or a reason or an expiry is lacking, or it is too long.
    """
    from gate.api import plans  # noqa: PLC0415 - only where something is set aside

    for_s = otherwise_s if args.expires is None and args.override else args.expires
    by = plans.By(reason=args.reason or "", dashes="--")
    return plans.override_of(args.override, for_s, by, args.command)


def add_wait(parser: argparse.ArgumentParser) -> None:
    """--wait, for what only one rollout at a time may do."""
    parser.add_argument(
        "--wait",
        type=duration,
        default=0.0,
        metavar="DURATION",
        help="while another rollout is at work on the service, wait for it this long, e.g. 10m "
        "(default: do not wait)",
    )


def duration(text: str) -> float:
    """Seconds of a duration, written as in policies."""
    from gate.kinds.values import seconds_of  # noqa: PLC0415 - YAML only where a duration is given

    seconds = seconds_of(text)
    if seconds is None:
        raise argparse.ArgumentTypeError(
            f"is no duration (got {text!r}, expected e.g. 500ms, 15s, 4m or 1h, at most 24h)"
        )
    return seconds
