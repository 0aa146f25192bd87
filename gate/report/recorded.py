"""One recorded rollout, with everything that the ledger has of it."""

from collections.abc import Iterator, Mapping

from gate.core.evidence import SERVICE, STABLE, Outcome
from gate.core.state import Ending
from gate.core.verdict import Decision
from gate.report.attempts import Attempt, effective, split_shares, split_tags, when
from gate.report.controls import beside, blamed, tries_text
from gate.report.fields import Entry, child, children, number, text, texts
from gate.report.lines import BLANK, Block, Cell, Grid, Line, Tone
from gate.report.probe_table import COLUMNS
from gate.report.reasons import hint_lines
from gate.report.safe import LIMIT, safe
from gate.report.whys import why_lines
from gate.report.words import (
    AT_SERVICE,
    DECISIONS,
    PASS_MAX,
    asked_at,
    decision_tone,
    duration,
    ending_tone,
    exit_meaning,
    outcome_tone,
    outcome_word,
)

TEXT_MAX = 600


def attempt_blocks(attempt: Attempt) -> list[Block]:
    """What was asked for, what the gate set out to do, what it saw, decided and left behind."""
    blocks: list[Block] = [*_head(attempt)]
    if attempt.intentions:
        blocks += [BLANK, Line("what the gate set out to do, in order:", Tone.HEADING)]
        blocks += [line for entry in attempt.intentions for line in _intention(entry)]
    outcome = attempt.outcome
    if outcome is None:
        text_ = "no outcome is recorded: it is still going on, or the gate was stopped half-way"
        return [*blocks, BLANK, Line(text_, Tone.BAD)]
    blocks += _evidence(outcome)
    blocks += _verdict(outcome)
    if whys := why_lines(outcome):
        blocks += [BLANK, *whys]
    return [*blocks, BLANK, *_traffic(outcome), *_end(outcome)]


def _head(attempt: Attempt) -> Iterator[Line]:
    head = attempt.head
    place = "/".join(safe(text(head, key)) for key in ("project", "region") if text(head, key))
    what = f"{safe(text(head, 'kind'))} of {safe(text(head, 'service'))} ({place})"
    yield Line(f"{safe(attempt.id)}: {what}: {safe(attempt.ending)}", ending_tone(attempt.ending))
    took = number(head, "duration_ms")
    after = f", took {duration(took / 1000)}" if took is not None else ""
    yield from _field("when", f"{attempt.at} UTC{after}")
    yield from _field("who", text(head, "actor"))
    yield from _field("why", text(head, "reason"))
    digest = text(head, "policy_digest")
    yield from _field("policy", text(head, "policy") + (f" (sha256 {digest})" if digest else ""))
    yield from _candidate(child(head, "candidate"))
    for stable in children(head, "stable"):
        image = text(stable, "image")
        share = number(stable, "percent")
        name = text(stable, "revision") or "LATEST"
        shown = f"{name} {share if share is not None else '?'} %{_image(image)}"
        yield from _field("stable", shown)


def _candidate(candidate: Entry) -> Iterator[Line]:
    name = text(candidate, "revision")
    if not name:
        return
    yield from _field("candidate", name + _image(text(candidate, "image")))
    yield from _field("url", text(candidate, "url"))
    yield from _field("condition", text(candidate, "condition"))


def _image(image: str) -> str:
    return f", image {image}" if image else ""


def _field(label: str, value: str) -> Iterator[Line]:
    if value:
        yield Line(f"{label + ':':<10} {safe(value, TEXT_MAX)}", indent=2)


def _intention(entry: Entry) -> Iterator[Line]:
    yield Line(f"{when(text(entry, 'at'))}  {safe(text(entry, 'why'), TEXT_MAX)}", indent=2)
    yield Line(f"traffic then:   {_split(entry, 'traffic_now')}", Tone.FAINT, indent=4)
    yield Line(f"traffic wanted: {_split(entry, 'traffic_wanted')}", Tone.FAINT, indent=4)


def _split(entry: Entry, key: str) -> str:
    return ", ".join([split_shares(entry, key), *split_tags(entry, key)])


def _evidence(outcome: Entry) -> Iterator[Block]:
    every = children(outcome, "evidence")
    controls = {text(item, "probe"): item for item in every if text(item, "address") == STABLE}
    items = [item for item in every if text(item, "address") != STABLE]
    if items:
        yield from (BLANK, Line("what the probes saw:", Tone.HEADING))
        rows = (_row(item, _beside(item, controls)) for item in items)
        yield Grid(COLUMNS, tuple(rows), indent=2)
    if any(text(item, "address") == SERVICE for item in items):
        yield Line(AT_SERVICE, Tone.FAINT, indent=2)
    for item in items:
        yield from _details(item)
        control = _beside(item, controls)
        if control:
            yield from _fault(item, control)
            yield from _details(control)
    left_out = number(outcome, "left_out")
    if left_out:
        yield Line(f"the entry was too large: {left_out} parts of the evidence were left out")


