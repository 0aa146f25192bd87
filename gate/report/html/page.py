"""The report as one HTML file, and what a browser may do with it: nothing but show it."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from gate.core.evidence import STABLE
from gate.core.policy import Json
from gate.core.verdict import Decision
from gate.report import approvals, attempts, evidence, fields, outcome, rules, summary, words
from gate.report.attempts import Attempt
from gate.report.html import charts, conversation, tables, traffic
from gate.report.html.charts import can_draw
from gate.report.lines import Line, Tone
from gate.report.safe import WHOLE, safe

TEMPLATES = Path(__file__).parent / "templates"
LONGEST = 10_000
"""Most characters of one text: Cloud Run's own message, where it is the only reason."""
SHOWN_MAX = 200
"""Most lines of one list; what is more is counted."""
WORD_MAX = 14
"""Longer words than any of the gate's own: such a badge may break inside one."""
_CLASSES = {Tone.GOOD: "good", Tone.BAD: "bad", Tone.UNSURE: "unsure"}


@cache
def style() -> str:
    """The style sheet."""
    return (TEMPLATES / "style.css").read_text(encoding="utf-8")


@cache
def style_source() -> str:
    """The one style sheet that is allowed, by its hash."""
    digest = hashlib.sha256(style().encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def policy(*, forms: bool = False) -> str:
    """The content security policy: no script, nothing fetched, one style sheet."""
    form = "'self'" if forms else "'none'"
    return (
        f"default-src 'none'; style-src {style_source()}; img-src data:; base-uri 'none'; "
        f"form-action {form}"
    )


def shown(value: object) -> object:
    """A value on its way into a template: texts from outside cannot act, and are bounded."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return safe(value, LONGEST if len(value) > WHOLE else WHOLE)


def environment(*folders: Path) -> Environment:
    """Where templates are found, and what they can use."""
    made = Environment(
        loader=FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        finalize=shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for module in (tables, charts, conversation):
        made.globals[module.__name__.rpartition(".")[2]] = module
    made.globals |= {
        **{one.__name__: one for one in (fields.text, fields.child, fields.children)},
        **{one.__name__: one for one in (fields.texts, fields.number, fields.flag)},
        **{one.__name__: one for one in (evidence.control_of, evidence.tries_text)},
        **{one.__name__: one for one in (words.duration, words.shares_text, words.many)},
        **{
            one.__name__: one
            for one in (attempts.when, words.exit_meaning, outcome.quarantine_text)
        },
        "steps": traffic.steps,
        "most": SHOWN_MAX,
        "style": lambda: Markup(style()),  # noqa: S704 - a file of ours
        "tone": tone,
        "stable_of": _stable_of,
        "long": _long,
    }
    return made


@cache
def _environment() -> Environment:
    return environment()


def tone(ending: str) -> str:
    """How an ending or an outcome looks: good, bad or unsure."""
    if ending == "passed":
        return "good"
    if ending in {"failed", "did not run"}:
        return "bad"
    if ending in {"inconclusive", "not asked", attempts.UNFINISHED, attempts.UNKNOWN}:
        return "unsure"
    return _CLASSES.get(words.ending_tone(ending), "unsure")


def _long(word: str) -> bool:
    return any(len(one) > WORD_MAX for one in word.split())


def parts(
    attempt: Attempt, entries: Sequence[Mapping[str, Json]] = (), *, recorded: bool = True
) -> dict[str, object]:
    """What the template of a report is given: one decision.

    Args:
        attempt: the decision.
        entries: of the ledger, in any order: approvals under its id are told of, and those that it
            rests on.
        recorded: whether the ledger has it.
    """
    document = {**attempt.head, "ending": attempt.ending} if attempt.head else {}
    found = summary.rows(document)
    code = summary.code_of(document)
    return {
        "attempt": attempt,
        "document": document,
        "ended": attempt.outcome is not None,
        "recorded": recorded,
        "rows": sorted(found, key=lambda row: (row.passed, not row.item)),
        "passed": sum(row.passed for row in found),
        "ending": summary.ending_of(document),
        "what": summary.what_of(document),
        "why": _why(document) if attempt.outcome is not None else "",
        "code": code,
        "set_aside": [(line.text, _CLASSES.get(line.tone, "")) for line in _set_aside(document)],
        "approvals": approvals.given(document, entries),
        "unread": approvals.UNREAD,
    }


def html(
    found: Sequence[Attempt],
    entries: Sequence[Mapping[str, Json]] = (),
    *,
    recorded: bool = True,
    pictures: bool = True,
) -> str:
    """The whole file: one decision after the other.

    Args:
        found: the decisions, each with its intentions, as `attempts` puts them together.
        entries: in any order: the approvals among them are told of.
        recorded: whether the ledger has them.
        pictures: whether any are drawn; the numbers are there in any case.
    """
    template = _environment().get_template("file.html.jinja")
    reports = [parts(one, _concerning(one, entries), recorded=recorded) for one in found]
    return template.render(csp=policy(), reports=reports, pictures=pictures and can_draw())


def of_documents(
    documents: Sequence[Mapping[str, Json]],
    entries: Sequence[dict[str, Json]] = (),
    *,
    recorded: bool = True,
    pictures: bool = True,
) -> str:
    """The same of outcomes, with other entries of the ledger where they are at hand.

    Args:
        documents: outcomes of the ledger, or what `gate probe` saw.
        entries: intentions and approvals under the ids of these, oldest first, and approvals that
            they rest on under others.
        recorded: whether the ledger has them.
        pictures: as `html` has it.
    """
    found = []
    for document in documents:
        name = fields.text(document, "rollout")
        its = [one for one in _of(name, entries) if fields.text(one, "entry") == "intention"]
        found.append(_attempt(name, document, its))
    return html(found, entries, recorded=recorded, pictures=pictures)


def _attempt(
    name: str, document: Mapping[str, Json], intentions: Sequence[Mapping[str, Json]]
) -> Attempt:
    """A document as what is shown; one that is an intention has no outcome."""
    if fields.text(document, "entry") != "intention":
        return Attempt(name, tuple(intentions), document)
    by = fields.text(document, "taken_back_by")
    return Attempt(name, tuple(intentions) or (document,), None, by)


def _concerning(one: Attempt, entries: Sequence[Mapping[str, Json]]) -> list[Mapping[str, Json]]:
    head = {**one.head, "rollout": one.id}
    return [entry for entry in entries if approvals.concerns(head, entry)]


def _of(name: str, entries: Sequence[Mapping[str, Json]]) -> list[Mapping[str, Json]]:
    return [one for one in entries if fields.text(one, "rollout") == name]


def _set_aside(document: Mapping[str, Json]) -> Iterator[Line]:
    """Rules that were set aside, as `gate audit show` tells of them."""
    yield from rules.override_lines(document)
    if asked := rules.flags_set_aside(document):
        yield Line(f"rules were set aside: {', '.join(map(safe, asked))}", Tone.BAD)


def _why(document: Mapping[str, Json]) -> str:
    """The one reason; of a promotion what the verdict says."""
    decision = fields.text(fields.child(document, "verdict"), "decision")
    if decision == Decision.PROMOTE.value and fields.text(document, "ending") in evidence.DONE:
        return words.DECISIONS[decision]
    return summary.why_of(document, LONGEST)


def _stable_of(document: Mapping[str, Json], item: Mapping[str, Json]) -> Mapping[str, Json]:
    """What stable showed to the same probe, also where the candidate passed."""
    if fields.text(item, "address"):
        return {}
    name = fields.text(item, "probe")
    beside = (one for one in fields.children(document, "evidence") if _is_stable(one))
    return next((one for one in beside if fields.text(one, "probe") == name), {})


def _is_stable(item: Mapping[str, Json]) -> bool:
    return fields.text(item, "address") == STABLE
