"""Judges recorded evidence again, by today's rules and a policy that is given. Pure.

The verdict alone is replayed: the evidence as it is recorded, put to `judge` as the probes of a
policy ask it. Not replayed is what an entry does not have beside its events (gate.ledger.rerun):
how Cloud Run answered in between, the counts of users' requests, and the forms of JSON answers, on
which the wording of a reason may rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import TypeVar

from gate.core.evidence import SERVICE, Evidence, Finding, Outcome, Repeat, Symptom
from gate.core.fail_fast import NotAsked
from gate.core.fields import Entry, child, children, number, text, texts
from gate.core.policy import Json, Policy, Probe
from gate.core.probe_selection import without_stable
from gate.core.recorded import Decision, moment
from gate.core.verdict import Decision as Decided
from gate.core.verdict import Reason, Verdict, judge

E = TypeVar("E", bound=Enum)
PROMOTE, HOLD = "promote", "hold"
VERDICT = "the verdict was"
BEFORE_USERS = "the verdict before users came, whose evidence that of the watch has replaced"
"""What a candidate was promoted by; a watch that cannot tell takes nobody back, and only a
rejection would differ."""


NOTHING_ASKED = {
    "stop": "it stopped the line: there is nothing to replay",
    "resume": "it let a stopped line go on: there is nothing to replay",
}
"""By kind of command: what rests on no evidence."""


class NotReplayed(ValueError):  # noqa: N818 - told, not raised to a user
    """A decision that cannot be judged again: says why."""

    unreadable = False


class Unreadable(NotReplayed):
    """What is recorded is there, and no gate of today has written it."""

    unreadable = True


def replayed(decision: Decision, policy: Policy) -> dict[str, Json]:
    """What today's rules make of a decision's evidence, beside what was decided then.

    {id, kind, by, replayed, unreadable, why_not, same, recorded, today, differs, policy, beside}:
    `by` is `policy`; `unreadable` whether there is evidence that no gate of today has written;
    `recorded` and `today` are {decision, subjects}, null where nothing is replayed; `differs` says
    in words what is not the same; `policy` says how the policy differs from the one then, "" for
    not at all; `beside` are the recorded reasons that rest on more than evidence.
    """
    value: dict[str, Json] = {
        "id": decision.id,
        "kind": decision.kind,
        "by": "policy",
        "policy": _policy(decision, policy),
    }
    try:
        probes, evidence = _probes(decision, policy), recorded_evidence(decision.outcome or {})
    except NotReplayed as error:
        told: dict[str, Json] = {"replayed": False, "unreadable": error.unreadable}
        told |= {"why_not": str(error), "same": None}
        return {**value, **told, "recorded": None, "today": None, "differs": [], "beside": []}
    names = {probe.name for probe in probes}
    then = child(decision.outcome or {}, "verdict")
    reasons = children(then, "reasons")
    beside = [text(one, "subject") for one in reasons if text(one, "subject") not in names]
    now = _judged(decision, probes, evidence, policy)
    recorded = _side(text(then, "decision"), [text(one, "subject") for one in reasons])
    today = _side(now.decision.value, [one.subject for one in now.reasons])
    differs = [*_differs(recorded, today, names, sure=not beside)]
    if text(then, "decision") == PROMOTE and _live(evidence):
        beside.append(BEFORE_USERS)
        differs = [] if now.decision.value == HOLD else differs
    if unasked := _unasked(decision, policy):
        now = _with(now, unasked)
        today = _side(now.decision.value, [one.subject for one in now.reasons])
        differs += _held(text(then, "decision"), today, unasked, differs)
    left_out = sum(number(one, "findings_left_out") or 0 for one in _items(decision))
    beside += [f"{left_out} findings that the record has no room for"] if left_out else []
    return {
        **value,
        "replayed": True,
        "unreadable": False,
        "why_not": "",
        "same": not differs,
        "recorded": recorded,
        "today": today,
        "differs": differs,
        "beside": [*beside],
    }


def _items(decision: Decision) -> list[Entry]:
    return children(decision.outcome or {}, "evidence")


def recorded_evidence(outcome: Entry) -> tuple[Evidence, ...]:
    """The evidence of an outcome as values.

    Raises:
        NotReplayed: there is none, a part is left out, or it says what no gate of today writes.
    """
    if number(outcome, "left_out"):
        raise NotReplayed("the entry holds a part of the evidence only")
    items = children(outcome, "evidence")
    if not items:
        raise NotReplayed("no probe was asked")
    return tuple(map(_evidence, items))


def _judged(
    decision: Decision, probes: Sequence[Probe], evidence: tuple[Evidence, ...], policy: Policy
) -> Verdict:
    live = _live(evidence)
    again = [probe for probe in probes if not probe.spec.facts.once]
    asked = again if live and any(probe.required for probe in again) else probes
    skipped = child(decision.outcome or {}, "not_asked")
    return judge(
        asked,
        evidence,
        live=live,
        repeats=policy.repeats,
        left_out=NotAsked(tuple(texts(skipped, "probes")), text(skipped, "since")),
        share=_share(decision) if live else 100,
    )


def _live(evidence: Sequence[Evidence]) -> bool:
    """Whether it was seen while the candidate had users."""
    return any(item.address == SERVICE for item in evidence)


def _share(decision: Decision) -> int:
    """Percent of users' requests that the candidate was given last."""
    name = text(child(decision.outcome or {}, "candidate"), "revision")
    shares = [
        number(line, "percent") or 0
        for entry in decision.intentions
        for line in children(entry, "traffic_wanted")
        if text(line, "revision") == name
    ]
    return next((share for share in reversed(shares) if share), 100)


