"""The parties of `websocket` with `parties`: how each connects, and what it would hear anyway."""

from dataclasses import dataclass
from typing import Annotated

from gate.core.questions import Json
from gate.kinds.checks import OnCandidate, OwnHeaders
from gate.kinds.forms import Whole
from gate.kinds.records import Checked, Key, Record, slots_of
from gate.kinds.room_steps import marks
from gate.kinds.templates import Templated
from gate.kinds.values import PATH, header_texts, offers
from gate.kinds.websocket import User

_OF_THE_PROBE = "the probe's"


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


def unmistakable(message: Json, party: Party, before: tuple[Json, ...]) -> tuple[str, ...]:
    """The marks of a message that nothing else can bring to a party.

    Args:
        message: what was said.
        party: who must not hear it, with what it has from the probe.
        before: what the party itself has said.
    """
    own = [*party.texts, *(text for said in before for text in marks(said))]
    return tuple(one for one in marks(message) if not any(one in text for text in own))
