"""What holds in every state that a rollout can reach, whatever the world answers.

Each check looks at one arrow: a state, an event, and the state and the command that follow. The
exploration draws every arrow there is.
"""

import copy
import functools
from collections.abc import Callable
from dataclasses import replace

import pytest

from gate.core.annotation import RolloutAnnotation, UnreadableAnnotation
from gate.core.commands import command_of
from gate.core.denylist import left_by_others
from gate.core.evidence import SERVICE, Outcome
from gate.core.messages import CallFailed, Counted, Deploy, Probed, Seen
from gate.core.rollout import step
from gate.core.service import Service
from gate.core.state import Ending, Kind, Phase, Rollout
from gate.core.traffic import Split, Target
from gate.core.transitions import CONFLICTS_MAX
from gate.core.verdict import Decision
from gate.errors import ExitCode, IllegalEventError
from gate.kinds.logs import LogsProbe
from tests.campaign import at_length, campaign
from tests.exploration.answers import TIDYING, strangers
from tests.exploration.diagram import PAGE, Edge, page
from tests.exploration.explore import JUST_WRITTEN, Arrow, Graph, explore
from tests.exploration.ruled import RULE_CHECKS
from tests.exploration.scenes import CANDIDATE, SCENES, STABLE, TAG, Scene

OVER = {Phase.RECORDING, Phase.ENDED}
LEAVES = {Phase.UNTAGGING, Phase.REVERTING, Phase.RECOVERING}
"""Phases whose write ends a rollout, or what is left of one."""


def share(split: Split, r: Rollout) -> int:
    latest = r.service.latest_ready if r.service else ""
    return split.pinned(latest).share_of(r.candidate)


def earned(r: Rollout) -> int:
    """The percent that the evidence in hand has earned: each required probe's one clean pass.

    Where the candidate has users, a pass at their address besides, if the probe asks one.
    """
    for probe in r.plan.probes:
        mine = [item for item in r.evidence if item.probe == probe.name]
        clean = all(item.outcome is Outcome.PASSED and not item.findings for item in mine)
        live = r.stepped > 0 and not isinstance(probe.spec, LogsProbe)
        wanted = ["", SERVICE] if live else [""]
        if probe.required and not (clean and sorted(item.address for item in mine) == wanted):
            return 0
    return r.plan.steps[min(r.stepped, len(r.plan.steps) - 1)]


# --- what is written


def each_split_that_is_asked_for_is_whole(arrow: Arrow) -> None:
    if write := arrow.write:
        assert sum(write.traffic.shares.values()) == 100
        assert Split.of(write.traffic) == write.traffic
        assert "" not in write.traffic.shares


def no_share_for_a_candidate_that_has_not_earned_it(arrow: Arrow) -> None:
    """Save the first revision of all, which has users before it can be asked anything."""
    r, write = arrow.after.rollout, arrow.write
    if r.plan.kind is Kind.ROLLOUT and write and r.service and not r.first:
        given, has = share(write.traffic, r), share(r.service.traffic, r)
        assert given <= has or (r.phase is Phase.MOVING and given <= earned(r))


def each_step_is_as_large_as_the_policy_says(arrow: Arrow) -> None:
    r, write = arrow.after.rollout, arrow.write
    if r.plan.kind is Kind.ROLLOUT and r.phase is Phase.MOVING and write and not r.first:
        assert share(write.traffic, r) == r.plan.steps[r.stepped]


def only_who_has_earned_it_is_considered(arrow: Arrow) -> None:
    r = arrow.after.rollout
    if isinstance(arrow.event, Probed) and r.phase is Phase.CONFIRMING:
        assert earned(r)


def each_write_is_guarded_by_the_last_read(arrow: Arrow) -> None:
    r, write = arrow.after.rollout, arrow.write
    if write:
        assert r.service is not None
        assert write.etag == r.service.etag


def users_tags_survive(arrow: Arrow) -> None:
    """Those that follow LATEST stay on what that means now, where a candidate is placed."""
    r, write = arrow.after.rollout, arrow.write
    if write and r.service:
        places = r.phase in {Phase.DEPLOYING, Phase.TAGGING}
        traffic = r.service.traffic.pinned(r.service.latest_ready) if places else r.service.traffic
        theirs = {tag: to for tag, to in traffic.tags.items() if tag != TAG}
        assert {tag: to for tag, to in write.traffic.tags.items() if tag != TAG} == theirs


