"""How answers name the revision that gave them, as far as a recording shows it."""

import re
from collections.abc import Collection, Iterator

from gate.core.policy import IdentityRule
from gate.core.questions import Json
from gate.core.recording import Heard, Recording, Socket

_FIELD = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_HEADER = re.compile(r"[a-z0-9-]{1,100}")


def identity_of(recording: Recording) -> IdentityRule | None:
    """How answers name the revision: a header that all of them have, else a field of one page."""
    names = frozenset(recording.revisions)
    if not names:
        return None
    heads = [dict(sample.headers) for page in recording.pages for sample in page.samples]
    if recording.socket is not None:
        heads += [dict(one.headers) for one in _all_heard(recording.socket) if one.headers]
    common = set.intersection(*(set(head) for head in heads)) if heads else set()
    fit = [
        name
        for name in common
        if _HEADER.fullmatch(name) and all(head[name] in names for head in heads)
    ]
    if fit:
        return IdentityRule(header=min(fit, key=lambda name: ("revision" not in name, name)))
    return next(_fields_with(recording, names), None)


def _all_heard(socket: Socket) -> tuple[Heard, ...]:
    return (*socket.sessions, *socket.strangers)


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
