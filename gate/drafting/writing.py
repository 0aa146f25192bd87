"""Writes a draft as a policy with comments, and its JSON Schemas: the way out through YAML's door.

Values are written as JSON, which YAML 1.2 reads as it is, but for words that need no quotes.
Comments hold our own words and what is left of others' once nothing in it can end a line.
"""

import contextlib
import json
import os
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gate.core.policy import IdentityRule
from gate.core.questions import Json
from gate.drafting.question import Draft, Question
from gate.errors import UsageError

WIDTH = 100
_WORD = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*|[0-9]+(?:ms|s|m|h|%)")
_NOT_ASCII = re.compile("[^\\x20-\\x7e]")
_NO_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})

_HEAD = """\
Written by `gate init` from what the service answered, {times} samples of each answer. What was the
same word in all of them is asked for as it is; of everything else only the shape is held. Read it
once: loosen what a good release may change, tighten what it may not, and add what only you know.
Every key is explained in docs/policy.md; `gate policy check` says whether it can be used."""

_SPEED = """\
Speed is not asked: only you know what you promise (docs/policy/latency.md). Say:
speed:
  http: {{{asked}, rate: 20/s, for: 10s}}
  expect: {{p95: 500ms, slower_than_stable: 20%}}"""

_TAIL = """\
capabilities:             # what is at stake, for the report; then `capability: chat` at a probe
  chat: {priority: P1, impact: "what is lost when it fails"}"""


def policy_text(draft: Draft) -> str:
    """The policy: valid YAML whatever the service said."""
    unseen = "".join(f"\n- {told}" for told in draft.unseen)
    head = _HEAD.format(times=draft.times) + ("\n\nIt cannot see:" + unseen if unseen else "")
    lines = [*_comment(head), "version: 1"]
    service = draft.service
    named = {"project": service.project, "region": service.region, "name": service.name}
    if given := {key: value for key, value in named.items() if value}:
        lines.append(f"service: {flow(dict(given))}")
    lines += ["", *_candidate(draft), "", *_movement(draft)]
    if draft.secrets:
        lines += ["", "secrets:                  # read from the environment; never written down"]
        lines += [f"  {name}: {flow({'env': ref.env})}" for name, ref in draft.secrets.items()]
    lines += ["", *_comment(_TAIL), "", "probes:"]
    for question in draft.questions:
        lines += [*_probe(question), ""]
    lines += [*_speed(draft), ""]
    if draft.left_out:
        lines += _comment("Not asked:", "  ")
        for path, why in draft.left_out:
            lines += _comment(f"{path}: {why}", "  ")
    return "\n".join(lines).rstrip() + "\n"


def write_draft(draft: Draft, path: Path, *, force: bool) -> tuple[Path, ...]:
    """Writes the policy and its schemas; all of them, or none that was there before.

    Args:
        draft: what to write.
        path: of the policy; the schemas are put below its folder.
        force: whether files that are there may be replaced.

    Returns:
        What was written, the policy first.

    Raises:
        UsageError: a file is there already, or cannot be written.
    """
    files = {path: policy_text(draft)}
    for question in draft.questions:
        for name, schema in question.schemas.items():
            files[path.parent / name] = json.dumps(schema, indent=2) + "\n"
    refuse_existing(files, force=force)
    try:
        for file, text in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            _replace(file, text, force=force)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(
            f"{str(error.filename or path)!a}: cannot be written (got {reason})",
            "choose another folder with --out",
        ) from None
    return tuple(files)


def refuse_existing(paths: Mapping[Path, object] | Sequence[Path], *, force: bool) -> None:
    """Refuses to go on where files are there already.

    Raises:
        UsageError: names all of them.
    """
    there = [str(path) for path in paths if os.path.lexists(path)]
    if there and not force:
        raise UsageError(
            f"{', '.join(there)}: there already (expected no such file)",
            "choose another folder with --out, or replace with --force",
        )


def flow(value: Json) -> str:
    """A JSON value on one line of YAML."""
    match value:
        case dict():
            inner = ", ".join(f"{_word(key)}: {flow(one)}" for key, one in value.items())
            return f"{{{inner}}}"
        case list():
            return f"[{', '.join(map(flow, value))}]"
        case str():
            return _word(value)
        case _:
            return json.dumps(value)


