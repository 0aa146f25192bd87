"""One round of questions: to the candidate, to stable beside it, and to users' own address.

What probes saw is put together here with what the logs say of it; nothing is judged.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

from gate.controller.log_excerpts import LogExcerpts
from gate.controller.request_log import RequestLog
from gate.core.evidence import SERVICE, STABLE, Evidence
from gate.core.messages import LogsRead, Probed, ReadLogs, RunProbes
from gate.core.redaction import Redactor
from gate.errors import InfrastructureError
from gate.ports import (
    Answers,
    Clock,
    Headers,
    Identity,
    Logs,
    Narrator,
    Probes,
    Progress,
    Target,
    UsersAnswer,
)

IDENTITY_WITHIN_S = 10.0
"""How long an ID token may take once users have been moved."""

FRONT_END_WITHIN_S = 5.0
"""How long it is waited for who answers at the service's own address, before probes ask."""
_OPEN = ("", "all")
_KEPT_OUT = "the platform answers the gate in the service's place"
_SAME_FOR_ALL = "every probe will get the same; gate doctor says what mends it"


class ProbeRound:
    """Asks for one rollout.

    Args:
        probes: asks one address.
        logs: where the candidate's own words are.
        clock: time.
        redactor: knows what must never be shown.
        identity: what lets the gate in.
        narrator: told how far each question is.
        answers: who answers at an address, None where nobody can say.
    """

    def __init__(
        self,
        probes: Probes,
        logs: Logs,
        clock: Clock,
        redactor: Redactor,
        identity: Identity,
        narrator: Narrator,
        answers: Answers | None = None,
    ) -> None:
        self._probes = probes
        self._clock = clock
        self._identity = identity
        self._narrator = narrator
        self._answers = answers
        self._excerpts = LogExcerpts(logs, clock, redactor)
        self._request_log = RequestLog(logs, clock)

    async def ask(self, command: RunProbes) -> Probed:
        """The candidate, then users' own address; what had no time to end is missing.

        Raises:
            AccessError: a private service, and no token that lets the gate in; others as in
                gate.errors.
        """
        headers = await self._identity(command.audience)
        candidates = await self._identity(command.audience, command.url)
        left_s = (command.until - self._clock.now()).total_seconds()
        stable, users = _stable(command, headers), _users(command, headers)
        own = _own(command, candidates, stable, left_s)
        ended: list[Evidence] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(left_s, 0)):
                await self._say_who_keeps_us_out(command, headers)
                await self._probes.run(command.probes, own, self._listening(ended, ""))
                if command.service_probes:
                    listening = self._listening(ended, SERVICE)
                    users = replace(users, before=tuple(ended))
                    await self._probes.run(command.service_probes, users, listening)
        seen = tuple(ended)
        if not command.live:
            about = command.revision, command.since
            if command.identity and command.identity.by_log:
                seen = await self._request_log.confirmed(seen, *about)
            seen = await self._excerpts.beside(seen, *about)
        return Probed(self._clock.now(), seen)

    async def explain(self, command: ReadLogs) -> LogsRead:
        """The last log lines of the candidate, and whether stable suffers, too."""
        said = await self._excerpts.of(command.revision, command.since)
        seen: list[Evidence] = []
        left_s = (command.until - self._clock.now()).total_seconds() if command.until else 0.0
        if command.control and left_s > 0:
            with contextlib.suppress(TimeoutError, InfrastructureError):
                async with asyncio.timeout(left_s):
                    headers = await self._identity(command.audience)
                    stable = Target(command.audience.rstrip("/"), "", headers, command.since)
                    listening = self._listening(seen, STABLE)
                    await self._probes.run(command.control, stable, listening)
        return LogsRead(self._clock.now(), said, tuple(seen))

    async def _say_who_keeps_us_out(self, command: RunProbes, headers: Headers) -> None:
        """Says before any probe does that the front end answers us in the service's place.

        Asked at the service's own address, and only where something may keep us out: a candidate
        is not to be woken by it, and whoever lets everybody in refuses nobody.
        """
        guarded = bool(headers) or command.ingress not in _OPEN
        served = bool(command.audience and command.compare_with)
        if self._answers is None or command.live or not (guarded and served):
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FRONT_END_WITHIN_S):
                seen = await self._answers(command.audience.rstrip("/"), headers)
                if seen.refused or seen.nowhere:
                    text = f"{_KEPT_OUT} ({seen.unknown}): {_SAME_FOR_ALL}"
                    self._narrator.progress(Progress("", text, at_once=True))

    def _listening(self, ended: list[Evidence], address: str) -> Callable[[Progress], None]:
        """Keeps the evidence as it comes, with the address that was asked, and passes it on."""

        def progress(news: Progress) -> None:
            evidence, asked = news.evidence, news.address or address
            if evidence is not None:
                evidence = replace(evidence, address=asked)
                ended.append(evidence)
            self._narrator.progress(replace(news, evidence=evidence, address=asked))

        return progress


def _stable(command: RunProbes, headers: Headers) -> Target | None:
    """Users' own address, while the candidate has none of them: whoever answers there is stable."""
    if command.control is None or not command.audience:
        return None
    name = command.compare_with[0] if len(command.compare_with) == 1 else ""
    return Target(
        command.audience.rstrip("/"),
        name,
        headers,
        command.since,
        command.identity,
        ready_until=command.ready_until,
        tag_url=command.stable_tag,
    )


async def users_answer(url: str, answers: Answers | None, identity: Identity) -> UsersAnswer:
    """What users get at an address: asked as anybody, and where nobody is let in, as ourselves.

    Args:
        url: the service's own, "" where nothing is to be asked.
        answers: asks it, None where nobody can.
        identity: what lets the gate in.
    """
    if not url or answers is None:
        return UsersAnswer()
    seen = await answers(url, ())
    if not seen.refused:
        return seen
    try:
        async with asyncio.timeout(IDENTITY_WITHIN_S):
            headers = await identity(url)
    except InfrastructureError as error:
        return UsersAnswer(unknown=f"it is private; {error.message}")
    except TimeoutError:
        late = f"it is private; no ID token was to be had in {IDENTITY_WITHIN_S:g} s"
        return UsersAnswer(unknown=late)
    return await answers(url, headers) if headers else seen


def _own(command: RunProbes, headers: Headers, stable: Target | None, left_s: float) -> Target:
    """The candidate at its own address."""
    return Target(
        command.url,
        command.revision,
        headers,
        command.since,
        command.identity,
        stable=stable,
        repeats=command.control,
        until=command.until,
        compare_with=command.compare_with,
        warm_s=min(command.warm_s, left_s / 2),
        ingress=command.ingress,
        fail_fast=command.fail_fast,
        ready_until=command.ready_until,
        tagged=True,
        alone=command.again,
    )


def _users(command: RunProbes, headers: Headers) -> Target:
    """The address that users have."""
    return Target(
        command.audience.rstrip("/"),
        "",
        headers,
        command.since,
        until=command.until,
        ingress=command.ingress,
        alone=command.again,
        share=command.share,
        fail_fast=command.fail_fast,
    )
