"""What the ledger keeps of a rollout, what happens without it, and what must never be in it."""

import hashlib
import json
from dataclasses import asdict, replace

import pytest

from gate.core.annotation import KEY, parse_annotation
from gate.core.evidence import OneTest, Outcome
from gate.core.severity import Severity
from gate.core.state import Ending, Kind, Past, PastOutcome
from gate.core.traffic import Split
from gate.errors import ExitCode, UnavailableError
from gate.ledger.canonical import digest
from gate.ledger.entry import TEXT_MAX
from gate.ports import LogEntry
from tests.fakes.clock import START
from tests.fakes.platform import STABLE, FakePlatform
from tests.fakes.probes import evidence
from tests.fakes.world import CANDIDATE, TAG, USERS, FakeWorld, plan

DOWN = UnavailableError("Cloud Logging: no answer")
SECRET = "correct-horse-battery"


async def test_each_write_is_written_down_before_it_is_made():
    world = FakeWorld()
    intentions_before: list[int] = []
    for method in ("deploy", "set_traffic"):
        world.platform.before_next(method, lambda: intentions_before.append(len(world.intentions)))
    await world.run()
    assert intentions_before == [1, 2]
    assert world.intentions == [
        f"deploy app:2 as {CANDIDATE} at 0 %",
        f"promote to {CANDIDATE}",
        "give back the lease",
    ]


async def test_the_outcome_says_who_why_what_and_on_which_evidence():
    world = FakeWorld()
    world.probes.sees["chat"] = evidence("chat", Outcome.FAILED, "500")
    await world.run(plan(policy_digest="d1gest", policy_source="backend.yaml"))
    outcome = world.outcome
    assert (outcome["actor"], outcome["reason"]) == ("alice", "because")
    assert (outcome["policy"], outcome["policy_digest"]) == ("backend.yaml", "d1gest")
    assert (outcome["ending"], outcome["exit_code"]) == ("rejected", 1)
    assert outcome["candidate"]["revision"] == CANDIDATE
    assert outcome["candidate"]["image"] == "app:2"
    assert outcome["stable"] == [
        {"revision": STABLE, "percent": 100, "image": f"image-of-{STABLE}"}
    ]
    assert [(e["probe"], e["outcome"]) for e in outcome["evidence"]] == [
        ("health", "passed"),
        ("chat", "failed"),
        ("nice", "passed"),
    ]
    assert outcome["traffic_before"] == outcome["traffic_after"]
    assert outcome["effective_after"] == {STABLE: 100}


async def test_what_is_told_at_the_end_is_the_very_entry_that_the_ledger_has():
    world = FakeWorld()
    assert world.controller.outcome is None
    await world.run()
    assert world.controller.outcome == world.outcome


async def test_every_entry_has_its_own_number():
    world = FakeWorld()
    await world.run()
    assert [key.sequence for key in world.ledger._kept] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "asked", [plan(), plan(revision=CANDIDATE), plan(Kind.PROMOTE, revision=CANDIDATE)]
)
async def test_without_the_ledger_nothing_is_deployed_tagged_or_promoted(asked):
    world = FakeWorld(FakePlatform([STABLE] if asked.image else [STABLE, CANDIDATE]))
    world.ledger.fail_next("append", DOWN, 100)
    rollout = await world.run(asked)
    assert (rollout.ending, rollout.exit_code) == (Ending.FAILED, ExitCode.INFRASTRUCTURE)
    assert world.platform.writes == []
    assert any("could not be recorded" in note for note in rollout.notes)
    assert not rollout.recorded


async def test_a_ledger_that_goes_away_stops_the_promotion_and_not_the_cleaning():
    world = FakeWorld()
    world.probes.before_next("run", lambda: world.ledger.fail_next("append", DOWN, 100))
    rollout = await world.run()
    assert (rollout.ending, rollout.exit_code) == (Ending.FAILED, ExitCode.INFRASTRUCTURE)
    assert world.shares == {STABLE: 100}
    assert world.tags == USERS


async def test_without_the_ledger_a_rollback_goes_on():
    world = FakeWorld(FakePlatform([STABLE, CANDIDATE], Split.all_to(CANDIDATE)))
    world.ledger.fail_next("append", DOWN, 100)
    rollout = await world.run(plan(Kind.ROLLBACK, revision=STABLE))
    assert (rollout.ending, rollout.exit_code) == (Ending.ROLLED_BACK, ExitCode.DONE)
    assert world.effective_shares == {STABLE: 100}
    assert not rollout.recorded
    assert "did not keep the outcome" in rollout.notes[-1]


