"""What each symptom says of the candidate: the one table.

FAILED: the candidate was reached and answered wrongly, late, or not to the end.
INCONCLUSIVE: the candidate was not reached, so that it has not spoken: a name that does not
resolve, a refused connection or a failed TLS handshake is the front end's, since Cloud Run's front
end listens whether or not a container does; an answer that the front end gives by itself says
nothing of the container, unless it says that the container broke (frontend.recognise knows); an
answer that another revision gave, or that does not say who did where the policy asks for it,
proves nothing (identity knows), no more than a suite that asked nothing does; an application that
lets nobody in at the tag's host name was not asked what its users ask it (hosts knows); and a fault
of our own side is nobody else's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gate.core.evidence import Outcome, Symptom

OUTCOMES: Mapping[Symptom, Outcome] = {
    Symptom.STATUS: Outcome.FAILED,
    Symptom.REDIRECT: Outcome.FAILED,
    Symptom.HEADER: Outcome.FAILED,
    Symptom.BODY: Outcome.FAILED,
    Symptom.SCHEMA: Outcome.FAILED,
    Symptom.TIMEOUT: Outcome.FAILED,
    Symptom.TOO_LARGE: Outcome.FAILED,
    Symptom.REFUSED: Outcome.FAILED,
    Symptom.NOT_REFUSED: Outcome.FAILED,
    Symptom.SUBPROTOCOL: Outcome.FAILED,
    Symptom.CLOSED: Outcome.FAILED,
    Symptom.ABNORMAL: Outcome.FAILED,
    Symptom.PROTOCOL: Outcome.FAILED,
    Symptom.SEQUENCE: Outcome.FAILED,
    Symptom.FORBIDDEN: Outcome.FAILED,
    Symptom.FOREIGN: Outcome.FAILED,
    Symptom.LOGS: Outcome.FAILED,
    Symptom.SLOW: Outcome.FAILED,
    Symptom.CONFIGURATION: Outcome.FAILED,
    Symptom.ROUTES: Outcome.FAILED,
    Symptom.TESTS: Outcome.FAILED,
    Symptom.PLUGIN: Outcome.FAILED,
    Symptom.HOST: Outcome.INCONCLUSIVE,
    Symptom.NO_EVIDENCE: Outcome.INCONCLUSIVE,
    Symptom.IDENTITY: Outcome.INCONCLUSIVE,
    Symptom.CONNECT: Outcome.INCONCLUSIVE,
    Symptom.PLATFORM: Outcome.INCONCLUSIVE,
    Symptom.CLIENT: Outcome.INCONCLUSIVE,
}


class CannotAskError(Exception):
    """Our own side cannot ask the question: a fault of the policy or its surroundings.

    Args:
        seen: what stands in the way.
        expected: what is needed.
        hint: what to do.
    """

    def __init__(self, seen: str, expected: str, hint: str = "") -> None:
        super().__init__(seen)
        self.fault = Fault(Symptom.CLIENT, seen, expected, hint)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that was not as expected, before it becomes a Finding.

    Its texts may be long and may hold secrets: Words cuts and redacts them on the way out.

    Attributes:
        because: another outcome than the table's, where the answer itself tells.
        not_yet: whether the answer says by its own words that it is too early to ask
            (readiness knows).
    """

    symptom: Symptom
    seen: str
    expected: str
    hint: str = ""
    because: Outcome | None = None
    not_yet: bool = False

    @property
    def outcome(self) -> Outcome:
        """What this fault alone makes of the probe."""
        return self.because or OUTCOMES[self.symptom]

    def without(self, nonce: str) -> "Fault":
        """The same without a session's own nonce, so that alike ones are equal."""
        seen, expected = (text.replace(nonce, "${nonce}") for text in (self.seen, self.expected))
        return replace(self, seen=seen, expected=expected)


def as_early(doubted: Fault, wrong: Fault | None) -> Fault:
    """A fault in place of another one, which may have said that it is too early to ask.

    Args:
        doubted: why the answer is no evidence.
        wrong: what is wrong with the answer itself.
    """
    early = wrong is not None and wrong.not_yet
    return replace(doubted, not_yet=True) if early else doubted


def worst(faults: Iterable[Fault]) -> Outcome:
    """FAILED over INCONCLUSIVE over PASSED (no fault at all)."""
    outcomes = {fault.outcome for fault in faults}
    if Outcome.FAILED in outcomes:
        return Outcome.FAILED
    return Outcome.INCONCLUSIVE if outcomes else Outcome.PASSED