def nobodys_address_meets_the_revision_that_is_created(arrow: Arrow) -> None:
    """Unless it is there already, by a write that came late, and is what LATEST means now."""
    r, write = arrow.after.rollout, arrow.write
    if isinstance(write, Deploy) and r.service:
        assert not write.traffic.follows_latest
        others = {to for tag, to in write.traffic.tags.items() if tag != TAG}
        assert None not in others
        assert r.candidate not in others or r.service.latest_ready == r.candidate


def only_our_own_tag_is_taken_away_and_only_from_our_candidate(arrow: Arrow) -> None:
    """Or, by who recovers or rolls back, from the candidate of whoever was at work."""
    r, write = arrow.after.rollout, arrow.write
    if write and r.service:
        had, has = r.service.traffic.tags, write.traffic.tags
        gone = had.keys() - has.keys()
        assert gone <= {TAG}
        assert not gone or had[TAG] in {r.candidate, _marked_candidate(r)}


def _marked_candidate(r: Rollout) -> str:
    assert r.service is not None
    try:
        return r.service.rollout_annotation.candidate
    except UnreadableAnnotation:
        return ""


def a_pinned_service_stays_pinned_and_latest_is_pinned(arrow: Arrow) -> None:
    """Only what ends a rollout leaves LATEST, if a person has gone back to it meanwhile."""
    r, write = arrow.after.rollout, arrow.write
    if write and r.phase not in {Phase.UNTAGGING, Phase.RECOVERING}:
        assert not write.traffic.follows_latest


def once_interrupted_nothing_gives_the_target_more(arrow: Arrow) -> None:
    r, write = arrow.after.rollout, arrow.write
    if arrow.after.interrupted and write and r.service and r.phase is not Phase.RECOVERING:
        assert share(write.traffic, r) <= share(r.service.traffic, r)
        assert not isinstance(write, Deploy)


# --- who may write


def each_write_carries_our_own_number_which_is_greater_than_any_seen(arrow: Arrow) -> None:
    r, write = arrow.after.rollout, arrow.write
    if write:
        assert write.annotation.fence == r.fence > 0
        assert write.annotation.writer == r.id
        assert write.annotation.fence > arrow.after.rival


def nothing_is_written_after_somebody_has_taken_over(arrow: Arrow) -> None:
    """Only a new look with a new number may lead to another write."""
    if arrow.after.rival >= arrow.after.rollout.fence > 0:
        assert arrow.write is None


def what_is_written_says_what_is_written(arrow: Arrow) -> None:
    r, write = arrow.after.rollout, arrow.write
    if write and r.service:
        pinned = write.traffic.pinned(r.service.latest_ready).shares
        assert dict(write.annotation.wrote) == pinned
        assert not write.annotation.holder or sum(dict(write.annotation.safe).values()) == 100
        assert not write.annotation.holder or write.annotation.until is not None


def what_others_have_marked_as_barred_stays_barred(arrow: Arrow) -> None:
    """Unless somebody has given it users since."""
    r, write = arrow.after.rollout, arrow.write
    if write and r.service and r.phase is not Phase.MOVING and _readable(r):
        users = {*r.service.traffic.shares, *r.service.effective_shares, *write.traffic.shares}
        bars = {bar for bar in r.service.rollout_annotation.denylist if bar.revision not in users}
        assert bars <= set(write.annotation.denylist)


def no_bar_is_on_what_the_same_write_gives_users(arrow: Arrow) -> None:
    if write := arrow.write:
        assert not {bar.revision for bar in write.annotation.denylist} & set(write.traffic.shares)


def what_others_took_users_away_from_is_barred(arrow: Arrow) -> None:
    r, write = arrow.after.rollout, arrow.write
    if write and r.service and _readable(r):
        barred = {bar.revision for bar in write.annotation.denylist}
        served = {*r.service.effective_shares, *write.traffic.shares}
        assert set(left_by_others(r.service)) <= barred | served


def _readable(r: Rollout) -> bool:
    try:
        return r.service is not None and r.service.rollout_annotation is not None
    except UnreadableAnnotation:
        return False


def a_write_that_ends_a_rollout_gives_the_lease_back(arrow: Arrow) -> None:
    r, write = arrow.after.rollout, arrow.write
    if write:
        ends = r.phase in LEAVES or (r.phase is Phase.MOVING and r.plan.kind is not Kind.ROLLOUT)
        assert (write.annotation.holder == "") == ends
        assert write.annotation.holder in {"", r.id}


