"""A recorded visit as questions: its journeys, what they need, and what is left out of them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gate.core.questions import Json
from gate.core.recording import Form
from gate.core.recording import Sample as Answer
from gate.core.redaction import Redactor
from gate.core.visits import Play
from gate.drafting.draft import Question
from gate.drafting.expectations import SLOWER, limit_s
from gate.drafting.har.choosing import choose
from gate.drafting.har.exchange import Exchange
from gate.drafting.har.expecting import held
from gate.drafting.har.flows import Flows, flows_of
from gate.drafting.har.journeys import Journey, Planned, cleaning, skeleton, with_expect
from gate.drafting.har.outside import Outside, outside_of
from gate.drafting.har.paging import next_pages
from gate.drafting.har.plan import plan
from gate.drafting.har.queries import Course
from gate.drafting.har.requests import FORM, JSON, QUERY, templates_in
from gate.drafting.har.samples import Reading, Sample

SHOWN_MAX = 3
"""Most methods and paths that a remark names."""
_TYPED_MIN = 3
_TEXT_MAX = 200


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a visit comes to.

    Attributes:
        host: whose requests were taken.
        asked: how many requests the visit has.
        exchanges: those that steps were made of.
        left_out: what is not in it, with the reason.
    """

    host: str
    asked: int
    exchanges: tuple[Exchange, ...]
    journeys: tuple[Journey, ...]
    flows: Flows
    outside: Outside
    left_out: tuple[tuple[str, str], ...]

    @property
    def made(self) -> Mapping[str, str]:
        """Secrets that were given a name here and are needed, with their environment variables."""
        needed = self.needs
        return {name: env for name, env in self.outside.made.items() if name in needed}

    @property
    def needs(self) -> frozenset[str]:
        """Names that the steps use, of captures and of secrets."""
        return frozenset().union(*(one.needs for one in self.journeys))

    def with_journeys(
        self, journeys: Iterable[Journey], left_out: Iterable[tuple[str, str]]
    ) -> "Drawn":
        """The same with other journeys, and with more that is left out."""
        kept = tuple(one for one in journeys if one.steps)
        return replace(self, journeys=kept, left_out=(*self.left_out, *left_out))

    def summary(self) -> Iterator[str]:
        """What became of the visit, a line each."""
        steps = sum(len(one.steps) + len(one.always) for one in self.journeys)
        count = len(self.journeys)
        yield (
            f"{self.asked} requests of the visit, recorded on {self.host}, became {steps} steps "
            f"in {count} journey{'' if count == 1 else 's'}"
        )
        captures = [
            name for journey in self.journeys for one in journey.steps for name in one.captures
        ]
        if captures:
            yield f"captured: {', '.join(captures)}"
        for name, env in self.made.items():
            yield f"secret {name}: from the environment variable {env}"


def draw(
    exchanges: Sequence[Exchange],
    hosts: Iterable[str],
    known: Mapping[str, str],
    *,
    fresh: bool = True,
) -> Drawn:
    """The journeys of a visit.

    Args:
        exchanges: all of it.
        hosts: those that the service is known by.
        known: values of secrets that have a name, by name.
        fresh: whether texts that somebody typed are to be new each time.
    """
    chosen = choose(exchanges, hosts)
    flows = flows_of(chosen.exchanges, known)
    outside = outside_of(chosen.exchanges, flows, known, fresh=fresh)
    journeys, left_out = plan(chosen.exchanges, flows, outside)
    return Drawn(
        chosen.host,
        len(exchanges),
        chosen.exchanges,
        tuple(one for one in journeys if one.steps),
        flows,
        outside,
        (*chosen.left_out, *left_out, *_unsigned(chosen.exchanges)),
    )


def _unsigned(exchanges: Sequence[Exchange]) -> Iterator[tuple[str, str]]:
    """What is said of cookies that no answer of the visit gave: nobody can send them again."""
    given: set[str] = set()
    strange: set[str] = set()
    for one in exchanges:
        sent = (pair.partition("=")[0].strip() for pair in one.header("cookie").split(";"))
        strange |= {name for name in sent if name and name not in given}
        for name, value in one.answer.headers:
            if name == "set-cookie":
                given.add(value.partition("=")[0].strip())
    if strange:
        some = ", ".join(sorted(strange)[:SHOWN_MAX])
        yield f"cookies ({some})", "were there before the visit: record signing in, too"


def bare(journey: Journey) -> Question:
    """A journey with the statuses that the visit saw, to be played."""
    return _question(journey, (), [skeleton(one) for one in journey.steps], {})


