"""Listens to stable: asks each page several times and hears what a WebSocket says. Judges nothing.

Every answer is bounded as a probe's is, no redirect is followed, and nothing that holds a secret or
looks like a token is kept.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from gate.core.checks import kept_by_front_end
from gate.core.evidence import Symptom
from gate.core.policy import Json
from gate.core.recording import Asked, Form, Page, Recording, Sample
from gate.core.redaction import Redactor
from gate.core.template import parse
from gate.kinds.websocket import WebSocketProbe
from gate.ports import Clock, Target
from gate.probes import headers
from gate.probes.expect import compact, read_json
from gate.probes.inquiry import Nonces, Run
from gate.probes.outcome import Fault
from gate.probes.tls import shared_context
from gate.probes.web.asking import EXTRA, ask_once, plain_request
from gate.probes.web.exchange import Answer, Request
from gate.probes.words import TEXT_MAX, Words

AT_ONCE = 4
"""Most pages asked at the same time: users are being served there."""
ROUTES_MAX = 20
"""Most pages taken from an OpenAPI document."""

_PATH = re.compile(r"/(?!/)[A-Za-z0-9._~!&'()*+,;=:@%/-]{0,200}")
_ACTS = re.compile(r"(?i)logout|signout|sign-out|delete|reset|shutdown|restart|export|download")


def plain_path(path: str) -> bool:
    """Whether a path holds only what may be written into a policy, and does not end at Google."""
    return bool(_PATH.fullmatch(path)) and not kept_by_front_end(path)


class Recorder:
    """Records one address.

    Args:
        target: stable, as probes would be given it.
        secrets: name to value, for the templates.
        clock: time.
    """

    def __init__(self, target: Target, secrets: Mapping[str, str], clock: Clock) -> None:
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
        routes = routes_of(document)
        paths = list(dict.fromkeys((*asked.paths, *routes)))
        pages = {path: Page(path, ()) for path in paths}
        for number in range(asked.times):
            if number:
                await self._clock.sleep(asked.apart_s)
            pages |= await self._round(asked, pages.values())
        socket = None
        if asked.websocket:
            from gate.probes.sockets.hearing import hear  # noqa: PLC0415 - lazy, as the probes

            spec = WebSocketProbe(
                asked.websocket, subprotocols=asked.subprotocols, headers=asked.headers
            )
            socket = await hear(spec, self._run, asked.say, self._message)
        openapi = asked.openapi if document is not None else ""
        found = tuple(pages.values())
        return Recording(found, socket, tuple(revisions), openapi, first_s, start_s)

    async def _first_s(self, asked: Asked) -> float:
        """How long the first answer of the container takes; 0 where none comes in time."""
        run, trace = self._run, headers.Trace()
        request = plain_request(run, trace, "/")
        reply = await ask_once(run, request, asked.start_within_s, (200,))
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
            return Page(page.path, page.samples + seen.samples, seen.fault, seen.reached)

        whole = [page for page in pages if not page.fault]
        return {page.path: page for page in await asyncio.gather(*map(one, whole))}

    async def _ask(self, asked: Asked, path: str) -> Page:
        run = self._run
        values = run.values(run.nonces.new())
        templates = tuple((name, parse(value)) for name, value in asked.headers)
        sent = headers.render(headers.Trace(), run.target.headers, templates, values)
        given = {name.lower() for name, _ in sent}
        sent += tuple((name, value) for name, value in EXTRA if name not in given)
        request = Request("GET", run.target.url + path, sent)
        reply = await ask_once(run, request, asked.timeout_s, (200,))
        if reply.fault is not None or reply.answer is None:
            fault = reply.fault or Fault(Symptom.CLIENT, "no answer", "one")
            reached = fault.symptom is not Symptom.CONNECT
            return Page(path, (), run.words.line(fault.seen, TEXT_MAX), reached)
        return Page(path, (self._sample(reply.answer),))

    def _sample(self, answer: Answer) -> Sample:
        form, value = self._read(answer.body)
        clean = self._clean(answer.headers)
        return Sample(answer.status, clean, form, value, answer.took_s)

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

    def _clean(self, found: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Headers without any that holds a secret or looks like a token."""
        return tuple((name, value) for name, value in found if self._redactor.text(value) == value)


def routes_of(document: Json) -> tuple[str, ...]:
    """Paths of an OpenAPI document that a plain GET can ask: no parameters, nothing that acts."""
    paths = document.get("paths") if isinstance(document, dict) else None
    if not isinstance(paths, dict):
        return ()
    found = [
        path
        for path, item in paths.items()
        if plain_path(path) and not _ACTS.search(path) and _answers_plainly(item)
    ]
    return tuple(found[:ROUTES_MAX])


def _answers_plainly(item: Json) -> bool:
    operation = item.get("get") if isinstance(item, dict) else None
    if not isinstance(item, dict) or not isinstance(operation, dict):
        return False
    return not (_needs(item.get("parameters")) or _needs(operation.get("parameters")))


def _needs(parameters: Json) -> bool:
    """Whether any parameter must be given, or cannot be told."""
    if not isinstance(parameters, list):
        return parameters is not None
    return any(
        not isinstance(one, dict) or one.get("required") or "$ref" in one for one in parameters
    )
