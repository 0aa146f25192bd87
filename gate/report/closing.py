"""How a rollout ended: traffic before and after, what became of the candidate, the way on."""

from collections.abc import Iterator, Sequence

from gate.core.rescue import roll_out
from gate.core.service import Service, ServiceRef
from gate.core.state import Ending, Kind, Rollout
from gate.report.gcloud import instead
from gate.report.lines import Line, Tone
from gate.report.safe import WHOLE, safe
from gate.report.sockets import sockets_lines
from gate.report.words import (
    ending_tone,
    exit_meaning,
    flags,
    many,
    shares_before,
    shares_now,
    shares_text,
)


def traffic_lines(rollout: Rollout) -> list[Line]:
    """Traffic before and after, loudly where what is asked for is not in effect."""
    if rollout.service is None:
        return [Line("traffic: unknown, since the service could not be read", Tone.UNSURE)]
    before = Line(f"traffic before: {shares_before(rollout)}") if rollout.before else None
    after = _after(rollout.service, "traffic after:  " if before else "traffic: ")
    lines = (before, *after, *sockets_lines(rollout), *_candidate(rollout))
    return [line for line in lines if line]


def ending_lines(rollout: Rollout) -> list[Line]:
    """How it ended, the exit code and its meaning, and where to read it again."""
    ending = rollout.ending
    code = int(rollout.exit_code)
    word = ending.value if ending and rollout.ended else "left half-way, since it was told twice"
    lines = [Line(f"ended: {word}{_what(rollout)}", ending_tone(word))]
    lines.append(Line(f"exit code: {code} ({exit_meaning(code)})"))
    if rollout.recorded:
        show = f"gate audit show {safe(rollout.id)} {flags(rollout.plan.service)}"
        lines += [Line(f"recorded as {safe(rollout.id)}"), Line(show, indent=2)]
    else:
        text = f"NOT RECORDED: the ledger has no outcome of {safe(rollout.id)}"
        lines.append(Line(text, Tone.BAD))
    return [*lines, *(_way_out(rollout.way_out) or _around(rollout) or _next(rollout))]


def _around(rollout: Rollout) -> list[Line]:
    """The way round a gate that does not get through; [] where it did, or nothing was to move."""
    what, command = instead(rollout.plan, rollout.candidate)
    if rollout.ending is not Ending.FAILED or not command:
        return []
    return [Line(f"next: {what}"), Line(command, indent=2, whole=True)]


def _way_out(commands: Sequence[str]) -> list[Line]:
    """What the core has found to lead on from here, the best first; [] where it has nothing."""
    shown = [Line(safe(one, WHOLE), indent=2, whole=True) for one in commands]
    return [Line("next: what leads on from here, the likeliest first"), *shown] if shown else []


def _after(service: Service, label: str) -> Iterator[Line]:
    if service.in_effect:
        text = f"{label}{shares_now(service)} (desired and effective agree)"
        yield Line(text)
        return
    yield Line(f"{label}DESIRED AND EFFECTIVE DIFFER", Tone.BAD)
    yield Line(f"desired: {shares_text(service.traffic.shares)}", Tone.BAD, indent=2)
    yield Line(f"effective: {shares_now(service)}", Tone.BAD, indent=2)
    if service.reconciling:
        yield Line("a change is still under way", Tone.BAD, indent=2)


def _candidate(rollout: Rollout) -> Iterator[Line]:
    """What became of the candidate, while it is one."""
    service = rollout.service
    if not rollout.asks_first or rollout.placed is None or service is None:
        return
    role = "candidate" if rollout.plan.kind is Kind.ROLLOUT else "target"
    share = service.effective_shares.get(rollout.candidate, 0)
    revision = rollout.revisions.get(rollout.candidate)
    image = f" ({safe(revision.image)})" if revision and revision.image else ""
    name = _tag(rollout)
    tag = f", tag {safe(name)}" if name else ""
    url = f" at {safe(_address(rollout, name))}" if name and rollout.url else ""
    exists = "" if revision else ", which was never seen"
    yield Line(f"{role}: {safe(rollout.candidate)}{image} {share} %{tag}{url}{exists}")