def _beside(item: Entry, controls: Mapping[str, Entry]) -> Entry:
    """What stable showed, where the candidate did not pass; empty where that is not known."""
    passed = text(item, "outcome") == Outcome.PASSED.value or text(item, "address")
    return {} if passed else controls.get(text(item, "probe"), {})


def _fault(item: Entry, control: Entry) -> Iterator[Line]:
    if word := text(item, "attribution"):
        yield Line(f"fault: {safe(word)}", indent=4)
    if told := tries_text(texts(item, "repeats"), texts(control, "repeats")):
        yield Line(f"tries: {told}", indent=4)


def _row(item: Entry, control: Entry) -> tuple[Cell, ...]:
    word = outcome_word(text(item, "outcome") or "?")
    limit = PASS_MAX if word == outcome_word(Outcome.PASSED.value) else LIMIT
    return (
        Cell(asked_at(text(item, "probe"), text(item, "address"))),
        Cell(blamed(word, text(item, "attribution") if control else ""), outcome_tone(word)),
        Cell(safe(text(item, "expected"), limit)),
        Cell(beside(safe(text(item, "seen"), limit), text(control, "seen"))),
    )


def _details(item: Entry) -> Iterator[Line]:
    word = outcome_word(text(item, "outcome") or "?")
    took = duration((number(item, "duration_ms") or 0) / 1000)
    kind = safe(text(item, "kind"))
    yield BLANK
    name = asked_at(text(item, "probe"), text(item, "address"))
    yield Line(f"{name} ({kind}): {word} in {took}", outcome_tone(word), 2)
    yield Line(f"asked: {safe(text(item, 'asked'))}{_times(item)}", indent=4)
    yield Line(f"expected: {safe(text(item, 'expected'))}", indent=4)
    yield Line(f"seen: {safe(text(item, 'seen'))}", indent=4)
    if answered_by := text(item, "answered_by"):
        yield Line(f"answered by: {safe(answered_by)}", indent=4)
    if trace := text(item, "trace"):
        yield Line(f"trace: {safe(trace)}", indent=4)
    for finding in children(item, "findings"):
        yield from _finding(finding)
    for excerpt in texts(item, "excerpts"):
        yield Line(f"| {safe(excerpt, TEXT_MAX)}", Tone.FAINT, indent=4)


def _times(item: Entry) -> str:
    asked, right = number(item, "asked_times") or 1, number(item, "right_times") or 0
    return f" ({right} of {asked} right)" if asked > 1 else ""


def _finding(finding: Entry) -> Iterator[Line]:
    count = number(finding, "count") or 1
    times = f" ({count} times)" if count > 1 else ""
    seen, expected = safe(text(finding, "seen")), safe(text(finding, "expected"))
    symptom = safe(text(finding, "symptom"))
    yield Line(f"{symptom}: got {seen}, expected {expected}{times}", Tone.BAD, indent=4)
    if hint := text(finding, "hint"):
        yield Line(f"hint: {safe(hint, TEXT_MAX)}", indent=6)


def _verdict(outcome: Entry) -> Iterator[Line]:
    verdict = child(outcome, "verdict")
    decision = text(verdict, "decision")
    done = text(outcome, "ending") in {Ending.PROMOTED.value, Ending.ROLLED_BACK.value}
    if decision == Decision.PROMOTE.value and not done:
        return  # the probes had passed, and something else ended it: the ending says what
    if not decision:
        return
    yield BLANK
    meaning = DECISIONS.get(decision, "unknown")
    yield Line(f"verdict: {safe(decision)} ({meaning})", decision_tone(decision))
    for reason in children(verdict, "reasons"):
        subject = safe(text(reason, "subject"))
        yield Line(f"{subject}: {safe(text(reason, 'text'), TEXT_MAX)}", indent=2)
        yield from hint_lines(text(reason, "hint"), texts(reason, "lines"))
        if capability := text(reason, "capability"):
            yield Line(f"at stake: {safe(capability)}", indent=4)


def _traffic(outcome: Entry) -> Iterator[Line]:
    yield Line(f"traffic before:   {_split(outcome, 'traffic_before')}")
    yield Line(f"traffic after:    {_split(outcome, 'traffic_after')}")
    yield Line(f"in effect then:   {effective(outcome)}")
    if modifier := text(outcome, "last_modifier"):
        yield Line(f"last change then: by {safe(modifier)}")


def _end(outcome: Entry) -> Iterator[Line]:
    for note in texts(outcome, "notes"):
        yield Line(f"note: {safe(note, TEXT_MAX)}", Tone.UNSURE)
    code = number(outcome, "exit_code")
    if code is not None:
        yield Line(f"exit code: {code} ({exit_meaning(code)})")
