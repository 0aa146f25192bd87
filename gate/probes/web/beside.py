"""Asks a probe between two answers of a path that says which revision answers."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from gate.core.evidence import Evidence
from gate.probes.identity import Identity
from gate.probes.inquiry import Draft, Inquiry, told_before
from gate.probes.web.proof import Proof, prove
from gate.probes.words import LINES_MAX, TEXT_MAX

PROOFS_MAX = 3
"""So often a probe is asked if another revision turns out to answer right after it."""

Ask = Callable[[Inquiry[Any]], Awaitable[Evidence]]


async def between_proofs(ask: Ask, inquiry: Inquiry[Any], draft: Draft) -> Evidence:
    """Asks once the right revision answers; it counts if that one still does so afterwards.

    Where the path names nobody, the rules after it count; what a probe's own answers name by a rule
    before it, counts without it.
    """
    run = inquiry.run
    before: Counter[str] = Counter()

    def again(seen: str) -> None:
        before[run.words.line(seen, TEXT_MAX)] += 1

    asked = 0
    proof = await prove(run, again)
    while proof.fault is None or (run.identity.asks and proof.name):
        identity = run.identity.anew()
        evidence = await ask(_by(identity, inquiry))
        asked += 1
        if identity.proven:
            return _with(evidence, before, inquiry)
        after = await prove(run)
        if proof.fault is None and after.fault is None:
            named = replace(evidence, named=True, answered_by=run.words.line(after.name, TEXT_MAX))
            return _with(named, before, inquiry)
        proof = after if after.fault else proof
        if not after.other or asked == PROOFS_MAX:
            break
        again(f"{after.other} answered at {run.identity.path}, right after the probe")
        proof = await prove(run, again)
    return await _unproven(proof, ask, inquiry, draft, before)


async def before_a_proof(ask: Ask, inquiry: Inquiry[Any], draft: Draft) -> Evidence:
    """Asks what a proof before it would spoil; it counts if the right revision answers then."""
    run = inquiry.run
    identity = run.identity.anew()
    evidence = await ask(_by(identity, inquiry))
    if identity.proven:
        return evidence
    proof = await prove(run)
    if proof.fault is None:
        name = run.words.line(proof.name, TEXT_MAX)
        return replace(evidence, named=True, answered_by=name)
    if not proof.name and run.identity.by_log:
        return evidence
    return draft.end(proof.fault.seen, [proof.fault], answered_by=proof.other)


async def _unproven(
    proof: Proof, ask: Ask, inquiry: Inquiry[Any], draft: Draft, before: Counter[str]
) -> Evidence:
    """What is left where the path does not prove who answers: other rules, if it names nobody."""
    assert proof.fault is not None
    identity = None if proof.name else inquiry.run.identity.past_path()
    if identity is not None:
        evidence = await ask(_by(identity, inquiry))
        return _with(evidence, before, inquiry)
    excerpts = told_before(before, inquiry.run.words)
    return draft.end(proof.fault.seen, [proof.fault], excerpts, answered_by=proof.other)


def _by(identity: Identity, inquiry: Inquiry[Any]) -> Inquiry[Any]:
    return replace(inquiry, run=replace(inquiry.run, identity=identity))


def _with(evidence: Evidence, before: Counter[str], inquiry: Inquiry[Any]) -> Evidence:
    lines = (*told_before(before, inquiry.run.words), *evidence.excerpts)[:LINES_MAX]
    return replace(evidence, excerpts=lines)
