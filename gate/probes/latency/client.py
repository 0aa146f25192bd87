"""One side's client: aiohttp, since requests overlap here, and httpcore slows down when they do.

Where 100 of them overlap, httpcore takes 20 ms of CPU for each, aiohttp 0.2.
Nothing is followed, kept or trusted: no redirect, no cookie, no proxy of the environment, no body.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from types import SimpleNamespace, TracebackType
from typing import Self

import aiohttp
from yarl import URL

from gate.core.policy import Json
from gate.core.template import JsonTemplate, Template, parse, parse_json
from gate.http1.packing import beginning
from gate.kinds.latency import LatencyProbe
from gate.probes.expect import read_json
from gate.probes.faults import of_exception, too_large
from gate.probes.frontend import LOOKED_AT
from gate.probes.headers import Trace, render
from gate.probes.identity import known_by
from gate.probes.inquiry import Run
from gate.probes.latency import faults
from gate.probes.latency.hearing import Connector, Response, heard_s
from gate.probes.outcome import Fault
from gate.probes.web.asking import EXTRA, named
from gate.probes.web.exchange import BODY_MAX, Answer, ExchangeError, Request
from gate.probes.web.status import wrong_status

OPEN_MAX = 500
"""Most connections of one side; whoever is due while all of them wait is late, and counts so."""
IDLE_MAX_S = 2.0
"""A connection that idled longer is not used again: the other end may be closing it by right."""
_CHUNK = 1 << 14


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked again and again; its templates are parsed once."""

    method: str
    path: str
    headers: tuple[tuple[str, Template], ...]
    body: JsonTemplate
    statuses: tuple[int, ...]
    timeout_s: float

    @classmethod
    def of(cls, spec: LatencyProbe) -> Self:
        """The question of a probe."""
        sent = tuple((name, parse(value)) for name, value in spec.headers)
        body = parse_json(spec.body)
        return cls(spec.method.upper(), spec.path, sent, body, spec.status, spec.timeout_s)

    def request(self, run: Run, trace: Trace) -> Request:
        """One request with a nonce and a span of its own.

        Raises:
            CannotAskError: a value that no header can carry, or that nobody gave.
        """
        values = run.values(run.nonces.new())
        body, content_type = _body(self.body.render(values))
        sent = render(trace, run.target.headers, self.headers, values)
        names = {name.lower() for name, _ in sent}
        sent += tuple(one for one in (*EXTRA, *content_type) if one[0] not in names)
        return Request(self.method, run.target.url + self.path, sent, body)


