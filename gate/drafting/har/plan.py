"""The steps of journeys: what each asks, what it captures, and what cleans up at the end."""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, unquote_plus

from gate.core import template
from gate.core.questions import Json
from gate.drafting.har.answers import VARIES, leaves
from gate.drafting.har.exchange import Exchange
from gate.drafting.har.flows import Flows
from gate.drafting.har.outside import Outside
from gate.drafting.har.requests import Value, as_step
from gate.kinds.journey import STEPS_MAX

PAUSE_S = 120.0
"""After a longer pause another journey begins, if nothing of the first one is needed in it."""
_CLOCKS = frozenset({"_", "t", "ts", "time", "timestamp", "cb", "rnd", "nocache"})
_SHORTEST = 4
_GONE = (200, 202, 204, 404, 410)


@dataclass(frozen=True, slots=True)
class Planned:
    """One step.

    Attributes:
        number: of its request in the visit; it is known by this.
        request: the keys of the step that say what is asked.
        captures: what is captured, by name.
        needs: names that it uses, of captures and of secrets.
    """

    number: int
    exchange: Exchange
    request: Mapping[str, Json]
    captures: Mapping[str, Mapping[str, str]]
    needs: frozenset[str]

    @property
    def label(self) -> str:
        """Its method and path, as it is told."""
        path = next(iter(self.request.values()))
        return f"{self.exchange.method} {path}"


@dataclass(frozen=True, slots=True)
class Journey:
    """Steps in their order, and those that clean up."""

    name: str
    steps: tuple[Planned, ...]
    always: tuple[Planned, ...] = ()

    @property
    def writes(self) -> tuple[str, ...]:
        """What of it changes something."""
        every = (*self.steps, *self.always)
        return tuple(dict.fromkeys(one.label for one in every if one.exchange.writes))

    @property
    def needs(self) -> frozenset[str]:
        """Names that its steps use, of captures and of secrets."""
        return frozenset().union(*(one.needs for one in (*self.steps, *self.always)))

    def without(self, number: int) -> "Journey":
        """The same without a step, those that need what it captures, and captures for nobody."""
        gone = {number}
        lost: set[str] = set()
        for one in (*self.steps, *self.always):
            if one.number in gone or one.needs & lost:
                gone.add(one.number)
                lost |= set(one.captures)
        return self.only(lambda one: one.number not in gone)

    def without_always(self) -> "Journey":
        """The same, and nothing cleans up."""
        return replace(self, always=()).only(lambda _: True)

    def only(self, keeps: Callable[[Planned], bool]) -> "Journey":
        """Those steps alone, and no captures that nothing uses any more."""
        steps = [one for one in self.steps if keeps(one)]
        always = [one for one in self.always if keeps(one)]
        used = frozenset().union(*(one.needs for one in (*steps, *always)))
        return replace(
            self,
            steps=tuple(_pruned(one, used) for one in steps),
            always=tuple(_pruned(one, used) for one in always),
        )


def plan(
    exchanges: Sequence[Exchange], flows: Flows, outside: Outside
) -> tuple[tuple[Journey, ...], list[tuple[str, str]]]:
    """The journeys that these requests make, and what is left out of them, with the reason.

    Args:
        exchanges: in order.
        flows: what comes from answers.
        outside: what comes from outside.
    """
    steps = [_planned(number, one, flows, outside) for number, one in enumerate(exchanges)]
    left_out: list[tuple[str, str]] = []
    safe = [one for one in steps if not _shows_secret(one, outside)]
    left_out += [
        (f"{one.exchange.method} {one.exchange.path}", "sends a secret where it has no name")
        for one in steps
        if one not in safe
    ]
    safe = _whole(safe, steps)
    once = [*_once(safe)]
    if len(once) < len(safe):
        repeated = f"{len(safe) - len(once)} requests of the visit"
        left_out.append((repeated, "repeat one whose answer nothing has changed since"))
    journeys = []
    for number, part in enumerate(_cut(once), 1):
        kept = _most(part)
        if len(kept) < len(part):
            why = f"a journey has {STEPS_MAX} steps at most: what changes something, and around it"
            left_out.append((f"{len(part) - len(kept)} requests of the visit", why))
        name = "visit" if number == 1 else f"visit-{number}"
        journeys.append(_with_always(Journey(name, tuple(kept))).only(lambda _: True))
    return tuple(journeys), left_out


def skeleton(one: Planned) -> dict[str, Json]:
    """A step with its status and where it leads, and nothing of its body."""
    return _as_written(one, expect_status(one))


def with_expect(one: Planned, expect: Mapping[str, Json]) -> dict[str, Json]:
    """A step with what its answer must be."""
    return _as_written(one, expect)


def expect_status(one: Planned) -> dict[str, Json]:
    """What the answer to a step must be at least: as the visit saw it."""
    status, address = one.exchange.answer.status, one.exchange.answer.header("location")
    if status in (301, 302, 303, 307, 308) and address:
        return {"redirect": _leads(one, address)}
    status = 200 if status == 304 else status
    return {} if status == 200 else {"status": status}


def cleaning(one: Planned) -> dict[str, Json]:
    """A step that cleans up: what is gone by then is right, too."""
    return _as_written(replace(one, captures={}), {"status": [*_GONE]})


def _as_written(one: Planned, expect: Mapping[str, Json]) -> dict[str, Json]:
    step = dict(one.request)
    if expect:
        step["expect"] = dict(expect)
    if one.captures:
        step["capture"] = {name: dict(capture) for name, capture in one.captures.items()}
    return step


