"""Recognises answers that Cloud Run's front end gives in the container's place.

Nothing of the policy was asked then: a 404 that the front end made is not the container's 404,
even where the policy expects one. Texts: cloud.google.com/run/docs/troubleshooting and
cloud.google.com/run/docs/known-issues.
"""

from dataclasses import dataclass

from gate.core.evidence import Outcome

LOOKED_AT = 4096
"""Only this many characters of a body are looked at: the front end's own pages are short."""

TRIES_MAX = 3
PAUSE_S = 0.5
"""Where the front end had no instance to ask, the container has seen nothing, and the question is
asked again after this much time, then after twice as much: never for any other answer."""


@dataclass(frozen=True, slots=True)
class FrontEndAnswer:
    """What the front end said.

    Attributes:
        meaning: what it says, in one clause.
        hint: what to do.
        outcome: FAILED where it says that the container broke, else INCONCLUSIVE.
        passing: whether asking again soon may help; the container has seen nothing.
        unknown_address: whether it knows no such address (yet).
    """

    meaning: str
    hint: str
    outcome: Outcome = Outcome.INCONCLUSIVE
    passing: bool = False
    unknown_address: bool = False


@dataclass(frozen=True, slots=True)
class _Known:
    statuses: tuple[int, ...]
    text: str
    answer: FrontEndAnswer
    whole: bool = False  # the text is all of the body

    def fits(self, status: int, body: str) -> bool:
        if status not in self.statuses:
            return False
        return body.strip() == self.text if self.whole else self.text in body


_NO_INSTANCE = FrontEndAnswer(
    "no instance could take the request",
    "all instances were busy or starting: look at max instances, concurrency and start-up time",
    passing=True,
)
_NOT_ALLOWED = FrontEndAnswer(
    "the front end refused the caller, the container was not asked",
    "the service is private: the caller needs roles/run.invoker and an ID token whose audience is "
    "the service's own URL",
)
_BROKE = FrontEndAnswer(
    "the container took the request and broke",
    "look at the candidate's logs for a crash, an exit or a closed connection",
    Outcome.FAILED,
)

_KNOWN = (
    _Known(
        (404,),
        "Error 404 (Not Found)!!1",
        FrontEndAnswer(
            "the front end knows no such address, the container was not asked",
            "the tag's URL may not be served yet, ingress settings may keep this caller out, or "
            "the front end keeps the path for itself, as it does with /healthz",
            unknown_address=True,
        ),
    ),
    _Known((429, 500, 503), "no available instance", _NO_INSTANCE),
    _Known((429,), "Rate exceeded.", _NO_INSTANCE, whole=True),
    _Known((401, 403), "Your client does not have permission", _NOT_ALLOWED),
    _Known((401,), "The access token could not be verified", _NOT_ALLOWED),
    _Known((503,), "malformed response or connection to the instance had an error", _BROKE),
    _Known((502, 503), "could not complete your request", _BROKE),
    _Known(
        (503,),
        "Service Unavailable",
        FrontEndAnswer(
            "no container answered",
            "Cloud Run calls a revision ready once its port is open: look at the candidate's logs "
            "for a crash after start-up",
            Outcome.FAILED,
        ),
        whole=True,
    ),
    _Known(
        (504,),
        "upstream request timeout",
        FrontEndAnswer(
            "the container did not answer within the revision's request timeout",
            "look at the candidate's logs for what it waited for",
            Outcome.FAILED,
        ),
    ),
)


def recognise(status: int, body: str, authenticate: str = "") -> FrontEndAnswer | None:
    """What the front end said, or None if the answer is the container's, as far as one can tell.

    Args:
        status: the HTTP status.
        body: the beginning of the body.
        authenticate: the WWW-Authenticate header, "" without one.
    """
    text = f"{body[:LOOKED_AT]}\n{authenticate[:LOOKED_AT]}" if authenticate else body[:LOOKED_AT]
    return next((known.answer for known in _KNOWN if known.fits(status, text)), None)
