"""What holds in every state that a rollout can reach, whatever the world answers.

Each check looks at one arrow: a state, an event, and the state and the command that follow. The
exploration draws every arrow there is.
"""

import copy
import functools
from collections.abc import Callable

import pytest

from gate.core.commands import command_of
from gate.core.evidence import Outcome
from gate.core.messages import Deploy, Seen, SetTraffic
from gate.core.rollout import step
from gate.core.state import Ending, Kind, Phase, Rollout
from gate.core.traffic import Split
from gate.core.transitions import CONFLICTS_MAX
from gate.core.verdict import Decision
from gate.errors import ExitCode, IllegalEventError
from tests.exploration.diagram import PAGE, Edge, page
from tests.exploration.explore import Arrow, Graph, explore
from tests.exploration.scenes import SCENES, TAG, Scene, strangers


def write_of(r: Rollout) -> Deploy | SetTraffic | None:
    (command,) = command_of(r) or (None,)
    return command if isinstance(command, Deploy | SetTraffic) else None


def share(split: Split, r: Rollout) -> int:
    latest = r.service.latest_ready if r.service else ""
    return split.pinned(latest).share_of(r.candidate)


def earned(r: Rollout) -> bool:
    """Whether each required probe has exactly one answer, and that is a clean pass."""
    for probe in r.plan.probes:
        mine = [item for item in r.evidence if item.probe == probe.name]
        clean = [i for i in mine if i.outcome is Outcome.PASSED and not i.findings]
        if probe.required and not (len(mine) == len(clean) == 1):
            return False
    return True


def each_split_that_is_asked_for_is_whole(arrow: Arrow) -> None:
    if write := write_of(arrow.after.rollout):
        assert sum(write.traffic.shares.values()) == 100
        assert Split.of(write.traffic) == write.traffic
        assert "" not in write.traffic.shares


def no_share_for_a_candidate_that_has_not_earned_it(arrow: Arrow) -> None:
    r = arrow.after.rollout
    write = write_of(r)
    if r.plan.kind is Kind.ROLLOUT and write and r.service:
        given = share(write.traffic, r)
        assert given <= share(r.service.traffic, r) or (earned(r) and r.phase is Phase.MOVING)


def only_who_has_earned_it_is_considered(arrow: Arrow) -> None:
    r = arrow.after.rollout
    if arrow.before.rollout.phase is Phase.PROBING and r.phase is Phase.CONFIRMING:
        assert earned(r)


def each_write_is_guarded_by_the_last_read(arrow: Arrow) -> None:
    r = arrow.after.rollout
    if write := write_of(r):
        assert r.service is not None
        assert write.etag == r.service.etag


def users_tags_survive(arrow: Arrow) -> None:
    r = arrow.after.rollout
    if (write := write_of(r)) and r.service:
        theirs = {tag: to for tag, to in r.service.traffic.tags.items() if tag != TAG}
        assert {tag: to for tag, to in write.traffic.tags.items() if tag != TAG} == theirs


def only_our_own_tag_is_taken_away_and_only_from_our_candidate(arrow: Arrow) -> None:
    r = arrow.after.rollout
    if (write := write_of(r)) and r.service:
        had, has = r.service.traffic.tags, write.traffic.tags
        gone = had.keys() - has.keys()
        assert gone <= {TAG}
        assert not gone or had[TAG] == r.candidate


def a_pinned_service_stays_pinned_and_latest_is_pinned(arrow: Arrow) -> None:
    """Only untagging leaves LATEST, if a person has gone back to it meanwhile."""
    r = arrow.after.rollout
    if (write := write_of(r)) and r.phase is not Phase.UNTAGGING:
        assert not write.traffic.follows_latest


def once_interrupted_nothing_gives_the_target_more(arrow: Arrow) -> None:
    r = arrow.after.rollout
    if arrow.after.interrupted and (write := write_of(r)) and r.service:
        assert share(write.traffic, r) <= share(r.service.traffic, r)
        assert not isinstance(write, Deploy)


def a_person_has_the_last_word(arrow: Arrow) -> None:
    """Whoever writes after our move is left alone, also if they want what was before."""
    before, after = arrow.before.rollout, arrow.after.rollout
    if before.phase is Phase.VERIFYING and isinstance(arrow.event, Seen) and before.goal:
        seen = arrow.event.service
        if seen.etag != before.guard and seen.traffic.shares != before.goal.shares:
            assert after.ending is Ending.HELD
            assert write_of(after) is None


def traffic_moves_only_while_nobody_else_has_changed_anything(arrow: Arrow) -> None:
    before, after = arrow.before.rollout, arrow.after.rollout
    if before.phase is Phase.CONFIRMING and after.phase is Phase.MOVING:
        assert after.service is not None
        assert before.placed is not None
        assert after.service.traffic.shares == before.placed.shares
        assert after.service.traffic.tags.get(TAG) == after.candidate
        assert after.service.latest_created == after.candidate or not after.plan.image


