"""Plays a journey and keeps all that was answered, so that a policy can be drafted from it."""

from functools import cache

from gate.core.redaction import Redactor
from gate.core.secret import Named
from gate.core.visits import Play, Seen
from gate.kinds.journey import JourneyProbe
from gate.kinds.keys import Keys
from gate.ports import Clock, Target
from gate.probes import headers
from gate.probes.inquiry import Nonces, Run
from gate.probes.journey.asked import AskedStep
from gate.probes.journey.traveller import Stop, Traveller
from gate.probes.outcome import CannotAskError
from gate.probes.tls import shared_context
from gate.probes.web.asking import Before
from gate.probes.words import TEXT_MAX, Words

KEPT_MAX = 1 << 20
"""Most bytes of an answer that are kept."""


class Player:
    """Plays journeys at one address.

    Args:
        target: whom to ask.
        secrets: name to value, for the templates.
        clock: time.
    """

    def __init__(self, target: Target, secrets: Named, clock: Clock) -> None:
        self._run = Run(
            target=target,
            secrets=secrets,
            nonces=Nonces(),
            words=Words(Redactor(secrets)),
            clock=clock,
            logs=None,
            tls=cache(shared_context),
            since=clock.now(),
        )

    async def play(self, spec: Keys) -> Play:
        """Takes each step, until an answer is wrong, and cleans up.

        Args:
            spec: a journey without users.
        """
        assert isinstance(spec, JourneyProbe)
        run = self._run
        before = Before(run)
        traveller = Traveller(
            "", 1, run, headers.Trace(), before, {}, spec.captures, {}, keep_bytes=KEPT_MAX
        )
        fault = ""
        try:
            for number, step in enumerate(spec.steps, 1):
                asked = AskedStep(number, step, spec.timeout_s, always=False)
                await traveller.go(asked)
                if not traveller.going:
                    break
        except CannotAskError as error:
            fault = error.fault.seen
        stops = [*traveller.stops]
        for number, step in enumerate(spec.always, 1):
            await traveller.go(AskedStep(number, step, spec.timeout_s, always=True))
        return self._told(traveller, stops, fault)

    def _told(self, traveller: Traveller, stops: list[Stop], fault: str) -> Play:
        words = traveller.words
        wrong = [number for number, stop in enumerate(stops) if stop.faults]
        if wrong:
            fault = stops[wrong[0]].faults[0].seen
        return Play(
            tuple(_seen(stop) for stop in stops),
            traveller.nonce,
            traveller.captured,
            wrong[0] if wrong else len(stops) if fault else -1,
            words.line(fault, TEXT_MAX),
            tuple(
                words.line(stop.faults[0].seen, TEXT_MAX) if stop.faults else ""
                for stop in traveller.stops[len(stops) :]
            ),
        )


def _seen(stop: Stop) -> Seen:
    answer = stop.reply.answer if stop.reply else None
    if answer is None:
        return Seen(0)
    pairs = tuple((name.lower(), value) for name, value in answer.headers)
    return Seen(answer.status, pairs, answer.text, answer.took_s)