async def test_a_promotion_that_is_not_recorded_in_the_end_says_so():
    world = FakeWorld()
    world.platform.before_next("set_traffic", lambda: world.ledger.fail_next("append", DOWN, 2))
    rollout = await world.run()
    assert rollout.ending is Ending.PROMOTED
    assert not rollout.recorded
    assert "Cloud Logging: no answer" in rollout.notes[-1]


# --- secrets


def speaks(text: str) -> dict[str, object]:
    seen = evidence("chat", Outcome.FAILED, text)
    return {"chat": replace(seen, excerpts=(text, text), asked=text, expected=text)}


async def test_no_secret_is_in_any_entry():
    world = FakeWorld(secrets={"alice": SECRET})
    world.probes.sees |= speaks(f"got {SECRET}")
    await world.run(plan(reason=f"because {SECRET}", actor=SECRET))
    assert SECRET not in world.record
    assert "[secret alice]" in world.record


async def test_no_secret_is_in_what_a_candidate_says_as_it_dies():
    world = FakeWorld(secrets={"alice": SECRET})
    world.platform.next_revision_fails(f"could not start with {SECRET}")
    world.logs.add(CANDIDATE, LogEntry(START, Severity.ERROR, f"token={SECRET}"))
    rollout = await world.run()
    assert SECRET not in world.record
    assert rollout.verdict is not None
    assert SECRET not in "".join(rollout.verdict.reasons[0].lines)


async def test_the_last_words_of_a_candidate_are_recorded_whole():
    world = FakeWorld()
    world.platform.next_revision_fails("It failed.")
    for number in range(20):
        text = f"{'x' * 300} line {number} of 20"
        world.logs.add(CANDIDATE, LogEntry(START.replace(second=number), Severity.ERROR, text))
    await world.run()
    assert all(f"line {number} of 20" in world.record for number in range(20))


async def test_no_secret_is_in_what_the_platform_answers():
    world = FakeWorld(secrets={"alice": SECRET})
    world.platform.fail_next("deploy", UnavailableError(f"echo {SECRET}"))
    await world.run()
    assert SECRET not in world.record


@pytest.mark.parametrize("offset", range(TEXT_MAX - 30, TEXT_MAX + 2, 3))
async def test_no_half_of_a_secret_is_left_where_a_text_is_cut(offset):
    world = FakeWorld(secrets={"alice": SECRET})
    world.probes.sees |= speaks("x" * offset + SECRET + " and more" * 20)
    await world.run()
    assert SECRET[:6] not in world.record


async def test_a_kept_candidate_is_recorded_with_its_tag():
    world = FakeWorld()
    world.probes.sees["chat"] = evidence("chat", Outcome.INCONCLUSIVE, "?")
    await world.run()
    assert {"revision": CANDIDATE, "percent": 0, "tag": TAG} in world.outcome["traffic_after"]


# --- the chain


def digests(world, kind):
    return [digest(entry) for entry in world.ledger.kept if entry["entry"] == kind]


def marks(world):
    return [parse_annotation(dict(write.annotations)[KEY]) for write in world.platform.writes]


async def test_each_write_carries_the_hash_of_the_entry_that_explains_it_and_each_entry_the_last():
    world = FakeWorld()
    await world.run()
    hashes = digests(world, "intention")
    assert [(one.sequence, one.entry) for one in marks(world)] == list(enumerate(hashes, 1))
    entries = world.ledger.kept
    assert [entry["previous"] for entry in entries] == ["", *hashes]
    assert [entry["sequence"] for entry in entries] == [1, 2, 3, 3]
    assert world.outcome["intentions"] == hashes
    assert world.outcome["intentions_unkept"] == []


async def test_what_was_refused_is_followed_by_an_entry_on_the_one_that_explains_the_service():
    world = FakeWorld()
    world.platform.conflict_once(skip=1)
    await world.run()
    first, refused, again, *_ = world.ledger.kept
    assert refused["previous"] == again["previous"] == digest(first)
    assert refused["sequence"] == again["sequence"] == 2
    assert digest(refused) in world.outcome["intentions"]


