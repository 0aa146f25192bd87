"""How a rollout ended: one text of the ledger's outcome, for its end and for `gate audit show`.

Everything is read from the entry (gate.ledger.entry); older ones may lack what is told here.
"""

from collections.abc import Iterator, Sequence

from gate.core.recorded import spoken_words
from gate.core.service import ServiceRef
from gate.report.approvals import approved_lines
from gate.report.attempts import (
    UNKNOWN,
    apart,
    effective,
    on_again,
    shares_meant,
    split_shares,
    when,
)
from gate.report.evidence import DONE, TEXT_MAX, probes_lines
from gate.report.fields import Entry, child, children, flag, number, text, texts
from gate.report.lines import BLANK, Line, Tone
from gate.report.requests import requests_lines
from gate.report.rules import flags_set_aside, override_lines
from gate.report.safe import WHOLE, safe
from gate.report.words import (
    WITHOUT_A_MOVE,
    duration,
    ending_tone,
    exit_meaning,
    flags,
    names_text,
    service_text,
    shares_text,
)

LEFT_HALF_WAY = "left half-way, since it was told twice"
_UNSERVED = frozenset({"rejected", "held", "interrupted"})


def outcome_lines(
    outcome: Entry, *, recorded: bool = True, approvals: Sequence[Entry] = ()
) -> list[Line]:
    """What was asked for, what the probes saw and decided, where traffic is, and what is next.

    Args:
        outcome: an entry of the ledger.
        recorded: whether the ledger has it.
        approvals: the entries of those that it rests on, as far as they are at hand.
    """
    sections = [
        [*head_lines(outcome, text(outcome, "ending"), text(outcome, "started_at"))],
        [*probes_lines(outcome), *_left_out(outcome)],
        [*requests_lines(outcome), *approved_lines(outcome, approvals)],
        [*_traffic(outcome)],
        [Line(f"note: {safe(n, TEXT_MAX)}", Tone.UNSURE) for n in texts(outcome, "notes")],
        [*_ending(outcome), *_recorded(outcome, recorded=recorded), *_next(outcome)],
    ]
    lines: list[Line] = []
    for section in sections:
        lines += [BLANK, *section] if lines and section else section
    return lines


def head_lines(entry: Entry, ending: str, began: str) -> Iterator[Line]:
    """What was asked for, by whom and why: of an outcome, or of an intention without one.

    Args:
        entry: of either sort.
        ending: how it ended, as far as that is known.
        began: when, as it is recorded.
    """
    what = f"{safe(text(entry, 'kind'))} of {service_text(_service(entry))}"
    yield Line(f"{safe(text(entry, 'rollout'))}: {what}: {safe(ending)}", ending_tone(ending))
    took = number(entry, "duration_ms")
    after = f", took {duration(took / 1000)}" if took is not None else ""
    yield from field_line("when", f"{when(began)} UTC{after}")
    yield from field_line("who", _who(entry))
    yield from field_line("why", text(entry, "reason"))
    yield from override_lines(entry)
    yield from _set_aside(entry)
    order = number(entry, "order")
    yield from field_line("order", "" if order is None else str(order))
    digest = f" (sha256 {found[:12]})" if (found := text(entry, "policy_digest")) else ""
    yield from field_line("policy", text(entry, "policy") + digest)
    for stable in children(entry, "stable"):
        share = number(stable, "percent")
        name = f"{text(stable, 'revision') or 'LATEST'} {share if share is not None else '?'} %"
        label = "before" if text(entry, "kind") == "rollback" else "stable"
        yield from field_line(label, name + _image(stable))
    yield from field_line("users", quarantine_text(entry))
    yield from _candidate(entry)


def quarantine_text(entry: Entry) -> str:
    """From where a quarantine takes users, and to where, before anything is asked; "" for none."""
    found = child(entry, "quarantine")
    had = child(found, "users_were_on")
    shares = shares_text({name: number(had, name) or 0 for name in had})
    return f"--quarantine: from {shares} back to {text(found, 'stable')} first" if had else ""


def _who(entry: Entry) -> str:
    """Whoever asked, and who wrote by Cloud Run's own word where that is another name."""
    actor, principal = text(entry, "actor"), child(entry, "principal")
    name = text(principal, "name")
    if text(principal, "authenticated") != "cloud run" or name in {"", actor}:
        return actor
    return f"{actor} (as {name}, by Cloud Run's word)"


def _set_aside(entry: Entry) -> Iterator[Line]:
    """Rules that were set aside, what was barred, and what others had left that was taken back."""
    if overrides := flags_set_aside(entry):
        told = ", ".join(map(safe, overrides))
        yield Line(f"{'override:':<10} {told}", Tone.BAD, indent=2)
    for one in children(entry, "bars_added"):
        by = ": ".join(part for part in (text(one, "actor"), text(one, "reason")) if part)
        yield from field_line("barred", text(one, "revision") + (f", by {by}" if by else ""))
    yield from field_line("took back", ", ".join(texts(entry, "took_back")))


def _candidate(entry: Entry) -> Iterator[Line]:
    """What became of the candidate."""
    candidate = child(entry, "candidate")
    if not (name := text(candidate, "revision")):
        return
    told = name + _image(candidate)
    if _readable(entry):
        told += f", {number(child(entry, 'effective_after'), name) or 0} %"
    if tag := text(candidate, "tag"):
        url = text(candidate, "tag_url")
        told += f", tag {tag}" + (f" at {url}" if url else "")
    if _readable(entry) and not text(candidate, "condition"):
        told += "; Cloud Run never showed this revision"
    yield from field_line(role_of(entry), told)


def role_of(entry: Entry) -> str:
    """What the revision that it is about is called: of moves by hand, their target."""
    return "target" if text(entry, "kind") in {"promote", "rollback"} else "candidate"


