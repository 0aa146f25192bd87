"""A WebSocket's questions: one conversation, several together or in turns, and strangers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from gate.core.questions import Json
from gate.core.recording import Form, Heard, Sample, Socket
from gate.drafting.messages import reply_of, welcome_of
from gate.drafting.question import Question, Way, name_for
from gate.drafting.rooms import as_sent, rooms_of
from gate.kinds.values import ANY_SELECTED, NONE_SELECTED

TOGETHER = 7
AGAIN = 30
_REFUSALS = frozenset({401, 403, 1008, 3000, 3003, *range(4000, 5000)})
"""Statuses and close codes that show a stranger the door; 404 and 426 say that no door is there
(3000, 3003: unauthorized and forbidden, iana.org/assignments/websocket)."""
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


@dataclass
class Drawn:
    """Questions of one WebSocket, and what of it is left out."""

    questions: list[Question] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def questions_of(way: Way, socket: Socket, taken: Collection[str]) -> Drawn:
    """What a WebSocket can be asked.

    Args:
        way: how it was asked.
        socket: what was heard.
        taken: names that other questions have.
    """
    drawing = _Drawing(way, taken)
    drawing.socket(socket)
    return drawing.drawn


class _Drawing:
    """Collects the questions."""

    def __init__(self, way: Way, taken: Collection[str]) -> None:
        self._way = way
        self._taken = frozenset(taken)
        self.drawn = Drawn()

    def socket(self, socket: Socket) -> None:
        """All questions of it."""
        heard = socket.sessions
        if bad := next((one for one in heard if one.fault), None):
            self.drawn.left_out.append((socket.path, bad.fault))
            if not socket.strangers:
                self._strangers(socket.path, heard)
            return
        self._conversation(socket.path, heard)
        self._strangers(socket.path, socket.strangers)
        self.drawn.questions += rooms_of(self._way, socket, self._names)

    def _conversation(self, path: str, heard: Sequence[Heard]) -> None:
        asked, name = self._way.asked, self._name("websocket")
        ask: dict[str, Json] = {"path": path, **self._way.limit("open_within", _timed(heard))}
        script, schemas = self._script(name, heard)
        more: dict[str, Json] = {"script": script} if script else {}
        expect: dict[str, Json] = {"close": 1000} if _all_close(heard) else {}
        selection = _selection({one.subprotocol for one in heard}, asked.subprotocols)
        unselected = selection if selection.get("subprotocol") in _UNSELECTED else {}
        expect |= selection
        remarks: tuple[str, ...] = () if asked.say else _UNASKED
        remarks += _BROWSERS if unselected else ()
        one = ask | self._credentials(()) | more
        self.drawn.questions.append(Question(name, remarks, {"websocket": one}, expect, schemas))
        again = {**ask, **({"script": name} if script else {})}
        users = asked.users[:2] if len(asked.users) > 1 else ()
        count = TOGETHER * max(1, len(users))
        whose = f", {TOGETHER} of {' and '.join(users)} each" if users else ""
        told = f"{count} connections held open together{whose}: {count} of {count}, not one."
        several = {**again, **self._credentials(users), "connections": count, "hold": "1s"}
        right: dict[str, Json] = {"success": "100%", **unselected}
        self.drawn.questions.append(
            Question(f"{name}-together", (told,), {"websocket": several}, right)
        )
        told = "Connect and leave, over and over: what leaks shows only after some times."
        leaving = {**again, **self._credentials(()), "repeat": AGAIN}
        self.drawn.questions.append(
            Question(f"{name}-again", (told,), {"websocket": leaving}, right)
        )

    def _credentials(self, users: Sequence[str]) -> dict[str, Json]:
        """Subprotocols and headers: as the users send them, or as the first one does."""
        asked = self._way.asked
        offered = asked.subprotocols if users else tuple(map(asked.as_first, asked.subprotocols))
        headers = asked.headers if users else asked.own_headers
        given: dict[str, Json] = {"subprotocols": [*offered]} if offered else {}
        given |= {"headers": dict(headers)} if headers else {}
        return given | ({"users": [*users]} if users else {})

    def _script(self, name: str, heard: Sequence[Heard]) -> tuple[list[Json], dict[str, Json]]:
        say, path = self._way.asked.say, f"{self._way.folder}/{name}"
        said = welcome_of(f"{path}-welcome.json", heard)
        script: list[Json] = [{"expect": said.expect}] if said.expect else []
        schemas = dict(said.schemas)
        if say:
            script.append({"send": as_sent(say)})
            reply = reply_of(f"{path}-reply.json", heard)
            script += [{"expect": reply.expect}] if reply.expect else []
            schemas |= reply.schemas
        return script, schemas

    def _strangers(self, path: str, heard: Sequence[Heard]) -> None:
        codes = sorted({one.refused for one in heard})
        if not codes or not _REFUSALS.issuperset(codes):
            return
        name = self._name("strangers")
        was = " or ".join(map(str, codes))
        remark = f"Whoever came without credentials was refused with {was}; any refusal will do."
        refused = sorted({*codes, 401, 403, 1008})
        ask = {"websocket": {"path": path, **self._way.limit("open_within")}}
        self.drawn.questions.append(Question(name, (remark,), ask, {"refused": [*refused]}))

    def _name(self, called: str) -> str:
        return name_for(called, self._names)

    @property
    def _names(self) -> frozenset[str]:
        return self._taken | {question.name for question in self.drawn.questions}


def _timed(heard: Sequence[Heard]) -> list[Sample]:
    """Handshakes as answers that took so long; none where one was not timed."""
    samples = [Sample(101, (), Form.EMPTY, took_s=one.opened_s) for one in heard if one.opened_s]
    return samples if len(samples) == len(heard) else []


def _all_close(heard: Sequence[Heard]) -> bool:
    return all(one.close_code == 1000 for one in heard)
