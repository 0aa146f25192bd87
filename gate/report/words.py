"""The words of the reports: outcomes, endings, exit codes, traffic, times."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from gate.core import rescue
from gate.core.evidence import SERVICE, Outcome
from gate.core.service import Service, ServiceRef
from gate.core.state import Ending, Kind
from gate.core.verdict import Decision
from gate.errors import ExitCode
from gate.report.lines import Tone
from gate.report.safe import WHOLE, safe

DID_NOT_RUN = "did not run"
AT_SERVICE = f"@{SERVICE}: asked at the service's own address, as users do"
PASS_MAX = 60
"""Most characters of what a probe saw or expected where it passed: the rest is for the audit."""

EXIT_MEANINGS: Mapping[int, str] = {
    ExitCode.DONE: "promoted, or done",
    ExitCode.REJECTED: "the gate said no, and traffic is safe",
    ExitCode.USAGE: "usage or policy",
    ExitCode.INFRASTRUCTURE: "infrastructure failed, and traffic is where it was",
    ExitCode.STUCK: "traffic is not where it should be, and a person is needed",
    ExitCode.HELD: "held: not enough evidence, a rule for people, or somebody else at work",
    ExitCode.INTERRUPTED: "interrupted, and safe",
}
"""What each exit code means, everywhere."""

_HOLDS: Mapping[str, str] = {
    "allow": "the policy does not let the caller",
    "approve": "it waits for people to approve",
    "barred": "people moved users away from this image, so that it is barred",
    "deadline": "the time was up",
    "freeze": "a freeze is on",
    "require_signed": "the image has not passed the stage before",
    "proof": "the policy is not proved",
    "stale": "a newer build has users",
    "stop": "the line is stopped",
    "template": "what a candidate would be built on could not be read",
    "traffic": "somebody else changed the service",
}
"""Of holds that are not about evidence, what they are about."""

WITHOUT_A_MOVE: Mapping[str, str] = {
    Ending.BUSY.value: "nothing was changed",
    Ending.STOPPED.value: "nothing is rolled out nor promoted until it is resumed; "
    "rollbacks still work",
    Ending.RESUMED.value: "rollouts and promotions may go on",
}
"""What endings mean that moved nobody, by their value."""

DECISIONS: Mapping[str, str] = {
    Decision.PROMOTE.value: "every required probe passed",
    Decision.REJECT.value: "the candidate is not fit for users",
    Decision.HOLD.value: "not enough evidence either way",
}
"""What each decision means, by its value."""

_ENDING_TONES: Mapping[str, Tone] = {
    Ending.PROMOTED.value: Tone.GOOD,
    Ending.ROLLED_BACK.value: Tone.GOOD,
    Ending.UNCHANGED.value: Tone.GOOD,
    Ending.RECOVERED.value: Tone.GOOD,
    Ending.RESUMED.value: Tone.GOOD,
    Ending.STOPPED.value: Tone.UNSURE,
    Ending.BUSY.value: Tone.UNSURE,
    Ending.HELD.value: Tone.UNSURE,
    Ending.INTERRUPTED.value: Tone.UNSURE,
}


def ending_tone(ending: str) -> Tone:
    """How an ending looks, by its value; what is not known to be good is bad."""
    return _ENDING_TONES.get(ending, Tone.BAD)


def exit_meaning(code: int, ending: str = "", reasons: Collection[str] = ()) -> str:
    """What an exit code means.

    Args:
        code: the code.
        ending: how a rollout ended with it, by its value; "" where that is not known.
        reasons: what its verdict is about, in order: words of rules (`barred`), "" for probes.
    """
    if code == ExitCode.DONE and ending not in {"", Ending.PROMOTED.value}:
        return "done"
    if ending == Ending.BUSY.value:
        return "held: somebody else is at work"
    if ending == Ending.HELD.value:
        return f"held: {_HOLDS.get(next(iter(reasons), ''), 'not enough evidence')}"
    return EXIT_MEANINGS.get(code, "unknown")


def verdict_text(decision: str, subjects: Iterable[str], kind: str = "") -> str:
    """A verdict in a line; a rollback's target is not promoted, so that it has passed.

    Args:
        decision: its value.
        subjects: as for `exit_meaning`.
        kind: what was asked for, "" where that is not known.
    """
    back = kind == Kind.ROLLBACK.value and decision == Decision.PROMOTE.value
    word = "the target passed" if back else safe(decision)
    return f"verdict: {word} ({decision_meaning(decision, subjects)})"


def decision_meaning(decision: str, subjects: Iterable[str]) -> str:
    """What a decision means, by its value; of a hold, what its first reason is about.

    Args:
        decision: its value.
        subjects: as for `exit_meaning`.
    """
    meaning = DECISIONS.get(decision, "unknown")
    if decision != Decision.HOLD.value:
        return meaning
    return _HOLDS.get(next(iter(subjects), ""), meaning)


def decision_tone(decision: str) -> Tone:
    """How a decision looks, by its value."""
    tones = {Decision.PROMOTE.value: Tone.GOOD, Decision.REJECT.value: Tone.BAD}
    return tones.get(decision, Tone.UNSURE)


def asked_at(probe: str, address: str) -> str:
    """A probe's name, with the address where that is not the candidate's own."""
    return f"{safe(probe, 80)} @{safe(address, 20)}" if address else safe(probe, 80)


def outcome_word(outcome: str) -> str:
    """The word for an outcome by its value: a failure stands out in a log, too."""
    return "FAILED" if outcome == Outcome.FAILED.value else safe(outcome)


def outcome_tone(word: str) -> Tone:
    """How an outcome's word looks; only a pass looks like one."""
    return {"passed": Tone.GOOD, "FAILED": Tone.BAD}.get(word, Tone.UNSURE)


