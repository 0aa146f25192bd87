"""The parts of WebSocket sessions: scripts, subprotocols and headers, own or taken over.

A probe whose `script` names another probe takes over that probe's script, and its subprotocols and
headers where it gives none of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from gate.core.expectations import Pattern
from gate.core.policy import Await, Json, Send, Step
from gate.policyfile import format as form
from gate.policyfile.context import Context
from gate.policyfile.problems import shown
from gate.policyfile.records import Fields, Read
from gate.policyfile.tree import Mapping as MappingNode

T_co = TypeVar("T_co", covariant=True)

_RESERVED = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "traceparent",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


@dataclass(frozen=True, slots=True)
class Part(Generic[T_co]):
    """A value whose texts may be templates, and the names that they refer to."""

    value: T_co
    names: frozenset[str] = frozenset()


Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """What one session consists of."""

    script: Part[tuple[Step, ...]] = Part(())
    subprotocols: Part[tuple[str, ...]] = Part(())
    headers: Part[Headers] = Part(())

    @property
    def names(self) -> frozenset[str]:
        """Every name that any part refers to."""
        return self.script.names | self.subprotocols.names | self.headers.names


class Sessions:
    """The WebSocket probes of a policy.

    Args:
        context: the file.
        sockets: probe name to its `websocket` keys, of those that had their shape.
        probes: the `probes` mapping, for the names of all.
    """

    def __init__(
        self, context: Context, sockets: Mapping[str, Fields], probes: MappingNode
    ) -> None:
        self._context = context
        self._sockets = sockets
        self._probes = probes
        self._known: dict[str, Parts] = {}
        self._trail: list[str] = []

    def parts(self, name: str) -> Parts:
        """The parts of this probe's sessions; what is wrong with them is noted once."""
        if name not in self._known:
            self._trail.append(name)
            self._known[name] = self._build(self._sockets[name])
            self._trail.pop()
        return self._known[name]

    def _build(self, ask: Fields) -> Parts:
        script = ask.get(form.SCRIPT, ())
        if isinstance(script, str):
            base = self._named(script, ask)
            own = base.script
        else:
            base = Parts()
            own = self._script(script)
        offered = subprotocols(self._context, ask.find(form.SUBPROTOCOLS))
        sent = ask.find(form.WS_HEADERS)
        return Parts(
            own,
            base.subprotocols if offered is None else offered,
            base.headers if sent is None else headers(self._context, sent),
        )

    def _named(self, name: str, ask: Fields) -> Parts:
        """The parts of the probe that a script reference names."""
        problem = ""
        hint = ""
        if name in self._trail:
            circle = " -> ".join([*self._trail[self._trail.index(name) :], name])
            problem = f"goes in a circle ({circle})"
        elif name not in self._probes.entries:
            problem = f"names an unknown probe (got {shown(name)})"
            hint = self._context.problems.guess(name, self._sockets)
        elif name not in self._sockets:
            entry = self._probes.entries[name][1]
            if not isinstance(entry, MappingNode) or form.ASK_WS.name in entry.entries:
                return Parts()  # it has its own problems
            problem = f"names a probe that is no websocket probe (got {shown(name)})"
        elif self._sockets[name].entry(form.SCRIPT.name) is None:
            problem = f"names a probe without a script (got {shown(name)})"
        if not problem:
            return self.parts(name)
        node = ask.entry(form.SCRIPT.name) or ask.node()
        self._context.problems.add(node.mark, f"{node.path}: {problem}", hint)
        return Parts()

    def _script(self, reads: tuple[Read[Fields], ...]) -> Part[tuple[Step, ...]]:
        steps: list[Step] = []
        names: frozenset[str] = frozenset()
        for read in reads:
            message = read.value.find(form.SEND)
            awaited = read.value.find(form.AWAIT)
            if message is not None:
                names |= self._context.names(message)
                steps.append(Send(message.value))
            elif awaited is not None:
                never = awaited.value.find(form.NEVER)
                forbidden = None if never is None else never.value.find(form.JSON)
                where = awaited.value.find(form.WHERE)
                names |= self._context.names(awaited.value.find(form.JSON), where, forbidden)
                step = self._await(awaited.value)
                steps += [] if step is None else [step]
        return Part(tuple(steps), names)

    def _await(self, fields: Fields) -> Await | None:
        never = fields.find(form.NEVER)
        where: Mapping[str, Read[Json]] = fields.get(form.WHERE, {})
        types = fields.get(form.SEQUENCE, ())
        for read in types:
            self._context.no_template(read)
        given: dict[str, object] = {
            "answer": self._context.pattern(fields),
            "sequence": tuple(read.value for read in types),
            "where": tuple((name, read.value) for name, read in where.items()),
            "never": Pattern() if never is None else self._context.pattern(never.value),
            "within_s": fields.get(form.WITHIN, 10.0),
            "once": fields.get(form.ONCE, False),
        }
        return self._context.construct(Await, given, fields)


def subprotocols(
    context: Context, read: Read[tuple[Read[str], ...]] | None
) -> Part[tuple[str, ...]] | None:
    """Subprotocols to offer, each once; None where the key is absent.

    Args:
        context: the file.
        read: the `subprotocols` key.
    """
    if read is None:
        return None
    names: frozenset[str] = frozenset()
    seen: set[str] = set()
    for item in read.value:
        names |= context.names(item)
        if item.value in seen:
            context.problems.add(
                item.node.mark,
                f"{item.node.path}: is offered twice (got {shown(item.value)})",
                "each subprotocol may be offered once (RFC 6455, section 4.1)",
            )
        seen.add(item.value)
    return Part(tuple(item.value for item in read.value), names)


def headers(
    context: Context, read: Read[Mapping[str, Read[str]]] | None, *, received: bool = False
) -> Part[Headers]:
    """Headers as name and value; those that the client itself sends are refused.

    Args:
        context: the file.
        read: the `headers` key, None where it is absent.
        received: whether they are the answer's, of which any may be asked for.
    """
    reads = {} if read is None else read.value
    names = context.names(*reads.values())
    seen: set[str] = set()
    for name, item in reads.items():
        lower = name.lower()
        if not received and (lower in _RESERVED or lower.startswith("sec-websocket-")):
            hint = "use subprotocols" if lower == "sec-websocket-protocol" else ""
            context.problems.add(
                item.node.mark, f"{item.node.path}: is for the client itself to send", hint
            )
        if lower in seen:
            context.problems.add(
                item.node.mark, f"{item.node.path}: is given twice, in another case"
            )
        seen.add(lower)
    return Part(tuple((name, item.value) for name, item in reads.items()), names)
