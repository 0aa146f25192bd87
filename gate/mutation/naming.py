"""Asks a healthy service which revision it is, so that its probes may insist on it."""

import asyncio

import h11

from gate.core.policy import IdentityRule
from gate.http1.streams import Side
from gate.mutation.http_faults import BODY_MAX, Answer
from gate.mutation.wire import Upstream

_WITHIN_S = 30.0


class NoNameError(Exception):
    """The service does not answer, or does not say which revision does."""


async def revision_of(
    upstream: Upstream, rule: IdentityRule, headers: tuple[tuple[str, str], ...], path: str
) -> str:
    """The name of the revision that answers.

    Args:
        upstream: the healthy service.
        rule: how an answer says it.
        headers: sent along, e.g. the ID token of a private service.
        path: what to ask where any answer says it.

    Raises:
        NoNameError: there is no answer, or none that says it.
    """
    try:
        async with asyncio.timeout(_WITHIN_S):
            answer = await _get(upstream, rule.path or path, headers)
    except (OSError, EOFError, h11.ProtocolError) as error:
        raise NoNameError(f"no answer ({str(error) or type(error).__name__})") from None
    name = answer.header(rule.header) if rule.header else _field(answer, rule.field)
    if not (name or "").strip():
        place = rule.header or f"{rule.field} in {rule.path}"
        raise NoNameError(f"no answer says which revision gave it (got none with {place})")
    return str(name).strip()


def _field(answer: Answer, name: str) -> str:
    try:
        value = answer.json
    except (ValueError, RecursionError):
        return ""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


async def _get(upstream: Upstream, path: str, headers: tuple[tuple[str, str], ...]) -> Answer:
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
