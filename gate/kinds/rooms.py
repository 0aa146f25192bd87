"""`websocket` with `parties`: several connections, and whom what one of them says must reach."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from gate.core import template
from gate.core.questions import Json
from gate.errors import ValueProblem
from gate.kinds.checks import OwnHeaders, Within
from gate.kinds.collections import ListOf
from gate.kinds.forms import Whole
from gate.kinds.keys import Keys, Remark
from gate.kinds.kind import Kind
from gate.kinds.records import Key
from gate.kinds.room_course import Course
from gate.kinds.room_parties import PARTY_KEYS, Party
from gate.kinds.room_steps import STEP, Step, latecomers
from gate.kinds.templates import Reading
from gate.kinds.values import (
    NAME,
    Pairs,
    Seconds,
    Selected,
    SomeSeconds,
    UserPath,
    header_texts,
    not_offered,
    offers,
)

CONNECTIONS_MAX = 10_000


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
        recalls=True,
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
        return latecomers(self.steps)

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
        parties = {name: self.party(name) for name, _ in self.parties}
        yield from Course(parties, self.steps, reading).problems()

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
        return self.names_in_templates() | users

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
