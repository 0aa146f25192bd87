"""`gate policy check FILE...`, `gate policy prove FILE` and `gate policy schema`."""

import argparse
from pathlib import Path

from gate.cli import prove, show
from gate.cli.options import add_output
from gate.core.policy import Json
from gate.errors import ExitCode, Problem
from gate.policyfile import PolicyCheck, check_policy, policy_schema

HELP = "check and prove policies, print their JSON Schema"


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `gate policy`."""
    commands = parser.add_subparsers(dest="policy_command", metavar="COMMAND", required=True)
    check = commands.add_parser(
        "check",
        help="say everything that is wrong with policies",
        description="Reads each policy and the JSON Schemas it names. Exit code 0 if all of them "
        "can be used, 2 if any cannot. Advice is not an error.",
        allow_abbrev=False,
    )
    check.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a policy (YAML)")
    add_output(check)
    proving = commands.add_parser(
        "prove",
        help="show that a policy's probes fail when something is wrong",
        description="Stands between the probes and a healthy service, brings in one fault after "
        "the other, and sees which probe notices. Exit code 0 if every probe can fail, 1 if one "
        "cannot, 5 if the healthy service itself does not pass.",
        allow_abbrev=False,
    )
    prove.register(proving)
    commands.add_parser(
        "schema",
        help="print the JSON Schema of policies, for editors",
        description="Prints the JSON Schema (Draft 2020-12) of the policy format, for editors.",
        allow_abbrev=False,
    )


def run(args: argparse.Namespace) -> int:
    """Runs `gate policy check`, `prove` or `schema`."""
    if args.policy_command == "prove":
        return prove.run(args)
    if args.policy_command == "schema":
        show.say_json(policy_schema())
        return ExitCode.DONE
    checks = [(str(file), check_policy(file)) for file in args.files]
    if args.output == "json":
        show.say_json({"files": [_as_json(file, check) for file, check in checks]})
    else:
        for file, check in checks:
            show.say(_lines(file, check))
    usable = all(check.policy is not None for _, check in checks)
    return ExitCode.DONE if usable else ExitCode.USAGE


def _lines(file: str, check: PolicyCheck) -> list[str]:
    lines = [problem.explained for problem in check.problems]
    if check.policy is None:
        count = len(check.problems)
        return [*lines, f"{file}: cannot be used ({count} problem{'' if count == 1 else 's'})"]
    advice = [f"{said.where}: advice: {said.message}" + _hint(said) for said in check.advice]
    count = len(check.policy.probes)
    digest = check.policy.digest[:12]
    return [*advice, f"{file}: ok ({count} probe{'' if count == 1 else 's'}, digest {digest})"]


def _hint(said: Problem) -> str:
    return f"\n  hint: {said.hint}" if said.hint else ""


def _as_json(file: str, check: PolicyCheck) -> Json:
    return {
        "file": file,
        "ok": check.policy is not None,
        "digest": "" if check.policy is None else check.policy.digest,
        "problems": [_problem(problem) for problem in check.problems],
        "advice": [_problem(problem) for problem in check.advice],
    }


def _problem(problem: Problem) -> Json:
    return {"where": problem.where, "message": problem.message, "hint": problem.hint}
