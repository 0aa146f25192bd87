"""Webhooks as receivers see them: over real sockets, judged by the library of Standard Webhooks."""

import asyncio
import base64
import json
import secrets
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
import trustme
from standardwebhooks import Webhook

from gate.core.policy import HookFormat
from gate.ledger.entry import outcome
from gate.notify.bodies import SIZE_MAX_BYTES, Notice, body
from gate.notify.delivery import TRIES, Delivery, Sender
from gate.notify.signing import UnusableKeyError, key_of
from gate.probes.tls import shared_context
from gate.report.summary import message_of
from tests.contract.probe_servers import tcp
from tests.unit.report.scenes import ALL_PASSED, Scene, failed, plan

SECRET = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
HOSTILE = "<!channel> <users/all> <https://evil.example|here> & @all\n*b* \x00\x1b[31m"
PAST = 60.0
"""Limit where nobody is to wait for it."""


class Hook:
    """A receiver that answers as it is told, and keeps what it was sent.

    Args:
        statuses: one for each call; None closes the connection, 0 says nothing.
    """

    def __init__(self, *statuses):
        self.statuses = list(statuses)
        self.calls = []
        self.url = ""

    async def handle(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        content = await reader.readexactly(int(headers["content-length"]))
        self.calls.append((first, headers, content))
        status = self.statuses.pop(0) if self.statuses else 204
        if status == 0:
            await reader.read()
        elif status is not None:
            where = "location: http://127.0.0.1:1/\r\n" if 300 <= status < 400 else ""
            writer.write(f"HTTP/1.1 {status} X\r\n{where}content-length: 0\r\n\r\n".encode())
            await writer.drain()


@asynccontextmanager
async def hook(*statuses):
    one = Hook(*statuses)
    async with tcp(one.handle) as place:
        one.url = f"http://{place}/hook?token=t0psecret"
        yield one


def entry(**changes):
    rollout = Scene(evidence=(failed("health"), *ALL_PASSED[1:])).play(plan())
    return {**outcome(rollout, rollout.at), **changes}


def notice(**changes):
    document = entry(**changes)
    title, *lines = message_of(document)
    return Notice(document, title, tuple(lines))


def delivery(url, form=HookFormat.CLOUDEVENTS, secret=SECRET, **changes):
    told = notice(**changes)
    key = key_of(secret) if secret else b""
    return Delivery("notify[0]", url, body(told, form), told.id, key)


async def send(*deliveries, within_s=PAST):
    sender = Sender(shared_context, lambda: datetime.now(UTC), within_s)
    return await sender.send(deliveries)


async def test_an_event_has_the_decision_and_a_signature_that_proves_it():
    async with hook() as one:
        assert await send(delivery(one.url, events={"data": "for the ledger alone"})) == ()
    ((first, headers, content),) = one.calls
    assert first == "POST /hook?token=t0psecret HTTP/1.1"
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    event = Webhook(SECRET).verify(content, headers)
    document = entry()
    assert event == {
        "specversion": "1.0",
        "id": f"{document['rollout']}/ended",
        "source": "//run.googleapis.com/projects/demo/locations/us-central1/services/backend",
        "type": "dev.gate.rollout.ended",
        "subject": document["rollout"],
        "time": document["at"],
        "datacontenttype": "application/json",
        "data": document,
    }
    assert headers["webhook-id"] == event["id"]


@pytest.mark.parametrize("first", [500, 503, 429, None])
async def test_what_may_pass_is_tried_again_with_the_same_id(first):
    async with hook(first, first, 200) as one:
        assert await send(delivery(one.url)) == ()
    assert len(one.calls) == 3
    assert len({headers["webhook-id"] for _, headers, _ in one.calls}) == 1
    for _, headers, content in one.calls:
        Webhook(SECRET).verify(content, headers)


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 410])
async def test_what_will_not_pass_is_said_once_without_the_address(status):
    async with hook(status) as one:
        (note,) = await send(delivery(one.url))
    assert len(one.calls) == 1
    assert note == f"notify[0]: not told: status {status}"


async def test_nobody_waits_for_a_receiver_longer_than_the_limit_and_others_are_told():
    async with hook(0) as silent, hook(*[503] * 99) as failing, hook() as well:
        deliveries = [delivery(one.url) for one in (silent, failing, well)]
        loop = asyncio.get_running_loop()
        began = loop.time()
        notes = await send(*deliveries, within_s=1.0)
        assert loop.time() - began < 30
    assert len(notes) == 2
    assert all(note.startswith("notify[0]: not told within 1 s") for note in notes)
    assert len(well.calls) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "http://127.0.0.1.evil.example/",
        "https://user:password@127.0.0.1/",
        "ftp://127.0.0.1/",
        "https://",
        "https://[/",
        "https://127.0.0.1:99999/",
        "https://127.0.0.1/a b",
        "file:///etc/passwd",
        "",
    ],
)
async def test_an_address_that_is_not_private_on_its_way_is_not_told(url):
    (note,) = await send(delivery(url))
    expected = "its address is unusable (expected https://, or http:// to this machine)"
    assert note == f"notify[0]: not told: {expected}"