def nothing_follows_the_end(arrow: Arrow) -> None:
    r = arrow.after.rollout
    assert r.ended == (command_of(r) == ())
    assert not r.ended or r.ending is not None


def counters_stay_in_bounds(arrow: Arrow) -> None:
    assert arrow.after.rollout.conflicts <= CONFLICTS_MAX


def success_was_seen(arrow: Arrow) -> None:
    """Exit code 0 and a revert are claims about traffic: the last look showed it."""
    r = arrow.after.rollout
    if r.ending in {Ending.PROMOTED, Ending.ROLLED_BACK, Ending.UNCHANGED}:
        assert r.service is not None
        assert r.service.effective_shares == {r.candidate: 100}
        assert r.service.traffic.shares == {r.candidate: 100}
    if r.ending is Ending.REVERTED:
        assert r.service is not None
        assert r.placed is not None
        assert r.service.effective_shares == r.placed.shares


def promoted_means_earned(arrow: Arrow) -> None:
    r = arrow.after.rollout
    if r.plan.kind is Kind.ROLLOUT and r.ending in {Ending.PROMOTED, Ending.REVERTED}:
        assert earned(r)
        assert r.verdict is not None
        assert r.verdict.decision is Decision.PROMOTE


def endings_belong_to_kinds(arrow: Arrow) -> None:
    r = arrow.after.rollout
    assert r.ending is not Ending.ROLLED_BACK or r.plan.kind is Kind.ROLLBACK
    assert r.ending is not Ending.PROMOTED or r.plan.kind is not Kind.ROLLBACK
    if r.ending is Ending.REJECTED:
        assert r.verdict is not None
        assert r.verdict.decision is Decision.REJECT
        assert r.verdict.reasons


def exit_codes_say_what_happened(arrow: Arrow) -> None:
    r = arrow.after.rollout
    if r.ending is None:
        assert r.exit_code in {ExitCode.INTERRUPTED, ExitCode.STUCK}
    elif arrow.after.interrupted:
        assert r.interrupted
        assert r.exit_code in {ExitCode.INTERRUPTED, ExitCode.STUCK}
    else:
        assert r.exit_code is r.ending.exit_code
    if r.exit_code is ExitCode.DONE:
        assert r.ending in {Ending.PROMOTED, Ending.ROLLED_BACK, Ending.UNCHANGED}


def whoever_is_not_stuck_left_traffic_as_desired(arrow: Arrow) -> None:
    """Once its tag is gone, the gate has looked: desired and effective percents agree."""
    r = arrow.after.rollout
    if arrow.before.rollout.phase is Phase.SETTLING and r.phase is Phase.RECORDING:
        assert r.service is not None
        assert r.service.obeyed or r.ending is Ending.STUCK


def our_tag_is_left_only_where_that_is_said(arrow: Arrow) -> None:
    """A tag that our move has taken away and that is there again is somebody else's."""
    r, before = arrow.after.rollout, arrow.before.rollout
    if r.plan.kind is Kind.ROLLOUT and r.phase is Phase.RECORDING and r.service and r.placed:
        never_ours = before.phase in {Phase.READING, Phase.DEPLOYING, Phase.TAGGING}
        theirs = r.goal is not None and r.goal.tags.get(TAG) != r.candidate
        there = r.service.traffic.tags.get(TAG) == r.candidate
        if there and not (theirs or never_ours) and r.ending is not Ending.STUCK:
            assert r.ending is Ending.HELD or any("was left on" in note for note in r.notes)


CHECKS: tuple[Callable[[Arrow], None], ...] = (
    each_split_that_is_asked_for_is_whole,
    no_share_for_a_candidate_that_has_not_earned_it,
    only_who_has_earned_it_is_considered,
    each_write_is_guarded_by_the_last_read,
    users_tags_survive,
    only_our_own_tag_is_taken_away_and_only_from_our_candidate,
    a_pinned_service_stays_pinned_and_latest_is_pinned,
    once_interrupted_nothing_gives_the_target_more,
    a_person_has_the_last_word,
    traffic_moves_only_while_nobody_else_has_changed_anything,
    nothing_follows_the_end,
    counters_stay_in_bounds,
    success_was_seen,
    promoted_means_earned,
    endings_belong_to_kinds,
    exit_codes_say_what_happened,
    whoever_is_not_stuck_left_traffic_as_desired,
    our_tag_is_left_only_where_that_is_said,
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


# One worker walks all scenes, each once.
pytestmark = [pytest.mark.xdist_group("core-exploration"), pytest.mark.timeout(600)]
every_scene = pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)


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


def test_every_phase_and_every_ending_is_reached():
    edges = {edge for scene in SCENES for edge in surveyed(scene)[1]}
    assert {edge.after for edge in edges} == set(Phase)
    assert {edge.ending for edge in edges} == {None, *Ending}


def test_the_page_with_the_diagrams_is_what_step_does():
    edges = {edge for scene in SCENES for edge in surveyed(scene)[1]}
    assert PAGE.read_text(encoding="utf-8") == page(edges), (
        "docs/state-machine.md is not up to date: run python -m tests.exploration.diagram"
    )