def no_lease_is_left_where_it_could_have_been_given_back(arrow: Arrow) -> None:
    """Only a call that failed, or a service that goes on changing, leaves it to run out."""
    r = arrow.after.rollout
    if r.phase is Phase.RECORDING and arrow.before.rollout.phase not in OVER:
        failed = isinstance(arrow.event, CallFailed) or r.conflicts == CONFLICTS_MAX
        assert not arrow.after.leased or failed or arrow.after.rival >= r.fence


def promoted_and_recovered_mean_that_no_lease_is_left(arrow: Arrow) -> None:
    """Whoever comes next would take back what was announced."""
    r = arrow.after.rollout
    if r.phase in OVER and r.ending in {Ending.PROMOTED, Ending.RECOVERED}:
        assert not arrow.after.leased


# --- what people do


def a_person_has_the_last_word(arrow: Arrow) -> None:
    """Whoever writes after our move is left alone, also if they want what was before."""
    before, after = arrow.before.rollout, arrow.after.rollout
    if before.phase is Phase.VERIFYING and isinstance(arrow.event, Seen) and before.goal:
        seen = arrow.event.service
        moved = _readable(after) and seen.traffic.shares != dict(seen.rollout_annotation.wrote)
        if seen.generation > before.guard and seen.traffic.shares != before.goal.shares and moved:
            assert after.ending is Ending.HELD
            assert arrow.write is None


def traffic_moves_only_while_nobody_else_has_changed_anything(arrow: Arrow) -> None:
    before, after = arrow.before.rollout, arrow.after.rollout
    if before.phase is Phase.CONFIRMING and after.phase is Phase.MOVING:
        assert after.service is not None
        assert before.reached is not None
        assert after.service.traffic.shares == before.reached.shares
        assert after.service.traffic.shares == dict(after.service.rollout_annotation.wrote)
        assert after.service.rollout_annotation.holder == after.id
        assert after.service.traffic.tags.get(TAG) == after.candidate
        assert after.service.latest_created == after.candidate or not after.plan.image


def only_our_own_moves_are_undone(arrow: Arrow) -> None:
    r, write = arrow.after.rollout, arrow.write
    if write and r.service and r.phase in {Phase.REVERTING, Phase.RECOVERING}:
        now = r.service.traffic.pinned(r.service.latest_ready).shares
        moved = write.traffic.pinned(r.service.latest_ready).shares != now
        assert not moved or now == dict(r.service.rollout_annotation.wrote)


def who_is_at_work_is_left_alone(arrow: Arrow) -> None:
    """Unless a person says otherwise, by unlocking or by rolling back, or users are in danger."""
    event, r = arrow.event, arrow.after.rollout
    if arrow.before.rollout.phase is Phase.READING and isinstance(event, Seen):
        insists = r.plan.force or r.plan.kind is Kind.ROLLBACK or _in_danger(event.service, r)
        if not insists and _at_work(event, r):
            assert arrow.write is None


def _in_danger(service: Service, r: Rollout) -> bool:
    """Whether users are on what a quarantine takes them off, and whoever is at work did not ask it.

    A rollback that asks first is a person's.
    """
    if not r.plan.quarantine or not _readable(r):
        return False
    mark = service.rollout_annotation
    stands = service.traffic.shares == dict(mark.wrote)
    users = share(service.traffic, r) or r.candidate in service.effective_shares
    decides = mark.kind != "rollout" or (mark.candidate == r.candidate and share(_wrote(mark), r))
    return bool(users) and not (stands and decides)


def _wrote(mark: RolloutAnnotation) -> Split:
    """The traffic that a mark says was set last."""
    return Split.of(Target(name, percent) for name, percent in mark.wrote)


def users_in_danger_are_taken_to_safety(arrow: Arrow) -> None:
    """By the first write of a quarantine, at once, whoever else is at work."""
    event, r = arrow.event, arrow.after.rollout
    read = isinstance(event, Seen) and CANDIDATE in arrow.after.rollout.revisions
    if not (r.plan.quarantine and read and arrow.before.rollout.phase is Phase.READING):
        return
    has = share(event.service.traffic, r)
    if has and r.ending is Ending.BUSY:
        assert not _in_danger(event.service, r)
    if r.phase is Phase.TAGGING and has:
        assert arrow.write is not None
        assert arrow.write.traffic.shares == {STABLE: 100}
        assert arrow.write.even_unrecorded


