"""The mutants of a service: known faults, fitted to what it was asked and what it answered. Pure.

Each is reachable in principle: it is made for a path, a field or a message that some probe has
seen. The few numbers (the 6th connection, the 21st) are those of real incidents.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gate.core.policy import IdentityRule, Json
from gate.mutation import faults
from gate.mutation.carried import carried
from gate.mutation.edits import CHANGED_TO, Edit, How, by_schema, edits_of
from gate.mutation.faults import Family, Mutant, Place
from gate.mutation.http_faults import Answer, faulty
from gate.mutation.service_profile import Page, ServiceProfile, Sessions
from gate.mutation.stream_catalogue import of_streams, touches_streams
from gate.mutation.websocket_faults import changed_message

DELAY_S = 5.0
"""How late late answers are."""
OTHER_REVISION = "some-other-00001-old"
_UNSCRIPTED = "nothing in a policy yet: a session that is refused has no script"
_STATUSES = (401, 403, 404, 500, 503)
_USUAL = frozenset(
    {
        "connection", "content-encoding", "content-length", "content-type", "date", "etag",
        "keep-alive", "last-modified", "server", "trailer", "transfer-encoding", "vary", "via",
        "alt-svc", "traceparent", "x-cloud-trace-context",
    }
)  # fmt: skip
"""Headers that a server or a front end writes by itself."""
_BY_BODY = "json, a schema, text or a selector"
_BY_COOKIE = "a later step of a journey that needs the cookie"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every mutant, and how many fields were too many to be changed one by one."""

    mutants: tuple[Mutant, ...]
    fields_left_out: int = 0


def catalogue(profiles: Mapping[str, ServiceProfile], identity: IdentityRule | None) -> Catalogue:
    """The mutants for what these probes were told.

    Args:
        profiles: by probe.
        identity: the policy's rule; None where any answer counts.
    """
    pages = [page for profile in profiles.values() for page in profile.pages]
    sockets: dict[str, list[Sessions]] = {}
    for profile in profiles.values():
        for path, sessions in profile.sockets.items():
            sockets.setdefault(path, []).append(sessions)
    streams = [one for profile in profiles.values() for one in profile.streams.items()]
    found: dict[str, Mutant] = {}
    left_out = 0
    several = (
        _everywhere(frozenset(page.answer.status for page in pages)),
        _of_identity(identity),
        *(_of_page(page, pages, identity) for page in pages),
        *(_of_carried(profile.pages) for profile in profiles.values()),
        *(_of_sockets(path, known) for path, known in sockets.items()),
        *(of_streams(question, known) for question, known in streams),
    )
    for mutant in (mutant for mutants in several for mutant in mutants):
        found.setdefault(mutant.name, mutant)
    left_out += sum(_too_many(page) for page in pages)
    return Catalogue(tuple(found.values()), left_out)


def _everywhere(answered: frozenset[int]) -> Iterator[Mutant]:
    """Faults of every page at once, whatever the statuses of those that are known."""
    anywhere, http = Place(), Place(websocket=False)
    any_question = "any question that needs an answer"
    yield _named(anywhere, "connections refused", Family.CONNECTION, faults.Refused(), any_question)
    yield _named(anywhere, "no answer at all", Family.CONNECTION, faults.Silent(), any_question)
    yield _named(
        anywhere, "bytes that are no HTTP", Family.CONNECTION, faults.Garbled(), any_question
    )
    if not answered:
        return
    for status in _STATUSES:
        if answered != {status}:
            yield _status(http, status)
    redirect = "one exact status"
    yield _named(http, "a redirect (307)", Family.ANSWER, faults.Redirect(), redirect)
    yield _named(http, "an empty body", Family.ANSWER, faults.Blank(), _BY_BODY)
    yield _named(http, "a page for people (200)", Family.ANSWER, faults.Html(), _BY_BODY)


