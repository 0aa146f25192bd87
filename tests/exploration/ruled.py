"""What must hold of rules for people on every arrow: approvals, freezes, a stopped line."""

from collections.abc import Callable, Iterator

from gate.core.lease import stopped_on
from gate.core.messages import Interrupted, Seen
from gate.core.state import Ending, Kind, Phase
from tests.exploration.explore import Arrow
from tests.exploration.people import approved, frozen, set_aside, waits_until

FORWARD = {Kind.ROLLOUT, Kind.PROMOTE}


def _goes_forward(arrow: Arrow) -> bool:
    """Whether the write that follows is one that rules may hold: it deploys, places or promotes."""
    r = arrow.after.rollout
    places = r.phase in {Phase.DEPLOYING, Phase.TAGGING, Phase.MOVING}
    return arrow.write is not None and places and r.plan.kind in FORWARD


def users_are_never_moved_without_the_approvals_that_are_asked_for(arrow: Arrow) -> None:
    """Each look must say so anew: what an earlier one said may have been taken back."""
    r, event = arrow.after.rollout, arrow.event
    if r.plan.approve and r.phase is Phase.MOVING and _goes_forward(arrow) and not r.stepped:
        assert isinstance(event, Seen)
        assert approved(event) or set_aside(r, "approve", event.at)


def nothing_goes_forward_while_it_is_frozen_or_stopped(arrow: Arrow) -> None:
    if _goes_forward(arrow):
        assert not set(_holding(arrow))


def _holding(arrow: Arrow) -> Iterator[str]:
    r, at = arrow.after.rollout, arrow.event.at
    assert r.service is not None
    if frozen(r, at) and not set_aside(r, "freeze", at):
        yield "freeze"
    if stopped_on(r.service) and not set_aside(r, "stop", at):
        yield "stop"


def what_was_set_aside_is_told(arrow: Arrow) -> None:
    """Whoever moves users, or deploys, against a rule is named with it in the record."""
    r, event = arrow.after.rollout, arrow.event
    if not _goes_forward(arrow) or not isinstance(event, Seen):
        return
    broken = {"freeze": frozen(r, event.at), "stop": stopped_on(event.service) is not None}
    asks = r.phase is Phase.MOVING and not r.stepped and r.plan.approve is not None
    broken["approve"] = asks and not approved(event)
    for rule in (rule for rule, holds in broken.items() if holds):
        assert rule in r.overrode
        assert any(note.startswith(f"OVERRIDDEN: {rule} ") for note in r.notes)


def a_wait_for_approvals_never_goes_on_beyond_its_limit(arrow: Arrow) -> None:
    before, after = arrow.before.rollout, arrow.after.rollout
    if before.phase is after.phase is Phase.CONFIRMING and after.awaiting_since:
        assert arrow.event.at < waits_until(after)
        assert before.awaiting_since in {None, after.awaiting_since}


def only_who_lacks_nothing_but_approvals_waits(arrow: Arrow) -> None:
    r, event = arrow.after.rollout, arrow.event
    if r.phase is Phase.CONFIRMING and r.awaiting_since and isinstance(event, Seen):
        assert r.plan.approve
        assert not r.stepped
        waits_first = arrow.before.rollout.phase is not Phase.CONFIRMING
        assert waits_first or not (approved(event) or set(_holding(arrow)))


def an_interrupted_wait_ends(arrow: Arrow) -> None:
    if arrow.before.rollout.phase is Phase.CONFIRMING and isinstance(arrow.event, Interrupted):
        assert arrow.after.rollout.phase is not Phase.CONFIRMING
    assert not (arrow.after.interrupted and arrow.after.rollout.phase is Phase.CONFIRMING)


def what_rules_hold_gets_no_users(arrow: Arrow) -> None:
    """Held by a rule while it has some: they go back, whatever the rule."""
    before, after = arrow.before.rollout, arrow.after.rollout
    held = before.phase is Phase.CONFIRMING and after.ending is Ending.HELD
    if held and before.stepped and not before.first:
        assert after.phase is Phase.BACKING_OUT


def a_way_to_safety_is_held_by_no_rule(arrow: Arrow) -> None:
    r = arrow.after.rollout
    if r.plan.kind not in FORWARD and r.verdict is not None:
        subjects = {reason.subject for reason in r.verdict.reasons}
        assert not subjects & {"stop", "freeze", "approve", "allow", "proof", "require_signed"}


def nothing_is_asked_of_the_ledger_but_before_users_are_first_moved(arrow: Arrow) -> None:
    command, r = arrow.command, arrow.after.rollout
    since = getattr(command, "approvals_since", None)
    asks = {Kind.ROLLOUT: Phase.CONFIRMING, Kind.PROMOTE: Phase.READING}.get(r.plan.kind)
    asked = r.plan.approve is not None and r.phase is asks and not r.stepped and not r.first
    assert (since is not None) == asked


RULE_CHECKS: tuple[Callable[[Arrow], None], ...] = (
    users_are_never_moved_without_the_approvals_that_are_asked_for,
    nothing_goes_forward_while_it_is_frozen_or_stopped,
    what_was_set_aside_is_told,
    a_wait_for_approvals_never_goes_on_beyond_its_limit,
    only_who_lacks_nothing_but_approvals_waits,
    an_interrupted_wait_ends,
    what_rules_hold_gets_no_users,
    a_way_to_safety_is_held_by_no_rule,
    nothing_is_asked_of_the_ledger_but_before_users_are_first_moved,
)
