"""Recognises the candidate's own "not yet": it listens before it can serve, and says so.

An application that opens its port early answers 503 "starting" until its models are loaded or its
tables are migrated. Such an answer is asked for again, for as long as the policy gives a candidate
to become ready (`candidate.ready_within`): one time for a whole run. An error that says nothing of
the kind is an answer.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime

from gate.core.evidence import Evidence, Finding, Symptom
from gate.core.policy import Json
from gate.ports import Clock

LOOKED_AT = 2000
"""Only this many characters of a body are looked at: such answers are short."""
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 2.0
RETRY_AFTER_MAX_S = 300
"""Whoever is to come back later than that is not told that something is starting."""

_STATUSES = frozenset({425, 429, 500, 502, 503, 504})
_ASKS_BACK = frozenset({425, 429, 503})
"""Statuses that a Retry-After makes a "not yet" of."""
_WORDS = (
    r"(?:re)?start(?:ing|up)(?![a-z])|start[ _-]up|boot(?:ing|strapping)|warming|warm[ _-]?up"
    r"|initiali[sz](?:ing|ation)|not[ _-]?(?:yet[ _-])?(?:ready|loaded|started|initiali[sz]ed)"
    r"|unready|not[ _-]yet|(?:is|are|was|has|have|be|been)(?:n't| not)\b[^.,;:\n]{0,40} yet|loading"
    r"|coming[ _-](?:up|online)|migrating|preparing|out[ _-]of[ _-]service|waiting[ _-]for"
    r"|please wait"
)
_NOT_YET = re.compile(rf"(?<![a-z])(?:{_WORDS})", re.IGNORECASE)
_NOT_READY = re.compile(
    r"\"(?:is_?)?(?:ready|started|loaded|initiali[sz]ed)\"\s*:\s*false"
    r"|\"(?:status|state|phase|stage)\"\s*:\s*\"(?:pending|init|initial|provisioning|syncing)\"",
    re.IGNORECASE,
)
_NOTHING = re.compile(
    r"\"[^\"\\]{1,60}\"\s*:\s*"
    r"(?:-?\d[\d.]*|\"\d[\d.]*\s?(?:ms|s|m|h)?\"|false|null|\"\"|\[\s*\]|\{\s*\})(?=\s*[,}])"
)
"""Members of a JSON object that name a failure and say that there is none: `"failures": 0`."""
_BROKEN = re.compile(
    r"fail|exception|traceback|refused|denied|unable|can(?:not|'t| not)|could ?n[o']t|crash|fatal"
    r"|missing|timed? ?out|timeout|not found|invalid",
    re.IGNORECASE,
)
"""Words of an end, not of a beginning: `model loading failed` gets no better."""
_MARKUP = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_STATE_KEYS = ("status", "state", "phase", "stage", "readiness", "health", "message", "detail")
_FLAGS = ("ready", "is_ready", "isReady", "started", "initialized")

_HINT = (
    "candidate.starting_within says how long a candidate may answer so, candidate.ready_within how "
    "long it may take in all; where the container opens its port only once it can serve, or has a "
    "startup probe, Cloud Run itself waits for it"
)


def not_yet(status: int, body: str, retry_after: str = "", date: str = "") -> bool:
    """Whether an answer of the application says that it is too early to ask.

    Args:
        status: the HTTP status.
        body: the beginning of the body.
        retry_after: the Retry-After header, "" without one.
        date: the Date header, which a Retry-After with a date is measured by.
    """
    if status not in _STATUSES:
        return False
    text = _MARKUP.sub(" ", body[:LOOKED_AT])
    if _says_broken(text):
        return False
    if status in _ASKS_BACK and _asks_back(retry_after.strip(), date):
        return True
    if status not in _ASKS_BACK and "error" in text.lower():
        return False
    return says_so(text)


def says_so(text: str) -> bool:
    """Whether a text, of an error or a status, says that something is starting."""
    said = text[:LOOKED_AT]
    if _says_broken(said):
        return False
    return bool(_NOT_YET.search(said) or _NOT_READY.search(said))


def _says_broken(text: str) -> bool:
    return bool(_BROKEN.search(_NOTHING.sub("", text)))


def _asks_back(retry_after: str, date: str) -> bool:
    """Whether a Retry-After, of either form (RFC 9110, 10.2.3), names a moment soon."""
    if re.fullmatch(r"[0-9]{1,9}", retry_after):
        return int(retry_after) <= RETRY_AFTER_MAX_S
    try:
        left = parsedate_to_datetime(retry_after) - parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError):
        return False
    return 0 <= left.total_seconds() <= RETRY_AFTER_MAX_S


def says_not_yet(value: Json) -> bool:
    """Whether a JSON answer with an expected status says so: by its state, or by a flag."""
    if not isinstance(value, dict):
        return False
    if any(value.get(flag) is False for flag in _FLAGS):
        return True
    states = (value.get(key) for key in _STATE_KEYS)
    return any(isinstance(state, str) and says_so(state) for state in states)


class Readiness:
    """How long answers that say that it is too early are asked for again: one for a whole run.

    Args:
        until: the end of that time; None where nothing is waited for.
    """

    def __init__(self, until: datetime | None = None) -> None:
        self._until = until
        self._given_up = False

    @property
    def awaited(self) -> bool:
        """Whether anything is waited for at all."""
        return self._until is not None

    def left_s(self, now: datetime) -> float:
        """How much of the time is left, in seconds; 0 where there is none."""
        if self._until is None or self._given_up:
            return 0.0
        return max((self._until - now).total_seconds(), 0.0)

    def give_up(self) -> None:
        """Waits no more: stable says the same, so that nothing is starting."""
        self._given_up = True


async def until_ready(
    ask: Callable[[], Awaitable[Evidence]],
    readiness: Readiness,
    clock: Clock,
    waiting: Callable[[Evidence, float], Awaitable[bool]],
) -> Evidence:
    """Asks until the answer says something else than that it is too early, or time is up.

    Args:
        ask: asks once.
        readiness: how long at most.
        clock: time.
        waiting: told the first such answer and how many seconds are left; says whether to wait.

    Returns:
        The last evidence, with how long it took to become ready; a slow start where it did not.
    """
    began = clock.now()
    seen = first = await ask()
    pause_s, times = FIRST_PAUSE_S, 0
    if (
        seen.not_yet
        and (left_s := readiness.left_s(clock.now()))
        and not await waiting(seen, left_s)
    ):
        readiness.give_up()
    while seen.not_yet and (left_s := readiness.left_s(clock.now())):
        await clock.sleep(min(pause_s, left_s))
        pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)
        seen, times = await ask(), times + 1
    took_s = (clock.now() - began).total_seconds()
    if not times:
        return seen
    before = f"= {times} times before: {first.seen}"
    if seen.not_yet:
        return slow_start(seen, took_s, before)
    took = f"ready after {took_s:.3g} s"
    return replace(
        seen, seen=f"{seen.seen}; {took}", excerpts=(before, f"= {took}", *seen.excerpts)
    )


def slow_start(seen: Evidence, took_s: float, before: str) -> Evidence:
    """A candidate that was not ready in the time that it may take."""
    told = f"a slow start: not ready after {took_s:.3g} s, still {seen.seen}"
    wanted = "ready within candidate.starting_within"
    finding = Finding(Symptom.SLOW, wanted, told, hint=_HINT)
    excerpts = (before, *seen.excerpts)
    return replace(seen, seen=told, findings=(finding, *seen.findings), excerpts=excerpts)