def _of_identity(rule: IdentityRule | None) -> Iterator[Mutant]:
    """Of the first rule; a name that is missing is a fault only where no other rule is tried.

    Fields of a probe's own answers and of messages are changed one by one as all fields are.
    """
    if rule is None:
        return
    other, nobody = "another revision answers", "no answer says which revision gave it"
    by = "candidate.identity"
    faulty: list[faults.Fault] = []
    place = Place()
    if rule.header:
        faulty = [faults.HeaderSet(rule.header, OTHER_REVISION), faults.HeaderGone(rule.header)]
    elif rule.path:
        place = Place(path=rule.path, method="GET", websocket=False)
        path = tuple(rule.field.split("."))
        faulty = [faults.Field(Edit(path, how)) for how in (How.CHANGED, How.DROPPED)]
    wanted = (other,) if rule.otherwise else (other, nobody)
    for name, fault in zip(wanted, faulty, strict=False):
        yield _named(place, name, Family.IDENTITY, fault, by)


def _status(place: Place, status: int) -> Mutant:
    return _named(
        place, f"status {status}", Family.ANSWER, faults.Status(status), "one exact status"
    )


def _of_page(page: Page, pages: Sequence[Page], identity: IdentityRule | None) -> Iterator[Mutant]:
    place = _place_of(page)
    for status in _STATUSES:
        if status != page.answer.status:  # else it is no fault, and no policy can notice it
            yield _status(place, status)
    yield _named(place, "a redirect (307)", Family.ANSWER, faults.Redirect(), "one exact status")
    late = f"{DELAY_S:g} s late"
    within = f"slower_than_stable: 300%, or a timeout below {DELAY_S:g} s"
    yield _named(place, late, Family.SPEED, faults.Late(DELAY_S), within)
    if page.answer.body:
        yield _named(place, "a body cut off", Family.CONNECTION, faults.CutOff(), "any question")
        yield _named(place, "an empty body", Family.ANSWER, faults.Blank(), _BY_BODY)
        html = "a page for people (200)"
        yield _named(place, html, Family.ANSWER, faults.Html(), _BY_BODY)
        wrong = faults.HeaderSet("content-type", "application/octet-stream")
        yield _named(
            place, "wrong content type", Family.ANSWER, wrong, "headers: {Content-Type: …}"
        )
    yield from _of_headers(place, page, identity)
    if page.answer.status in (401, 403):
        body = _answer_for_friends(page, pages)
        let_in = faults.LetIn(body)
        yield _named(place, "strangers let in", Family.STRANGER, let_in, "an exact refusal")
    if not page.part:
        yield from _of_body(place, page.answer)
        yield from _of_html(place, page)


def _place_of(page: Page) -> Place:
    """Of a step of a journey, the step itself: its path may be another one each time."""
    if page.step:
        return Place(method=page.method, websocket=False, step=page.step)
    return Place(page.path, page.method, websocket=False)


def _of_headers(place: Place, page: Page, identity: IdentityRule | None) -> Iterator[Mutant]:
    for name in sorted(_own_headers(page.answer, identity)):
        gone = faults.HeaderGone(name)
        yield _named(place, f"no header {name}", Family.ANSWER, gone, _by_header(name, page))
    if 300 <= page.answer.status < 400 and page.answer.header("location"):
        elsewhere = faults.HeaderSet("location", f"/{CHANGED_TO}")
        by = _by_header("location", page)
        yield _named(place, "a redirect to another page", Family.ANSWER, elsewhere, by)


def _by_header(name: str, page: Page) -> str:
    """What notices that a header is gone; only steps of journeys know redirects and captures."""
    if name == "set-cookie":
        return _BY_COOKIE
    if name != "location" or not page.step:
        return f"headers: {{{name}: …}}"
    if 300 <= page.answer.status < 400:
        return "expect: {redirect: …}"
    return "a later step that goes there: capture: {where: {header: Location}}"


