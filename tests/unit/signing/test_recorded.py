"""Decisions are signed once they are made: the signature is in the record, and changes nothing."""

import asyncio

import pytest

from gate.controller.bookkeeping import Waits
from gate.core.evidence import Outcome
from gate.core.state import Ending, Kind
from gate.errors import UnavailableError, UsageError
from gate.ledger.canonical import digest
from gate.signing.envelope import local, opened
from gate.signing.keys import private_key
from gate.signing.signer import DecisionSigner
from gate.signing.statement import said
from tests.fakes.platform import STABLE
from tests.fakes.probes import evidence
from tests.fakes.world import FakeWorld, plan
from tests.unit.signing.decisions import AT, IMAGE, p256, pem, trusted

APP = f"pkg.dev/demo/app@sha256:{IMAGE}"


def signer(key):
    async def open_key():
        return local(private_key(pem(key), "test"))

    return DecisionSigner(open_key)


@pytest.mark.parametrize(
    ("chat", "ending", "result"),
    [
        (Outcome.PASSED, Ending.PROMOTED, "PASSED"),
        (Outcome.FAILED, Ending.REJECTED, "FAILED"),
        (Outcome.INCONCLUSIVE, Ending.HELD, "FAILED"),
    ],
)
async def test_the_record_has_the_signature_of_all_else_that_it_says(chat, ending, result):
    key = p256()
    world = FakeWorld(signer=signer(key))
    world.probes.sees["chat"] = evidence("chat", chat)
    rollout = await world.run(plan(image=APP))
    assert rollout.ending is ending
    entry = dict(world.outcome)
    assert entry.pop("checksum") == digest(entry)
    read = said(opened(entry.pop("attestation"), trusted(key), AT))
    assert (read.digest, read.result, read.rollout) == (IMAGE, result, rollout.id)
    assert read.entry == digest(entry)


class Broken:
    """Signs nothing: fails, or says nothing; asked when traffic has come to rest."""

    def __init__(self, world_of, error):
        self._error, self._world_of, self.writes = error, world_of, None

    async def sign(self, entry, digest):
        self.writes = len(self._world_of().platform.writes)
        if self._error is None:
            await asyncio.Event().wait()
        raise self._error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UnavailableError("Cloud KMS: no answer"), "not signed: Cloud KMS: no answer"),
        (UsageError("sign.key: is no private key"), "not signed: sign.key: is no private key"),
        (None, "not signed: no answer in 0 s"),
    ],
)
@pytest.mark.parametrize(("chat", "ending"), [("PASSED", "PROMOTED"), ("FAILED", "REJECTED")])
async def test_what_cannot_be_signed_is_decided_all_the_same(error, told, chat, ending):
    worlds = []
    broken = Broken(lambda: worlds[0], error)
    worlds.append(world := FakeWorld(signer=broken, waits=Waits(sign_s=0)))
    world.probes.sees["chat"] = evidence("chat", Outcome[chat])
    rollout = await world.run(plan(image=APP))
    assert rollout.ending is Ending[ending]
    assert rollout.recorded
    assert rollout.exit_code == Ending[ending].exit_code
    assert told in world.outcome["notes"][-1]
    assert "attestation" not in world.outcome
    if broken.writes is not None:
        assert broken.writes == len(world.platform.writes)


async def test_an_image_that_nobody_knows_by_digest_is_told_as_not_signed():
    world = FakeWorld(signer=signer(p256()))
    await world.run(plan(image="app:2"))
    assert (
        "not signed: the digest of the candidate's image is not known"
        in (world.outcome["notes"][-1])
    )


async def test_what_asks_nothing_of_an_image_is_not_signed():
    world = FakeWorld(signer=signer(p256()))
    await world.run(plan(Kind.PROMOTE, revision=STABLE))
    assert "attestation" not in world.outcome
    assert not [note for note in world.outcome["notes"] if "signed" in note]
