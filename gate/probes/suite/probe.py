"""Runs a suite against the candidate and weighs what it reports and what the proxy saw."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from gate.core.evidence import Evidence
from gate.kinds.suite import SuiteProbe
from gate.probes.headers import Trace
from gate.probes.inquiry import Inquiry, Tally, told_before
from gate.probes.outcome import CannotAskError, Fault
from gate.probes.suite import process, surroundings, trust_store
from gate.probes.suite.arrival import arrive
from gate.probes.suite.authority import Authority
from gate.probes.suite.channel import Channel
from gate.probes.suite.each_test import answers, cases, listed
from gate.probes.suite.junit import read_report
from gate.probes.suite.proxy import Proxy
from gate.probes.suite.record import Record
from gate.probes.suite.results import Account
from gate.probes.suite.summary import excerpts, seen_in_words
from gate.probes.suite.upstream import Upstream
from gate.probes.suite.verdict import Facts, suite_verdict
from gate.probes.web.asking import Before

KIND = "suite"


class _Over(NamedTuple):
    """A suite that has run, or why it did not."""

    facts: Facts | None = None
    printed: str = ""
    cut: bool = False
    fault: Fault | None = None


async def ask(inquiry: Inquiry[SuiteProbe]) -> Evidence:
    """Runs the suite.

    Raises:
        CannotAskError: it cannot be run as the policy says.
    """
    spec, run = inquiry.spec, inquiry.run
    draft = inquiry.begin(KIND, " ".join(spec.run), _expected(spec))
    trace = Trace()
    before = Before(run)
    upstream = Upstream(run.target, run.identity, run.tls, trace)
    async with upstream:
        with tempfile.TemporaryDirectory(prefix="gate-suite-", ignore_cleanup_errors=True) as path:
            over = await _run(inquiry, upstream, Path(path), partial(arrive, run, trace, before))
    told = told_before(before.told, run.words)
    answered_by = ", ".join(upstream.answered_by)
    if over.facts is None:
        faults = [over.fault] if over.fault else []
        seen = over.fault.seen if over.fault else ""
        return draft.end(seen, faults, told, trace=trace.id, answered_by=answered_by)
    weighed = suite_verdict(spec, over.facts)
    lines = excerpts(weighed, over.facts, run.words, over.printed, cut=over.cut)
    evidence = draft.end(
        seen_in_words(weighed, over.facts),
        weighed.faults,
        (*told, *lines),
        trace=trace.id,
        answered_by=answered_by,
        tally=Tally(weighed.total, weighed.right, weighed.outcome),
    )
    return replace(
        evidence,
        cases=cases(weighed, over.facts),
        tests=listed(weighed, spec, run.words),
        answers=answers(weighed, over.facts.record, run.words),
    )


async def _run(
    inquiry: Inquiry[SuiteProbe],
    upstream: Upstream,
    scratch: Path,
    arrived: Callable[[], Awaitable[Fault | None]],
) -> _Over:
    spec, run = inquiry.spec, inquiry.run
    folder = surroundings.folder_of(spec, run)
    authority = Authority(spec.hosts) if spec.hosts else None
    if authority is not None:
        trust_store.write(scratch, authority.pem)
    surroundings.install_plugin(scratch)
    fault = await arrived()
    if fault is not None:
        return _Over(fault=fault)
    record = Record()
    account = Account(lambda done, of: inquiry.report("running its tests", done, of))
    tls = authority.server() if authority else None
    async with Channel(account, record) as channel, Proxy(upstream, record, spec.hosts, tls) as at:
        variables = surroundings.environment(spec, run, at.place, channel.address, scratch)
        command = surroundings.command(spec, folder, variables)
        inquiry.report("running its tests", 0, 0)
        try:
            ran = await process.run(command, folder, variables, spec.timeout_s)
        except OSError as error:
            told = f"{spec.run[0]} cannot be started ({error.strerror})"
            raise CannotAskError(told, "a program that can be run") from None
        await channel.drained()
    results = account.results()
    if not results.runner:
        results = await asyncio.to_thread(read_report, scratch / "junit.xml")
    facts = Facts(ran.code, ran.late, results, record)
    return _Over(facts, ran.tail.decode(errors="replace"), ran.cut)


def _expected(spec: SuiteProbe) -> str:
    parts = [
        f"{marker or 'all tests'} at least {percent:g} %"
        for marker, percent in spec.pass_rate.items()
    ]
    parts = parts or ["every test that runs passes"]
    parts += [f"at least {spec.counted} are evidence"] if spec.counted else []
    parts += [f"{len(spec.tests)} by name"] if spec.tests else []
    return ", ".join([*parts, f"at most {spec.skipped} skipped"])
