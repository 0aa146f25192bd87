"""`journey`: HTTP requests in order, as somebody who uses the service makes them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Self

from gate.core import template
from gate.core.questions import Json
from gate.errors import ValueProblem
from gate.kinds import pace
from gate.kinds.collections import ListOf
from gate.kinds.forms import Text, Whole, shown
from gate.kinds.keys import Keys, Remark
from gate.kinds.kind import Kind
from gate.kinds.records import Key
from gate.kinds.steps import STEP, Step, texts_of
from gate.kinds.templates import Reading
from gate.kinds.values import Known, SomeSeconds

JOURNEYS_MAX = 100
"""Most journeys of one probe at once: each holds a connection."""
STEPS_MAX = 50


def _secrets(reading: Reading) -> frozenset[str]:
    return reading.secrets


_USER = Annotated[
    str,
    Text("the name of a secret"),
    Known(_secrets, "is not a secret of this policy", "define it under secrets"),
]


@dataclass(frozen=True, slots=True)
class JourneyProbe(Keys):
    """Requests in order, with a cookie jar and with values that later ones take from answers.

    With `users` and `times`, several journeys go on at once, step by step beside each other: what
    one user wrote, another must not see.
    """

    facts: ClassVar[Kind] = Kind(
        "journey",
        "HTTP requests in order, with cookies, as somebody who uses the service makes them",
        "gate.probes.journey.probe:ask",
        again=True,
        recalls=True,
        rank=2,
    )

    steps: Annotated[
        tuple[Step, ...],
        ListOf(item=Annotated[Step, STEP], most=STEPS_MAX),
        Key("the requests, in this order; the first answer that is wrong ends them"),
    ]
    always: Annotated[
        tuple[Step, ...],
        ListOf(item=Annotated[Step, STEP], most=STEPS_MAX),
        Key(
            "steps that clean up: made at the end whatever failed before, all of them, but for "
            "those that need what was never captured"
        ),
    ] = ()
    users: Annotated[
        tuple[str, ...],
        ListOf(item=_USER, most=JOURNEYS_MAX),
        Key("names of secrets: a journey for each of them, whose `${user}` it is, all at once"),
    ] = ()
    times: Annotated[
        int,
        Whole(low=1, high=JOURNEYS_MAX),
        Key(f"how many journeys each user makes at once; at most {JOURNEYS_MAX} in all"),
    ] = 1
    timeout_s: Annotated[SomeSeconds, Key("limit for each request")] = 10.0
    slower_percent: Annotated[
        float | None, *pace.FORMS, Key(pace.about("the answer to any step"), pace.SLOWER)
    ] = None

    def agree(self) -> None:
        """As Checked.agree."""
        count = self.journeys
        if count > JOURNEYS_MAX:
            raise ValueProblem(
                "times", f"makes too many journeys (got {count}, expected at most {JOURNEYS_MAX})"
            )

    @property
    def journeys(self) -> int:
        """How many go on at once."""
        return self.times * max(1, len(self.users))

    @property
    def asked(self) -> str:
        """As Keys.asked."""
        return f"{len(self.steps)} steps"

    @property
    def paths(self) -> tuple[tuple[str, str], ...]:
        """As Keys.paths."""
        several = (("steps", self.steps), ("always", self.always))
        return tuple((place, step.path) for place, steps in several for step in steps)

    @property
    def sessions(self) -> int:
        """As Keys.sessions."""
        return self.journeys

    @property
    def writes(self) -> bool:
        """As Keys.writes."""
        return any(step.writes for step in (*self.steps, *self.always))

    @property
    def expects(self) -> tuple[Json, ...]:
        """As Keys.expects."""
        found: list[Json] = []
        for step in (*self.steps, *self.always):
            wanted = step.expect
            found += [wanted.answer.json, [text for _, text in wanted.headers]]
            found += [*wanted.content.text]
        return tuple(found)

    @property
    def captures(self) -> frozenset[str]:
        """The names of what its steps capture."""
        return frozenset(name for step in (*self.steps, *self.always) for name in step.capture)

    @property
    def names(self) -> frozenset[str]:
        """As Keys.names: the secrets of its users, too, and no captures."""
        return (self.names_in_templates() | frozenset(self.users)) - self.captures

    def unfit(self, reading: Reading) -> Iterator[ValueProblem]:
        """As Keys.unfit: each name that a step uses must be known by then."""
        known = reading.secrets | template.BUILTINS
        for place, steps in (("steps", self.steps), ("always", self.always)):
            for number, step in enumerate(steps):
                yield from self._unfit_step(f"{place}.{number}", step, known, reading)
                known |= frozenset(step.capture)

    def _unfit_step(
        self, place: str, step: Step, known: frozenset[str], reading: Reading
    ) -> Iterator[ValueProblem]:
        own = known | frozenset(step.capture)  # what it captures, its own answer is judged after
        for key, value in texts_of(step).items():
            there = own if key == "expect" else known
            for name in sorted(template.names(value) - there):
                late = "is captured by no step before this one"
                what = late if name in self.captures else "is neither captured nor a secret"
                yield ValueProblem(
                    f"{place}.{key}",
                    f"uses ${{{name}}}, which {what}",
                    reading.guess(
                        name,
                        (there | self.captures) - {name},
                        f"capture it in a step before: capture: {{{name}: …}}",
                    ),
                )
            if template.USER in template.names(value) and not self.users:
                yield ValueProblem(
                    f"{place}.{key}",
                    "uses ${user}, but the journey has no users",
                    "name the secrets that the journeys are made with: users: [alice, bob]",
                )
        for name in step.capture:
            if name in reading.secrets | template.BUILTINS:
                yield ValueProblem(
                    f"{place}.capture.{name}",
                    f"is the name of something else already (got {shown(name)})",
                    "capture it by another name",
                )

    @property
    def slower_at_most_percent(self) -> float | None:
        """As Keys.slower_at_most_percent."""
        return self.slower_percent

    def alone(self) -> Self:
        """As Keys.alone: with nobody to be slower than."""
        return replace(self, slower_percent=None)

    def remarks(self, *, stable: bool) -> Iterator[Remark]:
        """As Keys.remarks."""
        place = f"journey.{pace.SLOWER}"
        yield from pace.without_stable(place, self.slower_percent, stable=stable)
        sent = [texts_of(step) for step in self.steps]
        used = template.names([value for texts in sent for value in texts.values()])
        if self.journeys > 1 and template.NONCE not in used:
            yield Remark(
                "journey",
                "sends no ${nonce}, so that what another user wrote would not be recognised",
                "write the nonce in what a step creates",
            )
        if self.users and template.USER not in used:
            yield Remark(
                "journey.users",
                "are named, and no step uses ${user}: all journeys are made as the same one",
                'e.g. headers: {Authorization: "Bearer ${user}"}',
            )
        every = (*self.steps, *self.always)
        later = template.names([[*texts_of(step).values()] for step in every])
        for name in sorted(self.captures - later):
            yield Remark("journey.steps", f"captures {name}, which no step uses")
