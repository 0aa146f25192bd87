"""One journey: what it has by now, and what became of each of its steps."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from gate.core.evidence import Symptom
from gate.core.shapes import Shape
from gate.probes import headers
from gate.probes.inquiry import Run
from gate.probes.journey.asked import AskedStep
from gate.probes.journey.captured import NotThereError, captured
from gate.probes.journey.jar import Jar
from gate.probes.outcome import CannotAskError, Fault
from gate.probes.web.asking import Before, Reply, ask_patiently
from gate.probes.web.content import Body
from gate.probes.web.exchange import Answer, Request
from gate.probes.web.judging import shape_of_answer
from gate.probes.words import Words

_HIDDEN_COOKIE_MIN = 8
"""Shorter values of cookies are settings, not sessions."""
_BY_STATUS = frozenset({Symptom.STATUS, Symptom.REDIRECT})
_TOLD_MAX = 1 << 15
"""Bytes of a body that are kept where it was wrong, to be shown in part."""


@dataclass(frozen=True, slots=True)
class Stop:
    """What became of one step.

    Attributes:
        reply: what came; None where it was not asked.
        faults: what was wrong.
        lacking: names without a value, for which it was not asked.
    """

    step: AskedStep
    reply: Reply | None = None
    faults: tuple[Fault, ...] = ()
    lacking: tuple[str, ...] = ()


@dataclass
class Traveller:
    """One journey.

    Args:
        user: the name of the secret of its user, "" without one.
        number: among the journeys of the probe, from 1 on.
        run: whom it asks.
        trace: the probe's.
        before: told what did not count.
        owners: whose each nonce is, of all journeys of the probe.
        captures: names that steps may give a value to.
        hidden: what is shown in the place of each captured value and cookie, of all journeys: what
            leaks to another one must not be shown there either.
        keep_bytes: how much of the body of a right answer is kept.
    """

    user: str
    number: int
    run: Run
    trace: headers.Trace
    before: Before
    owners: dict[str, str]
    captures: frozenset[str]
    hidden: dict[str, str]
    keep_bytes: int = 0
    stops: list[Stop] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.nonce = self.run.nonces.new()
        self.owners[self.nonce] = self.owner
        self._jar = Jar(self.run.target.url)
        self._values = dict(self.run.values(self.nonce, self.user))

    @property
    def owner(self) -> str:
        """Whose journey it is, for others: journeys of one user may see each other's."""
        return self.user or f"journey {self.number}"

    @property
    def faults(self) -> tuple[Fault, ...]:
        """All that was wrong, the steps before what cleans up."""
        return tuple(fault for stop in self.stops for fault in stop.faults)

    @property
    def going(self) -> bool:
        """Whether nothing has been wrong so far."""
        return not self.faults

    @property
    def captured(self) -> dict[str, str]:
        """What it has captured, by name."""
        return {name: value for name, value in self._values.items() if name in self.captures}

    @property
    def words(self) -> Words:
        """Makes texts fit to show: without what was captured, and without cookies."""
        return self.run.words.hiding(self.hidden)

    async def go(self, step: AskedStep, label: str = "") -> None:
        """Takes one step, and judges its answer.

        Args:
            step: the step.
            label: of its shape, "" where none is looked at.

        Raises:
            CannotAskError: the request cannot be built.
        """
        if lacking := step.lacks(self._values):
            if not step.always or not self.captures.issuperset(lacking):
                name = f"${{{lacking[0]}}}"
                raise CannotAskError(f"no value for {name}", "a value for every name")
            self.stops.append(Stop(step, lacking=tuple(lacking)))
            return
        reply = await ask_patiently(
            self.run,
            lambda: self._request(step),
            step.timeout_s,
            step.statuses,
            lambda reply, seen: self.before(reply, self.words.line(f"{step.where}: {seen}")),
        )
        self.names |= {reply.name} if reply.name else set()
        faults = tuple(_at(step, fault, reply.answer) for fault in self._faults(step, reply))
        kept = _TOLD_MAX if faults else self.keep_bytes
        self.stops.append(Stop(step, _cut(reply, kept), faults))
        if label and not faults and reply.answer is not None and step.step.method != "HEAD":
            self._keep_shape(reply.answer, label)

    def _request(self, step: AskedStep) -> Request:
        url = step.url(self.run, self._values)
        own = {"tracestate": step.state(self.number)}
        if cookie := self._jar.header(url):
            own["cookie"] = cookie
        return step.request(self.run, self.trace, self._values, own)

    def _faults(self, step: AskedStep, reply: Reply) -> Iterator[Fault]:
        """What is wrong; cookies are kept and values captured of an answer that counts."""
        answer = reply.answer
        counts = reply.fault is None and reply.doubt is None and answer is not None
        if counts and answer is not None:
            self._jar.take(reply.request.url, answer)
            self._hide_cookies()
            yield from self._foreign(step, answer)
        if wrong := reply.wrong(step.statuses):
            named = step.wanted_status if wrong.symptom in _BY_STATUS else wrong.expected
            yield replace(wrong, expected=named)
        elif answer is not None:
            yield from self._judged(step, reply.request.url, answer)

    def _judged(self, step: AskedStep, url: str, answer: Answer) -> Iterator[Fault]:
        """What is wrong with an answer whose status is right; only the first kind of it."""
        if wrong := [*step.wrong_redirect(url, answer, self._values)]:
            yield from wrong
            return
        body = Body(answer)
        for name, capture in step.step.capture.items():
            try:
                self._keep(name, captured(name, capture, body))
            except NotThereError as error:
                wrong.append(error.fault)
        yield from wrong or step.bound(self._values).faults(answer)

    def _keep(self, name: str, value: str) -> None:
        self._values[name] = value
        self.hidden[value] = f"[captured {name}]"

    def _hide_cookies(self) -> None:
        for name, value in self._jar.values.items():
            if len(value) >= _HIDDEN_COOKIE_MIN:
                self.hidden.setdefault(value, f"[cookie {name}]")

    def _foreign(self, step: AskedStep, answer: Answer) -> Iterator[Fault]:
        """What another user wrote, in an answer to this one."""
        if step.step.shared or len(self.owners) < 2:
            return
        said = answer.text + "".join(f"\n{name}: {value}" for name, value in answer.headers)
        tokens = self.run.nonces.tokens(said)
        others = {self.owners[one] for one in tokens if one in self.owners} - {self.owner}
        if others:
            yield Fault(
                Symptom.FOREIGN,
                f"an answer to {self.owner} with what {_named(others)} wrote",
                f"only what {self.owner} wrote",
                "users see each other's data: look at what the session or the cache is keyed by; "
                "where the page is public, say `shared: true` in the step",
            )

    def _keep_shape(self, answer: Answer, label: str) -> None:
        shape = shape_of_answer(answer, self.words, label)
        if shape is not None:
            self.shapes.append(shape)


def _cut(reply: Reply, most: int) -> Reply:
    """The reply with only so many bytes of its body: many journeys have many answers."""
    if reply.answer is None:
        return reply
    return reply._replace(answer=replace(reply.answer, body=reply.answer.body[:most]))


def _named(others: set[str]) -> str:
    listed = sorted(others)
    return ", ".join(listed[:3]) + (" and others" if len(listed) > 3 else "")


def _at(step: AskedStep, fault: Fault, answer: Answer | None) -> Fault:
    """The fault with the step in it; a status stays at the beginning, where it is looked for."""
    phrase = answer.phrase if answer is not None else ""
    if phrase and fault.seen.startswith(phrase):
        return replace(fault, seen=f"{phrase} at {step.where}{fault.seen[len(phrase) :]}")
    return replace(fault, seen=f"{step.where}: {fault.seen}")
