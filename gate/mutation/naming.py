"""Asks a healthy service which revision it is, so that its probes may insist on it."""

import asyncio

import h11

from gate.core.policy import IdentityRule, name_at
from gate.http1.streams import Side
from gate.mutation.http_faults import BODY_MAX, Answer
from gate.mutation.wire import Upstream
from gate.ports import Headers

_WITHIN_S = 30.0


class NoNameError(Exception):
    """The service does not answer, or does not say which revision does."""


async def revision_of(upstream: Upstream, rule: IdentityRule, headers: Headers, path: str) -> str:
    """The name of the revision that answers.

    Args:
        upstream: the healthy service.
        rule: how an answer says it; of several, the first that one answer satisfies counts.
        headers: sent along, e.g. the ID token of a private service.
        path: what to ask where any answer says it.

    Raises:
        NoNameError: there is no answer, or none that says it.
    """
    asked = [one for one in rule.rules if one.header or one.path or one.json]
    for one in asked:
        try:
            async with asyncio.timeout(_WITHIN_S):
                answer = await _get(upstream, one.path or path, headers)
        except (OSError, EOFError, h11.ProtocolError) as error:
            raise NoNameError(f"no answer ({str(error) or type(error).__name__})") from None
        field = one.json or one.field
        name = _field(answer, field) if field else answer.header(one.header) or ""
        if name.strip():
            return name.strip()
    places = (one.header or f"{one.json or one.field} in {one.path or path}" for one in asked)
    told = " or ".join(places)
    raise NoNameError(f"no answer says which revision gave it (got none with {told})")


def _field(answer: Answer, name: str) -> str:
    try:
        value = answer.json
    except (ValueError, RecursionError):
        return ""
    return name_at(value, name)


async def _get(upstream: Upstream, path: str, headers: Headers) -> Answer:
    streams = await upstream.connect()
    try:
        own = [("Host", upstream.authority), ("Connection", "close"), *headers]
        service = Side(h11.CLIENT, streams)
        response = await service.ask("GET", upstream.prefix + path, own)
        body = bytearray()
        while isinstance(event := await service.next(), h11.Data) and len(body) <= BODY_MAX:
            body += event.data
    finally:
        streams.break_off()
    return Answer(response.status_code, tuple(response.headers.raw_items()), bytes(body))
