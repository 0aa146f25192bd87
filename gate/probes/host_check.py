"""Finds out by experiment whether a refusal is for the host name: not every framework says so.

Stable passes at users' address, and the candidate refuses at its tag. Where stable has a tag, too,
the same question there tells. Else a path that nobody has is asked of both: an application that
refuses the host refuses that, too, in the same words, where stable does not know the path. One that
leads every other host to the service's own leads that there, too. One whose routes go by host names
finds nothing at the tag, of several paths that stable has.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

from gate.core.evidence import Evidence, Finding, Outcome, Symptom
from gate.core.policy import Probe
from gate.kinds.keys import keys_of
from gate.probes.hosts import TELLING, host_fault, unknown_host_fault
from gate.probes.inquiry import Run
from gate.probes.outcome import Fault

if TYPE_CHECKING:
    from gate.probes.web.asking import Reply

WITHIN_S = 10.0
PATHS_MAX = 6
"""Most paths that are looked at."""
_AT_A_TAG = frozenset({400, 403, 404, 421})
"""Refusals that stable may repeat at a tag of its own."""
_NOWHERE = frozenset({400, 403, 421})
"""Refusals that are given without a word: Django outside of debugging, Rails (403, and empty),
proxies by name."""
_ELSEWHERE = frozenset({301, 302, 303, 307, 308})

_REFUSALS = frozenset({Symptom.STATUS, Symptom.REFUSED, Symptom.REDIRECT, Symptom.IDENTITY})
_STATUS = re.compile(r"(\d{3})\b")
_NAMELESS = re.compile(r"an answer without .*?: (?:GET \S+, )?(\d{3})\b")

Once = Callable[[Probe, Run], Awaitable[Evidence]]


class HostCheck:
    """Looks into refusals of one run.

    Args:
        run: at the candidate.
        stable: the same at stable, None where nobody asks it.
        once: asks stable a probe, once.
    """

    def __init__(self, run: Run, stable: Run | None, once: Once) -> None:
        self._run = run
        self._stable = stable
        self._once = once
        self._everywhere: dict[int, bool] = {}
        self._paths: tuple[str, ...] = ()

    def look_back(self, probes: Sequence[Probe]) -> None:
        """Learns which paths the policy asks, as far as they are plain."""
        keys = [keys_of(probe) for probe in probes]
        asked = (path for one in keys if one.facts.addressed for _, path in one.paths)
        plain = (path for path in asked if path.startswith("/") and "${" not in path)
        self._paths = tuple(dict.fromkeys(("/", *plain)))[:PATHS_MAX]

    async def told(self, probe: Probe, own: Evidence, control: Evidence) -> Evidence:
        """The candidate's evidence; no word on it where the host name is what was refused."""
        status = _refused_with(own)
        stable = self._stable
        if stable is None or not (self._run.target.tagged and control.passed and status):
            return own
        if status in _ELSEWHERE:
            return _led_away(own, status) if await self._leads_all(stable) else own
        if stable.target.tag_url:
            if status not in _AT_A_TAG or not await self._alike_at_a_tag(probe, stable, status):
                return own
            return _host_matter(own, status, "as does stable at a tag of its own")
        if status in _NOWHERE and await self._refuses_all(stable, status):
            why = "as it does a path that nobody has; stable does not"
            return _host_matter(own, status, why, TELLING)
        if status == HTTPStatus.NOT_FOUND and await self._knows_nothing(probe, stable):
            return _unknown_host(own)
        return own

    async def _alike_at_a_tag(self, probe: Probe, stable: Run, status: int) -> bool:
        target = replace(stable.target, url=stable.target.tag_url)
        return _refused_with(await self._once(probe, replace(stable, target=target))) == status

    async def _refuses_all(self, stable: Run, status: int) -> bool:
        if status not in self._everywhere:
            path = f"/{self._run.nonces.new()}"
            here, there = await _look(self._run, path), await _look(stable, path)
            wordless = status != HTTPStatus.FORBIDDEN or not (here.answer and here.answer.body)
            refused = _status(here) == status and wordless
            self._everywhere[status] = refused and _status(there) not in {0, status}
        return self._everywhere[status]

    async def _knows_nothing(self, probe: Probe, stable: Run) -> bool:
        """Whether all that stable has is not found here, in the same words as what nobody has."""
        if HTTPStatus.NOT_FOUND not in self._everywhere:
            nowhere = await _look(self._run, f"/{self._run.nonces.new()}")
            own = [path for path in self._paths if path in dict(keys_of(probe).paths).values()]
            others = [path for path in self._paths if path not in own]
            known = [path for path in others if await _has(stable, path)]
            alike = [_alike(await _look(self._run, path), nowhere) for path in (*own, *known)]
            self._everywhere[HTTPStatus.NOT_FOUND] = bool(known) and all(alike)
        return self._everywhere[HTTPStatus.NOT_FOUND]

    async def _leads_all(self, stable: Run) -> bool:
        """Whether a path that nobody has leads to the same one at users' address."""
        if 0 not in self._everywhere:
            path = f"/{self._run.nonces.new()}"
            here, there = await _look(self._run, path), await _look(stable, path)
            leads = _status(here) in _ELSEWHERE and _leads(here, there.request.url)
            self._everywhere[0] = leads and _status(there) not in {0, *_ELSEWHERE}
        return self._everywhere[0]


