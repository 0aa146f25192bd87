"""One request: its answer or why there is none, whose it is, and whether to ask again."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from gate.core.policy import Json
from gate.probes import headers
from gate.probes.expect import read_json
from gate.probes.frontend import FrontEndAnswer
from gate.probes.hosts import host_fault, refuses_host
from gate.probes.identity import Doubt, Identity, known_by
from gate.probes.inquiry import Run
from gate.probes.outcome import Fault, as_early
from gate.probes.web.exchange import BODY_MAX, Answer, ExchangeError, Request, exchange
from gate.probes.web.status import wrong_status
from gate.probes.words import TEXT_MAX

EXTRA = (("accept", "*/*"), ("accept-encoding", "gzip"))
"""What every request carries unless its headers say otherwise."""


class Reply(NamedTuple):
    """One request, and its answer or why there is none.

    Attributes:
        fault: why there is no answer of the container.
        front_end: what the front end said in the container's place.
        name: the revision that answered, by its own word.
        doubt: why its answer is no evidence.
    """

    request: Request
    answer: Answer | None = None
    fault: Fault | None = None
    front_end: FrontEndAnswer | None = None
    name: str = ""
    doubt: Doubt | None = None

    @property
    def from_other(self) -> str:
        """The other revision that answered, "" if none did."""
        return self.doubt.other if self.doubt else ""

    def wrong(self, statuses: tuple[int, ...]) -> Fault | None:
        """Why this is not an answer of the right revision with one of these statuses."""
        fault = self.fault or (self.doubt.fault if self.doubt else None)
        if fault is not None or self.answer is None or self.answer.status in statuses:
            return fault
        return wrong_status(self.request.url, self.answer, named(statuses))


async def ask_once(
    run: Run, request: Request, timeout_s: float, statuses: tuple[int, ...], most: int = BODY_MAX
) -> Reply:
    """Sends one request and says whose answer it is; never raises for what comes back.

    Args:
        run: whose identity and TLS context are used.
        request: what to send.
        timeout_s: wall clock for all of it.
        statuses: those that are expected, for the words of a doubt.
        most: most bytes of a body.
    """
    tls = run.tls() if request.url.startswith("https:") else None
    try:
        answer = await exchange(request, timeout_s, tls, most)
    except ExchangeError as error:
        return _unfinished(Reply(request), error, run.identity)
    return _attributed(Reply(request, answer), answer, statuses, run)


async def ask_patiently(
    run: Run,
    ask: Callable[[], Request],
    timeout_s: float,
    statuses: tuple[int, ...],
    waiting: Callable[[Reply, str], None],
    most: int = BODY_MAX,
) -> Reply:
    """Asks, and again where the candidate cannot have seen the question.

    Args:
        run: as in `ask_once`, as are the others that it has.
        ask: makes the request, a new one each time.
        timeout_s: for each request.
        statuses: those that are expected.
        most: most bytes of a body.
        waiting: told each reply that does not count, and what was seen in it.
    """
    patience = run.patience()
    reply = await ask_once(run, ask(), timeout_s, statuses, most)
    while (pause_s := patience.pause_s(reply.front_end, other=reply.from_other)) is not None:
        wrong = reply.wrong(statuses)
        waiting(reply, wrong.seen if wrong else "")
        await run.clock.sleep(pause_s)
        reply = await ask_once(run, ask(), timeout_s, statuses, most)
    return reply


class Before:
    """What was seen before a question was asked again.

    Args:
        run: makes texts fit to show.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self.told: Counter[str] = Counter()

    def __call__(self, _: Reply, seen: str) -> None:
        """Notes it."""
        self.told[self._run.words.line(seen, TEXT_MAX)] += 1


def reply_of(run: Run, request: Request, answer: Answer, statuses: tuple[int, ...]) -> Reply:
    """Says whose answer it is, of one that was read elsewhere; as `ask_once`."""
    return _attributed(Reply(request, answer), answer, statuses, run)


def unfinished(run: Run, request: Request, error: ExchangeError) -> Reply:
    """Says what there is of an answer that broke off elsewhere; as `ask_once`."""
    return _unfinished(Reply(request), error, run.identity)


def plain_request(run: Run, trace: headers.Trace, path: str) -> Request:
    """A GET of a path at the target, with nothing of the policy's own."""
    sent = headers.render(trace, run.target.headers, (), {})
    return Request("GET", run.target.url + path, (*sent, *EXTRA))


def written(value: Json) -> tuple[bytes, dict[str, str]]:
    """A body and its content type: a text as it is, anything else as JSON, None as no body."""
    match value:
        case None:
            return b"", {}
        case str():
            return value.encode(), {"content-type": "text/plain; charset=utf-8"}
        case _:
            return json.dumps(value).encode(), {"content-type": "application/json"}


def named(statuses: tuple[int, ...]) -> str:
    """Statuses in words: `200 or 204`."""
    return " or ".join(map(str, statuses))


def _attributed(one: Reply, answer: Answer, statuses: tuple[int, ...], run: Run) -> Reply:
    """Says whose answer it is; one that names a revision is not the front end's."""
    identity = run.identity
    name = identity.name_in(answer.header, lambda: _json(answer))
    front_end = None if name else answer.front_end
    if front_end is not None:
        fault = identity.unanswered(front_end.fault(answer.phrase, named(statuses)))
        return one._replace(front_end=front_end, fault=fault)
    wrong = one.wrong(statuses)
    doubt = identity.doubt(name, wrong.seen if wrong else answer.phrase, wrong)
    other = doubt is not None and doubt.other
    if run.target.tagged and not other and refuses_host(answer.status, answer.text):
        return one._replace(name=name, fault=host_fault(answer.phrase, named(statuses)))
    if doubt is not None and not other:
        doubt = replace(doubt, fault=as_early(doubt.fault, wrong))
    return one._replace(name=known_by(name, doubt), doubt=doubt)


def _unfinished(one: Reply, error: ExchangeError, identity: Identity) -> Reply:
    """Says whose answer broke off, or who gave none, as far as that can be known."""
    if error.begun is None or not identity.asks:
        return one._replace(fault=identity.unanswered(error.fault))
    name = identity.name_in(error.begun.header)
    doubt = identity.doubt(name, error.fault.seen)
    fault = None if doubt else error.fault
    return one._replace(name=known_by(name, doubt), doubt=doubt, fault=fault)


def _json(answer: Answer) -> Json:
    try:
        return read_json(answer.body)
    except ValueError:
        return None
