"""From a recording of stable to the questions of a first policy: what may be asked of a candidate.

A draft is as strict as the samples allow and no stricter: the status, the shape, and the words that
never changed. What cannot be held to anything is left out, and said so.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gate.core.policy import IdentityRule, SecretRef, ServiceName, name_at
from gate.core.questions import Json
from gate.core.recording import Asked, Heard, Page, Recording, Socket
from gate.drafting.expectations import held, how_long, limit_s, start_of
from gate.kinds.values import ANY_SELECTED, NONE_SELECTED

TOGETHER = 7
AGAIN = 30
_REFUSALS = frozenset({401, 403, 1008, 3000, 3003, *range(4000, 5000)})
"""Statuses and close codes that show a stranger the door; 404 and 426 say that no door is there
(3000, 3003: unauthorized and forbidden, iana.org/assignments/websocket)."""
_PLAIN_LOCATION = re.compile(r"/(?!/)[A-Za-z0-9._~/-]{0,200}")
_FIELD = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_HEADER = re.compile(r"[a-z0-9-]{1,100}")


@dataclass(frozen=True, slots=True)
class Question:
    """One probe, before it is written.

    Attributes:
        remarks: what to say above it.
        ask, expect: as the policy has them.
        schemas: what the schema files that it names hold, by path.
    """

    name: str
    remarks: tuple[str, ...]
    ask: Mapping[str, Json]
    expect: Mapping[str, Json] = field(default_factory=dict)
    schemas: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draft:
    """A first policy.

    Attributes:
        times: how many samples there were of each answer.
        missing: paths that are not there.
        left_out: what is there and cannot be asked for, with the reason.
    """

    service: ServiceName
    identity: IdentityRule | None
    secrets: Mapping[str, SecretRef]
    questions: tuple[Question, ...]
    times: int
    missing: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def asks(self) -> bool:
        """Whether any question is about what the service does, not only whom it refuses."""
        return any(map(_is_alive, self.questions))

    def without(self, reasons: Mapping[str, str]) -> "Draft":
        """The draft without these questions, whose names lead to why; and those that need them."""
        gone = dict(reasons)
        for question in self.questions:
            script = _parts(question.ask).get("script")
            if isinstance(script, str) and script in gone:
                gone.setdefault(question.name, f"it takes its script from {script}")
        kept = tuple(question for question in self.questions if question.name not in gone)
        return replace(self, questions=kept, left_out=(*self.left_out, *gone.items()))


def draft(
    recording: Recording,
    asked: Asked,
    service: ServiceName,
    secrets: Mapping[str, SecretRef],
    *,
    folder: str,
    logs: bool,
) -> Draft:
    """The policy that this recording allows.

    Args:
        recording: what stable answered.
        asked: what it was asked with.
        service: which service it is.
        secrets: where the secrets come from that `asked` names.
        folder: of the schema files, below the policy's own.
        logs: whether the candidate's logs can be asked for.
    """
    drawing = _Drawing(asked, folder, start_of(recording))
    for page in recording.pages:
        drawing.page(page)
    if recording.socket is not None:
        drawing.socket(recording.socket)
    if recording.openapi:
        drawing.routes(recording.openapi)
    if logs:
        drawing.questions.append(_LOGS)
    return Draft(
        service,
        _identity(recording),
        secrets,
        tuple(drawing.questions),
        asked.times,
        tuple(drawing.missing),
        tuple(drawing.left_out),
    )


_LOGS = Question(
    "logs",
    (
        "What the candidate itself logs while it is probed. Logs arrive late: `settle` is how long",
        "to go on reading.",
    ),
    {"logs": {"settle": "10s", "within": "rollout"}},
    {"none": [{"severity": "ERROR"}, {"text": "Traceback"}]},
)


_UNASKED = (
    "What it says unasked, in the shape that it had. Add a question and its answer with",
    "`send` and `expect`, so that a connection that is open and mute is seen.",
)
_UNSELECTED = (NONE_SELECTED, ANY_SELECTED)
_BROWSERS = ("Where none of the subprotocols offered is selected, browsers close the connection.",)


def _selection(selected: set[str], offered: Collection[str]) -> dict[str, Json]:
    """What is expected to be selected; nothing where one of those offered always was."""
    if not offered or not selected:
        return {}
    if len(selected) > 1:
        return {"subprotocol": ANY_SELECTED} if "" in selected else {}
    (chosen,) = selected
    if chosen and chosen not in offered:
        return {}
    return {"subprotocol": chosen or NONE_SELECTED}


class _Drawing:
    """Collects questions, with a name of its own for each."""

    def __init__(self, asked: Asked, folder: str, start_s: float | None) -> None:
        self._asked = asked
        self._folder = folder
        self._start_s = start_s
        self.questions: list[Question] = []
        self.missing: list[str] = []
        self.left_out: list[tuple[str, str]] = []

    def page(self, page: Page) -> None:
        """One page, as a question or as one that is left out."""
        why = _unfit(page, self._asked)
        if why is None:
            self.missing.append(page.path)
        elif why:
            self.left_out.append((page.path, why))
        else:
            self._answered(page)

    def _answered(self, page: Page) -> None:
        first, count = page.samples[0], len(page.samples)
        expect: dict[str, Json] = {"status": first.status}
        schemas: dict[str, Json] = {}
        name = self._name(page.path)
        told = f"GET {page.path} answered {first.status} {count} times"
        if first.status < 300 or first.status >= 400:
            shape = held(f"{self._folder}/{name}.json", page.samples)
            expect |= shape.expect
            schemas |= shape.schemas
            refused = "strangers are to be refused; " if first.status >= 400 else ""
            remark = f"{told}: {refused}{shape.remark}"
        else:
            remark = f"{told}. A redirect is an answer; it is never followed."
            places = {sample.header("location") for sample in page.samples}
            if len(places) == 1 and _PLAIN_LOCATION.fullmatch(place := places.pop()):
                expect["headers"] = {"Location": place}
        ask: dict[str, Json] = {"path": page.path}
        if (within_s := limit_s(page.samples, self._start_s)) is not None:
            ask["timeout"] = f"{within_s}s"
        if self._asked.headers:
            ask["headers"] = dict(self._asked.headers)
        remarks = (remark, how_long(page.samples, self._start_s))
        self.questions.append(Question(name, remarks, {"http": ask}, expect, schemas))

    def routes(self, path: str) -> None:
        """The OpenAPI document at this path."""
        remark = "No route or method that stable offers may be lost, and none may ask for more."
        ask = {"path": path, **self._untimed("timeout")}
        self.questions.append(Question("routes", (remark,), {"routes": ask}))

    def _untimed(self, key: str) -> dict[str, Json]:
        """The limit of what was not timed: only where a start takes longer than the default."""
        within_s = limit_s((), self._start_s)
        return {} if within_s is None else {key: f"{within_s}s"}

    def socket(self, socket: Socket) -> None:
        """A WebSocket: one conversation, several together, one after the other, and strangers."""
        heard = socket.sessions
        if bad := next((one for one in heard if one.fault), None):
            self.left_out.append((socket.path, bad.fault))
            if not socket.strangers:
                self._strangers(socket.path, heard)
            return
        self._conversation(socket.path, heard)
        self._strangers(socket.path, socket.strangers)

    def _conversation(self, path: str, heard: Sequence[Heard]) -> None:
        asked = self._asked
        name = self._name("websocket")
        ask: dict[str, Json] = {"path": path, **self._untimed("open_within")}
        if asked.subprotocols:
            ask["subprotocols"] = list(asked.subprotocols)
        if asked.headers:
            ask["headers"] = dict(asked.headers)
        script, schemas = self._script(name, heard)
        more: dict[str, Json] = {"script": script} if script else {}
        expect: dict[str, Json] = {"close": 1000} if _all_close(heard) else {}
        selection = _selection({one.subprotocol for one in heard}, asked.subprotocols)
        unselected = selection if selection.get("subprotocol") in _UNSELECTED else {}
        expect |= selection
        remarks: tuple[str, ...] = () if asked.say else _UNASKED
        remarks += _BROWSERS if unselected else ()
        self.questions.append(Question(name, remarks, {"websocket": ask | more}, expect, schemas))
        again = {**ask, **({"script": name} if script else {})}
        self.questions.append(
            Question(
                f"{name}-together",
                (f"{TOGETHER} connections held open together: {TOGETHER} of {TOGETHER}, not one.",),
                {"websocket": {**again, "connections": TOGETHER, "hold": "1s"}},
                {"success": "100%", **unselected},
            )
        )
        self.questions.append(
            Question(
                f"{name}-again",
                ("Connect and leave, over and over: what leaks shows only after some times.",),
                {"websocket": {**again, "repeat": AGAIN}},
                {"success": "100%", **unselected},
            )
        )

    def _script(self, name: str, heard: Sequence[Heard]) -> tuple[list[Json], dict[str, Json]]:
        script: list[Json] = []
        schemas: dict[str, Json] = {}
        turns = [("welcome", [one.messages[:1] for one in heard])]
        if self._asked.say:
            turns.append(("reply", [one.replies[:1] for one in heard]))
        for turn, firsts in turns:
            if turn == "reply":
                script.append({"send": _as_sent(self._asked.say)})
            samples = [sample for first in firsts for sample in first]
            if len(samples) < len(heard):
                continue
            wanted = held(f"{self._folder}/{name}-{turn}.json", samples)
            if wanted.schemas:
                script.append({"expect": {**wanted.expect, "within": "5s"}})
                schemas |= wanted.schemas
        return script, schemas

    def _strangers(self, path: str, heard: Sequence[Heard]) -> None:
        codes = sorted({one.refused for one in heard})
        if not codes or not _REFUSALS.issuperset(codes):
            return
        name = self._name("strangers")
        was = " or ".join(map(str, codes))
        remark = f"Whoever came without credentials was refused with {was}; any refusal will do."
        refused = sorted({*codes, 401, 403, 1008})
        ask = {"websocket": {"path": path, **self._untimed("open_within")}}
        self.questions.append(Question(name, (remark,), ask, {"refused": [*refused]}))

    def _name(self, path: str) -> str:
        """A name for a probe that no other has."""
        words = re.sub(r"[^a-z0-9]+", "-", path.partition("?")[0].lower()).strip("-")
        name = base = words[:40].strip("-") or "root"
        taken = {question.name for question in self.questions}
        number = 1
        while name in taken:
            number += 1
            name = f"{base}-{number}"
        return name


def _unfit(page: Page, asked: Asked) -> str | None:
    """Why a page cannot be asked for: "" if it can, None if it is not there."""
    statuses = sorted({sample.status for sample in page.samples})
    if page.fault or not page.samples:
        return page.fault or "no answer"
    if statuses in ([404], [405], [410]):
        return None
    if len(statuses) > 1:
        return f"answers {' and '.join(map(str, statuses))} in turn"
    status = statuses[0] if statuses else 0
    if status in (401, 403) and asked.headers:
        return f"answers {status} to the credentials given"
    if status < 400 or status in (401, 403):
        return ""
    return f"answers {status} on stable"


def _is_alive(question: Question) -> bool:
    talks = "websocket" in question.ask or "journey" in question.ask
    status = question.expect.get("status", 200 if talks else 599)
    return isinstance(status, int) and status < 300 and "refused" not in question.expect


def _parts(ask: Mapping[str, Json]) -> Mapping[str, Json]:
    socket = ask.get("websocket")
    return socket if isinstance(socket, dict) else {}


def _all_close(heard: Sequence[Heard]) -> bool:
    return all(one.close_code == 1000 for one in heard)


def _as_sent(say: str) -> Json:
    import json  # noqa: PLC0415 - only where something is said

    try:
        value: Json = json.loads(say)
    except ValueError:
        return say
    return value if isinstance(value, dict | list) else say


def _identity(recording: Recording) -> IdentityRule | None:
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
    heads = [dict(sample.headers) for page in recording.pages for sample in page.samples]
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
