"""Whole rollouts on fakes: what happens to traffic, to tags, and in the record."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.core.control import Baseline, Repeats
from gate.core.evidence import STABLE as STABLE_ADDRESS
from gate.core.evidence import Attribution, Finding, Outcome, Symptom
from gate.core.messages import Deploy, Interrupted, Look, ReadLogs, Record, RunProbes, SetTraffic
from gate.core.policy import IdentityRule, OnHold
from gate.core.rollout import begin, step
from gate.core.severity import Severity
from gate.core.state import Ending, Kind, Phase
from gate.core.traffic import Split, Target
from gate.core.verdict import Decision
from gate.errors import ExitCode, InfrastructureError
from gate.ports import LogEntry
from tests.fakes.clock import START
from tests.fakes.platform import REF, STABLE, FakePlatform
from tests.fakes.probes import evidence
from tests.fakes.world import CANDIDATE, TAG, USERS, FakeWorld, plan

OLD = "backend-00000-old"


def two_revisions(traffic: Split | None = None) -> FakePlatform:
    return FakePlatform([OLD, STABLE, CANDIDATE], traffic or Split.all_to(STABLE, dict(USERS)))


async def test_a_good_candidate_is_promoted():
    world = FakeWorld()
    rollout = await world.run()
    assert (rollout.ending, rollout.exit_code) == (Ending.PROMOTED, ExitCode.DONE)
    assert world.shares == world.effective_shares == {CANDIDATE: 100}
    assert world.tags == USERS
    assert rollout.recorded


async def test_the_candidate_gets_no_share_and_the_image_no_second_update_before_it_has_passed():
    world = FakeWorld()
    await world.run()
    deploy, move, tidy = world.platform.writes
    assert tidy.traffic == move.traffic
    assert (deploy.image, deploy.revision) == ("app:2", CANDIDATE)
    assert deploy.traffic == Split.all_to(STABLE, {**USERS, TAG: CANDIDATE})
    assert move.traffic == Split.all_to(CANDIDATE, dict(USERS))
    assert move.image == ""


async def test_probes_get_the_url_that_the_platform_reports_and_a_token_for_the_service():
    world = FakeWorld()
    rollout = await world.run()
    (target,) = world.probes.targets
    assert target.url == rollout.url == "https://candidate---backend-abc-uc.a.run.app"
    assert target.revision == CANDIDATE
    assert target.since == START
    assert target.headers == (("X-Serverless-Authorization", "Bearer t"),)
    assert world.audiences == ["https://backend-abc-uc.a.run.app"]


COMPARED = {"baseline": Baseline.STABLE, "identity": IdentityRule(header="x-revision")}


async def test_behind_iap_each_address_is_asked_with_a_token_of_its_own():
    world = FakeWorld()
    world.behind_iap = True
    await world.run(plan(**COMPARED, watch_s=1))
    first = world.probes.targets[0]
    assert first.stable is not None
    for target in (*world.probes.targets, first.stable):
        assert target.headers == (("Proxy-Authorization", f"Bearer for {target.url}"),)
    assert len({target.url for target in world.probes.targets}) == 2


async def test_a_control_is_asked_at_the_address_of_users_and_must_prove_who_it_is():
    world = FakeWorld()
    await world.run(plan(**COMPARED))
    (target,) = world.probes.targets
    stable = target.stable
    assert stable is not None
    assert (stable.url, stable.revision) == ("https://backend-abc-uc.a.run.app", STABLE)
    assert (stable.headers, stable.identity) == (target.headers, target.identity)
    assert target.repeats == Repeats()
    assert target.until == START + timedelta(seconds=1200)


async def test_a_split_is_stable_all_the_same_and_need_not_prove_who_it_is():
    split = Split.of([Target(OLD, 30), Target(STABLE, 70)])
    world = FakeWorld(FakePlatform([OLD, STABLE], split))
    await world.run(plan(**COMPARED))
    assert world.probes.targets[0].stable.revision == ""


@pytest.mark.parametrize(
    ("control", "ending", "word"),
    [
        (Outcome.FAILED, Ending.HELD, Attribution.ALREADY_THERE),
        (Outcome.PASSED, Ending.REJECTED, Attribution.REGRESSION),
    ],
)
async def test_what_stable_shows_says_whose_fault_a_failure_is(control, ending, word):
    world = FakeWorld()
    world.probes.sees["chat"] = evidence("chat", Outcome.FAILED, "500")
    world.probes.controls["chat"] = evidence("chat", control, "500")
    rollout = await world.run(plan(**COMPARED))
    assert rollout.ending is ending
    assert [reason.attribution for reason in rollout.verdict.reasons] == [word]
    addresses = [item.address for item in rollout.evidence if item.probe == "chat"]
    assert addresses == ["", STABLE_ADDRESS]
    assert world.shares == {STABLE: 100}


async def test_without_a_baseline_stable_is_left_alone():
    world = FakeWorld()
    await world.run()
    assert world.probes.targets[0].stable is None


async def test_traffic_on_latest_is_pinned_in_the_update_that_deploys():
    world = FakeWorld(FakePlatform(traffic=Split.of([])))
    rollout = await world.run()
    assert world.platform.writes[0].traffic == Split.all_to(STABLE, {TAG: CANDIDATE})
    assert rollout.ending is Ending.PROMOTED
    assert any("LATEST" in note for note in rollout.notes)


async def test_a_split_service_keeps_its_split_until_the_promotion():
    split = Split.of([Target(OLD, 30), Target(STABLE, 70)])
    world = FakeWorld(FakePlatform([OLD, STABLE], split))
    world.probes.sees["chat"] = evidence("chat", Outcome.FAILED, "500")
    await world.run()
    assert world.shares == {OLD: 30, STABLE: 70}


async def test_a_failing_candidate_is_rejected_and_its_tag_taken_back():
    world = FakeWorld()
    world.probes.sees["chat"] = evidence("chat", Outcome.FAILED, "500")
    rollout = await world.run()
    assert (rollout.ending, rollout.exit_code) == (Ending.REJECTED, ExitCode.REJECTED)
    assert world.shares == world.effective_shares == {STABLE: 100}
    assert world.tags == USERS
    assert rollout.verdict is not None
    assert [reason.subject for reason in rollout.verdict.reasons] == ["chat"]


async def test_a_probe_that_is_not_required_does_not_stop_a_promotion():
    world = FakeWorld()
    world.probes.sees["nice"] = evidence("nice", Outcome.FAILED, "500")
    assert (await world.run()).ending is Ending.PROMOTED


@pytest.mark.parametrize(("on_hold", "tagged"), [(OnHold.KEEP, True), (OnHold.DROP, False)])
async def test_an_unclear_candidate_is_held_and_its_tag_is_as_the_policy_says(on_hold, tagged):
    world = FakeWorld()
    world.probes.sees["chat"] = evidence("chat", Outcome.INCONCLUSIVE, "timeout of ours")
    rollout = await world.run(plan(on_hold=on_hold))
    assert (rollout.ending, rollout.exit_code) == (Ending.HELD, ExitCode.HELD)
    assert world.shares == world.effective_shares == {STABLE: 100}
    assert (world.tags.get(TAG) == CANDIDATE) is tagged


async def test_probes_that_return_nothing_hold():
    world = FakeWorld()
    rollout = await world.run(plan(probes=()))
    assert rollout.ending is Ending.HELD
    assert world.shares == {STABLE: 100}


async def test_an_existing_revision_is_adopted():
    world = FakeWorld(two_revisions())
    rollout = await world.run(plan(revision=CANDIDATE))
    assert rollout.ending is Ending.PROMOTED
    tagging, move, _ = world.platform.writes
    assert tagging.traffic == Split.all_to(STABLE, {**USERS, TAG: CANDIDATE})
    assert move.traffic == Split.all_to(CANDIDATE, dict(USERS))
    assert "deploy" not in world.platform.calls


async def test_a_candidate_that_does_not_start_is_rejected_with_its_last_words():
    world = FakeWorld()
    world.platform.next_revision_fails("The container failed to listen on PORT=8080.")
    for number, text in enumerate(["importing", "NameError: app"]):
        world.logs.add(CANDIDATE, LogEntry(START.replace(second=number), Severity.ERROR, text))
    rollout = await world.run()
    assert rollout.ending is Ending.REJECTED
    assert rollout.verdict is not None
    (reason,) = rollout.verdict.reasons
    assert "HEALTH_CHECK_CONTAINER_ERROR: The container failed to listen" in reason.text
    assert reason.lines[-2:] == ("importing", "NameError: app")
    assert world.probes.targets == []
    assert world.shares == world.effective_shares == {STABLE: 100}
    assert world.tags == USERS


async def test_what_the_platform_did_to_the_candidate_is_no_rejection():
    world = FakeWorld()
    world.platform.next_revision_fails("Try again later.", reason="INTERNAL")
    assert (await world.run()).ending is Ending.HELD


async def test_logs_that_cannot_be_read_are_said_and_change_nothing():
    world = FakeWorld()
    world.platform.next_revision_fails("It failed.")
    world.logs.fail_next("entries", InfrastructureError("Cloud Logging: 403"))
    rollout = await world.run()
    assert rollout.ending is Ending.REJECTED
    assert rollout.verdict is not None
    assert "its logs cannot be read: Cloud Logging: 403" in rollout.verdict.reasons[0].lines[0]


async def test_last_words_that_are_ingested_late_are_waited_for():
    world = FakeWorld()
    world.platform.next_revision_fails("It failed.")
    later = [(1, "KeyError: DATABASE"), (4, "Container called exit(1).")]
    for seconds, text in later:
        entry = LogEntry(START, Severity.ERROR, text)
        world.clock.after(seconds, lambda entry=entry: world.logs.add(CANDIDATE, entry))
    rollout = await world.run()
    assert rollout.verdict is not None
    lines = rollout.verdict.reasons[0].lines
    assert all(any(text in line for line in lines) for _, text in later)
    assert len(world.logs.queries) <= 4


async def test_a_later_read_that_fails_takes_no_last_words_away():
    world = FakeWorld()
    world.platform.next_revision_fails("It failed.")
    world.logs.add(CANDIDATE, LogEntry(START, Severity.ERROR, "KeyError: DATABASE"))
    world.logs.before_next("entries", lambda: None)
    world.logs.fail_next("entries", InfrastructureError("429"))
    rollout = await world.run()
    assert rollout.verdict is not None
    assert any("KeyError: DATABASE" in line for line in rollout.verdict.reasons[0].lines)


async def test_last_words_are_few_and_short():
    world = FakeWorld()
    world.platform.next_revision_fails("It failed.")
    for number in range(50):
        entry = LogEntry(START.replace(second=number), Severity.ERROR, "x" * 100_000)
        world.logs.add(CANDIDATE, entry)
    rollout = await world.run()
    assert rollout.verdict is not None
    assert sum(map(len, rollout.verdict.reasons[0].lines)) < 10_000


async def test_a_slow_candidate_and_a_slow_revision_list_are_waited_for():
    world = FakeWorld()
    world.platform.propagation_reads = 12
    world.platform.hidden_reads = 3
    rollout = await world.run()
    assert rollout.ending is Ending.PROMOTED
    assert 0 < sum(world.clock.slept) < 60
    assert max(world.clock.slept) <= 2


async def test_a_candidate_that_never_becomes_ready_is_rejected_when_its_time_is_over():
    world = FakeWorld()
    world.platform.reconciles_forever = True
    rollout = await world.run(plan(ready_within_s=90))
    assert rollout.ending is Ending.REJECTED
    assert rollout.verdict is not None
    assert "not ready within 90 s" in rollout.verdict.reasons[0].text
    assert world.shares == world.effective_shares == {STABLE: 100}
    assert world.tags == USERS
    assert any("still being changed" in note for note in rollout.notes)


async def test_a_candidate_that_the_deadline_cuts_short_is_held():
    world = FakeWorld()
    world.platform.reconciles_forever = True
    rollout = await world.run(plan(ready_within_s=90, deadline_s=60))
    assert rollout.ending is Ending.HELD
    assert rollout.verdict is not None
    assert rollout.verdict.reasons[0].subject == "deadline"


async def test_probes_are_cut_off_at_the_deadline_and_what_did_not_end_is_missing():
    world = FakeWorld()
    world.probes.hangs_at = "chat"
    world.platform.before_next("read_revision", lambda: world.clock.advance(119.999))
    rollout = await world.run(plan(deadline_s=120, ready_within_s=119.9995))
    assert world.probes.cancelled == 1
    assert [item.probe for item in rollout.evidence] == ["health"]
    assert rollout.ending is Ending.HELD
    assert rollout.verdict is not None
    assert any("did not run" in reason.text for reason in rollout.verdict.reasons)


async def test_a_deadline_that_passes_while_all_probes_pass_holds():
    world = FakeWorld()
    world.probes.before_next("run", lambda: world.clock.advance(1300))
    rollout = await world.run(plan(deadline_s=1200))
    assert rollout.ending is Ending.HELD
    assert world.shares == {STABLE: 100}


async def test_no_token_no_verdict():
    world = FakeWorld()
    world.no_token = InfrastructureError("metadata server: 404", "grant the role")
    rollout = await world.run()
    assert rollout.ending is Ending.HELD
    assert rollout.verdict is not None
    assert rollout.verdict.reasons[0].hint == "grant the role"


async def test_promote_moves_all_traffic_and_takes_our_tag_along():
    world = FakeWorld(two_revisions(Split.all_to(STABLE, {**USERS, TAG: CANDIDATE})))
    rollout = await world.run(plan(Kind.PROMOTE))
    assert (rollout.ending, rollout.exit_code) == (Ending.PROMOTED, ExitCode.DONE)
    assert world.shares == world.effective_shares == {CANDIDATE: 100}
    assert world.tags == USERS


async def test_promote_of_what_has_all_traffic_changes_nothing():
    world = FakeWorld()
    rollout = await world.run(plan(Kind.PROMOTE, revision=STABLE))
    assert (rollout.ending, rollout.exit_code) == (Ending.UNCHANGED, ExitCode.DONE)
    assert world.platform.writes == []


async def test_rollback_goes_where_the_ledger_says_that_traffic_was():
    world = FakeWorld()
    await world.run()
    back = FakeWorld(world.platform)
    rollout = await back.run(world.plan_of_rollback())
    assert (rollout.ending, rollout.exit_code) == (Ending.ROLLED_BACK, ExitCode.DONE)
    assert back.shares == back.effective_shares == {STABLE: 100}
    assert back.tags == USERS


async def test_promotion_from_latest_is_recorded_with_the_name_of_what_latest_was():
    traffic = Split.of([Target(None, 100), Target(OLD, 0, TAG)])
    world = FakeWorld(FakePlatform([OLD, STABLE], traffic))
    await world.run(plan(Kind.PROMOTE))
    rollout = await FakeWorld(world.platform).run(world.plan_of_rollback())
    assert rollout.ending is Ending.ROLLED_BACK
    assert world.platform.traffic.shares == {STABLE: 100}


async def test_rollback_without_a_known_stable_is_refused():
    world = FakeWorld()
    rollout = await world.run(plan(Kind.ROLLBACK))
    assert (rollout.ending, rollout.exit_code) == (Ending.REFUSED, ExitCode.USAGE)
    assert "--to" in rollout.notes[-1]
    assert world.platform.writes == []


async def test_rollback_of_a_half_done_service_brings_it_to_one_revision():
    world = FakeWorld(two_revisions(Split.of([Target(STABLE, 50), Target(CANDIDATE, 50)])))
    rollout = await world.run(plan(Kind.ROLLBACK, revision=STABLE))
    assert rollout.ending is Ending.ROLLED_BACK
    assert world.effective_shares == {STABLE: 100}


@pytest.mark.parametrize(
    "asked",
    [
        plan(revision="backend-00404-nix"),
        plan(Kind.PROMOTE),
        plan(Kind.PROMOTE, revision="backend-00404-nix"),
        plan(Kind.ROLLBACK, revision="backend-00404-nix"),
        plan(revision=STABLE),
        plan(tag="a-tag-that-is-much-too-long-for-this-service-1"),
    ],
)
async def test_what_cannot_be_is_refused_before_anything_is_written(asked):
    world = FakeWorld()
    rollout = await world.run(asked)
    assert (rollout.ending, rollout.exit_code) == (Ending.REFUSED, ExitCode.USAGE)
    assert REF.name in rollout.notes[-1]
    assert world.platform.writes == []
    assert world.outcome["ending"] == "refused"


async def test_a_service_that_does_not_exist_is_refused():
    world = FakeWorld()
    world.platform.exists = False
    rollout = await world.run()
    assert (rollout.ending, rollout.exit_code) == (Ending.REFUSED, ExitCode.USAGE)


async def test_everything_is_told_and_one_command_leads_to_one_event():
    world = FakeWorld()
    await world.run()
    kinds = [type(command) for command in world.narrator.commands]
    told = [Deploy, RunProbes, SetTraffic, SetTraffic, Record]  # the last write: the lease
    assert [kind for kind in kinds if kind is not Look] == told
    assert len(world.narrator.events) == len(kinds)
    assert [news.probe for news in world.narrator.news if news.evidence] == [
        "health",
        "chat",
        "nice",
    ]
    assert ReadLogs not in kinds


@pytest.mark.parametrize("sees", [Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE])
@pytest.mark.parametrize("interrupted_at", [None, 0, 2, 4])
async def test_replaying_the_events_gives_the_same_rollout(sees, interrupted_at):
    world = FakeWorld()
    world.platform.propagation_reads = 2
    world.probes.sees["chat"] = evidence("chat", sees, "seen")

    def interrupt(number: int, _command: object) -> None:
        if number == interrupted_at:
            world.controller.interrupt()

    world.narrator.on_doing = interrupt
    rollout = await world.run()
    replayed, commands = begin(plan(), "r1", START)
    told = []
    for event in world.narrator.events:
        if not isinstance(event, Interrupted):
            told += commands
        replayed, commands = step(replayed, event)
    assert replayed == rollout
    assert rollout.phase is Phase.ENDED
    assert commands == ()
    assert any(isinstance(e, Interrupted) for e in world.narrator.events) == (
        interrupted_at is not None
    )
    if interrupted_at is None:
        assert told == world.narrator.commands


async def test_a_verdict_of_promote_is_kept_with_the_promotion():
    world = FakeWorld()
    rollout = await world.run()
    assert rollout.verdict is not None
    assert rollout.verdict.decision is Decision.PROMOTE
    assert world.outcome["verdict"] == {"decision": "promote", "reasons": []}


DEPENDENCY = "dial tcp 10.1.2.3:5432: connect: connection refused"


def down(probe="health"):
    """A probe that says that a dependency is down."""
    return replace(
        evidence(probe, Outcome.FAILED, "503 Service Unavailable"),
        findings=(Finding(Symptom.STATUS, "200", "503 Service Unavailable, database down"),),
    )


@pytest.mark.parametrize(
    ("last_words", "baseline", "stable", "ending", "fault"),
    [
        (DEPENDENCY, Baseline.STABLE, down(), Ending.HELD, Attribution.ENVIRONMENT),
        (DEPENDENCY, Baseline.STABLE, None, Ending.REJECTED, Attribution.UNKNOWN),
        (DEPENDENCY, Baseline.NONE, down(), Ending.REJECTED, Attribution.UNKNOWN),
        ("NameError: app", Baseline.STABLE, down(), Ending.REJECTED, Attribution.REGRESSION),
    ],
)
async def test_what_keeps_a_candidate_from_starting_is_excused_only_if_stable_suffers_too(
    last_words, baseline, stable, ending, fault
):
    world = FakeWorld()
    world.platform.next_revision_fails("It failed.")
    world.logs.add(CANDIDATE, LogEntry(START, Severity.ERROR, last_words))
    if stable:
        world.probes.sees["health"] = stable
    rollout = await world.run(plan(baseline=baseline))
    assert rollout.ending is ending
    assert rollout.verdict is not None
    assert [reason.attribution for reason in rollout.verdict.reasons] == [fault]
    assert all(item.address == STABLE_ADDRESS for item in rollout.evidence)
    assert [target.url for target in world.probes.targets] == (
        ["https://backend-abc-uc.a.run.app"] if baseline is Baseline.STABLE else []
    )
