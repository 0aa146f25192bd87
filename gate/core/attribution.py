"""Whose fault a failure is: what the candidate showed beside what stable showed.

A control excuses nothing by itself: whatever the word is, a probe that did not pass promotes
nobody. It says whom to look at, and whether the candidate is rejected or held.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from gate.core.answers import wrong
from gate.core.control import Repeats
from gate.core.evidence import SERVICE, Evidence, Finding, Outcome, Repeat, Symptom
from gate.core.evidence import Attribution as Attribution  # noqa: PLC0414 - evidence carries it
from gate.core.policy import Probe
from gate.core.shapes import differs
from gate.core.statistics import SprtResult, sequential, worse

EXCUSED = frozenset(
    {
        Attribution.ALREADY_THERE,
        Attribution.ENVIRONMENT,
        Attribution.PROBE_FAULT,
        Attribution.FLAKY,
    }
)
"""With these a failure holds the candidate; with any other it rejects it."""

ADVICE: Mapping[Attribution, str] = {
    Attribution.REGRESSION: "stable passes the same probe: look at what the candidate changes",
    Attribution.ALREADY_THERE: "stable fails alike: mend that first, or what the probe expects",
    Attribution.ENVIRONMENT: (
        "the network, a shared dependency or a quota explains it: run the gate again once it is "
        "well"
    ),
    Attribution.PROBE_FAULT: (
        "the question is at fault, not the candidate: mend what the probe sends, expects or "
        "needs (credentials, schema, path) until stable passes it"
    ),
    Attribution.FLAKY: (
        "it differs from try to try: run the gate again, and mend the probe or what it depends on"
    ),
    Attribution.CONTRACT_CHANGE: (
        "clients rely on stable's shape: keep it, or declare the new one in the probe, by what it "
        "expects and `contract: declared`"
    ),
    Attribution.UNKNOWN: "",
}
"""What to do, in words; `advice` knows better where it is told what was seen."""
_LATE_FRONT_END = (
    "front ends follow a tag that has moved after a while, and one of them has not: run the gate "
    "again"
)

WORSE_BY_CHANCE = 0.05
"""Shares of sessions that differ with less than this chance are no accident."""

_SHAPED = frozenset({Symptom.SCHEMA, Symptom.BODY})
_NEGOTIATED = frozenset({Symptom.SUBPROTOCOL, Symptom.ROUTES})
_CODED = frozenset({Symptom.STATUS, Symptom.REFUSED, Symptom.REDIRECT, Symptom.CLOSED})
_STALE = frozenset({Symptom.SCHEMA, Symptom.SUBPROTOCOL, Symptom.NO_EVIDENCE})
_COMPARED: Mapping[Symptom | None, Attribution] = {
    Symptom.CONFIGURATION: Attribution.REGRESSION,
    Symptom.ROUTES: Attribution.CONTRACT_CHANGE,
}
"""What says by itself that stable is another."""
_NETWORK = frozenset({Symptom.CONNECT, Symptom.TIMEOUT, Symptom.PLATFORM})
_CREDENTIALS = frozenset({"401", "403", "1008"})
_NOWHERE = frozenset({"400", "404", "405", "410", "1003"})
_SHARED = frozenset({"429", "502", "503", "504", "1013"})
_CODE = re.compile(r"(?<![\w.])(\d{3,4})\b")
_VARYING = re.compile(r"(?<=://)[^/\s\"]+|\b[0-9a-f]{8,}\b|\d+(?:\.\d+)? m?s\b|\d+")
"""Of two answers that say the same: hosts, ids, times in either unit, and numbers."""
_DEPENDENCY = re.compile(
    r"degraded|unavailable|unhealthy|unreachable|timed? ?out|timeout|could not connect"
    r"|connection (?:refused|reset)|name resolution|pool (?:is )?exhausted"
    r"|quota|rate.?limit|too many requests",
    re.IGNORECASE,
)

_DEPENDENCY_AT_START = re.compile(
    r"connection (?:refused|reset)|could not connect|name resolution|unreachable|i/o timeout"
    r"|initiali[sz]ation timeout|pool (?:is )?exhausted",
    re.IGNORECASE,
)
"""Fewer words than above: the platform's own lines on a container that does not start say timeout,
too."""


def attribute(
    candidate: Evidence,
    stable: Evidence | None = None,
    rule: Repeats | None = None,
    *,
    live: bool = False,
) -> Attribution:
    """Whose fault it is that a probe did not pass.

    Args:
        candidate: what the candidate showed, which is no pass.
        stable: what stable showed in the same minutes, None where it was not asked.
        rule: the test that a repeated probe was put to.
        live: whether the candidate has users, and so has passed the same probes before.
    """
    if candidate.outcome is not Outcome.FAILED:
        return _unclear(candidate, stable)
    if stable is None:
        alone = _under_users(candidate, rule or Repeats()) if live else Attribution.UNKNOWN
        return _COMPARED.get(_leading(candidate), alone)
    if _mixed(candidate):
        return _sometimes(candidate, stable, rule or Repeats())
    if stable.passed or Repeat.RIGHT in stable.repeats:
        return _regressed(candidate, stable)
    if stable.outcome is Outcome.FAILED:
        return _both(candidate, stable)
    network = {_leading(candidate), _leading(stable)} <= _NETWORK
    return Attribution.ENVIRONMENT if network else Attribution.UNKNOWN


def advice(item: Evidence, word: Attribution) -> str:
    """What to do about a failure, in words; "" where nobody knows."""
    if word is Attribution.ENVIRONMENT and _leading(item) is Symptom.IDENTITY:
        return _LATE_FRONT_END
    return ADVICE[word]


def start_fault(
    log_lines: Sequence[str], stable: Sequence[Evidence] = (), *, stable_runs: bool
) -> Attribution:
    """Whose fault it is that a candidate does not start, which stable did.

    Its own word for it is not enough: a dependency that it cannot reach may be one that it looks
    for in the wrong place. Stable must suffer in the same minute.

    Args:
        log_lines: its own last log lines.
        stable: what probes showed at stable then.
        stable_runs: whether the platform has a revision that serves and is ready.
    """
    depends = any(_DEPENDENCY_AT_START.search(line) for line in log_lines)
    if depends and any(item.outcome is Outcome.FAILED and _explained(item) for item in stable):
        return Attribution.ENVIRONMENT
    if not stable_runs or depends:
        return Attribution.UNKNOWN
    return Attribution.REGRESSION


def attributed(
    probes: Sequence[Probe],
    evidence: Sequence[Evidence],
    rule: Repeats | None = None,
    *,
    live: bool = False,
    share: int = 100,
) -> tuple[Evidence, ...]:
    """The same evidence, with an attribution wherever the candidate did not pass.

    Args:
        probes: those that were to run; evidence of no known probe is nobody's fault.
        evidence: what they saw, of stable, too.
        rule: as in `attribute`.
        live: as in `attribute`.
        share: percent of the answers at users' address that are the candidate's.
    """
    known = {probe.name for probe in probes}
    controls = {name: control_of(name, evidence) for name in known}

    def judged(item: Evidence) -> Evidence:
        if item.passed or item.control or item.probe not in known:
            return replace(item, attribution=None)
        control = controls[item.probe] if not item.address else None
        word = attribute(item, control, rule_at(item, rule, share), live=live)
        return replace(item, attribution=word)

    return tuple(judged(item) for item in evidence)


def rule_at(item: Evidence, rule: Repeats | None, share: int) -> Repeats | None:
    """The test that a probe was put to at its address: users' one may be shared with stable.

    Args:
        item: what was seen there.
        rule: the test at the candidate's own address.
        share: percent of the answers at users' address that are the candidate's.
    """
    return (rule or Repeats()).shared(share) if item.address == SERVICE else rule


def control_of(probe: str, evidence: Iterable[Evidence]) -> Evidence | None:
    """What stable showed, None where it showed nothing, or more than one thing."""
    found = [item for item in evidence if item.probe == probe and item.control]
    return found[0] if len(found) == 1 else None


def sprt_result(tries: Sequence[Repeat], rule: Repeats) -> SprtResult:
    """Whether a probe that has failed once fails by chance or is broken, by the tries after it.

    Wrong answers and none at all are counted apart; tries that say nothing do not count.
    """
    counted = [one for one in tries[1:] if one is not Repeat.UNCLEAR]
    tests = [
        sequential(
            counted.count(kind),
            len(counted),
            low=rule.flaky_percent / 100,
            high=rule.broken_percent / 100,
            alpha=rule.alpha_percent / 100,
            beta=rule.beta_percent / 100,
        )
        for kind in (Repeat.WRONG, Repeat.SILENT)
    ]
    if SprtResult.HIGH in tests:
        return SprtResult.HIGH
    return SprtResult.LOW if tests == [SprtResult.LOW, SprtResult.LOW] else SprtResult.OPEN


def _unclear(candidate: Evidence, stable: Evidence | None) -> Attribution:
    """The candidate has not spoken."""
    match _leading(candidate):
        case Symptom.NO_EVIDENCE if _may_be_why(candidate, stable):
            return Attribution.UNKNOWN
        case Symptom.CLIENT | Symptom.NO_EVIDENCE:
            return Attribution.PROBE_FAULT
        case Symptom.PLATFORM if _code(candidate) in _CREDENTIALS:
            return Attribution.PROBE_FAULT
        case Symptom.HOST:
            return Attribution.PROBE_FAULT
        case Symptom.PLATFORM | Symptom.CONNECT:
            return Attribution.ENVIRONMENT
        case Symptom.IDENTITY if candidate.answered_by:
            return Attribution.ENVIRONMENT
        case Symptom.IDENTITY if stable and _leading(stable) is Symptom.IDENTITY:
            return Attribution.PROBE_FAULT
        case _:
            return Attribution.UNKNOWN


def _may_be_why(candidate: Evidence, stable: Evidence | None) -> bool:
    """Whether a suite that shows nothing may do so by the candidate's doing."""
    return stable.passed if stable else wrong(candidate.answers)


