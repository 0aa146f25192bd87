"""Listens to stable: asks each page several times and hears what a WebSocket says. Judges nothing.

Every answer is bounded as a probe's is, no redirect is followed, and nothing that holds a secret or
looks like a token is kept.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from urllib.parse import urlsplit

from gate.core.evidence import Symptom
from gate.core.policy import Json
from gate.core.recording import GARBLED, Asked, Form, How, Page, Recording, Sample, Socket
from gate.core.redaction import Redactor
from gate.core.secret import Named
from gate.core.template import NONCE, names, parse
from gate.kinds.websocket import WebSocketProbe
from gate.ports import Clock, Target
from gate.probes import headers, paths
from gate.probes.documents import routes_of, writes_of
from gate.probes.expect import compact, read_json
from gate.probes.following import found_in
from gate.probes.frontend import Arrival
from gate.probes.inquiry import Nonces, Run
from gate.probes.outcome import Fault
from gate.probes.tls import shared_context
from gate.probes.web.asking import EXTRA, Reply, ask_once, ask_patiently, plain_request
from gate.probes.web.exchange import Answer, Request
from gate.probes.web.looking import look
from gate.probes.words import TEXT_MAX, Words

AT_ONCE = 4
"""Most pages asked at the same time: users are being served there."""
FOUND_MAX = 40
"""Most pages asked that nobody named."""
STRANGERS_MAX = 20
"""Most pages asked without credentials."""
_ASKED_ALONE = frozenset({How.NAMED, How.LISTED, How.LINKED, How.ITEM})


ARRIVAL_WITHIN_S = 10.0
"""How long the front end may not know the address yet, right after it was given."""


class Recorder:
    """Records one address.

    Args:
        target: stable, as probes would be given it.
        secrets: name to value, for the templates.
        clock: time.
    """

    def __init__(self, target: Target, secrets: Named, clock: Clock) -> None:
        self._redactor = Redactor(secrets)
        self._clock = clock
        self._run = Run(
            target=target,
            secrets=secrets,
            nonces=Nonces(),
            words=Words(self._redactor),
            clock=clock,
            logs=None,
            tls=cache(shared_context),
            since=clock.now(),
            arrival=Arrival(ARRIVAL_WITHIN_S),
        )

    async def record(
        self, asked: Asked, revisions: Sequence[str] = (), start_s: float = 0.0
    ) -> Recording:
        """Asks everything, as often as it says, once an instance is up.

        Args:
            asked: what.
            revisions: those that serve at the address.
            start_s: how long they take to start at most, 0 where nobody knows.

        Raises:
            CannotAskError: a header or a template cannot be sent.
        """
        first_s = await self._first_s(asked)
        document = await self._document(asked)
        pages = {path: Page(path, ()) for path in map(asked.as_first, asked.paths)}
        for path in routes_of(document):
            pages.setdefault(path, Page(path, (), how=How.LISTED))
        pages |= await self._round(asked, pages.values())
        for _ in range(2):  # what nobody named may lead on, but not to yet more links
            pages |= await self._led_to(asked, pages)
        for _ in range(asked.times - 1):
            await self._clock.sleep(asked.apart_s)
            pages |= await self._round(asked, pages.values())
        return Recording(
            tuple(pages.values()),
            await self._socket(asked),
            tuple(revisions),
            asked.openapi if document is not None else "",
            first_s,
            start_s,
            await self._strangers(asked, pages.values()),
            writes_of(document),
        )

    async def _led_to(self, asked: Asked, pages: Mapping[str, Page]) -> dict[str, Page]:
        """The pages that these lead to, asked once; one that is known already stays as it is."""
        host = urlsplit(self._run.target.url).netloc
        found: dict[str, Page] = {}
        for path, how, parent in found_in([*pages.values()], host):
            if path not in pages and not self._hidden(path):
                found.setdefault(path, Page(path, (), how=how, parent=parent))
        return await self._round(asked, [*found.values()][:FOUND_MAX])

    async def _strangers(self, asked: Asked, pages: Iterable[Page]) -> tuple[Page, ...]:
        """Pages that were asked with credentials, without them: as often as the others."""
        if not asked.headers:
            return ()
        alone = replace(asked, headers=())
        fit = (page for page in pages if page.how in _ASKED_ALONE and 0 < page.status < 400)
        found = {page.path: Page(page.path, ()) for page in [*fit][:STRANGERS_MAX]}
        for _ in range(asked.times):
            found |= await self._round(alone, found.values())
        return tuple(found.values())

    async def _socket(self, asked: Asked) -> Socket | None:
        if not asked.websocket:
            return None
        from gate.probes.sockets.gathering import gather  # noqa: PLC0415 - lazy, as the probes
        from gate.probes.sockets.hearing import hear  # noqa: PLC0415

        spec = WebSocketProbe(
            asked.websocket, subprotocols=asked.subprotocols, headers=asked.headers
        )
        socket = await hear(spec, self._run, asked, self._message)
        if NONCE not in names(asked.say) or any(one.fault for one in socket.sessions):
            return socket
        gatherings = [await gather(spec, self._run, asked, self._message) for _ in range(2)]
        fit = tuple(one for one in gatherings if one is not None)
        return replace(socket, gatherings=fit if len(fit) == len(gatherings) else ())

    async def _first_s(self, asked: Asked) -> float:
        """How long the first answer of the container takes; 0 where none comes in time."""
        run, trace = self._run, headers.Trace()
        within_s = asked.start_within_s
        reply = await ask_patiently(
            run, lambda: plain_request(run, trace, "/"), within_s, (200,), _passed_over
        )
        return reply.answer.took_s if reply.answer and reply.front_end is None else 0.0

    async def _document(self, asked: Asked) -> Json:
        """The OpenAPI document, None where there is none."""
        seen = await self._ask(asked, asked.openapi)
        value = seen.samples[0].value if seen.samples and seen.samples[0].status == 200 else None
        told = isinstance(value, dict) and ("openapi" in value or "swagger" in value)
        return value if told and isinstance(value, dict) and "paths" in value else None

    async def _round(self, asked: Asked, pages: Iterable[Page]) -> dict[str, Page]:
        """Each page once more; one that failed to answer is left alone."""
        room = asyncio.Semaphore(AT_ONCE)

        async def one(page: Page) -> Page:
            async with room:
                seen = await self._ask(asked, page.path)
            samples = page.samples + seen.samples
            return replace(page, samples=samples, fault=seen.fault, reached=seen.reached)

        whole = [page for page in pages if not page.fault]
        return {page.path: page for page in await asyncio.gather(*map(one, whole))}

    async def _ask(self, asked: Asked, path: str) -> Page:
        run = self._run
        values = run.values(run.nonces.new())
        templates = tuple((name, parse(value)) for name, value in asked.own_headers)
        sent = headers.render(headers.Trace(), run.target.headers, templates, values)
        given = {name.lower() for name, _ in sent}
        sent += tuple((name, value) for name, value in EXTRA if name not in given)
        url = run.target.url + paths.rendered(parse(path), values)
        request = Request("GET", url, sent)
        reply = await ask_once(run, request, asked.timeout_s, (200,))
        if reply.fault is not None or reply.answer is None:
            fault = reply.fault or Fault(Symptom.CLIENT, "no answer", "one")
            reached = fault.symptom is not Symptom.CONNECT
            return Page(path, (), run.words.line(fault.seen, TEXT_MAX), reached)
        return Page(path, (self._sample(reply.answer),))

    def _sample(self, answer: Answer) -> Sample:
        form, value = self._read(answer.body)
        text = answer.text
        seen = look(answer) if form is Form.TEXT else None
        return Sample(
            answer.status,
            self._clean(answer.headers),
            form,
            value,
            answer.took_s,
            len(answer.body),
            seen.without(self._hidden) if seen else None,
            any(one in text for one in GARBLED),
            any(one > "\x7f" for one in text),
        )

    def _message(self, text: str) -> Sample:
        form, value = self._read(text.encode())
        return Sample(0, (), form, value)

    def _read(self, body: bytes) -> tuple[Form, Json]:
        if not body.strip():
            return Form.EMPTY, None
        try:
            value = read_json(body)
            told = compact(value)
            told.encode()  # a lone surrogate can be read, and not written
        except (ValueError, RecursionError):
            return Form.TEXT, None
        if self._redactor.text(told) != told:
            return Form.SECRET, None
        return Form.JSON, value

    def _hidden(self, text: str) -> bool:
        """Whether a text holds a secret or looks like a token."""
        return self._redactor.text(text) != text

    def _clean(self, found: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Headers without any that holds a secret or looks like a token."""
        return tuple((name, value) for name, value in found if not self._hidden(value))


def _passed_over(reply: Reply, seen: str) -> None:
    """What the front end says before it knows the address is nobody's answer."""
