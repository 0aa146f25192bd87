"""Recognises answers that Cloud Run's front end gives in the container's place.

Nothing of the policy was asked then: a 404 that the front end made is not the container's 404,
even where the policy expects one. Where asking again may help, Patience says so; it does so, too,
while the front end still lets the revision answer that had the tag before. The texts are
those of cloud.google.com/run/docs/troubleshooting and cloud.google.com/run/docs/known-issues.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

from gate.core.evidence import Evidence, Outcome, Symptom
from gate.core.policy import CandidateRule
from gate.ports import Clock
from gate.probes.outcome import Fault

ARRIVAL_WITHIN_S = CandidateRule().arrival_within_s
"""How long the front end may take to know an address that the platform has reported."""
LEAST_PAUSE_S = 0.001
LOOKED_AT = 4096
"""Only this many characters of a body are looked at: the front end's own pages are short."""


@dataclass(frozen=True, slots=True)
class FrontEndAnswer:
    """What the front end said.

    Attributes:
        meaning: what it says, in one clause.
        hint: what to do.
        outcome: FAILED where it says that the container broke, else INCONCLUSIVE.
        busy: whether no instance had room: the container has seen nothing, and soon may.
        unknown: whether the front end knows no such address, or none yet.
        iap: whether Identity-Aware Proxy says so, which stands before the front end.
    """

    meaning: str
    hint: str
    outcome: Outcome = Outcome.INCONCLUSIVE
    busy: bool = False
    unknown: bool = False
    iap: bool = False

    def fault(self, status: str, expected: str) -> Fault:
        """What it says, as a fault.

        Args:
            status: the status with its usual name.
            expected: what was expected, in words.
        """
        seen = f"{status}: {self.meaning}"
        return Fault(Symptom.PLATFORM, seen, expected, self.hint, self.outcome)


@dataclass(frozen=True, slots=True)
class _Known:
    statuses: tuple[int, ...]
    texts: tuple[str, ...]
    answer: FrontEndAnswer
    whole: bool = False  # the text is all of the body

    def fits(self, status: int, body: str) -> bool:
        """Whether the body holds all of the texts, wherever its lines are broken."""
        if status not in self.statuses:
            return False
        said = " ".join(body.split())
        return (said,) == self.texts if self.whole else all(text in said for text in self.texts)


_NO_INSTANCE = FrontEndAnswer(
    "no instance could take the request",
    "all instances were busy or starting: look at max instances, concurrency and start-up time",
    busy=True,
)
_NOT_ALLOWED = FrontEndAnswer(
    "the front end refused the caller, the container was not asked",
    "the service is private: the caller needs roles/run.invoker and an ID token whose audience is "
    "the service's own URL",
)
_BEHIND_IAP = FrontEndAnswer(
    "Identity-Aware Proxy refused the caller, the container was not asked",
    "the caller needs roles/iap.httpsResourceAccessor, and a token that IAP takes: see "
    "docs/private.md",
    iap=True,
)
_BROKE = FrontEndAnswer(
    "the container took the request and broke",
    "look at the candidate's logs for a crash, an exit or a closed connection",
    Outcome.FAILED,
)

_NO_ADDRESS = FrontEndAnswer(
    "the front end knows no such address, the container was not asked",
    "the tag's URL may not be served yet, ingress settings may keep this caller out, or "
    "the front end keeps the path for itself, as it does with /healthz",
    unknown=True,
)
_NOT_TAKEN = FrontEndAnswer(
    "the front end takes no such request, the container was not asked",
    "look at the length and form of what the probe sends",
)
_NO_CONTAINER = FrontEndAnswer(
    "no container answered",
    "Cloud Run calls a revision ready once its port is open: look at the candidate's logs "
    "for a crash after start-up",
    Outcome.FAILED,
)
_TOO_LATE = FrontEndAnswer(
    "the container did not answer within the revision's request timeout",
    "look at the candidate's logs for what it waited for",
    Outcome.FAILED,
)
_LOST = FrontEndAnswer(
    "the front end lost the container, or could not reach it, before it answered",
    "where that stays: a port named h2c (HTTP/2 end to end) reaches no container that speaks "
    "HTTP/1.1 alone, and no WebSocket; else look at the candidate's logs for a crash",
    busy=True,
)
_TEMPORARY = FrontEndAnswer(
    "the front end has trouble of its own that passes, and says so",
    "run the gate again; where it stays, see the status page of Google Cloud",
    busy=True,
)
_NEWER_404 = (
    "404 Page not found</title>",
    "Error: Page not found",
    "The requested URL was not found on this server.",
)
_TELLING = ("www-authenticate", "location", "x-goog-iap-generated-response")
_NOT_TAKEN_STATUSES = (400, 405, 411, 413, 414, 417, 431)

