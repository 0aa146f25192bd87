"""Bundles of evidence in a folder and in a bucket, and what verification says of them."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from gate.api import wiring
from gate.cli.main import run
from gate.core.state import Kind
from gate.errors import InfrastructureError, NotFoundError, UsageError
from gate.ledger.canonical import canonical, digest
from gate.ledger.seen import hash_of

EVIDENCE = {"evidence": [{"probe": "chat", "seen": "é"}], "verdict": None}
NAME = f"{digest(EVIDENCE)}.json"


class Storage(BaseHTTPRequestHandler):
    """As much of Cloud Storage's JSON API as bundles need."""

    objects: ClassVar[dict] = {}

    def do_POST(self):
        asked = urlsplit(self.path)
        name = parse_qs(asked.query)["name"][0]
        size = int(self.headers["Content-Length"])
        self.objects[asked.path.split("/")[5], name] = self.rfile.read(size)
        self._answer(200, b'{"kind": "storage#object"}')

    def do_GET(self):
        asked = urlsplit(self.path)
        parts = [unquote(part) for part in asked.path.split("/")]
        if len(parts) == 6:
            prefix = parse_qs(asked.query)["prefix"][0]
            there = [name for bucket, name in self.objects if bucket == parts[4]]
            items = [{"name": name} for name in there if name.startswith(prefix)]
            self._answer(200, json.dumps({"items": items} if items else {}).encode())
        else:
            self._answer(200, self.objects[parts[4], parts[6]])

    def _answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def storage(monkeypatch):
    Storage.objects = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Storage)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(wiring.STORAGE_EMULATOR, f"127.0.0.1:{server.server_address[1]}")
    yield Storage.objects
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["folder", "bucket"])
def where(request, tmp_path):
    if request.param == "folder":
        return str(tmp_path / "not yet" / "there")
    request.getfixturevalue("storage")
    return "gs://evidence/of the gate"


async def test_a_bundle_is_kept_under_its_hash_and_comes_back(where):
    async with wiring.bundles(where) as bundles:
        kept = await bundles.put(NAME, canonical(EVIDENCE))
        assert kept == f"{where}/{NAME}"
        assert await bundles.put(NAME, canonical(EVIDENCE)) == kept
        assert hash_of(await bundles.get(NAME)) == digest(EVIDENCE)
        with pytest.raises(NotFoundError):
            await bundles.get("0" * 64 + ".json")


async def test_a_folder_that_cannot_be_written_is_said():
    async with wiring.bundles("/proc/nowhere") as bundles:
        with pytest.raises(InfrastructureError, match="cannot be written"):
            await bundles.put(NAME, b"{}")


@pytest.mark.parametrize("odd", ["gs://", "gs://UPPER/x", "s3://bucket/x"])
def test_what_is_no_bucket_stops_a_rollout_and_no_move_by_hand(monkeypatch, odd):
    monkeypatch.setenv(wiring.BUNDLES, odd)
    with pytest.raises(UsageError, match=r"^GATE_BUNDLES: is no bucket"):
        wiring.bundles_place(Kind.ROLLOUT)
    assert wiring.bundles_place(Kind.ROLLBACK) == ""


def entry(bundle):
    """An outcome that holds a part of its evidence."""
    return {
        "format": 2,
        "entry": "outcome",
        "rollout": "r1",
        "at": "2026-01-01T00:00:00.000Z",
        "project": "demo",
        "region": "us-central1",
        "service": "backend",
        "actor": "alice",
        "ending": "rejected",
        "left_out": 3,
        "bundle": bundle,
        "evidence": [],
        "verdict": None,
        "evidence_digest": digest(EVIDENCE),
        "intentions": [],
        "intentions_unkept": [],
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [(canonical(EVIDENCE), None), (b"{}", "altered"), (b"no JSON", "altered"), (None, "missing")],
)
def test_verification_holds_a_bundle_against_its_hash(tmp_path, capsys, content, said):
    bundle = tmp_path / NAME
    if content is not None:
        bundle.write_bytes(content)
    ledger = tmp_path / "ledger.jsonl"
    ledger.write_bytes(canonical(entry(str(bundle))))
    code = run(["audit", "verify", str(ledger), "--output", "json"])
    found = [one["what"] for one in json.loads(capsys.readouterr().out)["findings"]]
    assert (code, found) == ((1, [said]) if said else (0, []))


def test_a_bundle_that_cannot_be_had_proves_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(wiring.STORAGE_EMULATOR, "127.0.0.1:1")
    ledger = tmp_path / "ledger.jsonl"
    ledger.write_bytes(canonical(entry(f"gs://evidence/{NAME}")))
    assert run(["audit", "verify", str(ledger)]) == 0
    assert "cannot be read" in capsys.readouterr().err
