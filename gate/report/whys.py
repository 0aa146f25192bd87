"""Why a candidate was refused, link by link: from the decision to what changed and is at stake.

Every answer is read from the recorded outcome, and nothing is concluded that is not there; where a
link is not on record, that is said, with what would have put it there.
"""

from collections.abc import Iterator

from gate.core.evidence import Attribution, Outcome, Symptom
from gate.core.recorded import is_by_probe
from gate.kinds.kind import LeadsTo
from gate.kinds.registry import facts_of
from gate.report.evidence import stake, tries_text
from gate.report.fields import Entry, child, children, number, text, texts
from gate.report.lines import Line, Tone
from gate.report.safe import safe
from gate.report.words import asked_at

PROBES_MAX = 3
DIFFERENCES_MAX = 5
LOG_LINES_MAX = 3
_REFUSED = frozenset({"reject", "hold"})
_CONFIGURATION = frozenset({Symptom.CONFIGURATION.value, Symptom.ROUTES.value})


def why_lines(outcome: Entry) -> list[Line]:
    """The chain of each failed probe that decided, at most three; none where nothing was refused.

    Args:
        outcome: the ledger's entry of the outcome.
    """
    verdict = child(outcome, "verdict")
    if text(verdict, "decision") not in _REFUSED:
        return []
    reasons = children(verdict, "reasons")
    chains = [chain for reason in reasons if (chain := _chain(outcome, reason))]
    lines = [line for chain in chains[:PROBES_MAX] for line in chain]
    if more := len(chains) - PROBES_MAX:
        lines += [Line(f"and {more} more", indent=2)] if more > 0 else []
    return [Line("why, link by link (from the record):", Tone.HEADING), *lines] if lines else []


def _chain(outcome: Entry, reason: Entry) -> list[Line]:
    """One failed probe's chain; empty where the reason is no probe's."""
    items = children(outcome, "evidence")
    subject = text(reason, "subject")
    own = [one for one in items if text(one, "probe") == subject and _failed(one)]
    if not own or not is_by_probe(outcome, reason):
        return []
    item = own[0]
    control = next((one for one in items if _is_control(one, subject)), {})
    name = asked_at(subject, text(item, "address"))
    decision = safe(text(child(outcome, "verdict"), "decision"))
    decided = f"{name} is required and did not pass: {safe(text(reason, 'text'))}"
    links = [
        (f"why {decision}?", [decided]),
        (f"why did {name} not pass?", [_exchange(item)]),
        ("why is that the candidate's fault, or not?", _fault(item, control)),
        ("what does the candidate say of it?", _said(item)),
        ("what did change?", list(_changes(outcome))),
        ("what is at stake?", [_stake(outcome, reason)]),
    ]
    return [line for number_, link in enumerate(links, 1) for line in _link(number_, *link)]


def _link(count: int, question: str, answers: list[str]) -> Iterator[Line]:
    yield Line(f"{count}. {question}", indent=2)
    for answer in answers:
        yield Line(answer, indent=5)


def _failed(item: Entry) -> bool:
    return text(item, "outcome") != Outcome.PASSED.value and text(item, "address") != "stable"


def _is_control(item: Entry, probe: str) -> bool:
    return text(item, "probe") == probe and text(item, "address") == "stable"


def _exchange(item: Entry) -> str:
    asked, seen, expected = (safe(text(item, key), 300) for key in ("asked", "seen", "expected"))
    trace = f" (trace {safe(text(item, 'trace'), 40)})" if text(item, "trace") else ""
    right, of = number(item, "right_times"), number(item, "asked_times") or 0
    times = f", {right} of {of} times right" if of > 1 and right is not None else ""
    return f"{asked}: got {seen}, expected {expected}{times}{trace}"


def _fault(item: Entry, control: Entry) -> list[str]:
    """What stable showed beside it, and the word that follows from both."""
    word = text(item, "attribution") or Attribution.UNKNOWN.value
    if not control:
        return [f"{safe(word)}: stable was not asked the same (`baseline: stable` asks it)"]
    beside = f"stable {safe(text(control, 'outcome'))}: {safe(text(control, 'seen'), 300)}"
    tries = tries_text(texts(item, "repeats"), texts(control, "repeats"))
    return [f"{safe(word)}: {beside}", *([tries] if tries else [])]


def _said(item: Entry) -> list[str]:
    """The candidate's own lines: those beside the requests, or those that a logs probe is about."""
    kind = facts_of(text(item, "kind"))
    kept = "excerpts" if kind and kind.leads_to is LeadsTo.LOGS else "log_lines"
    lines = [safe(line, 300) for line in texts(item, kept)[:LOG_LINES_MAX]]
    return lines or ["nothing on record: no line of its log belongs to these requests"]


def _changes(outcome: Entry) -> Iterator[str]:
    """What differs from stable, as far as it is on record: the image, and what a diff found."""
    image = text(child(outcome, "candidate"), "image")
    before = sorted({text(one, "image") for one in children(outcome, "stable")} - {""})
    if image and before:
        was = "the same" if before == [image] else f"was {safe(', '.join(before))}"
        yield f"image: {safe(image)}, {was}"
    compared = [
        one
        for one in children(outcome, "evidence")
        if (kind := facts_of(text(one, "kind"))) and kind.compares
    ]
    found = [
        f"{safe(text(one, 'probe'))}: {safe(text(finding, 'seen'), 300)}"
        for one in compared
        for finding in children(one, "findings")
        if text(finding, "symptom") in _CONFIGURATION
    ]
    yield from found[:DIFFERENCES_MAX]
    if not compared:
        yield "configuration and routes were not compared (probes `diff` and `routes` do)"
    elif not found:
        named = ", ".join(safe(text(one, "probe")) for one in compared)
        yield f"nothing that {named} forbids"


def _stake(outcome: Entry, reason: Entry) -> str:
    name = text(reason, "capability")
    if not name:
        return "not on record: the probe names no capability"
    return stake(outcome, name)
