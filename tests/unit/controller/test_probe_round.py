"""What users get where a rollback has sent them, also where nobody is let in unasked."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.controller.probe_round import ProbeRound
from gate.core.messages import RunProbes
from gate.core.redaction import Redactor
from gate.core.state import Ending, Kind
from gate.core.traffic import Split
from gate.errors import AccessError
from gate.ports import UsersAnswer
from tests.fakes.platform import STABLE, FakePlatform
from tests.fakes.world import CANDIDATE, FakeWorld, plan

REFUSED = UsersAnswer(unknown="HTTP 403, the front end refused the caller", refused=True)
BROKEN = UsersAnswer(instead="HTTP 503, no container answered")
BACK = plan(Kind.ROLLBACK, revision=STABLE)


def private_world(insiders_get=None):
    world = FakeWorld(FakePlatform([STABLE, CANDIDATE], Split.all_to(CANDIDATE)))
    world.users_get = REFUSED
    world.insiders_get = insiders_get or UsersAnswer()
    return world


async def test_a_public_service_is_asked_without_a_token():
    world = private_world()
    world.users_get = UsersAnswer()
    assert (await world.run(BACK)).ending is Ending.ROLLED_BACK
    assert world.audiences == []


async def test_a_private_target_that_does_not_answer_is_seen_with_a_token():
    world = private_world(BROKEN)
    rollout = await world.run(BACK)
    assert rollout.ending is Ending.STUCK
    assert "DOES NOT ANSWER: HTTP 503, no container answered" in rollout.notes[-1]
    assert world.audiences == ["https://backend-abc-uc.a.run.app"]


async def test_a_private_target_that_answers_is_a_rollback_as_any():
    rollout = await private_world().run(BACK)
    assert rollout.ending is Ending.ROLLED_BACK
    assert not any("was not seen" in note for note in rollout.notes)


@pytest.mark.parametrize("insiders_get", [REFUSED, UsersAnswer()])
async def test_without_credentials_it_is_said_that_nobody_looked(insiders_get):
    world = private_world(insiders_get)
    why = "HTTP 403, the front end refused the caller"
    if not insiders_get.refused:
        world.no_token = AccessError("ID token for https://x: not to be had")
        why = "it is private; ID token for https://x: not to be had"
    rollout = await world.run(BACK)
    assert rollout.ending is Ending.ROLLED_BACK
    assert f"whether {STABLE} answers its users was not seen: {why}" in rollout.notes


NOWHERE = UsersAnswer(unknown="HTTP 404, the front end knows no such address", nowhere=True)
SAID = "the platform answers the gate in the service's place"


@pytest.mark.parametrize("insiders_get", [REFUSED, NOWHERE])
async def test_that_the_front_end_keeps_the_gate_out_is_said_before_any_probe(insiders_get):
    world = FakeWorld()
    world.insiders_get = insiders_get
    await world.run()
    first, *others = world.narrator.news
    assert (first.probe, first.at_once) == ("", True)
    assert first.text.startswith(f"{SAID} ({insiders_get.unknown}): every probe will get the same")
    assert others
    assert not any(SAID in one.text for one in others)


@pytest.mark.parametrize("insiders_get", [UsersAnswer(), BROKEN, UsersAnswer(unknown="late")])
async def test_what_may_be_the_containers_is_left_to_the_probes(insiders_get):
    world = FakeWorld()
    world.insiders_get = insiders_get
    await world.run()
    assert not any(SAID in one.text for one in world.narrator.news)


@pytest.mark.parametrize(("ingress", "asked"), [("all", 0), ("", 0), ("internal", 1)])
async def test_a_service_that_lets_everybody_in_is_not_asked_first(ingress, asked):
    world = FakeWorld()
    urls = []

    async def everybody(_audience, _url=""):
        return ()

    async def answers(url, headers):
        urls.append(url)
        return UsersAnswer()

    rounds = ProbeRound(
        world.probes,
        world.logs,
        world.clock,
        Redactor({}),
        everybody,
        world.narrator,
        answers,
    )
    command = RunProbes(
        (),
        "https://candidate---x",
        CANDIDATE,
        "https://x/",
        world.clock.now(),
        world.clock.now() + timedelta(seconds=60),
        compare_with=(STABLE,),
        ingress=ingress,
    )
    await rounds.ask(command)
    assert urls == ["https://x"] * asked
    await rounds.ask(replace(command, live=True))
    await rounds.ask(replace(command, compare_with=()))
    assert urls == ["https://x"] * asked
