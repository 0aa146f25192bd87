"""The steps of a journey: what each asks and captures, as a policy writes it."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from gate.core.questions import Json
from gate.drafting.har.answers import VARIES
from gate.drafting.har.exchange import Exchange

_GONE = (200, 202, 204, 404, 410)
"""What answers a step that cleans up."""


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
    def path(self) -> str:
        """Path and query as the step has them."""
        return str(next(iter(self.request.values())))

    @property
    def sends_new(self) -> bool:
        """Whether it writes a text that is new each time."""
        return self.exchange.writes and "${nonce}" in str([*self.request.values()])

    @property
    def label(self) -> str:
        """Its method and path, as it is told."""
        return f"{self.exchange.method} {self.path}"


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
    path = (local or address).partition("?")[0].partition("#")[0]
    segments = path.split("/")
    if any(map(_made, segments[0 if local else 3 :])):
        parts = ["[^/?]+" if _made(part) else re.escape(part) for part in segments]
        return {"matches": "/".join(parts) + r"(\?.*)?"}
    plain = path.replace("${", "$${")
    return plain if local else {"to": plain}


def _made(segment: str) -> bool:
    return VARIES.fullmatch(segment) is not None


def _pruned(one: Planned, used: Collection[str]) -> Planned:
    return replace(one, captures={name: how for name, how in one.captures.items() if name in used})
