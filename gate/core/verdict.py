"""Evidence -> verdict. Fails closed: what was not shown to be right is not promoted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from gate.core.attribution import (
    EXCUSED,
    Attribution,
    advice,
    attribute,
    control_of,
    rule_at,
)
from gate.core.control import Repeats
from gate.core.evidence import SERVICE, Evidence, Outcome
from gate.core.fail_fast import NotAsked
from gate.core.policy import Probe
from gate.core.service import Condition
from gate.errors import ExitCode


class Decision(Enum):
    """What follows from the evidence."""

    PROMOTE = "promote"
    REJECT = "reject"
    HOLD = "hold"

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of a command that ends with this decision and moves nothing."""
        return _EXIT_CODES[self]


_EXIT_CODES = {
    Decision.PROMOTE: ExitCode.DONE,
    Decision.REJECT: ExitCode.REJECTED,
    Decision.HOLD: ExitCode.HELD,
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a verdict is what it is.

    Attributes:
        subject: the probe's name, or what else spoke: `readiness`, `deadline`, `traffic` ...
        text: one line.
        hint: what to do, or "".
        capability: the capability at stake, or "".
        attribution: whose fault it is, where a probe says so.
        lines: the candidate's own log lines that explain it, oldest first.
        by_probe: whether `subject` is a probe's name, which may be the word of a rule, too.
    """

    subject: str
    text: str
    hint: str = ""
    capability: str = ""
    attribution: Attribution | None = None
    lines: tuple[str, ...] = ()
    by_probe: bool = False

    def __str__(self) -> str:
        return f"{self.subject}: {self.text}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision and the reasons for it; a promotion needs no other reason than its evidence."""

    decision: Decision
    reasons: tuple[Reason, ...] = ()

    @classmethod
    def hold(cls, subject: str, text: str, hint: str = "") -> "Verdict":
        """A verdict of hold for one reason."""
        return cls(Decision.HOLD, (Reason(subject, text, hint),))

    @classmethod
    def reject(cls, subject: str, text: str, hint: str = "") -> "Verdict":
        """A verdict of reject for one reason."""
        return cls(Decision.REJECT, (Reason(subject, text, hint),))

    def blaming(self, word: Attribution) -> "Verdict":
        """The same verdict, with this attribution of every reason."""
        reasons = tuple(replace(reason, attribution=word) for reason in self.reasons)
        return Verdict(self.decision, reasons)

    def quoting(self, lines: Sequence[str]) -> "Verdict":
        """The same verdict, with these log lines beside every reason."""
        reasons = tuple(replace(reason, lines=tuple(lines)) for reason in self.reasons)
        return Verdict(self.decision, reasons)


def judge(
    probes: Sequence[Probe],
    evidence: Sequence[Evidence],
    *,
    live: bool = False,
    repeats: Repeats | None = None,
    left_out: NotAsked | None = None,
    share: int = 100,
) -> Verdict:
    """Decides from what the probes saw.

    Any failed required probe rejects, unless stable shows that it is not the candidate's fault;
    such a one, and any that is missing or inconclusive, holds; else, if at least one required probe
    passed, promote. Turning a pass into anything else never turns a no into a yes, and whatever
    stable shows, or does not, never promotes anybody.

    Args:
        probes: those that were to run.
        evidence: what they saw at the candidate, and what they saw at stable as a control.
        live: while the candidate has users, what asks an address must have asked theirs, too.
        repeats: the test that repeated probes were put to.
        left_out: what was not asked, since a failure had decided; it speaks for nobody.
        share: percent of the answers at users' address that are the candidate's.
    """
    required = [probe for probe in probes if probe.required]
    failed: list[Reason] = []
    unclear: list[Reason] = []
    for probe in required:
        seen = [item for item in evidence if item.probe == probe.name and not item.control]
        control = control_of(probe.name, evidence)
        rules = {item.address: rule_at(item, repeats, share) for item in seen}
        word = _attribution(seen, control, rules, live=live)
        if any(item.outcome is Outcome.FAILED for item in seen):
            excused = word in EXCUSED and (control is not None or live)
            (unclear if excused else failed).append(_reason(probe, seen, word, control, left_out))
        elif not _spoke_for_it(probe, seen, live=live):
            unclear.append(_reason(probe, seen, word, control, left_out))
    if failed:
        return Verdict(Decision.REJECT, tuple(failed + unclear))
    if unclear:
        return Verdict(Decision.HOLD, tuple(unclear))
    if not required:
        return Verdict.hold("probes", "no required probe has spoken for the candidate")
    return Verdict(Decision.PROMOTE)


def _attribution(
    seen: Sequence[Evidence],
    control: Evidence | None,
    rules: Mapping[str, Repeats | None],
    *,
    live: bool,
) -> Attribution | None:
    """Whose fault the worst of it is; None where nothing failed. One fault is no excuse for two."""
    wrong = [item for item in seen if not item.passed]
    words = [
        attribute(item, None if item.address else control, rules[item.address], live=live)
        for item in wrong
    ]
    return min(words, key=lambda word: word in EXCUSED, default=None)


def _spoke_for_it(probe: Probe, seen: Sequence[Evidence], *, live: bool) -> bool:
    """One pass at the candidate's own address, and at most one more, a pass, at the service's."""
    both = ["", SERVICE]
    enough = [both] if live and asks_address(probe) else [[""], both]
    addresses = sorted(item.address for item in seen)
    return addresses in enough and all(item.passed for item in seen)


def asks_address(probe: Probe) -> bool:
    """Whether a probe asks users' address, too; logs, say, belong to a revision."""
    return probe.spec.facts.asks_users


def _reason(
    probe: Probe,
    seen: Sequence[Evidence],
    word: Attribution | None,
    control: Evidence | None,
    left_out: NotAsked | None,
) -> Reason:
    return replace(_said_by(probe, seen, word, control, left_out), by_probe=True)


def _said_by(
    probe: Probe,
    seen: Sequence[Evidence],
    word: Attribution | None,
    control: Evidence | None,
    left_out: NotAsked | None,
) -> Reason:
    if left_out and probe.name in left_out.probes and all(item.passed for item in seen):
        return Reason(probe.name, left_out.told, capability=probe.capability)
    if not seen:
        return Reason(probe.name, "did not run", capability=probe.capability)
    if len({item.address for item in seen}) < len(seen):
        text = f"was answered {len(seen)} times, which proves nothing"
        return Reason(probe.name, text, capability=probe.capability)
    wrong = [item for item in seen if not item.passed]
    if not wrong:
        other = "the service's" if SERVICE not in {item.address for item in seen} else "its"
        return Reason(
            probe.name, f"did not run at {other} own address", capability=probe.capability
        )
    worst = min(wrong, key=lambda item: item.outcome is not Outcome.FAILED)
    hint = next((finding.hint for finding in worst.findings if finding.hint), "")
    told = advice(worst, word) if word and control else ""
    return Reason(
        probe.name,
        _told(worst),
        hint="; ".join(part for part in (hint, told) if part),
        capability=probe.capability,
        attribution=word,
    )


def _told(worst: Evidence) -> str:
    findings = worst.findings
    text = str(findings[0]) if findings else worst.seen or worst.outcome.value
    text = f"at the service's own address: {text}" if worst.address else text
    more = len(findings) - 1
    return text + (f" (and {more} more)" if more > 0 else "")


# Conditions that speak of the platform, not of the candidate (CommonReason and RevisionReason of
# the Admin API v2): no verdict on the code can be read from them.
PLATFORM_REASONS = frozenset(
    {
        "INTERNAL",
        "IMMEDIATE_RETRY",
        "POSTPONED_RETRY",
        "WAITING_FOR_OPERATION",
        "ACTIVE_REVISION_LIMIT_REACHED",
        "VPC_NETWORK_NOT_FOUND",
        "RETIRED",
    }
)


def unready(revision: str, condition: Condition, log_lines: Sequence[str]) -> Verdict:
    """The verdict on a candidate that did not become ready, with the log lines that explain it."""
    text = f"{revision} is not ready ({condition})"
    if condition.reason in PLATFORM_REASONS:
        hint = "the platform says so, not the candidate"
        return Verdict.hold("readiness", text, hint).quoting(log_lines)
    return Verdict.reject("readiness", text).quoting(log_lines)