def nobody_is_asked_while_users_are_on_it(arrow: Arrow) -> None:
    """Unless somebody has moved them there since, which ends it soon."""
    r, event = arrow.after.rollout, arrow.event
    if r.plan.quarantine and r.phase is Phase.PROBING and isinstance(event, Seen):
        moved_since = event.service.traffic.shares != {STABLE: 100}
        assert moved_since or r.candidate not in event.service.effective_shares


def _at_work(event: Seen, r: Rollout) -> bool:
    try:
        mark = event.service.rollout_annotation
    except UnreadableAnnotation:
        return True
    return mark.writer != r.id and mark.held_at(event.at)


# --- where Cloud Run accepted a write that it should have refused


def what_may_have_been_overwritten_is_held(arrow: Arrow) -> None:
    before, r = arrow.before.rollout, arrow.after.rollout
    if isinstance(arrow.event, Seen) and before.given > before.guard + 1:
        waits = r.phase is before.phase and r.given > r.guard + 1
        assert r.clashed or waits or before.phase not in {*JUST_WRITTEN, Phase.CLEANING}
    if r.clashed:
        assert r.ending in {Ending.HELD, Ending.STUCK}
        assert "somebody wrote between" in str(r.verdict)


def nothing_is_moved_after_that(arrow: Arrow) -> None:
    r, write = arrow.after.rollout, arrow.write
    if write and r.clashed:
        assert r.service is not None
        assert write.traffic.shares == r.service.traffic.shares
        assert r.phase is Phase.UNTAGGING


# --- evidence


def less_evidence_never_turns_a_no_into_a_yes(arrow: Arrow) -> None:
    """Each pass in turn becomes a failure, and is taken away."""
    event, before = arrow.event, arrow.before.rollout
    if not isinstance(event, Probed) or _goes_on(before, arrow.after.rollout):
        return
    for number, item in enumerate(event.evidence):
        if not item.passed:
            continue
        worse = replace(item, outcome=Outcome.FAILED)
        for instead in ((worse,), ()):
            seen = (*event.evidence[:number], *instead, *event.evidence[number + 1 :])
            after, _ = step(before, replace(event, evidence=seen))
            assert not _goes_on(before, after)


def no_step_is_left_without_users_requests(arrow: Arrow) -> None:
    """Where a step asks for some: as many came, and none says no."""
    before, event, after = arrow.before.rollout, arrow.event, arrow.after.rollout
    if before.phase not in {Phase.DWELLING, Phase.WATCHING} or not before.least_requests:
        return
    if after.phase is Phase.CONFIRMING or after.ending is Ending.PROMOTED:
        assert isinstance(event, Counted)
        assert event.counts is not None
        assert event.counts.candidate.total >= before.least_requests
        assert not event.counts.candidate.bad


def _goes_on(before: Rollout, after: Rollout) -> bool:
    if before.phase is Phase.WATCHING:
        return after.phase is Phase.WATCHING or after.ending is Ending.PROMOTED
    return after.phase in {before.phase, Phase.CONFIRMING}


# --- ends


def nothing_follows_the_end(arrow: Arrow) -> None:
    r = arrow.after.rollout
    assert r.ended == (command_of(r) == ()) == (arrow.command is None)
    assert not r.ended or r.ending is not None


def counters_stay_in_bounds(arrow: Arrow) -> None:
    assert arrow.after.rollout.conflicts <= CONFLICTS_MAX


def success_was_seen(arrow: Arrow) -> None:
    """Exit code 0 and a revert are claims about traffic: the last look showed it."""
    r = arrow.after.rollout
    if r.phase not in OVER or r.plan.kind is Kind.RECOVER or r.service is None:
        return
    before = arrow.before.rollout.phase
    if r.ending in {Ending.PROMOTED, Ending.ROLLED_BACK, Ending.UNCHANGED}:
        assert r.service.effective_shares == {r.candidate: 100} or before in TIDYING
        assert r.service.traffic.shares == {r.candidate: 100}
    if r.ending in {Ending.REVERTED, Ending.REGRESSED} and before is Phase.PROVING:
        assert r.placed is not None
        assert r.service.effective_shares == r.placed.shares


def promoted_means_earned(arrow: Arrow) -> None:
    """Also while it is watched, unless the watch itself ended without a clear answer."""
    r = arrow.after.rollout
    if r.plan.kind is Kind.ROLLOUT and r.ending is Ending.PROMOTED:
        assert r.stepped == len(r.plan.steps)
        assert r.plan.watch_s or earned(replace(r, stepped=len(r.plan.steps) - 1))
        assert r.verdict is not None
        assert r.verdict.decision is Decision.PROMOTE


