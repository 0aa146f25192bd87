"""Whose answer it is: only what the revision that is to be judged says counts as evidence.

A tag that is moved keeps its address, and until every front end follows, the revision that had the
tag before answers there. A policy's identity rules say how an answer names the revision that gave
it; of each answer, the first rule that applies counts. An answer from another revision says nothing
of the candidate, and the question is asked again (frontend.Patience). One that names nobody proves
nothing either, unless a path beside it or the request log, later in the list, says who it was.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from gate.core.evidence import Outcome, Symptom
from gate.core.policy import IdentityRule, Json, name_at
from gate.probes.outcome import Fault

_LABEL = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why an answer is no evidence.

    Attributes:
        other: the other revision that gave it, whom the front end may leave soon; "" where it names
            nobody, or what is no revision of this service.
    """

    fault: Fault
    other: str = ""


def known_by(name: str, doubt: Doubt | None) -> str:
    """The revision that answered, "" where it names nobody, or no revision of this service."""
    return name if doubt is None else doubt.other


class _Last:
    """The other revision that answered last, "" where the right one has answered since."""

    name = ""


class Identity:
    """Whose answers count: one for each probe.

    Args:
        rule: how an answer proves which revision gave it; None where any answer will do.
        revision: the one that must answer; "" where nobody knows its name, and any will do.
        last: who answered at this address before.

    Attributes:
        revision: the one that must answer.
        header: name of the first header that an answer may carry, "" for none.
        path: what is asked beside the probes, "" for nothing.
        field: where the JSON answer has the name.
        named: how many answers named the right revision themselves.
        nameless: how many named nobody, and wait for what the path or the log says.
    """

    def __init__(
        self,
        rule: IdentityRule | None = None,
        revision: str = "",
        last: "_Last | None" = None,
    ) -> None:
        rules = tuple(_reached(rule.rules)) if rule and revision else ()
        at = next((at for at, one in enumerate(rules) if one.path), len(rules))
        self.revision = revision
        self._rules = rules
        self._own = tuple(one for one in rules[:at] if one.header or one.json or one.message)
        self._decided_later = any(one.path or one.request_log for one in rules)
        self.header = next((one.header for one in self._own if one.header), "")
        self.path = rules[at].path if rules[at:] else ""
        self.field = rules[at].field if rules[at:] else ""
        self.named = self.nameless = 0
        self._last = last or _Last()

    def anew(self) -> "Identity":
        """The same for the next probe."""
        rule = IdentityRule.first_of(self._rules) if self._rules else None
        return Identity(rule, self.revision, self._last)

    def past_path(self) -> "Identity | None":
        """The same without the path, which does not apply; None where there is no other rule."""
        left = [one for one in self._rules if not one.path]
        return Identity(IdentityRule.first_of(left), self.revision, self._last) if left else None

    @property
    def asks(self) -> bool:
        """Whether an answer may say itself who gave it."""
        return bool(self._own)

    @property
    def hears(self) -> bool:
        """Whether a WebSocket's message may."""
        return any(one.message for one in self._own)

    @property
    def by_log(self) -> bool:
        """Whether the request log decides where nothing before it does."""
        return any(one.request_log for one in self._rules)

    @property
    def proven(self) -> bool:
        """Whether every answer so far has named the right revision itself."""
        return self.named > 0 and not self.nameless

    @property
    def place(self) -> str:
        """Where an answer has the name, in words."""
        return " or ".join(map(_place, self._own)) or f"{self.field} in {self.path}"

    def name_in(
        self, header: Callable[[str], str | None], value: Callable[[], Json] = lambda: None
    ) -> str:
        """The name that an answer has by the first rule that applies; "" where none does.

        Args:
            header: gives the value of a header, None where it is not there.
            value: gives the answer's JSON, None where it has none.
        """
        for rule in self._own:
            if rule.header and (name := (header(rule.header) or "").strip()):
                return name
            if rule.json and (name := name_at(value(), rule.json)):
                return name
        return ""

    def name_in_message(self, value: Json) -> str:
        """The name that a WebSocket's message has by the first rule that applies, "" for none."""
        names = (name_at(value, rule.message) for rule in self._own if rule.message)
        return next((name for name in names if name), "")

    def doubt(self, name: str, answer: str, wrong: Fault | None = None) -> Doubt | None:
        """Why an answer is no evidence; None if the right revision gave it.

        None, too, where it names nobody and a rule that comes later decides: see `nameless`.

        Args:
            name: the revision that it names, "" for none.
            answer: the answer in a few words.
            wrong: what else is wrong with it. A redirect that names nobody is still told as what it
                is, since it often comes from something in front of the container.
        """
        if name:
            doubt = self.doubt_beside(name, answer)
            self.named += doubt is None
            return doubt
        if self._decided_later or not self._rules:
            self.nameless += 1
            return None
        if wrong and wrong.symptom is Symptom.REDIRECT:
            seen = f"{wrong.seen}, without {self.place}"
            return Doubt(replace(wrong, seen=seen, because=Outcome.INCONCLUSIVE))
        return Doubt(_nameless(self.place, self.revision, answer))

    def doubt_beside(self, name: str, answer: str) -> Doubt | None:
        """The same of an answer that is no probe's own: nothing of it is counted."""
        if name == self.revision:
            self._last.name = ""
            return None
        if not name:
            place = f"{self.field} in {self.path}"
            return Doubt(_nameless(place, self.revision, answer))
        self._last.name = name
        if _of_one_service(name, self.revision):
            return Doubt(_other(name, self.revision, answer), name)
        return Doubt(_no_revision(name, self.revision, answer))

    def unanswered(self, fault: Fault) -> Fault:
        """A failure that came without an answer of any container, and so without a name.

        Whoever was asked is taken to be the right revision, unless another one answered last: then
        it may as well have been that one again.
        """
        if not self._last.name or fault.outcome is not Outcome.FAILED:
            return fault
        hint = f"another revision, {self._last.name}, answered here just before: nobody knows"
        return replace(fault, because=Outcome.INCONCLUSIVE, hint=f"{hint} which one was asked")