def _image(revision: Entry) -> str:
    image = text(revision, "image")
    return f", image {image}" if image else ""


def field_line(label: str, value: str) -> Iterator[Line]:
    """One field of the head; none where there is nothing to say."""
    if value:
        yield Line(f"{label + ':':<10} {safe(value, TEXT_MAX)}", indent=2)


def _left_out(outcome: Entry) -> Iterator[Line]:
    if left_out := number(outcome, "left_out"):
        yield Line(f"the entry was too large: {left_out} parts of the evidence were left out")


def _readable(outcome: Entry) -> bool:
    """Whether the service could be read."""
    return bool(children(outcome, "traffic_after") or child(outcome, "effective_after"))


def _traffic(outcome: Entry) -> Iterator[Line]:
    """Traffic before and after, loudly where what is asked for is not in effect."""
    if not _readable(outcome):
        yield Line("traffic: unknown, since the service could not be read", Tone.UNSURE)
        return
    before = split_shares(outcome, "traffic_before")
    if before != UNKNOWN:
        yield Line(f"traffic before: {before}{_meant(outcome, before)}")
    label = "traffic: " if before == UNKNOWN else "traffic after:  "
    under_way = flag(outcome, "reconciling") is True
    if apart(outcome):
        yield Line(f"{label}DESIRED AND EFFECTIVE DIFFER", Tone.BAD)
        yield Line(f"desired: {split_shares(outcome, 'traffic_after')}", Tone.BAD, indent=2)
        yield Line(f"effective: {_effective(outcome)}", Tone.BAD, indent=2)
        if under_way:
            yield Line("a change is still under way", Tone.BAD, indent=2)
    elif under_way:
        yield Line(f"{label}{effective(outcome)} (a change is still under way)", Tone.UNSURE)
    else:
        agree = " (desired and effective agree)" if flag(outcome, "in_effect") else ""
        again = ", off and on again" if on_again(outcome) else ""
        yield Line(f"{label}{effective(outcome)}{again}{agree}")
    yield from _still_open(outcome)


def _meant(outcome: Entry, before: str) -> str:
    """What LATEST meant before."""
    stable = shares_meant(outcome)
    follows = any(
        number(one, "percent") and not text(one, "revision")
        for one in children(outcome, "traffic_before")
    )
    meant = shares_text(stable)
    return f" (which meant {meant})" if follows and stable and meant != before else ""


def _effective(outcome: Entry) -> str:
    shares = child(outcome, "effective_after")
    return shares_text({name: number(shares, name) or 0 for name in shares})


def _still_open(outcome: Entry) -> Iterator[Line]:
    """Who is not moved by what was done, and how long that may last."""
    left = children(outcome, "still_open")
    if not left:
        return
    timeouts_s = [number(one, "timeout_s") or 0 for one in left]
    most = f"at most {duration(max(timeouts_s))}, " if all(timeouts_s) else "at most "
    names = names_text([text(one, "revision") for one in left])
    whose = "its" if len(left) == 1 else "their"
    yield Line(f"open WebSockets stay on {names} until they end ({most}{whose} request timeout)")


def _ending(outcome: Entry) -> Iterator[Line]:
    ending = text(outcome, "ending")
    word = LEFT_HALF_WAY if ending == "unknown" else safe(ending)
    yield Line(f"ended: {word}{_what(outcome, ending)}", ending_tone(ending))
    code = number(outcome, "exit_code")
    if code is not None:
        meaning = exit_meaning(code, ending, spoken_words(outcome))
        yield Line(f"exit code: {code} ({meaning})")


def _what(outcome: Entry, ending: str) -> str:
    name = text(child(outcome, "candidate"), "revision")
    shown = safe(name)
    match ending:
        case _ if ending in DONE:
            return f": {shown} gets all the traffic"
        case "reverted":
            return f": traffic could not be moved to {shown} and was moved back"
        case "regressed":
            return f": {shown} failed with users on it, and traffic is back"
        case "recovered" if text(outcome, "kind") == "unlock":
            return ": the lease is free, and what its holder did is taken back"
        case "recovered":
            return ": what a dead rollout left is taken back"
        case _ if ending in WITHOUT_A_MOVE:
            return f": {WITHOUT_A_MOVE[ending]}"
        case _ if ending in _UNSERVED and name and _readable(outcome):
            share = number(child(outcome, "effective_after"), name)
            return "" if share else f": {shown} gets no users' traffic"
        case _:
            return ""


def _recorded(outcome: Entry, *, recorded: bool) -> Iterator[Line]:
    """Where to read it again, with what was asked and answered word for word."""
    name = safe(text(outcome, "rollout"))
    if not recorded:
        yield Line(f"NOT RECORDED: the ledger has no outcome of {name}", Tone.BAD)
        return
    yield Line(f"recorded as {name}")
    show = f"gate audit show {name} {flags(_service(outcome))} --verbose"
    yield Line(show, Tone.FAINT, indent=2, whole=True)
    if text(outcome, "attestation"):
        yield Line("signed: gate audit verify --key PUBLIC says whether by whom it should be")


def _next(outcome: Entry) -> Iterator[Line]:
    """What whoever reads this may do, as commands where there are any."""
    steps = child(outcome, "next")
    if told := text(steps, "text"):
        yield Line(f"next: {safe(told, TEXT_MAX)}")
    for command in texts(steps, "commands"):
        yield Line(safe(command, WHOLE), indent=2, whole=True)
    if remark := text(steps, "remark"):
        yield Line(safe(remark, TEXT_MAX), Tone.UNSURE)


def _service(entry: Entry) -> ServiceRef:
    return ServiceRef(text(entry, "project"), text(entry, "region"), text(entry, "service"))