def _probes(decision: Decision, policy: Policy) -> list[Probe]:
    """The policy's probes that were to be asked then.

    Raises:
        NotReplayed: no outcome is recorded, no verdict, or a probe is not in the policy.
    """
    outcome = decision.outcome
    if why := NOTHING_ASKED.get(decision.kind):
        raise NotReplayed(why)
    if outcome is None:
        raise NotReplayed("no outcome is recorded")
    if not child(outcome, "verdict"):
        raise NotReplayed("there was no verdict: what was asked for was not up to probes")
    asked = {text(item, "probe") for item in children(outcome, "evidence")}
    asked |= {*texts(outcome, "did_not_run"), *texts(child(outcome, "not_asked"), "probes")}
    if missing := sorted(asked - {probe.name for probe in policy.probes}):
        raise NotReplayed(f"the policy has no probe {', '.join(missing)}")
    return [probe for probe in policy.probes if probe.name in asked]


def _unasked(decision: Decision, policy: Policy) -> list[str]:
    """Required probes of another policy of which there is no word: nobody asked them then."""
    outcome = decision.outcome or {}
    if not _policy(decision, policy):
        return []
    beside_stable = decision.kind == "rollout" and children(outcome, "stable")
    probes = policy.probes if beside_stable else without_stable(policy.probes)
    asked = {probe.name for probe in _probes(decision, policy)}
    return [probe.name for probe in probes if probe.required and probe.name not in asked]


def _with(now: Verdict, unasked: Sequence[str]) -> Verdict:
    """A verdict, held also by what was not asked."""
    reasons = (*now.reasons, *(Reason(name, "was not asked", by_probe=True) for name in unasked))
    return replace(
        Verdict.hold("", "") if now.decision is Decided.PROMOTE else now, reasons=reasons
    )


def _held(
    then: str, today: Mapping[str, Json], unasked: Sequence[str], differs: Sequence[Json]
) -> list[Json]:
    """What differs since probes were not asked."""
    changed = then == PROMOTE and not any(str(one).startswith(VERDICT) for one in differs)
    told: list[Json] = [f"{VERDICT} {then}, and would be {today['decision']}"] if changed else []
    return told + [f"{name}, which the policy requires, was not asked then" for name in unasked]


def _policy(decision: Decision, policy: Policy) -> str:
    then = text(decision.head, "policy_digest")
    if then == policy.digest:
        return ""
    return f"it was {then[:12] or 'none'} then, and is {policy.digest[:12]} now"


def _side(decision: str, subjects: Sequence[str]) -> dict[str, Json]:
    return {"decision": decision, "subjects": [*subjects]}


def _differs(
    recorded: Mapping[str, Json], today: Mapping[str, Json], names: set[str], *, sure: bool
) -> list[Json]:
    """What is not the same; where more than evidence decided, the decision may well differ."""
    told: list[Json] = []
    if sure and recorded["decision"] != today["decision"]:
        told.append(f"{VERDICT} {recorded['decision']}, and would be {today['decision']}")
    then, now = (
        {str(one) for one in subjects if one in names}
        for side in (recorded, today)
        if isinstance(subjects := side["subjects"], list)
    )
    told += [f"{name} was a reason, and would be none" for name in sorted(then - now)]
    told += [f"{name} was no reason, and would be one" for name in sorted(now - then)]
    return told


def _evidence(item: Entry) -> Evidence:
    at = moment(text(item, "started_at"))
    if at is None:
        raise Unreadable(f"the evidence of {text(item, 'probe')!r} has no time")
    return Evidence(
        probe=text(item, "probe"),
        kind=text(item, "kind"),
        outcome=_word(Outcome, text(item, "outcome")),
        asked=text(item, "asked"),
        expected=text(item, "expected"),
        seen=text(item, "seen"),
        started_at=at,
        duration_s=(number(item, "duration_ms") or 0) / 1000,
        findings=tuple(map(_finding, children(item, "findings"))),
        excerpts=tuple(texts(item, "excerpts")),
        asked_times=number(item, "asked_times") or 0,
        right_times=number(item, "right_times") or 0,
        trace=text(item, "trace"),
        address=text(item, "address"),
        answered_by=text(item, "answered_by"),
        log_lines=tuple(texts(item, "log_lines")),
        repeats=tuple(_word(Repeat, one) for one in texts(item, "repeats")),
    )


def _finding(item: Entry) -> Finding:
    return Finding(
        _word(Symptom, text(item, "symptom")),
        text(item, "expected"),
        text(item, "seen"),
        number(item, "count") or 1,
        text(item, "hint"),
    )


def _word(kind: type[E], word: str) -> E:
    try:
        return kind(word)
    except ValueError:
        raise Unreadable(f"the record has a word that this gate does not know: {word!r}") from None