def endings_belong_to_kinds(arrow: Arrow) -> None:
    r = arrow.after.rollout
    assert r.ending is not Ending.ROLLED_BACK or r.plan.kind is Kind.ROLLBACK
    assert r.ending is not Ending.PROMOTED or r.plan.kind in {Kind.ROLLOUT, Kind.PROMOTE}
    assert r.ending is not Ending.RECOVERED or r.plan.kind is Kind.RECOVER
    assert r.ending is not Ending.REGRESSED or (r.plan.kind is Kind.ROLLOUT and not r.first)
    if r.ending in {Ending.REJECTED, Ending.REGRESSED}:
        assert r.verdict is not None
        assert r.verdict.decision is Decision.REJECT
        assert r.verdict.reasons


def exit_codes_say_what_happened(arrow: Arrow) -> None:
    r = arrow.after.rollout
    if r.phase not in OVER:
        done = {Ending.PROMOTED, Ending.ROLLED_BACK}
        assert r.exit_code is not ExitCode.DONE or (r.ending in done and r.phase in TIDYING)
    elif arrow.after.interrupted:
        assert r.interrupted
        assert r.exit_code in {ExitCode.INTERRUPTED, ExitCode.STUCK}
    else:
        assert r.ending is not None
        assert r.exit_code is r.ending.exit_code


def whoever_walks_away_while_users_may_be_elsewhere_is_told(arrow: Arrow) -> None:
    """Save while it is cleaned up after a move that came late: the next look shows that."""
    r = arrow.after.rollout
    if r.phase not in OVER | TIDYING and r.service and r.placed and arrow.after.leased:
        ours = _readable(r) and r.service.traffic.shares == dict(r.service.rollout_annotation.wrote)
        if r.fence and ours and share(r.service.traffic, r) > r.placed.share_of(r.candidate):
            assert r.exit_code is ExitCode.STUCK


def whoever_is_not_stuck_left_traffic_as_desired(arrow: Arrow) -> None:
    """Once its tag is gone, the gate has looked: desired and effective percents agree."""
    r = arrow.after.rollout
    if arrow.before.rollout.phase is Phase.SETTLING and r.phase is Phase.RECORDING:
        assert r.service is not None
        theirs = arrow.after.rival >= r.fence
        assert r.service.obeyed or r.ending is Ending.STUCK or theirs


def our_tag_is_left_only_where_that_is_said(arrow: Arrow) -> None:
    """A tag that our move has taken away and that is there again is somebody else's."""
    r, before = arrow.after.rollout, arrow.before.rollout
    if r.plan.kind is Kind.ROLLOUT and r.phase is Phase.RECORDING and r.service and r.placed:
        never_ours = before.phase in {Phase.READING, Phase.DEPLOYING, Phase.TAGGING}
        theirs = r.goal is not None and r.goal.tags.get(TAG) != r.candidate
        taken = arrow.after.rival >= r.fence
        there = r.service.traffic.tags.get(TAG) == r.candidate
        if there and not (theirs or never_ours or taken) and r.ending is not Ending.STUCK:
            assert r.ending is Ending.HELD or any("was left on" in note for note in r.notes)


def a_recovery_is_told(arrow: Arrow) -> None:
    r = arrow.after.rollout
    if arrow.before.rollout.phase is Phase.RECOVERED and r.phase is not Phase.RECOVERED:
        assert any("recovered from" in n or "took the lease away" in n for n in r.notes)


CHECKS: tuple[Callable[[Arrow], None], ...] = (
    each_split_that_is_asked_for_is_whole,
    no_share_for_a_candidate_that_has_not_earned_it,
    each_step_is_as_large_as_the_policy_says,
    only_who_has_earned_it_is_considered,
    each_write_is_guarded_by_the_last_read,
    users_tags_survive,
    nobodys_address_meets_the_revision_that_is_created,
    only_our_own_tag_is_taken_away_and_only_from_our_candidate,
    a_pinned_service_stays_pinned_and_latest_is_pinned,
    once_interrupted_nothing_gives_the_target_more,
    each_write_carries_our_own_number_which_is_greater_than_any_seen,
    nothing_is_written_after_somebody_has_taken_over,
    what_is_written_says_what_is_written,
    what_others_have_marked_as_barred_stays_barred,
    no_bar_is_on_what_the_same_write_gives_users,
    what_others_took_users_away_from_is_barred,
    a_write_that_ends_a_rollout_gives_the_lease_back,
    no_lease_is_left_where_it_could_have_been_given_back,
    promoted_and_recovered_mean_that_no_lease_is_left,
    a_person_has_the_last_word,
    traffic_moves_only_while_nobody_else_has_changed_anything,
    only_our_own_moves_are_undone,
    who_is_at_work_is_left_alone,
    users_in_danger_are_taken_to_safety,
    nobody_is_asked_while_users_are_on_it,
    what_may_have_been_overwritten_is_held,
    nothing_is_moved_after_that,
    less_evidence_never_turns_a_no_into_a_yes,
    no_step_is_left_without_users_requests,
    nothing_follows_the_end,
    counters_stay_in_bounds,
    success_was_seen,
    promoted_means_earned,
    endings_belong_to_kinds,
    exit_codes_say_what_happened,
    whoever_walks_away_while_users_may_be_elsewhere_is_told,
    whoever_is_not_stuck_left_traffic_as_desired,
    our_tag_is_left_only_where_that_is_said,
    a_recovery_is_told,
    *RULE_CHECKS,
)