def duration(seconds: float) -> str:
    """A span of time that is over: `40 ms`, `1.2 s`, `14 s`, `2 min 5 s`, `1 h 3 min`."""
    return f"{max(0.0, seconds) * 1000:.0f} ms" if seconds < 0.95 else elapsed(seconds)


def elapsed(seconds: float) -> str:
    """A span of time that goes on, which changes its unit seldom: `0.1 s`, `14 s`, `2 min 5 s`."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def moment(at: datetime) -> str:
    """A moment, to the second: `2026-01-01 12:00:05 UTC`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def shares_text(shares: Mapping[str | None, int] | Mapping[str, int]) -> str:
    """Who gets how many percent: `backend-00001-abc 90 %, backend-00002-def 10 %`."""
    parts = [f"{safe(name or 'LATEST')} {percent} %" for name, percent in shares.items()]
    return ", ".join(parts) or "nobody"


def shares_now(service: Service) -> str:
    """Who gets the traffic in effect."""
    return shares_text(dict(sorted(service.effective_shares.items())))


def service_text(ref: ServiceRef) -> str:
    """A service: `backend (demo/us-central1)`."""
    return f"{safe(ref.name)} ({safe(ref.project)}/{safe(ref.region)})"


def many(count: int, noun: str) -> str:
    """A count with its noun: `1 probe`, `11 probes`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


_NOUNS: Mapping[str, tuple[str, str]] = {
    "rollout": ("rollout", "rollouts"),
    "promote": ("promotion by hand", "promotions by hand"),
    "rollback": ("rollback", "rollbacks"),
    "recover": ("recovery", "recoveries"),
    "unlock": ("unlock", "unlocks"),
    "stop": ("stop of the line", "stops of the line"),
    "resume": ("resumption", "resumptions"),
}
"""What a decision is called by its kind: one, and several."""


def kinds_text(kinds: Mapping[str, int]) -> str:
    """How many decisions there are of each kind: `12 rollouts, 1 rollback`."""
    told = [
        f"{count} {_NOUNS[kind][count != 1]}" for kind, count in kinds.items() if kind in _NOUNS
    ]
    others = sum(count for kind, count in kinds.items() if kind not in _NOUNS)
    return ", ".join([*told, *([many(others, "other")] if others else [])])


def names_text(names: Sequence[str], most: int = 8) -> str:
    """Names in a row; what is too many is counted."""
    shown = ", ".join(safe(name, 80) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def flags(ref: ServiceRef) -> str:
    """The options that name a service on the command line."""
    return safe(rescue.flags(ref), WHOLE)