def question(
    drawn: Drawn,
    journey: Journey,
    plays: Sequence[Play],
    folder: str,
    start_s: float | None = None,
) -> Question:
    """A journey with all that its answers can be held to.

    Args:
        drawn: what it is of.
        journey: one of its journeys.
        plays: of exactly its steps; none where it was not played.
        folder: of the schema files, below the policy's own.
        start_s: how long an instance takes to start, None where nobody knows.
    """
    writing = _Writing(drawn, journey, plays)
    pages = next_pages(journey.steps, [*map(writing.samples, range(len(journey.steps)))])
    steps: list[dict[str, Json]] = []
    schemas: dict[str, Json] = {}
    for at, one in enumerate(journey.steps):
        path = f"{folder}/{journey.name}-{at + 1}.json"
        found = held(one, writing.samples(at), writing.course(at), path)
        shape = found.schemas.get(path)
        same = next((name for name, known in schemas.items() if known == shape), path)
        if shape is not None:
            found.expect["schema"] = same
            schemas[same] = shape
        if at in pages.absent:
            others = found.expect.get("absent_text")
            found.expect["absent_text"] = [*([others] if others else []), pages.absent[at]]
        captures = {**one.captures, **pages.captures.get(at, {})}
        steps.append(with_expect(replace(one, captures=captures), found.expect))
    told = _question(journey, [*_remarks(journey, plays)], steps, schemas)
    within_s = _limit_s(plays, start_s)
    return told if within_s is None else _within(told, within_s)


def _limit_s(plays: Sequence[Play], start_s: float | None) -> int | None:
    """How long each answer may take, None for the default."""
    took_s = (seen.took_s for play in plays for seen in play.answers)
    answers = [Answer(0, (), Form.EMPTY, took_s=max(took_s, default=0.0))] if plays else []
    return limit_s(answers, start_s)


def _within(told: Question, within_s: int) -> Question:
    journey = told.ask["journey"]
    assert isinstance(journey, dict)
    return replace(told, ask={"journey": {"timeout": f"{within_s}s", **journey}})


def _question(
    journey: Journey,
    remarks: Sequence[str],
    steps: Sequence[dict[str, Json]],
    schemas: Mapping[str, Json],
) -> Question:
    ask: dict[str, Json] = {**SLOWER, "steps": [*steps]}
    if journey.always:
        ask["always"] = [cleaning(one) for one in journey.always]
    return Question(journey.name, tuple(remarks), {"journey": ask}, {}, schemas)


def _remarks(journey: Journey, plays: Sequence[Play]) -> Iterator[str]:
    yield "A visit that somebody recorded: " + (
        "what was the same in the visit and in two runs on stable is held to."
        if plays
        else "not run on stable yet, so that little more than statuses and shapes is held to."
    )
    if journey.writes:
        some = ", ".join(journey.writes[:SHOWN_MAX])
        more = " and others" if len(journey.writes) > SHOWN_MAX else ""
        yield (
            f"It changes something ({some}{more}), so that stable is not asked beside the "
            "candidate. With `stable_writes: true` it is, and writes among users' data."
        )


class _Writing:
    """The answers to each step of a journey, and what is known by then."""

    def __init__(self, drawn: Drawn, journey: Journey, plays: Sequence[Play]) -> None:
        self._drawn = drawn
        self._steps = journey.steps
        self._plays = plays
        self._redactor = Redactor({})
        secrets = {*drawn.outside.secrets.values()}
        names = {value: f"${{{name}}}" for name, value in drawn.flows.values.items()}
        self._secrets = secrets
        self._readings = [
            Reading({**names, **drawn.outside.fresh}, secrets),
            *(self._reading(play) for play in plays),
        ]
        self._listing = frozenset(
            one.exchange.path
            for at, one in enumerate(journey.steps)
            if any(sample.page.items for sample in self.samples(at) if sample.is_html)
        )
        self._showed = frozenset(
            one.exchange.path
            for at, one in enumerate(journey.steps)
            if any(sample.shows_new for sample in self.samples(at))
        )

    def _reading(self, play: Play) -> Reading:
        names = {value: f"${{{name}}}" for name, value in play.captured.items()}
        return Reading({**names, play.nonce: "${nonce}"}, self._secrets)

    def samples(self, at: int) -> list[Sample]:
        """The answers to one step; the one of the visit is the first."""
        seen = [self._steps[at].exchange.answer, *(play.answers[at] for play in self._plays)]
        return [Sample(one, how) for one, how in zip(seen, self._readings, strict=True)]

    def course(self, at: int) -> Course:
        """What is known at a step."""
        before = self._steps[:at]
        made = any("${nonce}" in templates_in(one.request) for one in before if one.exchange.writes)
        return Course(
            frozenset(name for one in before for name in one.captures),
            frozenset(self._typed(self._steps[: at + 1])),
            frozenset(_written(self._steps[: at + 1])),
            self._listing,
            self._showed if made else frozenset(),
            self._clean,
            bool(self._plays),
        )

    def _typed(self, steps: Iterable[Planned]) -> Iterator[str]:
        numbers = {one.number for one in steps}
        templates: Collection[object] = self._drawn.outside.templates
        for place, value in self._drawn.flows.typed:
            sent = value.place in (FORM, JSON, QUERY) and place not in templates
            if place[0] in numbers and sent and len(value.text) >= _TYPED_MIN:
                yield value.text

    def _clean(self, text: str) -> bool:
        """Whether a text may be written into a policy."""
        plain = text.isprintable() and len(text) <= _TEXT_MAX
        shown = any(one in text for one in self._secrets if len(one) > 1)
        return plain and not shown and self._redactor.text(text) == text


def _written(steps: Sequence[Planned]) -> Iterator[str]:
    """Paths at which a journey changes something, and where it is led from there."""
    for one in steps:
        if one.exchange.writes:
            yield one.exchange.path
            yield one.exchange.local(one.exchange.answer.header("location")).partition("?")[0]
