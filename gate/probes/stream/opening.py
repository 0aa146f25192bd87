"""Asks for a stream: its answer's head, whose it is, and whether to ask again."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from gate.probes.frontend import LOOKED_AT
from gate.probes.outcome import Fault
from gate.probes.stream.plan import Plan
from gate.probes.stream.wrong import wrong_type
from gate.probes.web.asking import Reply, reply_of, unfinished
from gate.probes.web.exchange import ExchangeError
from gate.probes.web.streaming import Stream

_BODY_WITHIN_S = 2.0


class Opening:
    """The answer to one request, as far as its head.

    Args:
        plan: what is asked.
        values: what templates are rendered with.
        note: keeps a line of what was seen: its mark, and the text.

    Attributes:
        stream: the connection; whoever opened it closes it.
        asked_s: when it was asked for, the last time.
        began_s: when its head had come.
        answered_by: the revision that answered, by its own word.
        packed: whether the answer is compressed.
    """

    def __init__(
        self, plan: Plan, values: Mapping[str, str], note: Callable[[str, str], None]
    ) -> None:
        self._plan = plan
        self._values = values
        self._note = note
        self._loop = asyncio.get_running_loop()
        self.stream: Stream | None = None
        self.asked_s = self.began_s = self._loop.time()
        self.answered_by = ""
        self.packed = False

    async def ask(self, few: asyncio.Semaphore, last_id: str = "") -> Fault | None:
        """Asks, and again where the candidate cannot have seen the question.

        Args:
            few: lets so many ask at the same time.
            last_id: goes on after the event of this id, "" to begin.

        Returns:
            Why there is no stream, or None.

        Raises:
            CannotAskError: the request cannot be rendered.
        """
        run, statuses = self._plan.run, self._plan.spec.status
        patience = run.patience()
        while True:
            async with few:
                reply = await self._reply(last_id)
            wrong = reply.wrong(statuses)
            pause_s = patience.pause_s(reply.front_end, other=reply.from_other)
            if pause_s is None:
                break
            await self.close()
            self._note("=", f"{wrong.seen if wrong else 'an answer'}: asking again")
            await run.clock.sleep(pause_s)
        self.answered_by = reply.name or self.answered_by
        if wrong is None and reply.answer is not None:
            wrong = wrong_type(reply.answer, self._plan.media_types)
        return wrong

    async def close(self) -> None:
        """Hangs up."""
        if self.stream is not None:
            await self.stream.close()

    async def _reply(self, last_id: str) -> Reply:
        """Sends the request; the answer's head, with a body where it is another answer."""
        run, statuses = self._plan.run, self._plan.spec.status
        request = self._plan.request(self._values, last_id)
        tls = run.tls() if request.url.startswith("https:") else None
        self.stream = stream = Stream(request, tls)
        self.asked_s = self._loop.time()
        try:
            head = await stream.open(self._plan.look_s)
        except ExchangeError as error:
            fault = replace(error.fault, expected=self._plan.first)
            return unfinished(run, request, ExchangeError(fault))
        self.began_s = self._loop.time()
        self.packed = bool(head.header("content-encoding"))
        if head.status not in statuses:
            head = replace(head, body=await stream.rest(LOOKED_AT, _BODY_WITHIN_S))
        self._note("<", f"{head.phrase}, {head.header('content-type') or 'no content-type'}")
        return reply_of(run, request, head, statuses)