async def test_nobody_is_told_whose_certificate_nobody_vouches_for():
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    one = Hook()
    async with tcp(one.handle, context) as place:
        url = f"https://localhost:{place.rpartition(':')[2]}/t0psecret"
        (note,) = await send(delivery(url))
    assert one.calls == []
    assert note == "notify[0]: not told: its certificate is not to be trusted"


class Proxy:
    """Tunnels to wherever it is asked, and keeps the heads of what it was asked."""

    def __init__(self, status=200):
        self.status = status
        self.heads = []

    async def handle(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        writer.write(f"HTTP/1.1 {self.status} X\r\n\r\n".encode())
        if self.status != 200:
            await writer.drain()
            return
        host, _, port = head.split(" ")[1].rpartition(":")
        there = await asyncio.open_connection(host, int(port))
        ways = _piped(reader, there[1]), _piped(there[0], writer)
        await asyncio.gather(*ways)


async def _piped(reader, writer):
    while part := await reader.read(65_536):
        writer.write(part)
        await writer.drain()
    writer.close()


@pytest.mark.parametrize(("status", "bypass"), [(200, ""), (200, "localhost"), (403, "")])
async def test_the_way_is_the_proxy_that_the_environment_names(
    monkeypatch, tmp_path, status, bypass
):
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    one, proxy = Hook(), Proxy(status)
    async with tcp(one.handle, context) as place, tcp(proxy.handle) as way:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:t0p@{way}")
        monkeypatch.setenv("NO_PROXY", bypass)
        port = place.rpartition(":")[2]
        notes = await send(delivery(f"https://localhost:{port}/t0psecret"))
    assert len(one.calls) == (status == 200)
    assert len(proxy.heads) == (0 if bypass else 1 if status == 200 else TRIES)
    for head in proxy.heads:
        assert head.startswith(f"CONNECT localhost:{port} HTTP/1.1\r\n")
        assert f"Basic {base64.b64encode(b'me:t0p').decode()}" in head
    assert not [note for note in notes if "t0p" in note]
    assert bool(notes) == (status != 200)


@pytest.mark.parametrize("form", [HookFormat.SLACK, HookFormat.GOOGLE_CHAT])
async def test_a_message_says_what_ended_how_why_and_what_to_do(form):
    async with hook() as one:
        assert await send(delivery(one.url, form, secret="")) == ()
    ((_, headers, content),) = one.calls
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert "webhook-signature" not in headers
    sent = json.loads(content)
    title = "rollout of backend (demo/us-central1): rejected"
    lines = (
        f"{title}\n"
        "health: redirect: got 307 to /api/health/, expected status 200\n"
        "4 of 5 probes passed\n"
        "next: mend it and roll out again; nothing has to be undone\n"
        "rollout 20260101-120000-abc123"
    )
    if form is HookFormat.GOOGLE_CHAT:
        assert sent == {"text": lines}
    else:
        section = {"type": "plain_text", "text": lines, "emoji": False}
        assert sent == {"text": title, "blocks": [{"type": "section", "text": section}]}


@pytest.mark.parametrize("form", [HookFormat.SLACK, HookFormat.GOOGLE_CHAT])
def test_nobody_is_called_by_what_a_candidate_says(form):
    reason = {"subject": HOSTILE, "text": HOSTILE * 100, "hint": ""}
    told = notice(service=HOSTILE, verdict={"decision": "reject", "reasons": [reason]})
    sent = json.loads(body(told, form).content)
    assert "<!" not in sent["text"]
    assert "<users" not in sent["text"]
    assert "<https" not in sent["text"]
    shown = sent["blocks"][0]["text"] if form is HookFormat.SLACK else {"text": sent["text"]}
    assert shown.get("type", "plain_text") == "plain_text"
    assert len(shown["text"]) < 3000
    assert "\x00" not in shown["text"]


@pytest.mark.parametrize("count", [1, 20, 2000])
def test_an_event_is_never_too_large_and_keeps_what_matters_most(count):
    document = entry()
    (item,) = [one for one in document["evidence"] if one["probe"] == "health"]
    passed = {**item, "outcome": "passed"}
    long = {**item, "log_lines": ["x" * 400] * 20, "excerpts": ["y" * 400] * 20}
    document["evidence"] = [long, *[passed] * count]
    content = body(Notice(document, "t"), HookFormat.CLOUDEVENTS).content
    assert len(content) <= SIZE_MAX_BYTES
    data = json.loads(content)["data"]
    assert data["ending"] == "rejected"
    assert data["evidence"][0]["seen"] == item["seen"]
    assert len(data["evidence"]) + data.get("evidence_left_out", 0) == count + 1


@pytest.mark.parametrize("secret", ["whsec_", "not base64!", "whsec_c2hvcnQ=", "Zm9v"])
def test_a_secret_that_nothing_can_be_signed_with_is_refused_and_not_shown(secret):
    with pytest.raises(UnusableKeyError) as error:
        key_of(secret)
    assert secret not in str(error.value)
