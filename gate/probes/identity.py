"""Whose answer it is: only what the revision that is to be judged says counts as evidence.

A tag that is moved keeps its address, and until every front end follows, the revision that had the
tag before answers there. A policy's identity rule says how an answer names the revision that gave
it. An answer from another one says nothing of the candidate, and the question is asked again
(frontend.Patience); one that names nobody proves nothing either.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gate.core.evidence import Outcome, Symptom
from gate.core.policy import IdentityRule
from gate.probes.outcome import Fault


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why an answer is no evidence.

    Attributes:
        other: whether another revision gave it; else it names nobody.
    """

    fault: Fault
    other: bool


class Identity:
    """Whose answers count: one for a whole run.

    Args:
        rule: how an answer proves which revision gave it; None where any answer will do.
        revision: the one that must answer; "" where nobody knows its name, and any will do.

    Attributes:
        header: name of the header that every answer must carry, "" for none.
        path: what is asked beside the probes, "" for nothing.
        field: where the JSON answer has the name.
        revision: the one that must answer.
    """

    def __init__(self, rule: IdentityRule | None = None, revision: str = "") -> None:
        known = rule if revision else None
        self.header = known.header if known else ""
        self.path = known.path if known else ""
        self.field = known.field if known else ""
        self.revision = revision
        self._last_other = ""

    @property
    def place(self) -> str:
        """Where an answer has the name, in words."""
        return self.header or f"{self.field} in {self.path}"

    def name_in(self, header: Callable[[str], str | None]) -> str:
        """The revision that an answer's headers name; "" for none, or where no header is asked for.

        Args:
            header: gives the value of a header, None where it is not there.
        """
        return (header(self.header) or "").strip() if self.header else ""

    def doubt(self, name: str, answer: str, wrong: Fault | None = None) -> Doubt | None:
        """Why an answer is no evidence; None if the right revision gave it.

        Args:
            name: the revision that it names, "" for none.
            answer: the answer in a few words.
            wrong: what else is wrong with it. A redirect that names nobody is still told as what it
                is, since it often comes from something in front of the container.
        """
        if name == self.revision:
            self._last_other = ""
            return None
        if not name:
            if wrong and wrong.symptom is Symptom.REDIRECT:
                seen = f"{wrong.seen}, without {self.place}"
                fault = replace(wrong, seen=seen, because=Outcome.INCONCLUSIVE)
                return Doubt(fault, other=False)
            return Doubt(_nameless(self.place, self.revision, answer), other=False)
        self._last_other = name
        return Doubt(_other(name, self.revision, answer), other=True)

    def unanswered(self, fault: Fault) -> Fault:
        """A failure that came without an answer of any container, and so without a name.

        Whoever was asked is taken to be the right revision, unless another one answered last: then
        it may as well have been that one again.
        """
        if not self._last_other or fault.outcome is not Outcome.FAILED:
            return fault
        hint = f"another revision, {self._last_other}, answered here just before: nobody knows"
        return replace(fault, because=Outcome.INCONCLUSIVE, hint=f"{hint} which one was asked")


def _other(name: str, revision: str, answer: str) -> Fault:
    return Fault(
        Symptom.IDENTITY,
        f"an answer from another revision, {name}: {answer}",
        f"one from {revision}",
        "the front end still sends this address to the revision that had the tag before, or "
        "something on the way keeps old answers: run the gate again",
    )


def _nameless(place: str, revision: str, answer: str) -> Fault:
    return Fault(
        Symptom.IDENTITY,
        f"an answer without {place}: {answer}",
        f"{place}: {revision}",
        "every answer must name its revision (K_REVISION in the container), errors, redirects and "
        "the WebSocket handshake included; or something else answered in the container's place",
    )
