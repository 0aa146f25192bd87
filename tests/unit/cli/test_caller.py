"""Which addresses get a token of the gate, as the environment says."""

import pytest

from gate.api import caller


@pytest.mark.parametrize("audience", ["", "1-a.apps.googleusercontent.com"])
async def test_no_token_goes_over_plain_http(monkeypatch, audience):
    monkeypatch.delenv("CLOUD_RUN_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GATE_ID_TOKEN", "a.b.c")
    assert await caller.headers_at("http://127.0.0.1:9", audience) == ()


async def test_a_client_of_iap_needs_no_look_before(monkeypatch):
    monkeypatch.delenv("CLOUD_RUN_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GATE_ID_TOKEN", "a.b.c")
    headers = await caller.headers_at("https://127.0.0.1:9", "1-a.apps.googleusercontent.com")
    assert tuple(headers) == (("Proxy-Authorization", "Bearer a.b.c"),)
