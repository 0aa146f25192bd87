"""Asks the candidate and stable for their OpenAPI documents: no route may be lost."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace

from gate.core.evidence import STABLE, Evidence, Outcome, Symptom
from gate.kinds.routes import RoutesProbe
from gate.probes import headers
from gate.probes.expect import read_json
from gate.probes.frontend import Arrival
from gate.probes.identity import Identity
from gate.probes.inquiry import Draft, Inquiry, Run, told_before
from gate.probes.outcome import CannotAskError, Fault
from gate.probes.routes.openapi import (
    BreakingChange,
    NoDocumentError,
    Routes,
    breaking_changes,
    key_of,
    routes_of,
)
from gate.probes.web.asking import Before, Reply, ask_patiently, plain_request
from gate.probes.words import LINES_MAX

KIND = "routes"
DOCUMENT_MAX = 4 << 20
"""Most bytes of a document: one of a thousand routes has a tenth of that."""
_STATUSES = (200,)
_SERVER_ERROR = 500
_NAMES_MAX = 5


@dataclass(frozen=True, slots=True)
class _Page:
    """What one of the two said: its routes, or why there are none."""

    reply: Reply
    routes: Routes
    fault: Fault | None = None


async def ask(inquiry: Inquiry[RoutesProbe]) -> Evidence:
    """Reads both documents and judges what a client of stable would miss.

    What stable showed goes to inquiry.control.

    Raises:
        CannotAskError: nobody says where stable is.
    """
    run, spec = inquiry.run, inquiry.spec
    trace = headers.Trace()
    draft = inquiry.begin(KIND, f"routes in {spec.path}", _expected(spec))
    if run.target.stable is None:
        raise CannotAskError(
            "no stable to compare with",
            "the address of stable",
            "the policy needs `baseline: stable`, and a rollout of a service that has users",
        )
    before = Before(run)
    own = await _page(run, spec, trace, before)
    there = _at_stable(run, run.target.stable.revision)
    other = await _page(there, spec, trace, before)
    inquiry.control(_control(draft, run, other))
    missed = _missed(spec, own, other)
    faults = [fault for fault in (_of_stable(other), own.fault) if fault]
    faults = faults[:1] or [_fault(one) for one in missed]
    excerpts = [
        *told_before(before.told, run.words),
        *(run.words.line(text) for text in _excerpts(spec, own, other)),
    ]
    seen = faults[0].seen if own.fault or other.fault else _seen(own, other, missed)
    name = own.reply.name
    return draft.end(seen, faults, excerpts, trace=trace.id, answered_by=name)


def _control(draft: Draft, run: Run, page: _Page) -> Evidence:
    """What stable showed by itself: whose fault it is that the candidate has no document."""
    seen = page.fault.seen if page.fault else f"{len(page.routes)} routes"
    there = [page.fault] if page.fault else []
    lines = [run.words.line(f"> GET {page.reply.request.url}")]
    evidence = draft.end(seen, there, lines, answered_by=page.reply.name)
    return replace(evidence, address=STABLE)


def _at_stable(run: Run, revision: str) -> Run:
    """The same run, asking stable: by its own identity where its name is known."""
    assert run.target.stable is not None
    identity = Identity(run.target.identity, revision)
    return replace(run, target=run.target.stable, arrival=Arrival(0.0), identity=identity)


async def _page(run: Run, spec: RoutesProbe, trace: headers.Trace, before: Before) -> _Page:
    reply = await ask_patiently(
        run,
        lambda: plain_request(run, trace, spec.path),
        spec.timeout_s,
        _STATUSES,
        before,
        DOCUMENT_MAX,
    )
    wrong = reply.wrong(_STATUSES)
    if wrong is not None or reply.answer is None:
        return _Page(reply, {}, wrong)
    try:
        # a large document takes a while, and other probes' sockets would wait
        routes = await asyncio.to_thread(_read, reply.answer.body)
    except (ValueError, NoDocumentError) as error:
        text = f"no OpenAPI document ({error})"
        return _Page(reply, {}, Fault(Symptom.ROUTES, text, "an OpenAPI document in JSON"))
    return _Page(reply, routes)


def _read(body: bytes) -> Routes:
    return routes_of(read_json(body))


def _of_stable(page: _Page) -> Fault | None:
    """What stands in the way on stable's side, which is nothing that the candidate has done."""
    fault = page.fault
    if fault is None and not page.routes:
        fault = Fault(Symptom.ROUTES, "no route at all", "routes to compare with")
    if fault is None:
        return None
    hint = "nothing to compare with: give the path at which stable serves its OpenAPI document"
    seen = f"stable: {fault.seen}"
    symptom = Symptom.NO_EVIDENCE if _has_none(page, fault) else fault.symptom
    return replace(fault, symptom=symptom, seen=seen, hint=hint, because=Outcome.INCONCLUSIVE)


def _has_none(page: _Page, fault: Fault) -> bool:
    """Whether stable has said that there is no document: then the question is at fault."""
    answer = page.reply.answer
    said = answer is not None and answer.status < _SERVER_ERROR
    return said and fault.symptom in {Symptom.STATUS, Symptom.REDIRECT, Symptom.ROUTES}


def _missed(spec: RoutesProbe, own: _Page, other: _Page) -> tuple[BreakingChange, ...]:
    """What was lost and not declared."""
    gone, more = ({key_of(route) for route in listed} for listed in (spec.removed, spec.changed))
    return tuple(
        one
        for one in breaking_changes(other.routes, own.routes)
        if key_of(one.route) not in (gone if one.gone else more)
    )


def _fault(change: BreakingChange) -> Fault:
    seen, what = f"{change.route} {change.words}", "whoever calls it as before is refused"
    if change.gone:
        hint = "if that is meant, list it under expect.removed"
        return Fault(Symptom.ROUTES, seen, "as stable has it", hint)
    wanted = "no more than stable needs" if change.needs else "all that stable promises"
    what = what if change.needs else "whoever reads that from its answers may miss it"
    hint = f"{what}; if that is meant, list it under expect.changed"
    return Fault(Symptom.ROUTES, seen, wanted, hint)


def _expected(spec: RoutesProbe) -> str:
    parts = ["every route of stable"]
    parts += [f"without {', '.join(spec.removed)}"] if spec.removed else []
    parts += [f"{', '.join(spec.changed)} may change"] if spec.changed else []
    return "; ".join(parts)


def _seen(own: _Page, other: _Page, missed: tuple[BreakingChange, ...]) -> str:
    kept = len(other.routes.keys() & own.routes.keys())
    new = len(own.routes.keys() - other.routes.keys())
    parts = [f"{kept} of {len(other.routes)} routes kept"]
    parts += [f"{new} new"] if new else []
    parts += [f"{len(missed)} lost or changed"] if missed else []
    return ", ".join(parts)


def _excerpts(spec: RoutesProbe, own: _Page, other: _Page) -> Iterator[str]:
    """What differs, declared or not, and what is new: said, never judged."""
    yield f"> GET {own.reply.request.url}"
    yield f"> GET {other.reply.request.url} (stable)"
    if own.fault or other.fault:
        return
    undeclared = set(_missed(spec, own, other))
    for one in breaking_changes(other.routes, own.routes)[:LINES_MAX]:
        mark = "!" if one in undeclared else "= declared:"
        yield f"{mark} {one.route} {one.words}"
    new = [route.name for key, route in own.routes.items() if key not in other.routes]
    if new:
        more = f" and {len(new) - _NAMES_MAX} more" if len(new) > _NAMES_MAX else ""
        yield f"= new: {', '.join(new[:_NAMES_MAX])}{more}"
