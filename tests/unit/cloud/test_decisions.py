from datetime import UTC, datetime

import pytest

from gate.cloud.channel import Endpoint
from gate.cloud.decisions import CloudLedger
from gate.core.service import ServiceRef
from gate.errors import InfrastructureError
from gate.ports import LedgerQuery
from tests.unit.cloud.answers import Scripted, ok, ways_over

EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def kept(at, sequence):
    return {"timestamp": at, "labels": {"sequence": sequence}, "jsonPayload": {"n": sequence}}


def ledger_over(client):
    ref = ServiceRef("demo", "us-central1", "backend")
    return CloudLedger(ref, Endpoint(), ways=ways_over(client))


async def ask(client, query):
    return [entry["n"] for entry in await ledger_over(client).entries(query)]


async def test_an_entry_as_it_is_written():
    client = Scripted(ok({}))
    entry = {"at": "2026-01-02T01:00:00+01:00", "exit_code": 0, "message": "promoted"}
    await ledger_over(client).append(entry, "r1", 3)
    assert client.asked == [("POST", "/v2/entries:write", 10.0)]
    (body,) = client.bodies
    assert body == {
        "partialSuccess": False,
        "entries": [
            {
                "logName": "projects/demo/logs/gate-decisions",
                "resource": {
                    "type": "cloud_run_revision",
                    "labels": {
                        "project_id": "demo",
                        "location": "us-central1",
                        "service_name": "backend",
                        "configuration_name": "backend",
                    },
                },
                "timestamp": "2026-01-02T00:00:00+00:00",
                "severity": "NOTICE",
                "insertId": "r1-000003",
                "labels": {"service": "backend", "rollout": "r1", "sequence": "3"},
                "jsonPayload": entry,
            }
        ],
    }


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
async def test_what_json_cannot_say_is_refused_before_it_is_sent(value):
    client = Scripted(ok({}))
    with pytest.raises(InfrastructureError, match=r"^ledger entry r1/3: is no JSON"):
        await ledger_over(client).append({"at": LATE, "n": value}, "r1", 3)
    assert client.asked == []


async def test_entries_of_one_moment_are_in_the_order_of_their_sequence():
    # However the server breaks the tie, and whatever somebody else wrote into the log.
    entries = [kept(LATE, "9"), kept(LATE, "x"), kept(LATE, "10"), kept(EARLY, "11")]
    client = Scripted(ok({"entries": entries}))
    assert await ask(client, LedgerQuery()) == ["10", "9", "x", "11"]


async def test_only_what_is_asked_for_narrows_the_question():
    client = Scripted(ok({}))
    await ask(client, LedgerQuery())
    await ask(
        client, LedgerQuery(service="backend", rollout="r1", since=datetime(2026, 1, 1, tzinfo=UTC))
    )
    everything, narrowed = (body["filter"] for body in client.bodies)
    assert everything == 'logName="projects/demo/logs/gate-decisions"'
    assert narrowed.split(" AND ") == [
        everything,
        'labels.service="backend"',
        'resource.labels.location="us-central1"',
        'labels.rollout="r1"',
        'timestamp>="2026-01-01T00:00:00+00:00"',
    ]