_KNOWN = (
    _Known((302, 401, 403), ("x-goog-iap-generated-response: true",), _BEHIND_IAP),
    _Known((401, 403), ("Invalid IAP credentials",), _BEHIND_IAP),
    _Known((302,), ("https://accounts.google.com/", "iap.googleapis.com"), _BEHIND_IAP),
    _Known((404,), ("Error 404 (Not Found)!!1",), _NO_ADDRESS),
    _Known((404,), _NEWER_404, _NO_ADDRESS),
    _Known((429, 500, 503), ("no available instance",), _NO_INSTANCE),
    _Known((429,), ("Rate exceeded.",), _NO_INSTANCE, whole=True),
    _Known((401, 403), ("Your client does not have permission",), _NOT_ALLOWED),
    _Known((401, 403), ("<title>Error 40", ")!!1"), _NOT_ALLOWED),
    _Known((403,), ("403 Forbidden</title>", "Error: Forbidden"), _NOT_ALLOWED),
    _Known((401,), ("401 Unauthorized</title>", "Error: Unauthorized"), _NOT_ALLOWED),
    _Known((401,), ("The access token could not be verified",), _NOT_ALLOWED),
    _Known(_NOT_TAKEN_STATUSES, ("<title>Error 4", ")!!1"), _NOT_TAKEN),
    _Known((503,), ("malformed response or connection to the instance had an error",), _BROKE),
    _Known((503,), ("malformed or connection to the instance had an error",), _BROKE),
    _Known((502, 503), ("upstream connect error or disconnect/reset before headers",), _LOST),
    _Known((502, 503), ("no healthy upstream",), _LOST),
    _Known((500, 502, 503), ("encountered a temporary error",), _TEMPORARY),
    _Known((500, 502, 503), ("is not available yet", "Please try again in"), _TEMPORARY),
    _Known((502, 503), ("<title>Error 50", ")!!1"), _TEMPORARY),
    _Known((502, 503), ("could not complete your request",), _BROKE),
    _Known((503,), ("Service Unavailable",), _NO_CONTAINER, whole=True),
    _Known((504,), ("upstream request timeout",), _TOO_LATE),
)


def kept_out(answered: Evidence, ingress: str) -> Evidence:
    """The evidence with the service's ingress named where the front end knew no such address.

    Args:
        answered: what a probe saw.
        ingress: whom the service lets in, in the platform's word; "" where that is not known.
    """
    if ingress in ("", "all"):
        return answered
    hint = (
        f"the service's ingress is {ingress}: callers from elsewhere get this answer; run the gate "
        "where the service lets it in, e.g. in a private pool of its network"
    )
    findings = tuple(
        replace(finding, hint=hint) if finding.hint == _NO_ADDRESS.hint else finding
        for finding in answered.findings
    )
    return replace(answered, findings=findings)


def telling(header: Callable[[str], str | None]) -> str:
    """The headers by which the front end can be told, a line each; "" without any.

    Args:
        header: gives an answer's header by its name in lower case.
    """
    found = ((name, header(name)) for name in _TELLING)
    return "\n".join(f"{name}: {value}" for name, value in found if value)


def recognise(status: int, body: str, told: str = "") -> FrontEndAnswer | None:
    """What the front end said, or None if the answer is the container's, as far as one can tell.

    Args:
        status: the HTTP status.
        body: the beginning of the body.
        told: what `telling` gives of its headers.
    """
    text = f"{body[:LOOKED_AT]}\n{told[:LOOKED_AT]}" if told else body[:LOOKED_AT]
    return next((known.answer for known in _KNOWN if known.fits(status, text)), None)


def passes(text: str) -> bool:
    """Whether a text of the request log tells of trouble of the front end's own.

    Args:
        text: of the entry.
    """
    said = (recognise(status, text) for status in (500, 502, 503))
    return any(one in {_LOST, _TEMPORARY} for one in said)