def _mixed(item: Evidence) -> bool:
    return Repeat.RIGHT in item.repeats and len(set(item.repeats)) > 1


def _under_users(item: Evidence, rule: Repeats) -> Attribution:
    """It has passed before it had users: broken, unless the test knows that it failed by chance."""
    seldom = _mixed(item) and sprt_result(item.repeats, rule) is SprtResult.LOW
    return Attribution.FLAKY if seldom else Attribution.REGRESSION


def _sometimes(candidate: Evidence, stable: Evidence, rule: Repeats) -> Attribution:
    """The candidate fails, and not always: broken if so often that it is no accident."""
    clean = stable.passed and set(stable.repeats) <= {Repeat.RIGHT}
    if clean and sprt_result(candidate.repeats, rule) is SprtResult.HIGH:
        return _regressed(candidate, stable)
    silent = Repeat.SILENT in candidate.repeats and Repeat.SILENT in stable.repeats
    return Attribution.ENVIRONMENT if silent else Attribution.FLAKY


def _regressed(candidate: Evidence, stable: Evidence) -> Attribution:
    """Stable passes: the candidate does less, or says the same in another shape."""
    leading = _leading(candidate)
    changed = leading in _NEGOTIATED
    if leading in _SHAPED and candidate.shape and stable.shape:
        changed = differs(candidate.shape, stable.shape)
    return Attribution.CONTRACT_CHANGE if changed else Attribution.REGRESSION


