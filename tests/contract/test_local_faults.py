"""Faults that are switched on while the local Cloud Run runs, as clients of it see them."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import run_v2
from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client
from google.cloud.logging_v2.services.logging_service_v2.transports import (
    LoggingServiceV2GrpcTransport,
)
from google.cloud.logging_v2.types import LogEntry

from tests.contract.local_admin import HTTP, latest, short, to, who
from tests.contract.local_faults import WITHIN_S, api, faults, first, made, second, service
from tests.e2e.stage import eventually
from tests.local_cloud_run import PROJECT, finish

__all__ = ["api", "faults", "made", "service"]
pytestmark = pytest.mark.xdist_group("local_faults")


def moved(service, revision):
    return run_v2.Service(name=service.name, etag=service.etag, traffic=[to(revision, 100)])


def shares(lines):
    return {line["revision"]: line["percent"] for line in lines if line["percent"]}


def get(api, service):
    return api.services.get_service(name=service.name, retry=None)


# --- calls


def test_a_dropped_request_never_arrives(api, faults, service):
    faults.on({"do": "drop-request", "method": "UpdateService"})
    with pytest.raises(exceptions.ServiceUnavailable, match="reset by peer"):
        api.start_update(moved(service, second(service)), "traffic")
    assert get(api, service).etag == service.etag


def test_a_dropped_reply_leaves_the_write_behind(api, faults, service):
    faults.on({"do": "drop-reply", "method": "UpdateService"})
    with pytest.raises(exceptions.ServiceUnavailable, match="reset by peer"):
        api.start_update(moved(service, second(service)), "traffic")
    after = get(api, service)
    assert after.etag != service.etag
    assert after.traffic[0].revision == second(service)


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("unavailable", exceptions.ServiceUnavailable),
        ("exhausted", exceptions.ResourceExhausted),
        ("conflict", exceptions.Aborted),
    ],
)
def test_a_refused_call_changes_nothing(api, faults, service, what, error):
    faults.on({"do": what})
    with pytest.raises(error):
        get(api, service)
    with pytest.raises(error):
        api.start_update(moved(service, second(service)), "traffic")
    faults.off()
    assert get(api, service).etag == service.etag


def test_a_repeated_write_without_an_etag_happens_twice(api, faults, service):
    faults.on({"do": "repeat", "method": "UpdateService"})
    before = len(faults.history(service.name, "asked"))
    unguarded = run_v2.Service(name=service.name, traffic=[to(second(service), 100)])
    finish(api.start_update(unguarded, "traffic"))
    assert len(faults.history(service.name, "asked")) == before + 2


@pytest.mark.parametrize("what", ["delay", "late-reply"])
def test_late_is_late(api, faults, service, what):
    faults.on({"do": what, "method": "GetService", "seconds": 0.3, "count": 1})
    began = time.monotonic()
    get(api, service)
    assert time.monotonic() - began >= 0.3
    get(api, service)
    assert faults.get()["struck"] == 1


def test_only_the_calls_asked_for_are_struck_and_they_are_counted(api, faults, service):
    other = api.create()
    faults.on(
        {"do": "unavailable", "method": "GetService", "skip": 1, "count": 2},
        about=short(service.name),
    )
    outcomes = []
    for _ in range(5):
        try:
            outcomes.append(bool(get(api, service)))
        except exceptions.ServiceUnavailable:
            outcomes.append(False)
    assert outcomes == [True, False, False, True, True]
    assert get(api, other)
    assert api.revision(f"{service.name}/revisions/{first(service)}")
    shown = faults.get()
    assert (shown["rules"][0]["matched"], shown["rules"][0]["struck"]) == (5, 2)
    assert shown["strikes"] == [
        {"do": "unavailable", "call": "GetService", "nth": 2},
        {"do": "unavailable", "call": "GetService", "nth": 3},
    ]


def test_odds_come_from_the_seed(api, faults, service):
    drawn = []
    for name in ("one", "one", "two"):
        faults.on({"do": "unavailable", "method": "GetService", "odds": 0.5}, name=name)
        for _ in range(32):
            with contextlib.suppress(exceptions.ServiceUnavailable):
                get(api, service)
        drawn.append([strike["nth"] for strike in faults.get(name)["strikes"]])
        faults.off()
    assert 0 < len(drawn[0]) < 32
    assert drawn[0] == drawn[1] != drawn[2]


def test_the_logging_api_is_struck_too(local_cloud_run, faults, service):
    channel = grpc.insecure_channel(local_cloud_run.grpc)
    client = LoggingServiceV2Client(transport=LoggingServiceV2GrpcTransport(channel=channel))
    resource = {"type": "global"}
    log = f"projects/{PROJECT}/logs/faults"

    def write(text):
        entry = LogEntry(log_name=log, resource=resource, text_payload=text)
        client.write_log_entries(entries=[entry], retry=None)

    faults.on({"do": "drop-reply", "method": "WriteLogEntries", "count": 1}, about="lost words")
    with pytest.raises(exceptions.ServiceUnavailable):
        write("lost words")
    write("kept words")
    found = client.list_log_entries(
        resource_names=[f"projects/{PROJECT}"], filter=f'logName="{log}"'
    )
    assert [entry.text_payload for entry in found] == ["lost words", "kept words"]
    channel.close()


# --- held calls


def test_a_held_write_waits_and_is_carried_out_when_released(api, faults, service):
    faults.on({"do": "hold", "method": "UpdateService", "count": 1})
    with ThreadPoolExecutor() as pool:
        writing = pool.submit(api.start_update, moved(service, second(service)), "traffic")
        faults.holding()
        assert get(api, service).etag == service.etag
        assert faults.release() == {"released": 1}
        finish(writing.result())
    assert first(get(api, service)) == second(service)


def test_a_held_write_can_be_lost(api, faults, service):
    faults.on({"do": "hold", "method": "UpdateService", "count": 1})
    with ThreadPoolExecutor() as pool:
        writing = pool.submit(api.start_update, moved(service, second(service)), "traffic")
        faults.holding()
        faults.release(carry_out=False)
        with pytest.raises(exceptions.ServiceUnavailable):
            writing.result()
    assert get(api, service).etag == service.etag


@pytest.mark.parametrize("carry_out", [True, False])
def test_a_held_reply_comes_after_the_write(api, faults, service, carry_out):
    faults.on({"do": "hold-reply", "method": "UpdateService", "count": 1})
    with ThreadPoolExecutor() as pool:
        writing = pool.submit(api.start_update, moved(service, second(service)), "traffic")
        faults.holding()
        assert get(api, service).etag != service.etag
        faults.release(carry_out=carry_out)
        if carry_out:
            finish(writing.result())
        else:
            with pytest.raises(exceptions.ServiceUnavailable):
                writing.result()


def test_a_write_arrives_although_its_client_is_gone(api, faults, service):
    faults.on({"do": "hold", "method": "UpdateService", "count": 1})
    wanted = run_v2.UpdateServiceRequest(
        service=moved(service, second(service)), update_mask={"paths": ["traffic"]}
    )
    call = api.services.transport.update_service.future(wanted)
    faults.holding()
    assert call.cancel()
    faults.release()
    eventually(lambda: get(api, service).etag != service.etag)


def test_switching_off_lets_go_of_what_is_held(api, faults, service):
    faults.on({"do": "hold", "method": "UpdateService"})
    with ThreadPoolExecutor() as pool:
        writing = pool.submit(api.start_update, moved(service, second(service)), "traffic")
        faults.holding()
        faults.off()
        finish(writing.result())


# --- people


def test_a_person_moves_traffic_right_before_the_call(api, faults, service):
    api.move(service.name, to(first(service), 100), to(second(service), 0, "blue"))
    service = get(api, service)
    rule = {
        "do": "interfere",
        "method": "UpdateService",
        "count": 1,
        "service": service.name,
        "shares": {"LATEST": 40, first(service): 60},
        "caller": "eve@example.com",
    }
    faults.on(rule)
    noted = run_v2.Service(name=service.name, etag=service.etag, annotations={"a": "b"})
    finish(api.start_update(noted, "annotations"))
    after = get(api, service)
    assert faults.history(service.name, "asked")[-2]["caller"] == "eve@example.com"
    assert list(after.traffic) == [
        latest(40),
        to(first(service), 60),
        to(second(service), 0, "blue"),
    ]


# --- operations


def test_an_operation_fails_and_what_served_goes_on_serving(api, faults, service):
    faults.on({"do": "fail-operation", "count": 1}, about=short(service.name))
    operation = api.start_update(moved(service, second(service)), "traffic")
    with pytest.raises(exceptions.InternalServerError, match="internal error"):
        finish(operation)
    after = get(api, service)
    assert not after.reconciling
    assert after.terminal_condition.state is run_v2.Condition.State.CONDITION_FAILED
    assert first(after) == second(service)
    assert after.traffic_statuses[0].revision == first(service)
    assert who(after.uri) == first(service)
    finish(api.start_update(moved(after, second(service)), "traffic"))
    assert who(after.uri) == second(service)


def test_an_operation_that_never_ends_ends_when_switched_off(api, faults, service):
    faults.on({"do": "endless-operation", "count": 1})
    operation = api.start_update(moved(service, second(service)), "traffic")
    shown = HTTP.post(
        f"{api.running.rest}/v2/{operation.operation.name}:wait", json={"timeout": "0.3s"}
    )
    assert "done" not in shown.json()
    assert get(api, service).reconciling
    faults.off()
    assert first(finish(operation)) == second(service)


def test_a_write_overtakes_an_operation_that_never_ends(api, faults, service):
    faults.on({"do": "endless-operation", "count": 1})
    stuck = api.start_update(moved(service, second(service)), "traffic")
    after = api.move(service.name, to(first(service), 100))
    assert not after.reconciling
    faults.off()
    finish(stuck)
    after = get(api, service)
    assert (first(after), after.traffic_statuses[0].revision) == (first(service), first(service))
    assert who(after.uri) == first(service)


def test_an_operation_is_slow(api, faults, service):
    faults.on({"do": "slow-operation", "seconds": 0.4, "count": 1})
    began = time.monotonic()
    finish(api.start_update(moved(service, second(service)), "traffic"))
    assert time.monotonic() - began >= 0.4


def test_the_front_end_obeys_later_than_the_api_says(api, faults, service):
    faults.on({"do": "slow-traffic", "seconds": 0.5, "count": 1})
    after = finish(api.start_update(moved(service, second(service)), "traffic"))
    assert after.traffic_statuses[0].revision == second(service)
    eventually(lambda: who(after.uri) == second(service))
    told, obeyed = (
        datetime.fromisoformat(faults.history(service.name, what)[-1]["at"])
        for what in ("told", "obeyed")
    )
    assert obeyed - told >= timedelta(seconds=0.5)


# --- history


def test_the_history_tells_what_was_asked_told_and_obeyed(api, faults):
    service = api.create()
    one, two = short(service.latest_ready_revision), second(service)
    service = api.deploy(service.name, to(one, 100), revision=two)
    faults.on({"do": "fail-operation", "count": 1})
    wanted = moved(service, second(service))
    wanted.annotations = {"team": "chat"}
    with pytest.raises(exceptions.InternalServerError):
        finish(api.start_update(wanted, "traffic", "annotations"))
    finish(api.start_update(moved(get(api, service), second(service)), "traffic"))
    asked = faults.history(service.name, "asked")
    assert [shares(moment["traffic"]) for moment in asked[1:]] == [
        {one: 100},
        {two: 100},
        {two: 100},
    ]
    assert asked[0]["traffic"] == [{"revision": "", "percent": 100, "tag": ""}]
    assert asked[-1]["annotations"] == {"team": "chat"}
    assert asked[-1]["caller"] == "local-user@example.com"
    for what in ("told", "obeyed"):
        split = [shares(moment["traffic"]) for moment in faults.history(service.name, what)]
        assert split == [{one: 100}, {one: 100}, {two: 100}]
    numbers = [moment["number"] for moment in asked]
    assert numbers == sorted(numbers)
    assert datetime.fromisoformat(asked[0]["at"]) <= datetime.now(UTC)


def test_the_history_of_a_service_that_never_was_is_empty(faults):
    assert faults.history("projects/p/locations/l/services/nobody", "asked") == []


# --- the face itself


def test_rules_that_would_do_nothing_are_refused_with_their_place(faults):
    answer = faults.http.put("/faults/test", json={"rules": [{"do": "explode"}]})
    assert answer.status_code == 400
    assert "rules[0].do: unknown (got 'explode'" in answer.json()["error"]["message"]
    assert faults.http.get("/faults").json() == {"faults": []}


@pytest.mark.parametrize("call", ["get", "delete", "post"])
def test_what_is_not_switched_on_is_not_found(faults, call):
    path = "/faults/nothing:release" if call == "post" else "/faults/nothing"
    assert faults.http.request(call, path).status_code == 404


@pytest.mark.parametrize("name", ["Upper", "-x", "x" * 64, "a b"])
def test_a_set_has_a_plain_name(faults, name):
    assert faults.http.put(f"/faults/{name}", json={}).status_code == 400


@pytest.mark.parametrize("wait", ["x", "-1", "nan", "61"])
def test_one_waits_a_minute_at_most(faults, wait):
    faults.on()
    assert faults.http.get("/faults/test", params={"wait": wait}).status_code == 400


def test_waiting_ends_when_the_time_is_up_or_the_set_is_switched_off(faults):
    faults.on()
    assert faults.get(wait=0.05)["holding"] == 0
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(faults.http.get, "/faults/test", params={"wait": WITHIN_S})
        faults.off()
        assert waiting.result().status_code in (200, 404)


def test_only_this_machine_may_switch_faults(faults):
    for header in ({"Host": "evil.example.com"}, {"Origin": "https://evil.example.com"}):
        assert faults.http.put("/faults/test", json={}, headers=header).status_code == 403
    assert faults.http.get("/faults").json() == {"faults": []}
