"""Probes that name another one in place of a script: its script stands there before they are read.

What comes along with it (a kind says what) is taken over, too, where the probe gives none of its
own. The values keep their places, so that what is wrong with them is told where it is written.
"""

from dataclasses import replace

from gate.kinds.kind import Kind
from gate.kinds.registry import keys_of_kinds, kinds_of_key
from gate.policyfile.problems import Problems, shown
from gate.policyfile.tree import Mapping, Node, Scalar


def with_scripts(probes: Mapping, problems: Problems) -> Mapping:
    """The probes with every script in its place; names that lead nowhere are noted."""
    for key in keys_of_kinds():
        used = any(isinstance(node, Mapping) and key in node.entries for _, node in _all(probes))
        scripted = [one.facts for one in kinds_of_key(key) if one.facts.script] if used else []
        for kind in scripted:
            probes = _Scripts(kind, probes, problems).whole()
    return probes


def _all(probes: Mapping) -> list[tuple[str, Node]]:
    return [(name, node) for name, (_, node) in probes.entries.items()]


class _Scripts:
    """The probes of one kind."""

    def __init__(self, kind: Kind, probes: Mapping, problems: Problems) -> None:
        self._kind = kind
        self._probes = probes
        self._problems = problems
        self._known: dict[str, Mapping] = {}
        self._trail: list[str] = []
        self._asks = {
            name: ask
            for name, node in _all(probes)
            if isinstance(node, Mapping)
            and kind.key in node.entries
            and isinstance(ask := node.entries[kind.key][1], Mapping)
        }

    def whole(self) -> Mapping:
        """All probes, those of the kind with the scripts that they name."""
        entries = dict(self._probes.entries)
        for name in self._asks:
            mark, node = entries[name]
            assert isinstance(node, Mapping)
            below = dict(node.entries)
            below[self._kind.key] = (below[self._kind.key][0], self._resolved(name))
            entries[name] = (mark, replace(node, entries=below))
        return replace(self._probes, entries=entries)

    def _resolved(self, name: str) -> Mapping:
        if name not in self._known:
            self._trail.append(name)
            self._known[name] = self._with_script(self._asks[name])
            self._trail.pop()
        return self._known[name]

    def _with_script(self, ask: Mapping) -> Mapping:
        key = self._kind.script
        script = ask.entries[key][1] if key in ask.entries else None
        if not isinstance(script, Scalar) or not isinstance(script.value, str):
            return ask
        base = self._named(script.value, script)
        entries = {one: entry for one, entry in ask.entries.items() if one != key}
        for one in (key, *self._kind.along):
            if base is not None and one in base.entries:
                entries.setdefault(one, base.entries[one])
        return replace(ask, entries=entries)

    def _named(self, name: str, node: Scalar) -> Mapping | None:
        """The probe that a script names; None where there is none that has a script."""
        problem, hint = "", ""
        if name in self._trail:
            circle = " -> ".join([*self._trail[self._trail.index(name) :], name])
            problem = f"goes in a circle ({circle})"
        elif name not in self._probes.entries:
            problem = f"names an unknown probe (got {shown(name)})"
            hint = self._problems.guess(name, self._asks)
        elif name not in self._asks:
            there = self._probes.entries[name][1]
            if not isinstance(there, Mapping) or self._kind.key in there.entries:
                return None  # it has its own problems
            problem = f"names a probe that is no {self._kind.name} probe (got {shown(name)})"
        elif self._kind.script not in self._asks[name].entries:
            problem = f"names a probe without a script (got {shown(name)})"
        if not problem:
            return self._resolved(name)
        self._problems.add(node.mark, f"{node.path}: {problem}", hint)
        return None