def _body(value: Json) -> tuple[bytes, tuple[tuple[str, str], ...]]:
    """A text as it is, anything else as JSON, None as no body at all."""
    match value:
        case None:
            return b"", ()
        case str():
            return value.encode(), (("content-type", "text/plain; charset=utf-8"),)
        case _:
            return json.dumps(value).encode(), (("content-type", "application/json"),)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one request.

    Attributes:
        began_s: when it had a connection to itself, or would have opened one.
        ended_s: when the last byte of the answer had come, or hope was given up.
        fault: why it is no right answer of the right revision.
        late: whether it was given up at its timeout.
        name: the revision that answered, by its own word.
    """

    began_s: float
    ended_s: float
    fault: Fault | None = None
    late: bool = False
    name: str = ""


class _Course:
    """Follows one exchange: how often its request was written, when it began and ended."""

    __slots__ = ("began_s", "ended_s", "sent")

    def __init__(self) -> None:
        self.began_s = 0.0
        self.ended_s = 0.0
        self.sent = 0


async def _sent(
    _session: aiohttp.ClientSession,
    context: SimpleNamespace,
    _params: aiohttp.TraceRequestHeadersSentParams,
) -> None:
    context.trace_request_ctx.sent += 1


class Client:
    """Asks one side the same question over and over.

    Args:
        run: whom to ask, and how.
        question: what to ask.
        trace: of the probe.
        open_max: most connections.
    """

    def __init__(
        self, run: Run, question: Question, trace: Trace, open_max: int = OPEN_MAX
    ) -> None:
        self._run = run
        self._question = question
        self._trace = trace
        self.open_max = open_max
        self._room = asyncio.Semaphore(open_max)
        self._session = self._new_session()

    def _new_session(self) -> aiohttp.ClientSession:
        secure = self._run.target.url.startswith("https:")
        follow = aiohttp.TraceConfig()
        follow.on_request_headers_sent.append(_sent)
        return aiohttp.ClientSession(
            connector=Connector(
                limit=0,  # our own semaphore bounds them, first come, first served
                keepalive_timeout=IDLE_MAX_S,
                ttl_dns_cache=None,
                ssl=self._run.tls() if secure else True,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # `ask` has its own
            auto_decompress=False,
            trust_env=False,
            read_bufsize=_CHUNK,
            trace_configs=[follow],
            response_class=Response,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    def prepare(self) -> Request:
        """The next request, made before it is due: making it takes time that is our own.

        Raises:
            CannotAskError: the request cannot be built from the policy.
        """
        return self._question.request(self._run, self._trace)

    async def ask(self, request: Request, due_s: float) -> Reply:
        """Asks once; never raises for what comes back.

        Args:
            request: as `prepare` made it.
            due_s: when the request was due (time.monotonic); its timeout counts from then.
        """
        course = _Course()
        left_s = due_s + self._question.timeout_s - time.monotonic()
        try:
            async with asyncio.timeout(left_s), self._room:
                course.began_s = time.monotonic()
                answer = await self._exchange(request, course)
        except TimeoutError:
            return self._late(course)
        except ExchangeError as error:
            return self._without(course, error.fault)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return self._without(course, of_exception(error, asked=bool(course.sent)))
        name, wrong = self._judged(request, answer)
        if wrong is None and course.sent > 1:
            wrong = faults.twice()
        return Reply(course.began_s, course.ended_s, wrong, name=name)

    async def _exchange(self, request: Request, course: _Course) -> Answer:
        async with self._session.request(
            request.method,
            URL(request.url, encoded=True),
            headers=request.headers,
            data=request.body or None,
            allow_redirects=False,
            trace_request_ctx=course,
        ) as response:
            kept, size = b"", 0
            async for chunk in response.content.iter_any():
                size += len(chunk)
                if size > BODY_MAX:
                    raise ExchangeError(too_large(BODY_MAX))
                if len(kept) < LOOKED_AT:
                    kept += chunk[:LOOKED_AT]
            course.ended_s = heard_s(response, course.began_s)
            told = tuple((name.lower(), value) for name, value in response.headers.items())
            if response.status >= 400 and "gzip" in response.headers.get("content-encoding", ""):
                kept = beginning(kept, LOOKED_AT)
            return Answer(response.status, told, kept, 0.0)

    def _late(self, course: _Course) -> Reply:
        timeout_s = self._question.timeout_s
        if not course.began_s:
            return self._without(course, faults.crowded(timeout_s, self.open_max), late=True)
        asked = bool(course.sent)
        return self._without(course, faults.late(timeout_s, asked=asked), late=asked)

    def _without(self, course: _Course, fault: Fault, *, late: bool = False) -> Reply:
        now_s = time.monotonic()
        fault = self._run.identity.unanswered(fault)
        return Reply(course.began_s or now_s, now_s, fault, late)

    def _judged(self, request: Request, answer: Answer) -> tuple[str, Fault | None]:
        """Whose answer it is, and what is wrong with it; one that names a revision is its own."""
        identity, statuses = self._run.identity, self._question.statuses
        name = identity.name_in(answer.header, lambda: _json(answer))
        if not name and answer.status >= 400 and (front_end := answer.front_end):
            return name, identity.unanswered(front_end.fault(answer.phrase, named(statuses)))
        wrong = None
        if answer.status not in statuses:
            bare = Answer(answer.status, answer.headers, b"", 0.0)  # texts differ: kinds count
            wrong = wrong_status(request.url, bare, named(statuses))
        doubt = identity.doubt(name, wrong.seen if wrong else answer.phrase, wrong)
        return known_by(name, doubt), doubt.fault if doubt else wrong


def _json(answer: Answer) -> Json:
    """A short body as JSON; None for any other."""
    packed = answer.status < 400 and "gzip" in (answer.header("content-encoding") or "")
    try:
        return read_json(beginning(answer.body, LOOKED_AT) if packed else answer.body)
    except ValueError:
        return None