async def _has(stable: Run, path: str) -> bool:
    return _status(await _look(stable, path)) not in {0, HTTPStatus.NOT_FOUND}


async def _look(run: Run, path: str) -> "Reply":
    from gate.probes import headers  # noqa: PLC0415 - lazy, as the askers
    from gate.probes.web.asking import ask_once, plain_request  # noqa: PLC0415

    plain = replace(run, target=replace(run.target, tagged=False))
    return await ask_once(plain, plain_request(run, headers.Trace(), path), WITHIN_S, (404,))


def _leads(reply: "Reply", address: str) -> bool:
    """Whether an answer leads to an address, by whichever scheme."""
    location = (reply.answer.header("location") if reply.answer else None) or ""
    try:
        return _place(urlsplit(urljoin(reply.request.url, location))) == _place(urlsplit(address))
    except ValueError:
        return False


def _place(url: SplitResult) -> tuple[str, int | None, str]:
    default = {"http": 80, "https": 443}.get(url.scheme)
    return url.hostname or "", None if url.port == default else url.port, url.path


def _alike(reply: "Reply", nowhere: "Reply") -> bool:
    """Whether nothing is found there, and in the same words but for the path."""
    if not _status(reply) == _status(nowhere) == HTTPStatus.NOT_FOUND:
        return False
    assert reply.answer is not None
    assert nowhere.answer is not None
    texts = [one.answer.text.replace(_path(one), "") for one in (reply, nowhere) if one.answer]
    return texts[0] == texts[1]


def _path(reply: "Reply") -> str:
    return urlsplit(reply.request.url).path.lstrip("/") or "\0"


def _status(reply: "Reply") -> int:
    """The application's own status, 0 where it gave none."""
    if reply.answer is None or reply.front_end is not None or reply.from_other:
        return 0
    return reply.answer.status


def _refused_with(seen: Evidence) -> int:
    """The status of a refusal, 0 for any other evidence.

    One that names no revision is a refusal, too: what refuses a host seldom sets a header.
    """
    leading = seen.findings[0] if seen.findings else None
    if leading is None or leading.symptom not in _REFUSALS or seen.answered_by:
        return 0
    nameless = leading.symptom is Symptom.IDENTITY
    found = (_NAMELESS if nameless else _STATUS).match(leading.seen)
    return int(found[1]) if found else 0


def _led_away(own: Evidence, status: int) -> Evidence:
    why = "leading every path to the service's own, as it does not at that one"
    return _host_matter(own, status, why)


def _unknown_host(own: Evidence) -> Evidence:
    fault = unknown_host_fault("404 Not Found", own.expected)
    return _held(own, fault, "nothing is found there, neither what stable has nor what nobody has")


def _host_matter(own: Evidence, status: int, why: str, telling: str = "") -> Evidence:
    fault = host_fault(f"{status} {HTTPStatus(status).phrase}", own.expected)
    hint = "; ".join(filter(None, (fault.hint, telling)))
    return _held(own, replace(fault, hint=hint), why)


def _held(own: Evidence, fault: Fault, why: str) -> Evidence:
    seen = f"{fault.seen}, {why}"
    finding = Finding(fault.symptom, fault.expected, seen, hint=fault.hint)
    findings = (finding, *own.findings)
    return replace(own, outcome=Outcome.INCONCLUSIVE, seen=seen, findings=findings)