def _reached(rules: Sequence[IdentityRule]) -> Iterator[IdentityRule]:
    """The rules up to the request log, which applies to whatever comes to it."""
    for rule in rules:
        yield rule
        if rule.request_log:
            return


def _place(rule: IdentityRule) -> str:
    if rule.message:
        return f"{rule.message} in a message"
    return rule.header or f"{rule.json} in its JSON"


def _of_one_service(name: str, revision: str) -> bool:
    """Whether both may be revisions of one service, whose name Cloud Run puts before theirs."""
    begin, dash, _ = revision.partition("-")
    return bool(_LABEL.fullmatch(name)) and (not dash or name.startswith(begin + dash))


def _other(name: str, revision: str, answer: str) -> Fault:
    return Fault(
        Symptom.IDENTITY,
        f"an answer from another revision, {name}: {answer}",
        f"one from {revision}",
        "the front end still sends this address to the revision that had the tag before, or "
        "something on the way keeps old answers: run the gate again, or give it more time with "
        "candidate.arrival_within",
    )


def _no_revision(name: str, revision: str, answer: str) -> Fault:
    return Fault(
        Symptom.IDENTITY,
        f"an answer that names {name}, which is no revision of this service: {answer}",
        f"the name {revision}",
        "waiting would not change it: let the application answer with K_REVISION, which Cloud Run "
        "gives each container, or let the front end's log say who answered: "
        "identity: {request_log: true}",
    )


def _nameless(place: str, revision: str, answer: str) -> Fault:
    return Fault(
        Symptom.IDENTITY,
        f"an answer without {place}: {answer}",
        f"{place}: {revision}",
        "every answer must name its revision (K_REVISION in the container), errors, redirects and "
        "the WebSocket handshake included; or something else answered in the container's place. "
        "Waiting would not change it: for answers that a framework gives by itself, make identity "
        "a list that ends with {request_log: true}",
    )
