"""Asks the addresses of a service once each, for `gate doctor`, and who it was that answered."""

import asyncio
import contextlib
import secrets
from dataclasses import replace
from datetime import datetime

from gate.controller.request_log import REQUESTS
from gate.core.access import Reached
from gate.core.service import Service
from gate.doctor.facts import Address
from gate.errors import InfrastructureError
from gate.ports import Clock, Headers, LogQuery, Logs

REFUSALS = (401, 403, 404)
"""What front end and application both say."""
LOG_WITHIN_S = 6.0
"""How long the front end's log is waited for where only it can tell."""
_PAUSE_S = 1.0


async def asked(
    service: Service, tag: str, headers: Headers, logs: Logs, clock: Clock
) -> tuple[Address, ...]:
    """The service's own address, and the one of a tag: this one, or any other.

    Args:
        service: as read.
        tag: whose address is asked, where it has one.
        headers: what lets the caller in.
        logs: where the front end says whom it asked.
        clock: time.
    """
    tags = {line.tag: line.uri for line in service.effective if line.tag and line.uri}
    tag = tag if tag in tags else next(iter(tags), "")
    found = {"the service": service.uri} if service.uri else {}
    found |= {f"tag {tag}": tags[tag]} if tag else {}
    seen = await asyncio.gather(*(_reached(url, headers, logs, clock) for url in found.values()))
    pairs = zip(found.items(), seen, strict=True)
    return tuple(Address(title, url, reached) for (title, url), reached in pairs)


async def _reached(url: str, headers: Headers, logs: Logs, clock: Clock) -> Reached:
    from gate.probes.reach import who_answers  # noqa: PLC0415 - with an address only
    from gate.probes.tls import shared_context  # noqa: PLC0415

    since, trace = clock.now(), secrets.token_hex(16)
    parent = ("traceparent", f"00-{trace}-{secrets.token_hex(8)}-01")
    seen = await who_answers(url, (*headers, parent), shared_context)
    if seen.instead or seen.status not in REFUSALS:
        return seen
    return replace(seen, asked=await _logged(logs, trace, since, clock))


async def _logged(logs: Logs, trace: str, since: datetime, clock: Clock) -> str | None:
    """The revision that the front end asked, "" for none, by its log; None where that is silent."""
    query = LogQuery("", since, log_id=REQUESTS, traces=(trace,), limit=1)
    with contextlib.suppress(TimeoutError, InfrastructureError):
        async with asyncio.timeout(LOG_WITHIN_S):
            while True:
                if entries := await logs.entries(query):
                    return entries[0].revision
                await clock.sleep(_PAUSE_S)
    return None
