"""Asks who answers at the candidate's address, where a JSON answer tells and no header does."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from gate.core.evidence import Outcome
from gate.core.policy import Json, name_at
from gate.probes import headers
from gate.probes.expect import read_json
from gate.probes.frontend import FrontEndAnswer
from gate.probes.identity import Doubt
from gate.probes.inquiry import Run
from gate.probes.outcome import Fault
from gate.probes.quoting import quoted
from gate.probes.web.asking import plain_request
from gate.probes.web.exchange import Answer, ExchangeError, exchange
from gate.probes.web.status import wrong_status

TIMEOUT_S = 10.0


class _Reply(NamedTuple):
    """What came of one question."""

    name: str = ""
    doubt: Doubt | None = None
    front_end: FrontEndAnswer | None = None

    @property
    def other(self) -> str:
        return self.doubt.other if self.doubt else ""


class Proof(NamedTuple):
    """Who answers.

    Attributes:
        name: what the last answer had as its name, "" for none: the rule did not apply then.
        fault: why nothing that this address says is evidence; None if the right revision answers.
        other: the other revision that answered, "" if none did.
    """

    name: str
    fault: Fault | None
    other: str


async def prove(run: Run, waiting: Callable[[str], None] | None = None) -> Proof:
    """Asks which revision answers.

    Args:
        run: whose target is asked; its identity names the path and the field.
        waiting: told what was seen each time that it is asked again: while another revision
            answers, or the front end alone. Without it, nothing is asked again.

    Raises:
        CannotAskError: the question cannot be sent.
    """
    patience = run.patience()
    reply = await _ask(run)
    while waiting is not None:
        pause_s = patience.pause_s(reply.front_end, other=reply.other)
        if pause_s is None:
            break
        if reply.doubt is not None:
            waiting(reply.doubt.fault.seen)
        await run.clock.sleep(pause_s)
        reply = await _ask(run)
    return Proof(reply.name, reply.doubt.fault if reply.doubt else None, reply.other)


async def _ask(run: Run) -> _Reply:
    identity = run.identity
    request = plain_request(run, headers.Trace(), identity.path)
    tls = run.tls() if request.url.startswith("https:") else None
    try:
        answer = await exchange(request, TIMEOUT_S, tls)
    except ExchangeError as error:
        return _Reply(doubt=_unproven(run, error.fault))
    if name := name_at(_value(answer), identity.field):
        return _Reply(name, identity.doubt_beside(name, f"GET {identity.path}, {answer.phrase}"))
    return _nameless(run, request.url, answer)


def _nameless(run: Run, url: str, answer: Answer) -> _Reply:
    identity = run.identity
    if front_end := answer.front_end:
        fault = front_end.fault(answer.phrase, "")
        return _Reply(doubt=_unproven(run, fault), front_end=front_end)
    wrong = wrong_status(url, answer, "")
    if 300 <= answer.status < 400 or wrong.not_yet:
        return _Reply(doubt=_unproven(run, wrong))
    said = quoted(f", {answer.text}") if answer.body else ""
    return _Reply(doubt=identity.doubt_beside("", f"GET {identity.path}, {answer.phrase}{said}"))


def _unproven(run: Run, fault: Fault) -> Doubt:
    """What came instead of an answer is told as it is; it says nothing of who would have answered.

    Whether the candidate is to blame is for the probes to say, which then have to ask something.
    """
    identity = run.identity
    seen = f"GET {identity.path}: {fault.seen}"
    expected = f"{identity.field} in {identity.path}: {identity.revision}"
    fault = replace(fault, seen=seen, expected=expected, because=Outcome.INCONCLUSIVE)
    return Doubt(fault)


def _value(answer: Answer) -> Json:
    try:
        return read_json(answer.body)
    except ValueError:
        return None
