"""`websocket` with `parties`: several connections, and whom what one of them says must reach."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from gate.core import template
from gate.core.questions import Json
from gate.errors import ValueProblem
from gate.kinds.checks import OnCandidate, OwnHeaders, Within
from gate.kinds.collections import ListOf
from gate.kinds.forms import Whole, shown
from gate.kinds.keys import Keys, Remark
from gate.kinds.kind import Kind
from gate.kinds.records import Checked, Key, Record, slots_of
from gate.kinds.room_steps import STEP, Step, marks
from gate.kinds.templates import Reading, Templated
from gate.kinds.values import (
    NAME,
    PATH,
    Pairs,
    Seconds,
    Selected,
    SomeSeconds,
    UserPath,
    header_texts,
    not_offered,
    offers,
)
from gate.kinds.websocket import User

CONNECTIONS_MAX = 10_000
_OF_THE_PROBE = "the probe's"
_SEND = 'send a text of its own that holds the nonce, such as "hello ${nonce}", or '


@dataclass(frozen=True, slots=True)
class Party(Checked):
    """One of those who take part."""

    path: Annotated[
        str | None,
        PATH,
        Templated(user=True),
        OnCandidate(),
        Key("path and query of its connections; may hold templates", absent=_OF_THE_PROBE),
    ] = None
    user: Annotated[
        User,
        Key(
            "name of a secret, which is `${user}` here; sent as `Authorization: Bearer ${user}` "
            "where neither path, subprotocols nor headers name it"
        ),
    ] = ""
    subprotocols: Annotated[
        tuple[str, ...] | None,
        offers(user=True),
        Key("what it offers; may hold templates", absent=_OF_THE_PROBE),
    ] = None
    headers: Annotated[
        tuple[tuple[str, str], ...] | None,
        header_texts(user=True),
        Key("headers of its handshake; may hold templates", absent=_OF_THE_PROBE),
    ] = None
    connections: Annotated[
        int,
        Whole(low=1, high=1000),
        Key("how many connections it has, 1 to 1000, each of which must hear, or be silent"),
    ] = 1

    def agree(self) -> None:
        """As Checked.agree."""
        OwnHeaders().refuse("headers", self.headers or ())

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of its handshake."""
        return (
            self.path or "",
            *(self.subprotocols or ()),
            *(value for _, value in self.headers or ()),
        )


PARTY_KEYS = Record("party", Party, slots_of(Party))


