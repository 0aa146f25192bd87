"""The switchboard: which faults are switched on now, what they struck, and what they hold.

Sets of rules come and go by name while the server runs. Replacing or dropping a set lets go of
everything that it held: calls are carried out, endless operations end.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from gate.local.faults.rules import ANY, OPERATIONS, TRAFFIC, Fault, Rule, Rules, shown_rule
from gate.local.ports import JsonValue

SETS_MAX: Final = 1_000
_STRIKES_SHOWN: Final = 200


@dataclass(slots=True)
class _Tally:
    """A rule, how many calls matched it, and how many it struck."""

    rule: Rule
    chance: random.Random
    matched: int = 0
    struck: int = 0

    def due(self) -> bool:
        """Counts one more matching call; tells whether it is to be struck."""
        self.matched += 1
        spent = self.rule.count and self.struck >= self.rule.count
        late = self.matched > self.rule.skip
        return late and not spent and self.chance.random() < self.rule.odds


@dataclass(slots=True)
class _Set:
    """One set of rules in force."""

    rules: Rules
    tallies: list[_Tally]
    strikes: list[JsonValue] = field(default_factory=list)
    struck: int = 0
    held: list[asyncio.Future[bool]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self) -> None:
        """Wakes whoever waits for news."""
        self.news.set()
        self.news = asyncio.Event()

    def release(self, *, carry_out: bool) -> int:
        """Lets go of every held call; gives how many there were."""
        waiting = [future for future in self.held if not future.done()]
        self.held = []
        for future in waiting:
            future.set_result(carry_out)
        self.tell()
        return len(waiting)


class Strike:
    """One call or operation that a rule has struck.

    Args:
        rule: the rule.
        owner: the set it belongs to.
    """

    def __init__(self, rule: Rule, owner: _Set) -> None:
        self.rule = rule
        self._owner = owner

    async def held(self) -> bool:
        """Waits until it is released; whether it is to go on then."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._owner.held.append(future)
        self._owner.tell()
        return await future

    async def over(self) -> None:
        """Waits until the set is switched off."""
        await self._owner.over.wait()


class Switchboard:
    """Sets of rules by name; all calls belong to the event loop's thread.

    Args:
        seed: of odds; a set that is switched on again strikes the same calls again.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._sets: dict[str, _Set] = {}

    def __bool__(self) -> bool:
        """Tells whether anything is switched on."""
        return bool(self._sets)

    @property
    def names(self) -> list[str]:
        """The names of the sets in force."""
        return list(self._sets)

    @property
    def denied(self) -> frozenset[str]:
        """The permissions that callers lack now."""
        rules = (rule for one in self._sets.values() for rule in one.rules.rules)
        return frozenset(rule.permission for rule in rules if rule.do is Fault.DENY)

    def put(self, name: str, rules: Rules) -> None:
        """Switches a set on; one of the same name is switched off first.

        Raises:
            OverflowError: there are `SETS_MAX` already.
        """
        self.drop(name)
        if len(self._sets) >= SETS_MAX:
            raise OverflowError(f"too many sets of rules (expected at most {SETS_MAX})")
        purposes = (f"{self._seed}:faults:{name}:{index}" for index in range(len(rules.rules)))
        chances = map(random.Random, purposes)
        self._sets[name] = _Set(rules, list(map(_Tally, rules.rules, chances)))

    def drop(self, name: str) -> bool:
        """Switches a set off and lets go of what it held; tells whether it was on."""
        gone = self._sets.pop(name, None)
        if gone is None:
            return False
        gone.over.set()
        gone.release(carry_out=True)
        return True

    def release(self, name: str, *, carry_out: bool) -> int:
        """Lets go of the calls that a set holds: on with them, or their connections are reset.

        Raises:
            KeyError: no such set.
        """
        return self._sets[name].release(carry_out=carry_out)

    def shown(self, name: str) -> dict[str, JsonValue]:
        """Gives a set with its tallies.

        Raises:
            KeyError: no such set.
        """
        chosen = self._sets[name]
        rules: list[JsonValue] = [
            {**shown_rule(tally.rule), "matched": tally.matched, "struck": tally.struck}
            for tally in chosen.tallies
        ]
        return {
            "name": name,
            "about": chosen.rules.about,
            "rules": rules,
            "struck": chosen.struck,
            "holding": len(chosen.held),
            "strikes": list(chosen.strikes),
        }

    async def holding(self, name: str, timeout_s: float) -> None:
        """Waits until a set holds a call, is switched off, or the time is up.

        Raises:
            KeyError: no such set.
        """
        chosen = self._sets[name]
        try:
            async with asyncio.timeout(timeout_s):
                while not chosen.held and not chosen.over.is_set():
                    await chosen.news.wait()
        except TimeoutError:
            pass

    def strike(self, kinds: frozenset[Fault], method: str, text: bytes) -> Strike | None:
        """Finds the rule of these kinds that strikes a call, if one does.

        Args:
            kinds: what could happen here.
            method: short name of the call; "" for what is none.
            text: the request, or the full name of the service.
        """
        for chosen in self._sets.values():
            if not chosen.rules.concerns(text):
                continue
            found = None
            for tally in chosen.tallies:
                rule = tally.rule
                if rule.do not in kinds or rule.method not in (ANY, method):
                    continue
                if tally.due() and found is None:
                    found = tally
            if found is not None:
                return self._struck(chosen, found, method)
        return None

    async def reconciling(self, service: str, sleep: Callable[[float], Awaitable[None]]) -> bool:
        """Lets an operation be slow or endless; tells whether it is to fail.

        Args:
            service: full name of its service.
            sleep: waits so many seconds.
        """
        strike = self.strike(OPERATIONS, "", service.encode())
        if strike is None:
            return False
        if strike.rule.do is Fault.SLOW_OPERATION:
            await sleep(strike.rule.seconds)
        elif strike.rule.do is Fault.ENDLESS_OPERATION:
            await strike.over()
        return strike.rule.do is Fault.FAIL_OPERATION

    def traffic_lag_s(self, service: str) -> float:
        """How much longer the front end takes to obey a change of this service, in seconds."""
        strike = self.strike(TRAFFIC, "", service.encode())
        return strike.rule.seconds if strike else 0.0

    def _struck(self, chosen: _Set, tally: _Tally, method: str) -> Strike:
        tally.struck += 1
        chosen.struck += 1
        if len(chosen.strikes) < _STRIKES_SHOWN:
            chosen.strikes.append({"do": tally.rule.do.value, "call": method, "nth": tally.matched})
        chosen.tell()
        return Strike(tally.rule, chosen)
