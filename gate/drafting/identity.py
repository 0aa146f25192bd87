"""How answers name the revision that gave them, as far as a recording shows it."""

import re
from collections.abc import Collection, Iterator

from gate.core.policy import IdentityRule, name_at
from gate.core.questions import Json
from gate.core.recording import How, Recording

_FIELD = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_HEADER = re.compile(r"[a-z0-9-]{1,100}")


def identity_of(recording: Recording) -> IdentityRule | None:
    """How answers name the revision, with the request log for those that do not.

    A header that every page has, else a field of one page; and a field of a WebSocket's messages.
    """
    names = frozenset(recording.revisions)
    if not names:
        return None
    found = [*_headers_with(recording, names)] or [*_fields_with(recording, names)][:1]
    found += [*_messages_with(recording, names)][:1]
    return IdentityRule.first_of([*found, IdentityRule(request_log=True)]) if found else None


def _headers_with(recording: Recording, names: frozenset[str]) -> Iterator[IdentityRule]:
    """A header that all pages have."""
    pages = [page for page in recording.pages if page.how is not How.ASSET]
    heads = [dict(sample.headers) for page in pages for sample in page.samples]
    common = set.intersection(*(set(head) for head in heads)) if heads else set()
    fit = [
        name
        for name in common
        if _HEADER.fullmatch(name) and all(head[name] in names for head in heads)
    ]
    if fit:
        yield IdentityRule(header=min(fit, key=lambda name: ("revision" not in name, name)))


def _messages_with(recording: Recording, names: frozenset[str]) -> Iterator[IdentityRule]:
    """A field of what every session said unasked."""
    sessions = recording.socket.sessions if recording.socket else ()
    heard = [[one.value for one in session.messages] for session in sessions]
    known = {name: None for one in heard[:1] for value in one for name in _keys(value)}
    for place in filter(_FIELD.fullmatch, known):
        told = [[name_at(value, place) for value in session] for session in heard]
        if all(next(filter(None, one), "") in names for one in told):
            yield IdentityRule(message=place)


def _keys(value: Json) -> Iterator[str]:
    yield from value if isinstance(value, dict) else ()


def _fields_with(recording: Recording, names: frozenset[str]) -> Iterator[IdentityRule]:
    for page in recording.pages:
        objects = [one.value for one in page.samples if isinstance(one.value, dict)]
        if not objects or len(objects) < len(page.samples) or page.fault:
            continue
        for name in objects[0]:
            if _FIELD.fullmatch(name) and all(_is_one_of(one.get(name), names) for one in objects):
                yield IdentityRule(path=page.path, field=name)


def _is_one_of(value: Json, names: Collection[str]) -> bool:
    return isinstance(value, str) and value in names
