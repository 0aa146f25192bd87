"""How a service stands now."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from gate.core.annotation import UnreadableAnnotation
from gate.core.denylist import against, denylist_of, image_of, why
from gate.core.lease import LeaseState, lease_state
from gate.core.policy import Json
from gate.core.recorded import spoken_words
from gate.core.rescue import NextStep, by_hand, next_step, roll_out, stuck
from gate.core.service import ConditionState, Revision, Service
from gate.core.state import Ending
from gate.report.attempts import Attempt, attempts
from gate.report.audit import attempt_list
from gate.report.columns import Column
from gate.report.fields import child, children, text
from gate.report.lease import denylist_lines, lease_lines, unfinished_means
from gate.report.lines import BLANK, Block, Cell, Grid, Line, Tone, plain
from gate.report.rules import in_effect, stopped_lines
from gate.report.safe import WHOLE, safe
from gate.report.words import many, moment, service_text, shares_now, shares_text

REVISIONS_MAX = 10
DECISIONS_MAX = 5
COLUMNS = (
    Column("revision", 20),
    Column("traffic", 7),
    Column("tags", 9),
    Column("state", 9),
    Column("created (UTC)", 16),
    Column("image", 10),
)


def status_lines(
    service: Service,
    revisions: Sequence[Revision],
    latest_entries: Sequence[dict[str, Json]],
    now: datetime,
    width: int = 100,
    unread: str = "",
) -> list[str]:
    """The next command if there is one, then traffic, who is at work, revisions, decisions.

    Args:
        service: as it was just read.
        revisions: newest first.
        latest_entries: entries of the ledger, newest first.
        now: the time, to tell a lease that runs from one that has run out.
        width: columns.
        unread: what to say in the place of decisions that could not be read, "" where they were.
    """
    return plain(status_blocks(service, revisions, latest_entries, now, width, unread), width)


def status_blocks(
    service: Service,
    revisions: Sequence[Revision],
    latest_entries: Sequence[dict[str, Json]],
    now: datetime,
    width: int,
    unread: str = "",
) -> list[Block]:
    """The same before it is drawn."""
    decided = attempts(latest_entries)[:DECISIONS_MAX]
    blocks: list[Block] = [*stopped_lines(service)]
    if set_aside := [*in_effect(latest_entries, now)]:
        blocks += [*set_aside, BLANK]
    blocks += _next(status_next(service, revisions, latest_entries, now))
    blocks += [*_service(service), *_traffic(service), *_tags(service)]
    blocks += [*lease_lines(service, now), *_held(service, revisions, decided)]
    blocks += denylist_lines(service)
    calm = lease_state(service, now) is LeaseState.FREE and service.in_effect
    plain_deploys = [*(_plain_deploys(service) if calm else ()), *_newest(service, revisions)]
    blocks += [BLANK, *plain_deploys] if plain_deploys else []
    blocks += [
        BLANK,
        Line("revisions, newest first:", Tone.HEADING),
        *_revisions(service, revisions),
    ]
    return [
        *blocks,
        BLANK,
        Line("last decisions of the gate, newest first:", Tone.HEADING),
        *(
            [Line(safe(unread))]
            if unread
            else attempt_list(decided, width, _ended(service), unfinished_means(service, now))
        ),
    ]


def unread_note(problem: str) -> str:
    """What is said of a ledger that could not be read, "" where there is no problem."""
    return f"the last decisions cannot be read: {problem}" if problem else ""


def decided(service: Service, latest_entries: Sequence[dict[str, Json]]) -> list[Attempt]:
    """The decisions of these entries; what the service itself says has ended is not unfinished."""
    ended = _ended(service)
    return [
        replace(one, known_ended=True) if one.id == ended else one
        for one in attempts(latest_entries)
    ]


def status_next(
    service: Service,
    revisions: Sequence[Revision],
    latest_entries: Sequence[dict[str, Json]],
    now: datetime,
) -> NextStep:
    """The one command that is right now, by the service itself, then by the last decision."""
    step = next_step(service, revisions, now)
    last = next(iter(attempts(latest_entries)), None)
    if step.command or last is None or lease_state(service, now) is not LeaseState.FREE:
        return step
    if candidate := _held_candidate(service, last):
        return _after_hold(candidate, service, revisions, last)
    same = last.after == shares_text(dict(sorted(service.effective_shares.items())))
    if last.ending == Ending.STUCK.value and same and not service.reconciling:
        return stuck(service, revisions)
    return step


def _after_hold(
    candidate: str, service: Service, revisions: Sequence[Revision], last: Attempt
) -> NextStep:
    """A held candidate is looked at and promoted, but for one whose image people have left."""
    bar = _bar(candidate, service, revisions) or _recorded_bar(last)
    if not bar:
        look = f"{candidate} was held; once you have looked at it yourself"
        return NextStep(by_hand("promote", service.ref, revision=candidate), look)
    another = (
        f"{candidate} is held, its image is barred: {bar}; roll out another one, or this one with "
        "--again --reason"
    )
    return NextStep(roll_out(service.ref), another)


def _bar(candidate: str, service: Service, revisions: Sequence[Revision]) -> str:
    known = {revision.name: revision for revision in revisions}
    image = image_of(candidate, service, known)
    found = against(denylist_of(service, known), candidate, image)
    return why(found) if found else ""


def _recorded_bar(last: Attempt) -> str:
    """Why the rollout itself took the image for barred, where only it could tell."""
    outcome = last.outcome or {}
    reasons = children(child(outcome, "verdict"), "reasons")
    words = spoken_words(outcome)
    found = (text(one, "text") for one, of in zip(reasons, words, strict=True) if of == "barred")
    return next(found, "")


def _next(step: NextStep) -> Iterator[Line]:
    if step.command:
        yield Line(f"next: {safe(step.why, 300)}", Tone.HEADING)
        yield Line(safe(step.command, WHOLE), indent=2, whole=True)
        yield BLANK


def _held_candidate(service: Service, last: Attempt | None) -> str:
    """The candidate that the last rollout held, while it still has a tag and no users."""
    if last is None or last.ending != Ending.HELD.value:
        return ""
    there = last.candidate in service.traffic.tags.values()
    return last.candidate if there and last.candidate not in service.effective_shares else ""


def _held(
    service: Service, revisions: Sequence[Revision], decided: Sequence[Attempt]
) -> Iterator[Line]:
    """What a held candidate costs while it keeps its tag."""
    name = _held_candidate(service, next(iter(decided), None))
    count = next((one.min_instances for one in revisions if one.name == name), 0)
    if count:
        run = f"{many(count, 'minimum instance')} of it kept running, at a cost, meanwhile"
        text = f"held:        {safe(name)}; {run}; on_hold: drop lets it go"
        yield Line(text, Tone.UNSURE, indent=2)


def _ended(service: Service) -> str:
    """Id of the rollout that wrote last and gave its lease back: it has ended, whoever says so."""
    try:
        annotation = service.rollout_annotation
    except UnreadableAnnotation:
        return ""
    return "" if annotation.holder else annotation.writer


def _service(service: Service) -> Iterator[Line]:
    yield Line(service_text(service.ref), Tone.HEADING)
    yield Line(f"url:         {safe(service.uri) or 'none yet'}", indent=2)
    if service.ready.state is ConditionState.SUCCEEDED:
        yield Line("state:       ready", Tone.GOOD, indent=2)
    else:
        tone = Tone.UNSURE if service.reconciling else Tone.BAD
        why = f" ({safe(str(service.ready), 500)})" if service.ready.message else ""
        yield Line(f"state:       {service.ready.state.value.upper()}{why}", tone, indent=2)
    by = f" by {safe(service.last_modifier)}" if service.last_modifier else ""
    at = f" at {moment(service.updated_at)}" if service.updated_at else ""
    if by or at:
        yield Line(f"last change:{by}{at}", indent=2)


def _traffic(service: Service) -> Iterator[Line]:
    desired = _meant(service)
    if service.in_effect:
        yield Line(f"traffic:     {desired} (desired and effective agree)", indent=2)
        return
    if service.reconciling and service.obeyed and not service.traffic.follows_latest:
        yield Line(f"traffic:     {desired} (in effect; Cloud Run is still at work)", indent=2)
        return
    if service.reconciling:
        text = "A CHANGE IS UNDER WAY, traffic may still move"
        yield Line(f"traffic:     {text}", Tone.UNSURE, indent=2)
    else:
        text = "DESIRED AND EFFECTIVE DIFFER, requests do not go where they should"
        yield Line(f"traffic:     {text}", Tone.BAD, indent=2)
    yield Line(f"desired:     {desired}", Tone.UNSURE, indent=2)
    yield Line(f"effective:   {shares_now(service)}", Tone.UNSURE, indent=2)


def _meant(service: Service) -> str:
    """Desired traffic, with what LATEST means now."""
    text = shares_text(service.traffic.shares)
    if not service.traffic.follows_latest:
        return text
    return f"{text}, which is {safe(service.latest_ready) or 'nothing, since none is ready'}"


def _tags(service: Service) -> Iterator[Line]:
    for tag, revision in service.traffic.tags.items():
        uri = service.tag_uri(tag)
        at = f" at {safe(uri)}" if uri else ", which has no address yet"
        yield Line(f"tag:         {safe(tag)} -> {safe(revision or 'LATEST')}{at}", indent=2)


def _plain_deploys(service: Service) -> Iterator[Line]:
    """What `gcloud run deploy` without further options would do."""
    share = service.traffic.shares.get(None, 0)
    if share:
        text = (
            f"A plain `gcloud run deploy` gets {share} % of the traffic as soon as it is ready, "
            "unprobed: traffic follows LATEST. The next `gate rollout` pins it."
        )
        yield Line(text, Tone.UNSURE)
    else:
        ref = service.ref
        yield Line(
            "A plain `gcloud run deploy` serves nobody: traffic is pinned to named revisions. "
            "The way out, if it is wanted:"
        )
        command = f"gcloud run services update-traffic {safe(ref.name)} --to-latest"
        where = f" --project {safe(ref.project)} --region {safe(ref.region)}"
        yield Line(command + where, indent=2, whole=True)


def _newest(service: Service, revisions: Sequence[Revision]) -> Iterator[Line]:
    """Why the newest revision is not what LATEST means.

    Readiness is the revision's own: one that nothing ever pointed at is ready and retired, and
    Cloud Run's latest ready revision stays the one that serves.
    """
    newest, known = service.latest_created, safe(service.latest_ready) or "none"
    if not newest or newest == service.latest_ready:
        return
    ready = any(
        one.name == newest and one.ready.state is ConditionState.SUCCEEDED for one in revisions
    )
    text = f"is not ready; the newest that is ready is {known}."
    if ready:
        text = f"is ready, but was never reached; for Cloud Run the latest ready one is {known}."
    yield Line(f"The newest revision, {safe(newest)}, {text}", Tone.UNSURE)


def _revisions(service: Service, revisions: Sequence[Revision]) -> Iterator[Block]:
    tags: dict[str, list[str]] = {}
    for tag, name in service.traffic.tags.items():
        tags.setdefault(name or service.latest_ready, []).append(safe(tag))
    shares = service.effective_shares
    shown = [
        revision
        for i, revision in enumerate(revisions)
        if i < REVISIONS_MAX or revision.name in shares or revision.name in tags
    ]
    rows = [
        _row(revision, shares.get(revision.name, 0), tags.get(revision.name, []))
        for revision in shown
    ]
    yield Grid(COLUMNS, tuple(rows), indent=2)
    for revision in shown:
        if revision.ready.state is not ConditionState.SUCCEEDED:
            text = f"{safe(revision.name)}: {safe(str(revision.ready), 500)}"
            yield Line(text, Tone.UNSURE, indent=2)
    if len(revisions) > len(shown):
        yield Line(f"and {len(revisions) - len(shown)} older ones", Tone.FAINT, indent=2)


def _row(revision: Revision, share: int, tags: Sequence[str]) -> tuple[Cell, ...]:
    created = f"{revision.created_at.astimezone(UTC):%Y-%m-%d %H:%M}" if revision.created_at else ""
    state, tone = _STATES.get(revision.ready.state, ("not ready yet", Tone.UNSURE))
    return (
        Cell(safe(revision.name)),
        Cell(f"{share} %", Tone.GOOD if share else Tone.FAINT),
        Cell(", ".join(tags) or "-"),
        Cell(state, tone),
        Cell(created or "-"),
        Cell(_short(safe(revision.image)) or "-"),
    )


_STATES = {
    ConditionState.SUCCEEDED: ("ready", Tone.GOOD),
    ConditionState.FAILED: ("NOT READY", Tone.BAD),
}


def _short(image: str) -> str:
    """An image's last part, its digest cut to what people compare."""
    name, at, digest = image.rpartition("/")[2].partition("@sha256:")
    return f"{name}{at}{digest[:12]}"
