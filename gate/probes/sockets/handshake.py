"""Opens one connection: why it was refused, whose answer that is, and whether to ask again."""

import asyncio
from collections.abc import Callable, Mapping

from gate.core.policy import Json
from gate.probes import faults
from gate.probes.identity import Doubt, known_by
from gate.probes.inquiry import Run
from gate.probes.outcome import Fault
from gate.probes.sockets import classify
from gate.probes.sockets.classify import Refusal
from gate.probes.sockets.connection import Connection
from gate.probes.sockets.message import Message
from gate.probes.sockets.opening import Opening


class Handshake:
    """Asks for one connection, and again only where the candidate cannot have seen the question.

    Args:
        opening: how it is asked for.
        run: what the probe runs in.
        values: what templates are rendered with.
        within_s: limit for one try.

    Attributes:
        answered_by: the revision that answered, by its own word.
        doubt: why what the open connection says is no evidence, by one of its messages.
    """

    def __init__(
        self, opening: Opening, run: Run, values: Mapping[str, str], within_s: float
    ) -> None:
        self._opening = opening
        self._run = run
        self._values = values
        self._within_s = within_s
        self.answered_by = ""
        self.doubt: Doubt | None = None
        self._untold = False
        self._heard = ""
        self._patience = run.patience()

    def connection(
        self, arrived: Callable[[str], Message], noted: Callable[[str, str], None]
    ) -> Connection:
        """A connection that is ready to be opened.

        Raises:
            CannotAskError: a value is missing, or is none that a handshake can carry.
        """
        ws, head = self._opening.handshake(self._values)
        self._heard, self.doubt = "", None
        return Connection(ws, head, arrived, noted)

    async def shake(
        self, connection: Connection, again: Callable[[Refusal], Connection]
    ) -> Refusal | None:
        """Opens the connection; None if it is a WebSocket with the right revision.

        Args:
            connection: the first one to try.
            again: told of each refusal that does not count; gives the next one to try.
        """
        while refusal := self._attributed(connection, await self._ask(connection)):
            other = refusal.doubt.other if refusal.doubt else ""
            pause_s = self._patience.pause_s(refusal.front_end, other=other)
            if refusal.doubt is not None or pause_s is not None:
                connection.abort()
            if pause_s is None:
                return refusal
            await self._run.clock.sleep(pause_s)
            connection = again(refusal)
        return None

    def hear(self, value: Json) -> bool:
        """Notes who a message says it is from; whether what this connection says still counts.

        Args:
            value: the message as JSON.
        """
        self._heard = self._heard or self._run.identity.name_in_message(value)
        self._attribute()
        return self.doubt is None

    async def another(self, connection: Connection) -> bool:
        """Ends a connection with another revision; whether to try the next one, after a pause."""
        connection.abort()
        other = self.doubt.other if self.doubt else ""
        pause_s = self._patience.pause_s(None, other=other)
        if pause_s is not None:
            await self._run.clock.sleep(pause_s)
        return pause_s is not None

    def judged(self, fault: Fault | None) -> Fault | None:
        """The fault of a connection that is over, or why nothing that it said is evidence.

        Args:
            fault: what was wrong with it, None if nothing was.
        """
        if self._untold:
            self._untold = False
            seen = fault.seen if fault else classify.LET_IN
            self.doubt = self._run.identity.doubt("", seen, fault)
        return self.doubt.fault if self.doubt else fault

    async def _ask(self, connection: Connection) -> Refusal | None:
        opening = self._opening
        try:
            async with asyncio.timeout(self._within_s):
                await asyncio.get_running_loop().create_connection(
                    lambda: connection, opening.host, opening.port, ssl=opening.tls
                )
                await connection.answered()
        except TimeoutError:
            return self._late(connection)
        except OSError as error:
            connection.abort()
            return Refusal(faults.of_exception(error, asked=False, expected=classify.LET_IN))
        if connection.refusal is not None:
            if self._run.target.tagged and (told := classify.host_refused(connection.refusal)):
                return told
            return classify.refused(
                connection.refusal,
                connection.response,
                opening.address(self._values),
                offered=opening.offers,
                head=connection.head,
                named=bool(self._named(connection)),
            )
        if connection.response is None:
            return classify.broken_off(str(connection.ending))
        return None

    def _named(self, connection: Connection) -> str:
        """The revision that the answer to the handshake names."""
        response = connection.response
        if response is None:
            return ""
        all_of = response.headers.get_all
        return self._run.identity.name_in(lambda name: ", ".join(all_of(name)))

    def _attributed(self, connection: Connection, refusal: Refusal | None) -> Refusal | None:
        """What came of the handshake, if the right revision answered it; else why not."""
        identity = self._run.identity
        name = self._named(connection)
        self._untold = refusal is None and not name and identity.hears
        if self._untold:
            self.answered_by = ""
            self._attribute()  # a message may have come with the answer
            return Refusal(self.doubt.fault, 101, doubt=self.doubt) if self.doubt else None
        answered = connection.response is not None or bool(refusal and refusal.status)
        outcome = classify.attributed(refusal, name, identity, answered=answered)
        self.answered_by = known_by(name, outcome.doubt if outcome else None)
        return outcome

    def _attribute(self) -> None:
        """Says whose connection it is, once one of its messages has told."""
        if self._untold and self._heard:
            self._untold = False
            self.doubt = self._run.identity.doubt(self._heard, classify.LET_IN)
            self.answered_by = known_by(self._heard, self.doubt)

    def _late(self, connection: Connection) -> Refusal:
        within = f"within {self._within_s:g} s"
        connection.abort()
        if not connection.connected:
            return classify.unreached(f"none {within}")
        return classify.no_answer(connection.status, f"no answer to the handshake {within}")
