"""What people ask for by hand: towards the revision that a promotion or a rollback means."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from gate.core.denylist import against, denylist_of
from gate.core.rescue import by_hand, mend, roll_out
from gate.core.rules import against_rules
from gate.core.service import ConditionState, Revision, Service
from gate.core.stable import WayBack, irreversible_between, way_back
from gate.core.state import Ending, Kind, Phase, Plan, Rollout
from gate.core.tagging import pinned_tags, without_their_tag
from gate.core.traffic import Split, tag_problem
from gate.core.transitions import again, ending_of, finish, noted
from gate.core.verdict import unready

FLOATING_MAX = 8
"""Most settings that are named one by one."""
ENDS_MIN = 3
SHORT = 6
"""Characters of a name's end that may stand for it, and of a name that is short."""
TAGS = ("rollback", "back", "b")
"""Tags at which the target of a rollback is asked, if it is asked: the first that fits."""


def tag_for(service: str) -> str:
    """The tag of a rollback that fits beside the service's name; the shortest if none does."""
    return next((tag for tag in TAGS if not tag_problem(tag, service)), TAGS[-1])


def meant(name: str, names: Iterable[str]) -> str:
    """`: did you mean A or B?` where a name is close to some that exist, else ""."""
    close = alike(name, names)
    return f": did you mean {' or '.join(close)}?" if close else ""


def alike(name: str, names: Iterable[str]) -> list[str]:
    """The names that are spelt most like this one, the closest first, two at most.

    Also those that end in it, as people say a revision's name in short.
    """
    import difflib  # noqa: PLC0415 - only where a name is wrong

    known, said = tuple(names), name.rpartition("/")[2].lower()
    ends = [one for one in known if len(said) >= ENDS_MIN and one.endswith(f"-{said}")]
    cutoff = 0.7 if len(said) > SHORT else 0.6  # two letters of three in a row
    return (ends or difflib.get_close_matches(said, known, n=2, cutoff=cutoff))[:2]


def warnings(plan: Plan, service: Service, target: Revision, at: datetime) -> tuple[str, ...]:
    """What somebody who goes to this revision by hand must know before.

    That people or the gate have turned it down, and what of its settings has moved on since.
    """
    about = f"{target.name} ({_what(target, at)})"
    said = tuple(f"{about} {why}" for why in _against(plan, service, target))
    if plan.kind is not Kind.ROLLBACK or not target.floating:
        return said
    names = ", ".join(target.floating[:FLOATING_MAX])
    more = len(target.floating) - FLOATING_MAX
    rest = f" and {more} more" if more > 0 else ""
    text = f"what does not go back: {names}{rest} (the latest version of a secret, as it is today)"
    return (*said, text)


def _against(plan: Plan, service: Service, target: Revision) -> Iterator[str]:
    denylist = denylist_of(service, {target.name: target})
    denied = against(denylist, target.name, target.digest or target.image)
    if denied is not None:
        why = f": {denied.reason}" if denied.reason else ""
        yield f"is barred: {denied.actor or 'somebody'} moved users away from it{why}"
    for name, verdict in plan.past.against:
        if name == target.name:
            yield verdict


def _what(target: Revision, at: datetime) -> str:
    image = target.image or "image unknown"
    age = f", {_age(at - target.created_at)} old" if target.created_at else ""
    return f"{image}{age}"


