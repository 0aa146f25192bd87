"""One behaviour as data: what is done, to which requests, and how often."""

import fnmatch
import json
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Message = dict[str, Any]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

STARTED = time.monotonic()
_WHEN = {"after_s", "until_s", "skip", "count", "every", "odds"}


@dataclass
class Do:
    """One behaviour.

    Attributes:
        name: which.
        told: its parameters. Those that every behaviour takes say when it strikes: `path` (a
            pattern, default all), `after_s` and `until_s` (since the container began), `skip`
            matching requests first, strike at most `count` of them, only `every` nth, with `odds`.
        chance: draws the odds.
    """

    name: str
    told: Mapping[str, Any]
    chance: random.Random
    _met: int = field(default=0, init=False)
    _struck: int = field(default=0, init=False)

    def __getitem__(self, key: str) -> Any:
        return self.told[key]

    def get(self, key: str, default: Any = None) -> Any:
        """A parameter, or its default."""
        return self.told.get(key, default)

    def strikes(self, scope: Scope, kind: str = "http") -> bool:
        """Whether this request is struck; counts it if it is one of those that are meant."""
        if scope["type"] != kind or not fnmatch.fnmatch(scope["path"], self.get("path", "*")):
            return False
        self._met += 1
        age_s = time.monotonic() - STARTED
        due = (
            self.get("after_s", 0) <= age_s < self.get("until_s", float("inf"))
            and self._met > self.get("skip", 0)
            and (self._met - self.get("skip", 0)) % self.get("every", 1) == 0
            and self._struck < self.get("count", float("inf"))
            and self.chance.random() < self.get("odds", 1)
        )
        self._struck += due
        return due


def behaviours(text: str, seed: str) -> list[Do]:
    """Reads BENCH_DO."""
    return [
        Do(entry["do"], entry, random.Random(f"{seed} {index}"))
        for index, entry in enumerate(json.loads(text or "[]"))
    ]


def edited(value: Any, do: Do) -> Any:
    """Changes JSON: `set` and `drop` name places by dotted paths, `wrap` puts it under a key."""
    for path, new in do.get("set", {}).items():
        *parents, last = path.split(".")
        holder = value
        for key in parents:
            holder = holder.setdefault(key, {})
        holder[last] = new
    for path in do.get("drop", []):
        *parents, last = path.split(".")
        holder = value
        for key in parents:
            holder = holder.get(key, {})
        holder.pop(last, None)
    return {do["wrap"]: value} if "wrap" in do.told else value