def _both(candidate: Evidence, stable: Evidence) -> Attribution:
    """Both fail: alike, for a reason outside of them, or each in its own way."""
    ours, theirs = _code(candidate), _code(stable)
    if ours in _CREDENTIALS and theirs in _CREDENTIALS:
        return Attribution.PROBE_FAULT
    if _explained(candidate) and _explained(stable):
        return Attribution.ENVIRONMENT
    here, there = _marks(candidate), _marks(stable)
    if not here or not here <= there:
        return Attribution.REGRESSION if there < here else Attribution.UNKNOWN
    if _fewer_right(candidate, stable):
        return Attribution.REGRESSION
    stale = _leading(candidate) in _STALE or ours in _NOWHERE
    return Attribution.PROBE_FAULT if stale else Attribution.ALREADY_THERE


def _fewer_right(candidate: Evidence, stable: Evidence) -> bool:
    if candidate.asked_times < 2 or stable.asked_times < 2:
        return False
    chance = worse(
        min(candidate.right_times, candidate.asked_times),
        candidate.asked_times,
        min(stable.right_times, stable.asked_times),
        stable.asked_times,
    )
    return chance < WORSE_BY_CHANCE


def _explained(item: Evidence) -> bool:
    """Whether the network, a dependency or a quota may explain what was seen."""
    if _leading(item) in _NETWORK or _code(item) in _SHARED:
        return True
    told = [finding.seen for finding in item.findings]
    told += [line for line in item.excerpts if line.startswith("<")]
    return any(_DEPENDENCY.search(line) for line in told)


def _leading(item: Evidence) -> Symptom | None:
    return item.findings[0].symptom if item.findings else None


def _code(item: Evidence) -> str:
    """The HTTP status or close code of the first finding, "" where it has none."""
    if not item.findings:
        return ""
    return _code_in(item.findings[0])


def _code_in(finding: Finding) -> str:
    if finding.symptom not in _CODED | {Symptom.PLATFORM}:
        return ""
    match = _CODE.match(finding.seen)
    return match[1] if match else ""


def _marks(item: Evidence) -> frozenset[tuple[Symptom, str]]:
    """What was seen, without what differs from one answer to the next.

    Of logs every kept line counts, not only the newest: which one that is, is chance.
    """
    if _leading(item) is Symptom.LOGS and item.excerpts:
        return frozenset((Symptom.LOGS, _VARYING.sub("#", line)) for line in item.excerpts)
    return frozenset(
        (one.symptom, _code_in(one) or _VARYING.sub("#", one.seen)) for one in item.findings
    )
