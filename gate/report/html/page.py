"""The report as one HTML file, and what a browser may do with it: nothing but show it."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from gate.core.evidence import STABLE
from gate.core.policy import Json
from gate.core.verdict import Decision
from gate.report import attempts, evidence, fields, summary, words
from gate.report.attempts import Attempt
from gate.report.html import charts, conversation, tables, traffic
from gate.report.html.charts import can_draw
from gate.report.lines import Tone
from gate.report.safe import WHOLE, safe

TEMPLATES = Path(__file__).parent / "templates"
LONGEST = 10_000
"""Most characters of one text: Cloud Run's own message, where it is the only reason."""
SHOWN_MAX = 200
"""Most lines of one list; what is more is counted."""


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
        **{one.__name__: one for one in (attempts.when, words.exit_meaning)},
        "steps": traffic.steps,
        "most": SHOWN_MAX,
        "style": lambda: Markup(style()),  # noqa: S704 - a file of ours
        "tone": tone,
        "stable_of": _stable_of,
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
    return {Tone.GOOD: "good", Tone.BAD: "bad"}.get(words.ending_tone(ending), "unsure")


def parts(attempt: Attempt, *, recorded: bool = True) -> dict[str, object]:
    """What the template of a report is given: one rollout."""
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
    }


def html(found: Sequence[Attempt], *, recorded: bool = True, pictures: bool = True) -> str:
    """The whole file: one rollout after the other.

    Args:
        found: the rollouts, each with its intentions, as `attempts` puts them together.
        recorded: whether the ledger has them.
        pictures: whether any are drawn; the numbers are there in any case.
    """
    template = _environment().get_template("file.html.jinja")
    reports = [parts(one, recorded=recorded) for one in found]
    return template.render(csp=policy(), reports=reports, pictures=pictures and can_draw())


def of_documents(
    documents: Sequence[Mapping[str, Json]],
    intentions: Sequence[dict[str, Json]] = (),
    *,
    recorded: bool = True,
    pictures: bool = True,
) -> str:
    """The same of outcomes, and of what the gate set out to do meanwhile where that is at hand.

    Args:
        documents: outcomes of the ledger, or what `gate probe` saw.
        intentions: of these rollouts, oldest first.
        recorded: whether the ledger has them.
        pictures: as `html` has it.
    """
    found = []
    for document in documents:
        name = fields.text(document, "rollout")
        its = tuple(one for one in intentions if fields.text(one, "rollout") == name)
        found.append(Attempt(name, its, document))
    return html(found, recorded=recorded, pictures=pictures)


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
