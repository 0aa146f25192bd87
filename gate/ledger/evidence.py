"""What the probes saw and what follows from it, as the JSON that the record and `gate probe` have.

passed, asked       how many probes passed, of how many (`gate probe` alone)
verdict             {decision, reasons: [{subject, source, text, hint, capability, attribution,
                    lines}]}
or null; source is `probe` where subject is a probe's name, else `gate`; lines are the
candidate's own log lines that explain it
did_not_run         names of probes that left no evidence
not_asked           {since, probes}: names of the long probes that were left out, since the probe
`since` had failed beyond doubt; "" and [] for none (fail_fast)
stakes              what each capability is worth, in words, by its name
evidence            [{probe, kind, outcome, required, capability, asked, expected, seen,
started_at, duration_ms, asked_times, right_times, trace, address,
answered_by, attribution, advice, repeats, findings, findings_left_out,
tests, tests_left_out, excerpts, log_lines}];
outcome is passed, failed or inconclusive; address is "" for the one that
was given, `service` for the one that users have and `stable` for what
stable showed (a control); answered_by is "" where that is not known;
attribution is "" for a pass and for stable, advice says what to do about
it; repeats are `right`, `wrong`, `no answer` or `inconclusive`, the first
try included, [] where nothing was repeated; findings are {symptom,
expected, seen, count, hint}; log_lines are the candidate's own, beside a
failure; tests are those of a suite, all of them, {name, outcome, counts, why}:
outcome in the runner's words, counts says whether a test is evidence, for the
candidate or against it, and why what it is not, or what failed; [] for other
kinds. An entry of the ledger that is too large loses tests that count first
(tests_left_out). Where the time of many answers was measured there is
`percentiles`, too: [{percent, us}], us in microseconds
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from gate.core.attribution import advice
from gate.core.evidence import Evidence, Finding, OneTest, Outcome
from gate.core.fail_fast import NotAsked
from gate.core.policy import Json, Probe
from gate.core.recorded import GATE, PROBE
from gate.core.verdict import Verdict


def probes_value(
    evidence: Sequence[Evidence],
    probes: Sequence[Probe],
    verdict: Verdict | None,
    stakes: Iterable[tuple[str, str]] = (),
    left_out: NotAsked | None = None,
) -> dict[str, Json]:
    """What probes saw without a rollout: see the table of fields above.

    Args:
        evidence: what they saw.
        probes: those that were to run.
        verdict: what the evidence would mean for a rollout.
        stakes: what each capability is worth.
        left_out: what was not asked, since a failure had decided.
    """
    left_out = left_out or NotAsked()
    own = [item for item in evidence if not item.control]
    names = {item.probe for item in own} | {probe.name for probe in probes}
    return {
        "passed": sum(item.passed for item in own),
        "asked": len(names),
        "verdict": verdict_value(verdict),
        "did_not_run": did_not_run(evidence, probes, left_out),
        "not_asked": not_asked_value(left_out),
        "stakes": dict(stakes),
        "evidence": [*evidence_values(evidence, probes)],
    }


def did_not_run(
    evidence: Iterable[Evidence], probes: Iterable[Probe], left_out: NotAsked
) -> list[Json]:
    """Names of the probes that left no evidence of the candidate, without those left out."""
    seen = {item.probe for item in evidence if not item.control}
    return [one.name for one in probes if one.name not in {*seen, *left_out.probes}]


def not_asked_value(left_out: NotAsked) -> Json:
    """What was not asked, and since which failure."""
    return {"since": left_out.since, "probes": list(left_out.probes)}


def evidence_values(
    evidence: Iterable[Evidence], probes: Iterable[Probe], findings_max: int | None = None
) -> list[dict[str, Json]]:
    """Each piece of evidence with what the policy says of its probe.

    Args:
        evidence: what they saw.
        probes: those that were to run.
        findings_max: most findings that are told of each; the others are counted.
    """
    known = {probe.name: probe for probe in probes}
    return [_evidence(item, known, findings_max) for item in evidence]


def verdict_value(verdict: Verdict | None) -> Json:
    """A verdict with its reasons; null without one."""
    if verdict is None:
        return None
    reasons: list[Json] = [
        {
            "subject": reason.subject,
            "source": PROBE if reason.by_probe else GATE,
            "text": reason.text,
            "hint": reason.hint,
            "capability": reason.capability,
            "attribution": reason.attribution.value if reason.attribution else "",
            "lines": list(reason.lines),
        }
        for reason in verdict.reasons
    ]
    return {"decision": verdict.decision.value, "reasons": reasons}


def time_text(at: datetime) -> str:
    """A moment in UTC as entries have it: RFC 3339, to the millisecond."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _evidence(item: Evidence, known: Mapping[str, Probe], most: int | None) -> dict[str, Json]:
    probe = known.get(item.probe)
    unproven = item.outcome is Outcome.PASSED and not item.passed
    return {
        "probe": item.probe,
        "kind": item.kind,
        "outcome": (Outcome.INCONCLUSIVE if unproven else item.outcome).value,
        "required": probe.required if probe else True,
        "capability": probe.capability if probe else "",
        "asked": item.asked,
        "expected": item.expected,
        "seen": item.seen,
        "started_at": time_text(item.started_at),
        "duration_ms": round(item.duration_s * 1000),
        "asked_times": item.asked_times,
        "right_times": item.right_times,
        "trace": item.trace,
        "address": item.address,
        "answered_by": item.answered_by,
        "attribution": item.attribution.value if item.attribution else "",
        "advice": advice(item, item.attribution) if item.attribution else "",
        "repeats": [one.value for one in item.repeats],
        "findings": [_finding(finding) for finding in item.findings[:most]],
        "findings_left_out": len(item.findings[most:]) if most is not None else 0,
        "tests": [_test(test) for test in item.tests],
        "tests_left_out": 0,
        "excerpts": list(item.excerpts),
        "log_lines": list(item.log_lines),
        **_percentiles(item),
    }


def _percentiles(item: Evidence) -> dict[str, Json]:
    """How long answers took, where that was measured."""
    told: list[Json] = [{"percent": percent, "us": us} for percent, us in item.percentiles]
    return {"percentiles": told} if told else {}


def _test(test: OneTest) -> Json:
    return {
        "name": test.name,
        "outcome": test.outcome,
        "counts": test.counts,
        "why": test.why,
    }


def _finding(finding: Finding) -> Json:
    return {
        "symptom": finding.symptom.value,
        "expected": finding.expected,
        "seen": finding.seen,
        "count": finding.count,
        "hint": finding.hint,
    }
