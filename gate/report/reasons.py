"""Why a verdict is what it is: reasons, hints, what is at stake, the log lines that explain."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from gate.core.evidence import Evidence
from gate.core.policy import Capability, Probe
from gate.core.verdict import Reason, Verdict
from gate.report.controls import fault_lines, own
from gate.report.lines import Line, Tone
from gate.report.safe import safe
from gate.report.words import (
    DECISIONS,
    asked_at,
    decision_tone,
    duration,
    outcome_of,
    outcome_tone,
    stake,
)

FINDINGS_MAX = 5
LOG_LINE_MAX = 400


def verdict_lines(
    verdict: Verdict | None,
    probes: Sequence[Probe],
    evidence: Sequence[Evidence],
    capabilities: Mapping[str, Capability],
) -> list[Line]:
    """The verdict with everything that speaks for it; without one, what did not pass.

    Args:
        verdict: None where nobody judged.
        probes: those that were to run.
        evidence: what they saw.
        capabilities: what is at stake, by name.
    """
    told = {reason.subject for reason in verdict.reasons} if verdict else set()
    lines = []
    if verdict is not None:
        decision = verdict.decision.value
        text = f"verdict: {decision} ({DECISIONS[decision]})"
        lines.append(Line(text, decision_tone(decision)))
        for reason in verdict.reasons:
            lines += _reason(reason, evidence, capabilities)
    optional = {probe.name for probe in probes if not probe.required}
    for item in own(evidence):
        if item.probe not in told and not item.passed:
            remark = " (not required, so it decides nothing)" if item.probe in optional else ""
            lines += _subject(remark, item)
            lines += _findings(item)
            lines += fault_lines(item, evidence)
    return lines


def _reason(
    reason: Reason, evidence: Sequence[Evidence], capabilities: Mapping[str, Capability]
) -> Iterator[Line]:
    items = [item for item in own(evidence) if item.probe == reason.subject]
    wrong = [item for item in items if not item.passed]
    once = len({item.address for item in items}) == len(items)
    if once and wrong and all(item.findings for item in wrong):
        for item in wrong:
            yield from _subject("", item)
            yield from _findings(item)
            yield from fault_lines(item, evidence)
    else:
        tone = Tone.BAD if items else Tone.UNSURE
        yield Line(f"{safe(reason.subject)}: {safe(reason.text, 600)}", tone, indent=2)
        yield from hint_lines(reason.hint, reason.lines)
    if reason.capability:
        yield Line(f"at stake: {stake(reason.capability, capabilities)}", indent=4)


def _subject(remark: str, item: Evidence) -> Iterator[Line]:
    word = outcome_of(item)
    took = duration(item.duration_s)
    yield Line(
        f"{asked_at(item.probe, item.address)}: {word} in {took}{remark}",
        outcome_tone(word),
        indent=2,
    )
    times = f" ({item.right_times} of {item.asked_times} right)" if item.asked_times > 1 else ""
    yield Line(f"asked: {safe(item.asked)}{times}", indent=4)


def _findings(item: Evidence) -> Iterator[Line]:
    for finding in item.findings[:FINDINGS_MAX]:
        yield Line(safe(str(finding), 600), indent=4)
        if finding.hint:
            yield Line(f"hint: {safe(finding.hint)}", indent=6)
    more = len(item.findings) - FINDINGS_MAX
    if more > 0:
        yield Line(f"and {more} more", indent=4)
    if item.log_lines:
        yield Line("its log meanwhile:", indent=4)
    for line in item.log_lines:
        yield Line(f"| {safe(line, LOG_LINE_MAX)}", Tone.FAINT, indent=6)


def hint_lines(hint: str, log_lines: Iterable[str]) -> Iterator[Line]:
    """A reason's hint, and the candidate's log lines that explain it as a block of their own."""
    if hint:
        yield Line(f"hint: {safe(hint, 600)}", indent=4)
    for count, line in enumerate(log_lines):
        if not count:
            yield Line("its last log lines:", indent=4)
        yield Line(f"| {safe(line, LOG_LINE_MAX)}", Tone.FAINT, indent=6)