def _what(rollout: Rollout) -> str:
    name = safe(rollout.candidate)
    match rollout.ending:
        case Ending.PROMOTED | Ending.ROLLED_BACK:
            return f": {name} gets all the traffic"
        case Ending.REVERTED:
            return f": traffic could not be moved to {name} and was moved back"
        case Ending.REGRESSED:
            return f": {name} failed with users on it, and traffic is back"
        case Ending.RECOVERED if rollout.plan.force:
            return ": the lease is free, and what its holder did is taken back"
        case Ending.RECOVERED:
            return ": what a dead rollout left is taken back"
        case Ending.BUSY:
            return ": nothing was changed"
        case Ending.REJECTED | Ending.HELD | Ending.INTERRUPTED if _at_zero(rollout):
            return f": {name} gets no users' traffic"
        case _:
            return ""


def _at_zero(rollout: Rollout) -> bool:
    """Whether there is a candidate, and nobody's request goes there."""
    service = rollout.service
    if not rollout.asks_first or rollout.placed is None or service is None:
        return False
    return not service.effective_shares.get(rollout.candidate)


def _next(rollout: Rollout) -> Iterator[Line]:
    """What whoever reads this may do, as commands where there are any."""
    service = rollout.plan.service
    match rollout.ending:
        case None:
            yield Line("next: see where traffic is")
            yield _command(f"status {flags(service)}")
        case Ending.STUCK if rollout.first:
            yield Line("next: mend it and roll out again; there is no revision to go back to")
            yield Line(safe(roll_out(service), WHOLE), indent=2, whole=True)
        case Ending.STUCK:
            yield Line("next: see where traffic is, then move it to a revision that you trust")
            yield _command(f"status {flags(service)}")
            yield _command(f"rollback --to {_harbour(rollout)} {_by_hand(service)}")
        case Ending.HELD if _keeps_tag(rollout):
            name = safe(rollout.candidate)
            yield Line("next: roll out again; or look at the candidate yourself, then")
            yield _command(f"promote --revision {name} {_by_hand(service)}")
            yield from _running(rollout)
        case Ending.REJECTED | Ending.REGRESSED if rollout.plan.kind is Kind.ROLLOUT:
            yield Line("next: mend it and roll out again; nothing has to be undone")
        case Ending.REJECTED if rollout.plan.kind is Kind.ROLLBACK:
            yield Line("next: name another revision with --to, or go back unasked with --no-probe")
        case Ending.BUSY:
            yield Line("next: wait for it (--wait 10m), or see who it is")
            yield _command(f"status {flags(service)}")
        case _:
            return


def _by_hand(service: ServiceRef) -> str:
    return f'{flags(service)} --reason "..." --yes'


def _running(rollout: Rollout) -> Iterator[Line]:
    """What a held candidate costs while it waits at its tag."""
    revision = rollout.revisions.get(rollout.candidate)
    count = revision.min_instances if revision else 0
    if count:
        text = (
            f"{many(count, 'minimum instance')} of it kept running meanwhile, at a cost; "
            "on_hold: drop in the policy lets a held candidate go"
        )
        yield Line(text, Tone.UNSURE)


def _command(arguments: str) -> Line:
    return Line(f"gate {arguments}", indent=2, whole=True)


def _keeps_tag(rollout: Rollout) -> bool:
    return bool(rollout.url and _tag(rollout))


def _tag(rollout: Rollout) -> str:
    """The gate's own tag on the candidate: where it was asked, or where it is kept; "" if none."""
    tags = rollout.service.traffic.tags if rollout.service else {}
    ours = filter(None, (rollout.plan.kept_as, rollout.plan.tag))
    return next((tag for tag in ours if tags.get(tag) == rollout.candidate), "")


def _address(rollout: Rollout, tag: str) -> str:
    """The candidate's own address now, which is another one than while it was asked."""
    assert rollout.service is not None
    return rollout.service.tag_uri(tag).rstrip("/") or rollout.url


def _harbour(rollout: Rollout) -> str:
    """The revision to go to by hand: the target of a rollback, else what served before."""
    if rollout.plan.kind is Kind.ROLLBACK and rollout.candidate:
        return safe(rollout.candidate)
    before = rollout.placed or rollout.before
    return safe((before.sole_revision if before else None) or "REVISION")
