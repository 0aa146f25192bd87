"""Which steps a visit comes to, in which journeys, and what cleans up at the end of each."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import parse_qsl, unquote_plus

from gate.core import template
from gate.drafting.har.answers import leaves
from gate.drafting.har.exchange import Exchange
from gate.drafting.har.flows import Flows
from gate.drafting.har.journeys import Journey, Planned
from gate.drafting.har.outside import Outside
from gate.drafting.har.requests import Value, as_step
from gate.kinds.journey import STEPS_MAX

PAUSE_S = 120.0
"""After a longer pause another journey begins, if nothing of the first one is needed in it."""
_CLOCKS = frozenset({"_", "t", "ts", "time", "timestamp", "cb", "rnd", "nocache"})
_SHORTEST = 4


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
        (f"a {one.exchange.method} request of the visit", "sends a secret where it has no name")
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


def _planned(number: int, one: Exchange, flows: Flows, outside: Outside) -> Planned:
    count = iter(range(1 << 30))

    def put(_: Value) -> str | None:
        place = (number, next(count))
        name = flows.names.get(place)
        return f"${{{name}}}" if name else outside.templates.get(place)

    request = as_step(one, put)
    needs = template.names([*request.values()]) - template.BUILTINS
    return Planned(number, one, request, flows.captures.get(number, {}), needs)


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
    path, _, query = one.path.partition("?")
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
    only = [one for one in deleting if one is journey.steps[-1]]
    return replace(
        journey,
        steps=tuple(one for one in journey.steps if one not in only),
        always=tuple(deleting),
    )