@dataclass(frozen=True, slots=True)
class RoomsProbe(Keys):
    """Parties that talk through the candidate: who hears whom, and who must not.

    `${nonce}` is new each time the probe is asked, and the same for all parties and steps: it names
    a room that nobody else is in, and makes what is said there known again.
    """

    facts: ClassVar[Kind] = Kind(
        "rooms",
        "Several WebSockets that talk to each other: who hears whom, and who must not",
        "gate.probes.rooms.probe:ask",
        key="websocket",
        where="parties",
        elsewhere=(
            "has no meaning without parties (expected websocket.parties)",
            "name those who take part: parties: {ann: {}, ben: {}}",
        ),
        again=True,
        rank=4,
    )

    path: Annotated[
        UserPath,
        Key("path and query on the candidate's own URL; may hold templates"),
    ]
    parties: Annotated[
        tuple[tuple[str, Party], ...],
        Pairs(name=NAME, item=Annotated[Party, PARTY_KEYS], least=1, most=50),
        Key("who takes part, by name; each may have keys of its own, as below"),
    ]
    steps: Annotated[
        tuple[Step, ...],
        ListOf(item=Annotated[Step, STEP], most=200),
        Key("what is done one after the other, and who must hear of it"),
    ]
    subprotocols: Annotated[
        tuple[str, ...], offers(user=True), Key("what all parties offer; may hold templates")
    ] = ()
    headers: Annotated[
        tuple[tuple[str, str], ...],
        header_texts(user=True),
        OwnHeaders(),
        Key("headers of all handshakes; may hold templates"),
    ] = ()
    repeat: Annotated[
        int,
        Whole(low=1, high=1000),
        Key("rounds, one after the other, each with new connections and a new nonce, 1 to 1000"),
    ] = 1
    open_within_s: Annotated[SomeSeconds, Key("limit for one handshake")] = 10.0
    settle_s: Annotated[
        Seconds,
        Within(0, 60),
        Key(
            "pause after parties have connected, unless the step says what they hear of it: many "
            "servers let somebody in before they put them into the room"
        ),
    ] = 0.5
    subprotocol: Selected = ""

    def agree(self) -> None:
        """As Checked.agree."""
        total = sum(party.connections for _, party in self.parties)
        if total > CONNECTIONS_MAX:
            raise ValueProblem(
                "parties",
                f"have too many connections (got {total}, expected at most {CONNECTIONS_MAX})",
            )

    def party(self, name: str) -> Party:
        """A party with what it has from the probe."""
        own = dict(self.parties)[name]
        return replace(
            own,
            path=own.path or self.path,
            subprotocols=self.subprotocols if own.subprotocols is None else own.subprotocols,
            headers=self.headers if own.headers is None else own.headers,
        )

    @property
    def latecomers(self) -> frozenset[str]:
        """Parties that are not there before a step lets them join."""
        first: dict[str, bool] = {}
        for step in self.steps:
            for name in step.join:
                first.setdefault(name, True)
            for name in step.leave:
                first.setdefault(name, False)
        return frozenset(name for name, joins in first.items() if joins)

    def unmistakable(self, message: Json, name: str, before: tuple[Json, ...]) -> tuple[str, ...]:
        """The marks of a message that nothing else can bring to a party.

        Args:
            message: what was said.
            name: the party that must not hear it.
            before: what the party itself has said.
        """
        own = [*self.party(name).texts, *(text for said in before for text in marks(said))]
        return tuple(one for one in marks(message) if not any(one in text for text in own))

    def unfit(self, reading: Reading) -> Iterator[ValueProblem]:
        """As Keys.unfit."""
        users = {name for name, party in self.parties if party.user}
        for name, _ in self.parties:
            party = self.party(name)
            if name not in users and template.USER in template.names([*party.texts]):
                yield ValueProblem(
                    f"parties.{name}",
                    "uses ${user}, its own or the probe's, but has no user",
                    "name the secret: user: alice",
                )
        offered = {tuple(self.party(name).subprotocols or ()) for name, _ in self.parties}
        for one in sorted(offered - {()}) or [()]:
            yield from not_offered(self.subprotocol, one, reading)
        yield from _Course(self, reading).problems()

    @property
    def least_s(self) -> float:
        """As Keys.least_s."""
        return self.repeat * sum(step.for_s for step in self.steps if step.silent)

    @property
    def sessions(self) -> int:
        """As Keys.sessions."""
        return self.repeat * sum(party.connections for _, party in self.parties)

    @property
    def expects(self) -> tuple[Json, ...]:
        """As Keys.expects."""
        heard = [one for step in self.steps for _, one in step.reaches if one is not None]
        return tuple(
            value for one in heard for value in (one.answer.json, one.never.json, dict(one.where))
        )

    @property
    def names(self) -> frozenset[str]:
        """As Keys.names, with the secrets of its users."""
        users = {party.user for _, party in self.parties if party.user}
        return Keys.names.fget(self) | users  # type: ignore[attr-defined,no-any-return]

    def remarks(self, *, stable: bool) -> Iterator[Remark]:
        """As Keys.remarks."""
        del stable
        if not any(step.silent for step in self.steps):
            yield Remark(
                "websocket.steps",
                "let nobody be silent, so that a message that reaches everybody is not seen",
                "add a party in another room, and silent: with its name",
            )
        handshakes = [text for name, _ in self.parties for text in self.party(name).texts]
        said = [step.send for step in self.steps if step.send is not None]
        if template.NONCE not in template.names([*handshakes, *said]):
            yield Remark(
                "websocket",
                "has no ${nonce}, so that its parties meet in a room that others may be in",
                'write it where the room is named, e.g. path: "/chat?room=${nonce}"',
            )