def _of_html(place: Place, page: Page) -> Iterator[Mutant]:
    """Of pages for people: their forms, and templates that nobody rendered."""
    several: tuple[tuple[str, faults.HtmlFault, str], ...] = (
        ("no form fields", faults.Fieldless(), "a selector, or a journey that sends the form"),
        ("form fields with other values", faults.OtherValues(), "a journey that sends the form"),
        (
            "a template that nobody rendered",
            faults.Unrendered(),
            "baseline: stable, a selector with the whole text, or absent_text",
        ),
    )
    for what, fault, by in several:
        if faulty(page.answer, fault, page.target) != page.answer:
            yield _named(place, what, Family.CONTRACT, fault, by)


def _of_carried(pages: Sequence[Page]) -> Iterator[Mutant]:
    """Values that later steps of a journey need: another one is given out."""
    for number, page in enumerate(pages):
        value = _json(page.answer)
        for edit in carried(page, value, pages[number + 1 :]):
            by = "a later step that needs it, and what that step expects"
            fault = faults.Field(edit)
            yield _named(_place_of(page), f"field {edit}", Family.CONTRACT, fault, by)


def _own_headers(answer: Answer, identity: IdentityRule | None) -> frozenset[str]:
    """Headers that are the application's own, but for the one that names the revision."""
    names = {name.decode("latin-1").lower() for name, _ in answer.headers}
    rules = identity.rules if identity else ()
    return frozenset(names - _USUAL - {rule.header.lower() for rule in rules})


def _answer_for_friends(page: Page, pages: Iterable[Page]) -> bytes:
    """What the same question gets from those who may ask it, as far as a probe has asked."""
    good = (
        one.answer.body
        for one in pages
        if (one.path, one.method) == (page.path, page.method) and one.answer.status == 200
    )
    return next(good, b'{"status": "success", "data": []}')


def _of_body(place: Place, answer: Answer) -> Iterator[Mutant]:
    value = _json(answer)
    if not isinstance(value, dict | list):
        return
    yield _named(place, "wrapped in `data`", Family.CONTRACT, faults.Wrapped("data"), "a schema")
    if isinstance(value, dict):
        for name in [name for name, inner in value.items() if isinstance(inner, dict | list)]:
            text = f"only what `{name}` holds"
            yield _named(place, text, Family.CONTRACT, faults.Unwrapped(name), "a schema")
    for edit in edits_of(value)[0]:
        yield _named(place, f"field {edit}", Family.CONTRACT, faults.Field(edit), by_schema(edit))


def _of_sockets(path: str, known: Sequence[Sessions]) -> Iterator[Mutant]:
    place = Place(path, websocket=True)
    for status in (403, 404, 500, 503):
        name = f"handshake refused with {status}"
        yield _named(
            place, name, Family.HANDSHAKE, faults.Denied(status), "a script, or any session"
        )
    offered = any(one.offered or one.selected for one in known)
    for choice in faults.Choice if offered else ():
        name = f"subprotocol: {choice.value}"
        by = "expect: {subprotocol: …}"
        yield _named(place, name, Family.HANDSHAKE, faults.Subprotocol(choice), by)
    late = f"messages {DELAY_S:g} s late"
    yield _named(place, late, Family.SPEED, faults.Late(DELAY_S), f"within: below {DELAY_S:g} s")
    greeting = next((one.first for one in known if one.first), "")
    welcomed = faults.Welcomed(greeting)
    yield _named(place, "strangers let in", Family.STRANGER, welcomed, "expect: {refused: …}")
    yield from _of_endings(place)
    yield from _of_crowds(place)
    yield from _of_rooms(place, known)
    yield from _of_events(place)
    kinds: dict[str, str] = {}
    for sessions in known:
        kinds = {**sessions.samples, **kinds}
    for kind, text in kinds.items():
        heard = [sessions for sessions in known if kind in sessions.samples]
        unscripted = all(sessions.dismissed >= sessions.opened for sessions in heard)
        for mutant in _of_kind(place, kind, text):
            yield replace(mutant, caught_by=_UNSCRIPTED) if unscripted else mutant