def _word(text: str) -> str:
    """A text as it is where it needs no quotes, else quoted as JSON does, beyond ASCII as YAML."""
    if _WORD.fullmatch(text) and text.lower() not in _NO_WORDS:
        return text
    return _NOT_ASCII.sub(_escape, json.dumps(text, ensure_ascii=False))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _candidate(draft: Draft) -> Iterator[str]:
    yield "candidate:"
    yield "  tag: candidate          # the candidate's own URL; users never get there"
    yield "  ready_within: 4m"
    if draft.identity is None:
        yield from _comment(
            "No answer named the revision that gave it. Put K_REVISION into a header of every "
            "answer and write identity: [{header: x-revision}, {request_log: true}], so that an "
            "older revision's answers are never taken for the candidate's. [{request_log: true}] "
            "alone needs no change of the service, and costs the seconds that Cloud Logging takes.",
            "  ",
        )
        return
    yield "  identity:                # of each answer, the first rule that applies counts"
    for rule in draft.identity.rules:
        place, why = _rule(rule)
        yield f"    - {flow(place)}   # {why}"


def _rule(rule: IdentityRule) -> tuple[Json, str]:
    """A rule as it is written, and why it is there."""
    if rule.header:
        return {"header": rule.header}, "every page named its revision"
    if rule.path:
        where: Json = {"path": rule.path, "field": rule.field}
        return {"json": where}, "the revision's name, as stable gave it"
    if rule.message:
        return {"message": rule.message}, "what the WebSocket said named its revision"
    return {"request_log": True}, "of an answer that names nobody, the front end's log says it"


def _movement(draft: Draft) -> Iterator[str]:
    steps = "in steps: [5, 25, 100], with dwell: 1m between them"
    if draft.recalls:
        steps = "at once: what one revision remembers, another does not know"
    yield "baseline: stable          # stable is asked the same: a failure says whose fault it is"
    yield f"traffic: [100]            # {steps}"
    yield "deadline: 20m"
    yield "on_hold: keep             # an inconclusive candidate stays at 0 %, to be looked at"


def _speed(draft: Draft) -> Iterator[str]:
    """A probe of the first page that answers, for whoever promises a limit; nothing without one."""
    for question in draft.questions:
        page = question.ask.get("http")
        if isinstance(page, dict) and question.expect.get("status", 200) == 200:
            parts: dict[str, Json] = {key: page[key] for key in ("path", "headers") if key in page}
            told = flow(parts)[1:-1]
            yield from ("  # " + line for line in _SPEED.format(asked=told).split("\n"))
            return


def _probe(question: Question) -> Iterator[str]:
    for remark in question.remarks:
        yield from _comment(remark, "  ")
    yield f"  {_word(question.name)}:"
    asks = dict(question.ask)
    if question.expect:
        asks["expect"] = dict(question.expect)
    for key, value in asks.items():
        line = f"    {key}: {flow(value)}"
        if len(line) <= WIDTH or not isinstance(value, dict):
            yield line
        else:
            yield f"    {key}:"
            yield from _block(value, "      ")


def _block(value: Mapping[str, Json], indent: str) -> Iterator[str]:
    for key, one in value.items():
        line = f"{indent}{_word(key)}: {flow(one)}"
        if isinstance(one, dict) and one and len(line) > WIDTH:
            yield f"{indent}{_word(key)}:"
            yield from _block(one, f"{indent}  ")
        elif isinstance(one, list) and len(flow(one)) > WIDTH // 2:
            yield f"{indent}{_word(key)}:"
            for item in one:
                yield from _item(item, f"{indent}  ")
        else:
            yield line


def _item(value: Json, indent: str) -> Iterator[str]:
    """An item of a list in block style; the braces of a mapping with one key are left out."""
    if not isinstance(value, dict) or not value:
        yield f"{indent}- {flow(value)}"
        return
    if len(value) > 1 and len(line := f"{indent}- {flow(value)}") <= WIDTH:
        yield line
        return
    lines = _block(value, "")
    yield f"{indent}- {next(lines)}"
    yield from (f"{indent}  {line}" for line in lines)


def _comment(text: str, indent: str = "") -> Iterator[str]:
    """A comment that nothing in the text can end; what is not plain ASCII is left out."""
    for line in text.split("\n"):
        plain = "".join(one if " " <= one <= "~" else "?" for one in line)[:400]
        for part in textwrap.wrap(plain, WIDTH - len(indent) - 2, drop_whitespace=True) or [""]:
            yield f"{indent}# {part}".rstrip()


def _replace(path: Path, text: str, *, force: bool) -> None:
    """Writes a whole file or nothing; without `force`, never over one that has come meanwhile."""
    if not force:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
        return
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with beside.open("x", encoding="utf-8") as file:
            file.write(text)
        beside.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