def _leads(one: Planned, address: str) -> Json:
    """Where a redirect leads: on the same host by its path, whatever the service makes up in it."""
    local = one.exchange.local(address)
    if not local:
        return {"to": address.partition("?")[0].partition("#")[0].replace("${", "$${")}
    path = local.partition("?")[0]
    parts = ["[^/?]+" if _made(part) else re.escape(part) for part in path.split("/")]
    if any(map(_made, path.split("/"))):
        return {"matches": "/".join(parts) + r"(\?.*)?"}
    return path.replace("${", "$${")


def _made(segment: str) -> bool:
    return VARIES.fullmatch(segment) is not None


def _planned(number: int, one: Exchange, flows: Flows, outside: Outside) -> Planned:
    count = iter(range(1 << 30))

    def put(_: Value) -> str | None:
        place = (number, next(count))
        name = flows.names.get(place)
        return f"${{{name}}}" if name else outside.templates.get(place)

    request = as_step(one, put)
    needs = template.names([*request.values()]) - template.BUILTINS
    return Planned(number, one, request, flows.captures.get(number, {}), needs)


def _pruned(one: Planned, used: Collection[str]) -> Planned:
    return replace(one, captures={name: how for name, how in one.captures.items() if name in used})


def _shows_secret(one: Planned, outside: Outside) -> bool:
    """Whether any text of a step is, or holds, the value of a secret."""
    texts = [str(value) for _, _, value in leaves(dict(one.request))]
    texts += [unquote_plus(text) for text in texts]
    secrets = outside.secrets.values()
    whole = any(text == secret for text in texts for secret in secrets)
    return whole or any(
        secret in text for text in texts for secret in secrets if len(secret) >= _SHORTEST
    )


def _whole(safe: Sequence[Planned], every: Sequence[Planned]) -> list[Planned]:
    """Those of the steps that need nothing of one that is gone."""
    journey = Journey("", tuple(every))
    for one in every:
        if one not in safe:
            journey = journey.without(one.number)
    return [*journey.steps]


def _once(steps: Sequence[Planned]) -> Iterator[Planned]:
    """Without reading again what was read before, unless something has been changed since."""
    seen: set[str] = set()
    used = frozenset().union(*(one.needs for one in steps))
    for one in steps:
        if one.exchange.writes:
            seen = set()
        elif not used.intersection(one.captures):
            what = json.dumps([_timeless(one), one.request.get("headers"), one.exchange.method])
            if what in seen:
                continue
            seen.add(what)
        yield one


def _timeless(one: Planned) -> str:
    """Its address without the clocks that browsers put into it."""
    path, _, query = str(next(iter(one.request.values()))).partition("?")
    fields = parse_qsl(query, keep_blank_values=True)
    return f"{path}?{[pair for pair in fields if pair[0].lower() not in _CLOCKS]}"


def _cut(steps: Sequence[Planned]) -> Iterator[Sequence[Planned]]:
    """Apart where there was a long pause and nothing is carried over it."""
    begin = 0
    for at in range(1, len(steps)):
        before, after = steps[begin:at], steps[at:]
        if _pause_s(before[-1], after[0]) >= PAUSE_S and not _carried(before, after):
            yield before
            begin = at
    if steps:
        yield steps[begin:]


def _pause_s(one: Planned, other: Planned) -> float:
    began, went_on = one.exchange.at_s, other.exchange.at_s
    return went_on - began if began is not None and went_on is not None else 0.0


def _carried(before: Sequence[Planned], after: Sequence[Planned]) -> bool:
    """Whether a capture, a new text or a cookie goes from some requests to later ones."""
    captured = {name for one in before for name in one.captures}
    if any(one.needs & captured for one in after):
        return True
    fresh = [any("${nonce}" in json.dumps(one.request) for one in part) for part in (before, after)]
    cookies = [line for one in after for line in one.exchange.header("cookie").split("; ")]
    given = {
        value.partition(";")[0]
        for one in before
        for name, value in one.exchange.answer.headers
        if name == "set-cookie"
    }
    return all(fresh) or bool(given.intersection(cookies))


def _most(steps: Sequence[Planned]) -> list[Planned]:
    """As many as a journey may have: what changes something, what is around it and what it needs.

    What is left of the room the first ones have.
    """
    if len(steps) <= STEPS_MAX:
        return [*steps]
    makers = {name: place for place, one in enumerate(steps) for name in one.captures}
    writes = [place for place, one in enumerate(steps) if one.exchange.writes]
    around = [near for place in writes for near in (place, place + 1, place - 1)]
    chosen: set[int] = set()
    for place in (*around, *range(len(steps))):
        more = _needed(place, steps, makers) if 0 <= place < len(steps) else set()
        if len(chosen | more) <= STEPS_MAX:
            chosen |= more
    return [steps[place] for place in sorted(chosen)]


def _needed(place: int, steps: Sequence[Planned], makers: Mapping[str, int]) -> set[int]:
    found: set[int] = set()
    waiting = [place]
    while waiting:
        if (one := waiting.pop()) not in found:
            found.add(one)
            waiting += [makers[name] for name in steps[one].needs if name in makers]
    return found


def _with_always(journey: Journey) -> Journey:
    """What was created and is deleted by the visit is deleted whatever fails."""
    made = {name for one in journey.steps if one.exchange.writes for name in one.captures}
    deleting = [
        one
        for one in journey.steps
        if one.exchange.method == "DELETE" and one.needs & made and one.exchange.answer.status < 400
    ]
    looked_at = Counter(str(next(iter(one.request.values()))) for one in journey.steps)
    last = journey.steps[-1] if journey.steps else None
    only = [one for one in deleting if one is last and looked_at[str(one.request["delete"])] == 1]
    return replace(
        journey,
        steps=tuple(one for one in journey.steps if one not in only),
        always=tuple(deleting),
    )