async def test_a_rollout_vouches_for_the_outcomes_that_it_finds():
    world = FakeWorld()
    await world.run()
    end = world.outcome
    await world.controller.run(plan(revision=STABLE), "r2")
    write = next(one for one in world.ledger.kept if one["rollout"] == "r2")
    assert write["outcomes"] == [{"rollout": "r1", "at": end["at"], "digest": digest(end)}]


async def test_a_rollout_says_that_it_does_not_know_which_outcomes_there_are():
    world = FakeWorld()
    world.ledger.fail_next("entries", DOWN)
    await world.run()
    assert [entry["outcomes"] for entry in world.ledger.kept[:-1]] == [None, None, None]


async def test_a_move_by_hand_asks_nobody_and_vouches_for_what_it_was_told():
    seen = PastOutcome("r0", "2026-01-01T11:00:00.000Z", "d" * 64)
    for past, told in ((Past(), None), (Past(outcomes=(seen,)), [asdict(seen)])):
        world = FakeWorld(FakePlatform([STABLE, CANDIDATE], Split.all_to(CANDIDATE)))
        await world.run(plan(Kind.ROLLBACK, revision=STABLE, past=past))
        assert "entries" not in world.ledger.calls
        assert world.ledger.kept[0]["outcomes"] == told


async def test_the_outcome_tells_which_intentions_may_not_have_been_kept():
    world = FakeWorld(FakePlatform([STABLE, CANDIDATE], Split.all_to(CANDIDATE)))
    world.ledger.fail_next("append", DOWN)
    await world.run(plan(Kind.ROLLBACK, revision=STABLE))
    (write,) = marks(world)
    assert world.outcome["intentions"] == []
    assert world.outcome["intentions_unkept"] == [write.entry]


async def test_who_writes_is_a_claim_until_cloud_run_has_named_us():
    world = FakeWorld()
    await world.run()
    claimed = {"name": "alice", "authenticated": "claimed"}
    named = {"name": "gate@example.com", "authenticated": "cloud run"}
    assert [entry["principal"] for entry in world.ledger.kept] == [claimed, named, named, named]


async def test_somebody_who_writes_after_us_is_not_taken_for_us():
    world = FakeWorld()
    world.platform.before_next("read_service", lambda: None)
    for _ in range(20):
        world.platform.before_next(
            "read_service", lambda: world.platform.human_moves_traffic(world.platform.traffic)
        )
    await world.run()
    assert {entry["principal"]["name"] for entry in world.ledger.kept} == {"alice"}


# --- evidence that an entry has no room for


class Shelf:
    """Implements ports.Bundles."""

    def __init__(self, error=None):
        self.kept, self._error = {}, error

    async def put(self, name, content):
        if self._error:
            raise self._error
        self.kept[name] = content
        return f"gs://evidence/{name}"


def much(world):
    world.probes.sees["chat"] = replace(
        evidence("chat", Outcome.FAILED),
        tests=tuple(OneTest(f"{number}", "failed", True, "x" * 400) for number in range(800)),
    )
    return world


async def test_evidence_that_has_no_room_is_kept_whole_under_its_hash():
    shelf = Shelf()
    world = much(FakeWorld(bundles=shelf))
    await world.run()
    ((name, content),) = shelf.kept.items()
    assert world.outcome["bundle"] == f"gs://evidence/{name}"
    assert name == f"{world.outcome['evidence_digest']}.json"
    assert hashlib.sha256(content).hexdigest() == world.outcome["evidence_digest"]
    assert len(json.loads(content)["evidence"][1]["tests"]) == 800
    assert not any("a part of the evidence" in note for note in world.outcome["notes"])


@pytest.mark.parametrize(
    ("shelf", "why"), [(None, "GATE_BUNDLES names no place"), (Shelf(DOWN), "no answer")]
)
async def test_evidence_that_is_kept_nowhere_is_said_to_be(shelf, why):
    world = much(FakeWorld(bundles=shelf))
    await world.run()
    assert world.outcome["bundle"] == ""
    assert world.outcome["left_out"]
    assert why in world.outcome["notes"][-1]


async def test_evidence_that_has_room_is_in_the_entry_alone():
    shelf = Shelf()
    world = FakeWorld(bundles=shelf)
    await world.run()
    assert shelf.kept == {}
    assert "bundle" not in world.outcome