def _of_endings(place: Place) -> Iterator[Mutant]:
    yield _named(place, "opens and is mute", Family.SESSION, faults.Muted(), "a script that waits")
    frozen, by = faults.Muted(frozen=True), "a script that waits, or a soak probe"
    yield _named(place, "opens and is frozen", Family.SESSION, frozen, by)
    for after_s in (0.5, 20.0):
        by = f"hold, or a soak probe, of more than {after_s:g} s"
        name = f"broken off after {after_s:g} s"
        yield _named(place, name, Family.SESSION, faults.Dying(after_s), by)
    for after in (0, 1, 3):
        when = "at once" if not after else f"after {after} message{'s' if after > 1 else ''}"
        by = "a script that needs more than this, or close: 1000"
        for code in (1000, 1005, 1006, 1008, 1011):
            ended = faults.Ended(code, after)
            yield _named(place, f"closed {code} {when}", Family.SESSION, ended, by)
        ended = faults.Ended(1011, after, error=True)
        yield _named(place, f"an error frame, then 1011 {when}", Family.SESSION, ended, by)


def _of_crowds(place: Place) -> Iterator[Mutant]:
    for at in (2, 6, 21):
        by = f"connections: {at} or more, success: 100%"
        name = f"1011 where {at} sessions are open"
        yield _named(place, name, Family.CROWD, faults.Crowded(at), by)
    for at in (2, 11, 21):
        by = f"repeat: {at} or more, success: 100%"
        name = f"1011 from the session number {at} on"
        yield _named(place, name, Family.CROWD, faults.Worn(at), by)
    by = "connections: 2 or more, and ${nonce} in what is sent"
    also = "messages reach another session, too"
    yield _named(place, also, Family.CROWD, faults.Crossed(instead=False), by)
    instead = "messages reach another session instead"
    yield _named(place, instead, Family.CROWD, faults.Crossed(instead=True), by)


def _of_rooms(place: Place, known: Sequence[Sessions]) -> Iterator[Mutant]:
    """Faults between sessions that hear each other, as far as any do."""
    if any(one.relayed for one in known):
        unheard = "what one session says reaches no other"
        by = "parties, and reaches: whoever must hear it"
        yield _named(place, unheard, Family.CROWD, faults.Unheard(), by)
        overheard = "what one session says reaches every other"
        by = "parties, and silent: whoever must not hear it"
        yield _named(place, overheard, Family.CROWD, faults.Overheard(), by)
        private = "what one session says reaches all that have heard it before"
        by = "parties, and silent: somebody in the same room"
        yield _named(place, private, Family.CROWD, faults.Overheard(known=True), by)
    if any(one.recalled for one in known):
        forgotten = "what was said before never reaches a latecomer"
        by = "parties, and reaches: one that a step lets join"
        yield _named(place, forgotten, Family.CROWD, faults.Forgotten(), by)


def _of_events(place: Place) -> Iterator[Mutant]:
    events = Family.EVENTS
    yield _named(place, "every message twice", events, faults.Doubled(), "sequence, once: true")
    yield _named(place, "a parrot", events, faults.Parrot(), "a script that wants another answer")
    canned = "a canned answer in the place of the real one"
    yield _named(place, canned, events, faults.Fallback(), "never: the canned answer's words")
    degraded = "says first that it works in a degraded mode"
    yield _named(place, degraded, events, faults.Degraded(), "never: what marks a degraded mode")


def _of_kind(place: Place, kind: str, text: str) -> Iterator[Mutant]:
    shown = kind or "(no type)"
    by = f"a script that waits for {shown}"
    yield _named(place, f"{shown} never comes", Family.EVENTS, faults.Lost(kind), by)
    order = f"a sequence with {shown}"
    yield _named(place, f"{shown} comes late by one", Family.EVENTS, faults.Swapped(kind), order)
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return
    if not isinstance(value, dict):
        return
    wrapped = faults.MessageWrapped(kind)
    yield _named(place, f"{shown} in a wrapper", Family.CONTRACT, wrapped, "a schema")
    for name in [name for name, inner in value.items() if isinstance(inner, dict) and inner]:
        flat = faults.MessageFlat(kind, name)
        text = f"{shown} without its `{name}` around it"
        yield _named(place, text, Family.CONTRACT, flat, "a schema")
    for edit in edits_of(value)[0]:
        fault = faults.MessageField(kind, edit)
        yield _named(place, f"{shown} field {edit}", Family.CONTRACT, fault, by_schema(edit))