Failures = dict[Callable[[Arrow], None], str]


@functools.cache
def surveyed(scene: Scene) -> tuple[Graph, frozenset[Edge], Failures]:
    """Walks a scene once for all tests: its graph, its edges, each check's first failure."""
    failures: Failures = {}
    edges: set[Edge] = set()
    for item in explore(scene):
        if isinstance(item, Graph):
            return item, frozenset(edges), failures
        edges.add(Edge.of(item))
        for check in CHECKS:
            try:
                check(item)
            except AssertionError as error:
                failures.setdefault(check, f"{Edge.of(item)}: {error}\n{item}")
    raise AssertionError("an exploration ends with its graph")


# One worker walks all scenes, each once; the small ones in `make test`, too.
pytestmark = [pytest.mark.xdist_group("core-exploration"), pytest.mark.timeout(600)]
every_scene = pytest.mark.parametrize(
    "scene", at_length(SCENES, "recover", "unlock", "roll back against all rules")
)


@every_scene
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_on_every_arrow(scene, check):
    _, _, failures = surveyed(scene)
    assert check not in failures, failures[check]


@every_scene
def test_an_event_that_was_not_asked_for_raises_and_changes_nothing(scene):
    graph, _, _ = surveyed(scene)
    for moment in graph.states.values():
        r = moment.rollout
        was = copy.deepcopy(r)
        for event in strangers(moment):
            with pytest.raises(
                IllegalEventError, match=rf"{type(event).__name__}.*{r.phase.value}"
            ):
                step(r, event)
        assert r == was


@every_scene
def test_no_loop_goes_round_without_time_passing_or_a_counter_being_used_up(scene):
    graph, _, _ = surveyed(scene)
    pointing: dict[object, set[object]] = {name: set() for name in graph.states}
    for start, end in graph.instant:
        pointing[start].add(end)
    assert not circle(pointing)


@every_scene
def test_when_every_wait_is_over_the_end_is_near(scene):
    """Also with a far-off deadline: no state can be left only by waiting longer."""
    graph, _, _ = surveyed(scene)
    pointing: dict[object, set[object]] = {name: set() for name in graph.states}
    for start, end in graph.late:
        pointing[start].add(end)
    assert not circle(pointing)
    assert all(pointing[name] for name, moment in graph.states.items() if not moment.rollout.ended)


def circle(pointing: dict[object, set[object]]) -> bool:
    """Whether some path comes back to where it began."""
    left = {start: set(ends) for start, ends in pointing.items()}
    while left:
        done = [start for start, ends in left.items() if not ends & left.keys()]
        if not done:
            return True
        for start in done:
            del left[start]
    return False


def test_a_circle_is_found():
    assert circle({1: {2}, 2: {3}, 3: {2}})
    assert not circle({1: {2}, 2: {3}, 3: set()})


@campaign
def test_every_phase_and_every_ending_is_reached():
    edges = {edge for scene in SCENES for edge in surveyed(scene)[1]}
    assert {edge.after for edge in edges} == set(Phase)
    of_the_line = {Ending.STOPPED, Ending.RESUMED}  # which is no rollout
    assert {edge.ending for edge in edges} == {None, *Ending} - of_the_line


@campaign
def test_the_page_with_the_diagrams_is_what_step_does():
    edges = {edge for scene in SCENES for edge in surveyed(scene)[1]}
    assert PAGE.read_text(encoding="utf-8") == page(edges), (
        "docs/state-machine.md is not up to date: run python -m tests.exploration.diagram"
    )