def _age(span: timedelta) -> str:
    hours = int(span.total_seconds() // 3600)
    minutes = max(int(span.total_seconds() // 60), 0)
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h" if hours else f"{minutes} min"


def plan_promotion(r: Rollout, service: Service, at: datetime) -> Rollout:
    """READING, seen, for a promotion: by name, or whatever has the candidate's tag."""
    name = r.plan.revision or service.traffic.tags.get(r.plan.tag) or ""
    if not name:
        known = meant(r.plan.tag, service.traffic.tags)
        tag = f"no revision has the tag {r.plan.tag!r}{known}"
        note = f"{service.ref}: {tag}{';' if known else ':'} name one with --revision"
        return finish(r, Ending.REFUSED, note)
    return _towards(r, service, name, at)


def plan_rollback(r: Rollout, service: Service, at: datetime) -> Rollout:
    """READING, seen, for a rollback: by name, or back the way that led here."""
    plan = r.plan
    name = plan.revision
    if not name:
        way = way_back(service, plan.revisions, plan.past)
        if not way.revision:
            return _no_way(r, service, way)
        name = way.revision
        r = noted(r, f"back to {name}: {way.why}")
    marks = () if plan.cross else irreversible_between(plan.revisions, name, service)
    if marks:
        note = (
            f"{service.ref}: on the way back to {name} lies what cannot be undone "
            f"({'; '.join(marks)}): --cross --reason goes back all the same"
        )
        return finish(r, Ending.REFUSED, note)
    return _towards(r, service, name, at)


def _no_way(r: Rollout, service: Service, way: WayBack) -> Rollout:
    """Refused, with what may be meant: a rollback never goes where it only guesses."""
    silent = f" ({r.plan.past.silent})" if r.plan.past.silent else ""
    note = (
        f"{service.ref}: neither the service nor the ledger{silent} says for certain which "
        "revision served before: name one with --to"
    )
    out = _leading_on(r, service, way)
    return finish(replace(r, way_out=out), Ending.REFUSED, f"{note}; {_meant_perhaps(way)}")


def _meant_perhaps(way: WayBack) -> str:
    if way.likely:
        return "likely " + "; ".join(f"{name} ({why})" for name, why in way.likely)
    denied = "; ".join(why for _, why in way.denied)
    return f"turned down before: {denied}" if denied else "no other one is ready"


def _leading_on(r: Rollout, service: Service, way: WayBack) -> tuple[str, ...]:
    """What mends traffic that was left half done, then the likely targets; never nothing."""
    mending = mend(service, r.plan.revisions).command
    names = filter(None, (way.revision, *(name for name, _ in way.likely)))
    targets = (by_hand("rollback", service.ref, to=name) for name in names)
    out = tuple(dict.fromkeys(filter(None, (mending, *targets))))
    return out or (roll_out(service.ref, r.plan.policy_file),)


def _towards(r: Rollout, service: Service, name: str, at: datetime) -> Rollout:
    """A promotion or rollback: towards this revision, if it exists and is ready."""
    if r.candidate != name:
        if at < r.limit_at:
            return again(replace(r, candidate=name))
        return finish(r, Ending.FAILED, f"{service.ref}: where to move to kept changing")
    revision = r.revisions.get(name)
    if revision is None:
        return _missing(r, service, name)
    pinned = service.traffic.pinned(service.latest_ready)
    r = replace(r, before=service.traffic, placed=pinned, goal=None)
    r = noted(r, *warnings(r.plan, service, revision, at))
    if revision.ready.state is not ConditionState.SUCCEEDED:
        verdict = unready(name, revision.ready, ())
        return finish(r, ending_of(verdict), verdict=verdict)
    goal = _goal(r, service, name)
    if service.agrees_with(goal) and not service.traffic.follows_latest:
        return finish(r, Ending.UNCHANGED, f"{name} has 100 % of the traffic already")
    r, held = against_rules(r, service)
    if held is not None:
        return finish(r, Ending.HELD, verdict=held)
    return _tagged(r, service, name) if r.asks_first else replace(r, phase=Phase.MOVING, goal=goal)


def _missing(r: Rollout, service: Service, name: str) -> Rollout:
    """Refused: there is no such revision; one that is spelt alike is named with its command."""
    names = [one.name for one in r.plan.revisions]
    close = alike(name, names)
    if r.plan.kind is Kind.ROLLBACK:
        out = tuple(by_hand("rollback", service.ref, to=one) for one in close)
        out = out or _leading_on(r, service, way_back(service, r.plan.revisions, r.plan.past))
    else:
        out = tuple(by_hand("promote", service.ref, revision=one) for one in close)
    hint = meant(name, names) or " (`gate status` lists them)"
    note = f"{service.ref}: revision {name} does not exist{hint}"
    return finish(replace(r, way_out=out), Ending.REFUSED, note)


def _goal(r: Rollout, service: Service, name: str) -> Split:
    """All to this revision; of the tags, only the gate's own goes."""
    goal = service.traffic.moved_to(name)
    if r.plan.kind is Kind.ROLLBACK:
        return without_their_tag(service, goal)
    return goal.without_tag(r.plan.tag) if goal.tags.get(r.plan.tag) == name else goal


def _tagged(r: Rollout, service: Service, name: str) -> Rollout:
    """A rollback asks its target the policy's questions first, at a tag of the gate's own."""
    if problem := tag_problem(r.plan.tag, service.ref.name):
        unasked = by_hand("rollback", service.ref, to=name)
        return finish(replace(r, way_out=(unasked,)), Ending.REFUSED, f"{service.ref}: {problem}")
    base = without_their_tag(service, service.traffic.pinned(service.latest_ready))
    placed = base.with_tag(r.plan.tag, name)
    r = noted(r, *pinned_tags(r.plan, service))
    return replace(r, phase=Phase.TAGGING, placed=placed, reached=placed)
