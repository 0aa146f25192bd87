import re

import pytest

from gate.core.evidence import Outcome, Symptom
from gate.core.redaction import Redactor
from gate.core.template import ISSUED
from gate.kinds.http import HttpProbe
from gate.ports import Target
from gate.probes.inquiry import FINDINGS_MAX, Inquiry, Nonces, Run, ws_url
from gate.probes.outcome import CannotAskError, Fault
from gate.probes.words import Words
from tests.fakes.clock import START, FakeClock

SECRETS = {"alice": "alices-secret", "bob": "bobs-secret"}


def new_run():
    return Run(
        target=Target("https://candidate.example"),
        secrets=SECRETS,
        nonces=Nonces(),
        words=Words(Redactor(SECRETS)),
        clock=FakeClock(),
        logs=None,
        tls=lambda: None,
        since=START,
    )


def test_every_nonce_is_new_and_plain():
    nonces = Nonces()
    made = {nonces.new() for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch("[0-9a-z]{20,40}", one) for one in made)
    assert all(ISSUED.fullmatch(one) for one in made)


def test_a_nonce_of_the_run_that_is_not_ones_own_is_foreign():
    nonces = Nonces()
    own, other = nonces.new(), nonces.new()
    assert not nonces.foreign(f'{{"id":"{own}"}}', own)
    assert nonces.foreign(f'{{"id":"{other}"}}', own)
    assert nonces.foreign(f"{own} {other}", own)
    assert not nonces.foreign("hello", own)


def test_a_nonce_of_another_run_is_not_foreign():
    assert not Nonces().foreign(Nonces().new(), Nonces().new())


def test_templates_know_secrets_urls_the_user_and_the_nonce():
    values = new_run().values("n1", "bob")
    assert values["alice"] == "alices-secret"
    assert values["user"] == "bobs-secret"
    assert values["nonce"] == "n1"
    assert values["url"] == "https://candidate.example"
    assert values["ws_url"] == "wss://candidate.example"


def test_a_name_without_a_value_is_our_own_fault():
    with pytest.raises(CannotAskError) as caught:
        new_run().values("n1")["user"]
    assert caught.value.fault.symptom is Symptom.CLIENT
    with pytest.raises(CannotAskError):
        new_run().values("n1", "carol")


def test_a_run_does_not_show_its_secrets():
    assert "alices-secret" not in repr(new_run())


def test_ws_urls():
    assert ws_url("http://127.0.0.1:8080") == "ws://127.0.0.1:8080"
    assert ws_url("https://x") == "wss://x"


async def test_evidence_puts_failures_first_and_redacts_everything():
    draft = Inquiry("health", HttpProbe("/"), new_run(), lambda *_: None).begin(
        "http", "GET /", "200"
    )
    unclear = Fault(Symptom.CONNECT, "x", "y")
    failed = Fault(Symptom.BODY, "saw alices-secret", "bobs-secret", "see alices-secret")
    evidence = draft.end("alices-secret", {unclear: 9, failed: 1}, ["line"] * 30)
    assert [finding.symptom for finding in evidence.findings] == [Symptom.BODY, Symptom.CONNECT]
    assert evidence.findings[1].count == 9
    assert "s-secret" not in repr(evidence)
    assert len(evidence.excerpts) == 20
    assert evidence.outcome is Outcome.FAILED
    assert (evidence.asked_times, evidence.right_times) == (1, 0)


async def test_evidence_without_faults_is_a_pass():
    draft = Inquiry("health", HttpProbe("/"), new_run(), lambda *_: None).begin(
        "http", "GET /", "200"
    )
    evidence = draft.end("200")
    assert evidence.passed
    assert evidence.started_at == START
    assert (evidence.asked_times, evidence.right_times) == (1, 1)


async def test_findings_are_bounded():
    draft = Inquiry("health", HttpProbe("/"), new_run(), lambda *_: None).begin(
        "http", "GET /", "200"
    )
    faults = [Fault(Symptom.BODY, f"{number}" + "x" * 9999, "y" * 9999) for number in range(99)]
    evidence = draft.end("z" * 9999, faults)
    assert len(evidence.findings) == FINDINGS_MAX
    assert len(repr(evidence)) < 20_000
