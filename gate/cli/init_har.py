"""`gate init --har`: a recorded visit, played on stable, becomes journeys of the first policy."""

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gate.api import wiring
from gate.core.policy import Policy, SecretRef
from gate.core.redaction import SHORTEST
from gate.core.secret import Secret
from gate.errors import UsageError
from gate.ports import Target

if TYPE_CHECKING:
    from gate.core.visits import Play
    from gate.drafting.draft import Draft, Question
    from gate.drafting.har.exchange import Exchange
    from gate.drafting.har.journeys import Journey
    from gate.drafting.har.visit import Drawn
    from gate.kinds.keys import Keys

TRIES_MAX = 8
"""A journey is played at most so many times without one step after the other."""
_GIVEN_UP = "too many of its steps are answered otherwise on stable"


@dataclass(frozen=True, slots=True)
class Visit:
    """A recorded visit, and what may be done with it.

    Attributes:
        values: of the secrets that were given with `--secret`, by name.
        writes: whether journeys that change something may be played.
    """

    exchanges: "tuple[Exchange, ...]"
    values: Mapping[str, Secret]
    writes: bool

    @property
    def texts(self) -> Mapping[str, str]:
        """What is looked for in the recording, so that it stands nowhere in the policy."""
        return {name: value.reveal() for name, value in self.values.items()}


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it.

    Attributes:
        questions: a journey each.
        unasked: the journeys that stable was not asked, with the reason.
        secrets: those that the journeys made necessary.
        needs: names that they use.
        lines: what became of the visit, in words.
    """

    questions: "tuple[Question, ...]" = ()
    unasked: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, SecretRef] = field(default_factory=dict)
    needs: frozenset[str] = frozenset()
    left_out: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()


def read(path: Path) -> "tuple[Exchange, ...]":
    """The requests of a HAR.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    from gate.drafting.har.reading import SIZE_MAX, read_har  # noqa: PLC0415 - only with a HAR

    where = f"--har: {str(path)!a}"
    try:
        with path.open("rb") as file:
            raw = file.read(SIZE_MAX + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(f"{where}: cannot be read (got {reason}, expected a HAR)") from None
    return read_har(raw, where)


def with_journeys(drafted: "Draft", played: Played, used: Iterable[str]) -> "Draft":
    """The draft with the journeys in it, and with the secrets that something uses.

    Args:
        drafted: without them.
        played: what came of the visit.
        used: secrets that are used elsewhere.
    """
    needed = {*used, *played.needs}
    secrets = {name: ref for name, ref in drafted.secrets.items() if name in needed}
    return replace(
        drafted,
        questions=(*drafted.questions, *played.questions),
        secrets={**secrets, **played.secrets},
        left_out=(*drafted.left_out, *played.left_out),
    )


def askable(policy: Policy, unasked: Iterable[str]) -> Policy:
    """The policy without the probes that stable is not to be asked, nor secrets they alone need."""
    from gate.kinds.keys import keys_of  # noqa: PLC0415 - lazy, as all here

    left = set(unasked)
    probes = tuple(probe for probe in policy.probes if probe.name not in left)
    names = frozenset().union(*(keys_of(probe).names for probe in probes))
    secrets = {name: ref for name, ref in policy.secrets.items() if name in names}
    return replace(policy, probes=probes, secrets=secrets)


async def play(
    visit: Visit, target: Target, folder: str, drafted: "Draft", start_s: float | None = None
) -> Played:
    """Draws the journeys of a visit, plays each twice where that may be done, and fills them in.

    Args:
        visit: the visit.
        target: stable.
        folder: of the schema files.
        drafted: what the journeys are added to.
        start_s: how long an instance takes to start, None where nobody knows.
    """
    from gate.drafting.har.visit import draw  # noqa: PLC0415

    how = (folder, start_s)
    host = target.url.partition("://")[2].partition("/")[0]
    drawn = draw(visit.exchanges, [host], visit.texts)
    played, refused = await _through(drawn, visit, target, drafted, how)
    if refused:  # perhaps what is longer by the nonce is too long there
        drawn = draw(visit.exchanges, [host], visit.texts, fresh=False)
        played, _ = await _through(drawn, visit, target, drafted, how)
    return played


async def _through(
    drawn: "Drawn", visit: Visit, target: Target, drafted: "Draft", how: tuple[str, float | None]
) -> tuple[Played, bool]:
    """What comes of the journeys, and whether any step that writes something new went wrong."""
    from gate.drafting.har.visit import question  # noqa: PLC0415

    values, missing = _values(drawn, visit.values)
    stage = _Stage(drafted, target, values)
    questions, unasked, left_out, kept = [], {}, [], []
    for journey in drawn.journeys:
        why = _unplayable(journey, missing, writes=visit.writes)
        rest: Journey = journey
        plays: Sequence[Play] = ()
        if why:
            unasked[journey.name] = why
        else:
            rest, plays, gone = await stage.rehearsed(journey)
            left_out += gone
        if rest.steps:
            kept.append(rest)
            questions.append(question(drawn, rest, plays, *how))
    final = drawn.with_journeys(kept, left_out)
    played = Played(
        tuple(questions),
        unasked,
        {name: SecretRef(env) for name, env in final.made.items()},
        final.needs,
        final.left_out,
        tuple(final.summary()),
    )
    return played, stage.refused


def _unplayable(journey: "Journey", missing: Mapping[str, str], *, writes: bool) -> str:
    """Why a journey is not played, "" where it is."""
    if lacking := sorted(missing.keys() & journey.needs):
        names = ", ".join(f"{name} ({missing[name]})" for name in lacking)
        return f"not set in the environment: {names}"
    if journey.writes and not writes:
        return f"it changes something ({journey.writes[0]}); --writes or --url allows that"
    return ""


def _values(
    drawn: "Drawn", given: Mapping[str, Secret]
) -> tuple[dict[str, Secret], dict[str, str]]:
    """The values of secrets, and the variables of those that are not set, by name."""
    values: dict[str, Secret] = dict(given)
    missing: dict[str, str] = {}
    for name, env in drawn.made.items():
        value = os.environ.get(env, "").strip()
        if len(value) >= SHORTEST and value.isprintable():
            values[name] = Secret(value)
        else:
            missing[name] = env
    return values, missing


class _Stage:
    """Plays journeys on stable.

    Attributes:
        refused: whether a step went wrong that sends something new.
    """

    def __init__(self, drafted: "Draft", target: Target, values: Mapping[str, Secret]) -> None:
        from gate.probes.journey.playing import Player  # noqa: PLC0415 - lazy, as all here

        self._drafted = drafted
        self._values = values
        self.refused = False
        self._player = Player(target, values, wiring.SystemClock())

    async def rehearsed(
        self, journey: "Journey"
    ) -> "tuple[Journey, Sequence[Play], list[tuple[str, str]]]":
        """The journey without steps that go wrong, two plays of it, and what was left out."""
        gone: list[tuple[str, str]] = []
        plays: list[Play] = []
        for _ in range(TRIES_MAX):
            played = await self._player.play(self._spec(journey))
            if any(played.cleaned) and played.at < 0:
                why = next(filter(None, played.cleaned))
                gone.append((f"{journey.name}: cleaning up", why))
                journey, plays = journey.without_always(), []
            elif played.at < 0:
                plays.append(played)
            else:
                wrong = journey.steps[min(played.at, len(journey.steps) - 1)]
                gone.append((f"{journey.name}: {wrong.label}", played.fault))
                self.refused = self.refused or wrong.sends_new
                if wrong.needs & self._values.keys() and wrong.exchange.writes:
                    return replace(journey, steps=()), (), gone
                journey, plays = journey.without(wrong.number), []
            if len(plays) == 2 or not journey.steps:
                return journey, plays, gone
        return replace(journey, steps=()), (), [*gone, (journey.name, _GIVEN_UP)]

    def _spec(self, journey: "Journey") -> "Keys":
        """The journey as a policy reads it: through a file, as any other."""
        from gate.drafting.har.visit import bare  # noqa: PLC0415
        from gate.drafting.writing import write_draft  # noqa: PLC0415
        from gate.kinds.keys import keys_of  # noqa: PLC0415
        from gate.policyfile import load_policy  # noqa: PLC0415

        secrets = {name: SecretRef("UNUSED") for name in self._values if name in journey.needs}
        alone = replace(self._drafted, questions=(bare(journey),), secrets=secrets, left_out=())
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "visit.yaml"
            write_draft(alone, path, force=False)
            return keys_of(load_policy(path).probes[0])