class _Course:
    """Goes through the steps, and knows who is there and what was said last."""

    def __init__(self, spec: RoomsProbe, reading: Reading) -> None:
        self._spec = spec
        self._reading = reading
        self._parties: Mapping[str, Party] = dict(spec.parties)
        self._there = set(self._parties) - spec.latecomers
        self._said: dict[str, tuple[Json, ...]] = {}
        self._last: Json = None

    def problems(self) -> Iterator[ValueProblem]:
        """What no step may say, given those before it."""
        for number, step in enumerate(self._spec.steps):
            place = f"steps.{number}"
            unknown = [*self._unknown(step, place)]
            yield from unknown
            if not unknown:
                yield from self._moved(step, place)
                yield from self._absent(step, place)
                yield from self._unrecognised(step, place)
                self._done(step)

    def _unknown(self, step: Step, place: str) -> Iterator[ValueProblem]:
        known = frozenset(self._parties)
        for key, names in _named(step):
            for name in names:
                if name not in known:
                    hint = self._reading.guess(name, known, "name it under parties")
                    yield ValueProblem(
                        f"{place}.{key}", f"names an unknown party (got {shown(name)})", hint
                    )

    def _moved(self, step: Step, place: str) -> Iterator[ValueProblem]:
        for name in step.join:
            if name in self._there:
                yield ValueProblem(f"{place}.join", f"lets {name} join, who is there already")
        for name in step.leave:
            if name not in self._there:
                yield ValueProblem(f"{place}.leave", f"lets {name} leave, who is not there")
        self._there = (self._there | {*step.join}) - {*step.leave}

    def _absent(self, step: Step, place: str) -> Iterator[ValueProblem]:
        for key, names in _named(step):
            for name in names:
                if key not in {"join", "leave"} and name not in self._there:
                    hint = "let it join in a step before"
                    yield ValueProblem(f"{place}.{key}", f"names {name}, who is not there", hint)
        for name in sorted({*step.hearing} & {*step.silent}):
            yield ValueProblem(f"{place}.silent", f"names {name}, whom it must reach as well")
        sender = self._parties.get(step.sender)
        if sender is not None and sender.connections > 1:
            yield ValueProblem(
                f"{place}.from",
                f"names {step.sender}, who has {sender.connections} connections (expected one)",
                "let a party with one connection say it",
            )

    def _unrecognised(self, step: Step, place: str) -> Iterator[ValueProblem]:
        """Parties of which it is asked whether they hear what could not be told from the rest."""
        last = self._last if step.send is None else step.send
        moves = bool(step.join or step.leave)
        for name, heard in step.reaches:
            said = marks(last) if name in step.join or not moves else ()
            if heard is None and not said:
                yield ValueProblem(
                    f"{place}.reaches",
                    f"does not say what {name} must hear",
                    f"{'' if moves else _SEND}say it: reaches: {{{name}: {{json: ...}}}}",
                )
        for name in step.silent if step.matching.empty else ():
            before = self._said.get(name, ())
            said = self._spec.unmistakable(last, name, before)
            if not said or (moves and name not in step.join):
                yield ValueProblem(
                    f"{place}.silent",
                    f"could not tell what {name} must not hear from anything else that it hears",
                    f"{'' if moves else _SEND}say it under matching",
                )

    def _done(self, step: Step) -> None:
        if step.send is not None:
            self._last = step.send
            self._said[step.sender] = (*self._said.get(step.sender, ()), step.send)
        self._there -= {name for name, _ in step.closed}


def _named(step: Step) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "from", (step.sender,) if step.sender else ()
    yield "join", step.join
    yield "leave", step.leave
    yield "reaches", step.hearing
    yield "silent", step.silent
    yield "closed", tuple(name for name, _ in step.closed)