def in_its_place(status: int, text: str) -> bool:
    """Whether the front end gave an answer in a container's place that says nothing against it.

    Args:
        status: of the answer, as the request log has it.
        text: of the entry: the log has one where no container answered.
    """
    said = recognise(status, text) if text and (status == 429 or status >= 500) else None
    return said is not None and said.outcome is Outcome.INCONCLUSIVE


def unreachable(answered: Evidence) -> bool:
    """Whether the front end said that it could not reach the container, or lost it.

    Args:
        answered: what a probe saw.
    """
    leading = answered.findings[:1]
    return any(one.symptom is Symptom.PLATFORM and _LOST.meaning in one.seen for one in leading)


class Arrival:
    """How long the candidate's address may still not be the candidate's: one for a whole rollout.

    Cloud Run reports a tag's URL before every front end knows it, since changes of traffic take a
    while to reach all of them (cloud.google.com/run/docs/rollouts-rollbacks-traffic-migration).
    Until then the address gets a 404 that says nothing of the candidate, or, where the tag has been
    moved, the answers of the revision that had it before; and one front end may know what the next
    one does not.

    Args:
        within_s: how long is waited in all, whoever waits; then the probes say what they get.

    Attributes:
        awaited: whether anything may have to be waited for at all.
        left_s: how long may still be waited.
    """

    def __init__(self, within_s: float = ARRIVAL_WITHIN_S) -> None:
        self.awaited = within_s > 0
        self.left_s = within_s
        self._until: datetime | None = None

    def wait(self, pause_s: float, since: datetime, now: datetime) -> float:
        """Notes that somebody has waited and is about to go on; time that several wait counts once.

        Args:
            pause_s: how long they would wait now.
            since: when they began to wait, or ended their last pause.
            now: the time.

        Returns:
            How long they may wait now, 0 where the time is up.
        """
        self._note(since, now)
        allowed_s = min(pause_s, self.left_s)
        if allowed_s < LEAST_PAUSE_S:
            return 0.0
        self._note(now, now + timedelta(seconds=allowed_s))
        return allowed_s

    def _note(self, since: datetime, until: datetime) -> None:
        begun = max(since, self._until or since)
        self.left_s -= max(0.0, (until - begun).total_seconds())
        self._until = max(until, self._until or until)


class Patience:
    """Whether to ask one question again: only if the candidate cannot have seen it.

    Args:
        arrival: how long the whole rollout may wait for the address to be the candidate's.
        clock: tells the time.
        say: told at once what is waited for, and for how long at most.
    """

    PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
    BUSY_PAUSES_S = (0.5, 1.0)

    def __init__(
        self, arrival: Arrival, clock: Clock, say: Callable[[str, str], None] = lambda *_: None
    ) -> None:
        self._arrival = arrival
        self._clock = clock
        self._say = say
        self._looks = 0
        self._busy = 0
        self._waited_until: datetime | None = None

    def pause_s(self, answer: FrontEndAnswer | None, *, other: str = "") -> float | None:
        """Seconds to wait before asking again; None to take the answer as it is.

        Args:
            answer: what the front end said in the container's place, None if it said nothing.
            other: the other revision that answered, "" if none did.
        """
        if other or (answer is not None and answer.unknown):
            return self._arriving_s(other)
        self._waited_until = None
        if answer is None or not answer.busy or self._busy == len(self.BUSY_PAUSES_S):
            return None
        self._say(f"{answer.meaning}: asking again", f" {len(self.BUSY_PAUSES_S)} times at most")
        self._busy += 1
        return self.BUSY_PAUSES_S[self._busy - 1]

    def _arriving_s(self, other: str) -> float | None:
        now, left_s = self._clock.now(), self._arrival.left_s
        wanted_s = self.PAUSES_S[min(self._looks, len(self.PAUSES_S) - 1)]
        pause_s = self._arrival.wait(wanted_s, self._waited_until or now, now)
        if pause_s <= 0:
            return None
        self._looks += 1
        self._waited_until = now + timedelta(seconds=pause_s)
        says = f"still answers with revision {other}" if other else "knows no such address yet"
        self._say(f"the front end {says}: asking again", f" for at most {ceil(left_s)} s")
        return pause_s