def _named(place: Place, what: str, family: Family, fault: faults.Fault, by: str) -> Mutant:
    return Mutant(f"{place}: {what}", family, place, fault, by)


def _too_many(page: Page) -> int:
    value = None if page.part else _json(page.answer)
    return edits_of(value)[1] if isinstance(value, dict | list) else 0


def _json(answer: Answer) -> Json:
    try:
        return answer.json
    except (ValueError, RecursionError):
        return None


def touches(mutant: Mutant, profile: ServiceProfile) -> bool:
    """Whether a probe that was told this could meet the mutant at all."""
    covers = mutant.place.covers
    return (
        any(
            covers(page.method, page.target, websocket=False, step=page.step)
            and _touches_page(mutant.fault, page)
            for page in profile.pages
        )
        or any(
            covers("GET", path, websocket=True) and _touches_sessions(mutant.fault, sessions)
            for path, sessions in profile.sockets.items()
        )
        or any(
            covers(method, path, websocket=False) and touches_streams(mutant.fault, known)
            for (method, path), known in profile.streams.items()
        )
    )


def _touches_page(fault: faults.Fault, page: Page) -> bool:
    match fault:
        case faults.Refused() | faults.Silent() | faults.Garbled() | faults.Late():
            return True
        case faults.CutOff():
            return bool(page.answer.body)
        case (
            faults.HeaderGone() | faults.HeaderSet() | faults.Status() | faults.Redirect()
            | faults.Blank() | faults.Html() | faults.LetIn()
            | faults.Wrapped() | faults.Unwrapped() | faults.Field()
            | faults.Fieldless() | faults.OtherValues() | faults.Unrendered()
        ):  # fmt: skip
            return faulty(page.answer, fault, page.target) != page.answer
        case _:
            return False


def _touches_sessions(fault: faults.Fault, known: Sessions) -> bool:
    match fault:
        case (
            faults.Refused()
            | faults.Silent()
            | faults.Garbled()
            | faults.HeaderGone()
            | faults.HeaderSet()
        ):
            return True
        case faults.Late() | faults.Muted(frozen=False) | faults.Doubled():
            return bool(known.most_said)
        case faults.Denied() | faults.Degraded() | faults.Muted():
            return bool(known.opened)
        case faults.Welcomed():
            return bool(known.denied or known.dismissed)
        case faults.Parrot():
            return bool(known.asked)
        case _:
            return _touches_conversation(fault, known)


def _touches_conversation(fault: faults.Fault, known: Sessions) -> bool:
    match fault:
        case faults.Subprotocol(choice):
            least = 2 if choice is faults.Choice.OTHER else 0
            return bool(known.selected) and known.offered >= least
        case faults.Ended(after=after):
            return bool(known.opened) and known.most_said >= after
        case faults.Dying(after_s):
            return known.longest_s > after_s
        case _:
            return _touches_crowd(fault, known) or _touches_messages(fault, known)


def _touches_crowd(fault: faults.Fault, known: Sessions) -> bool:
    match fault:
        case faults.Crowded(at):
            return known.most_open >= at
        case faults.Worn(at):
            return known.opened >= at
        case faults.Crossed():
            return known.most_open > 1 and bool(known.most_said)
        case faults.Unheard() | faults.Overheard():
            return bool(known.relayed)
        case faults.Forgotten():
            return bool(known.recalled)
        case _:
            return False


def _touches_messages(fault: faults.Fault, known: Sessions) -> bool:
    match fault:
        case faults.Lost(kind) | faults.Swapped(kind):
            return kind in known.samples
        case (
            faults.Fallback()
            | faults.MessageField()
            | faults.MessageWrapped()
            | faults.MessageFlat()
        ):
            return any(changed_message(text, fault) != text for text in known.samples.values())
        case _:
            return False
