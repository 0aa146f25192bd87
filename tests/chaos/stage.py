"""One local Cloud Run, spoken to over REST as a person and as its operator: faults, history."""

import asyncio
import json
from datetime import datetime

import grpc.aio
import httpx
from google.cloud.logging_v2.types import logging as log_messages
from google.protobuf.json_format import MessageToDict

from gate.local.faults.rest import SPARED
from tests.chaos.draw import Deed, Start, Way
from tests.chaos.gates import PROJECT, REGION
from tests.chaos.gates import TAGS as OURS

PARENT = f"projects/{PROJECT}/locations/{REGION}"
SETUP, PERSON = "setup@example.com", "eve@example.com"
CALLER = "x-gate-local-caller"
BY_NAME = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
LATEST = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
TAGS = {"blue": "old", "nightly": ""}
_CONFLICTS_MAX = 6
_LIST = "/google.logging.v2.LoggingServiceV2/ListLogEntries"


def line(revision, percent=0, tag=""):
    """A traffic target; revision "" follows the latest ready one."""
    named = {"type": BY_NAME, "revision": revision} if revision else {"type": LATEST}
    return {**named, "percent": percent, "tag": tag}


class Stage:
    """A local Cloud Run under the campaign."""

    def __init__(self, rest, grpc_address):
        self.grpc = grpc_address
        self._http = httpx.AsyncClient(
            base_url=rest,
            timeout=90,
            headers={SPARED: "yes"},  # faults strike the gate, not whoever looks on
            limits=httpx.Limits(max_keepalive_connections=0),
        )  # a connection that the other side is just closing would fail a round
        self._channel = grpc.aio.insecure_channel(grpc_address)

    async def close(self):
        await self._http.aclose()
        await self._channel.close()

    # --- services

    async def service(self, name):
        """The service in the JSON form of v2, or None."""
        answer = await self._http.get(f"/v2/{PARENT}/services/{name}")
        return None if answer.status_code == 404 else answer.json()

    async def revisions(self, name):
        """Short name to the mode of its container."""
        answer = await self._http.get(f"/v2/{PARENT}/services/{name}/revisions")
        if answer.status_code == 404:
            return {}
        return {
            each["name"].rpartition("/")[2]: each["containers"][0]["image"].rpartition(":")[2]
            for each in answer.json().get("revisions", [])
        }

    async def set_up(self, name, start):
        """A service with two revisions, users' tags, and traffic as a round begins with."""
        old, stable = f"{name}-old", f"{name}-one"
        template = {"revision": old, "containers": [{"image": "chaos:good"}]}
        url = f"/v2/{PARENT}/services"
        await self._change("POST", f"{url}?serviceId={name}", {"template": template}, SETUP)
        split = {
            Start.PINNED: [line(stable, 100)],
            Start.LATEST: [line("", 100)],
            Start.SPLIT: [line(stable, 60), line(old, 40)],
        }[start]
        tags = [line(f"{name}-{to}" if to else "", 0, tag) for tag, to in TAGS.items()]
        body = {
            "template": {**template, "revision": stable},
            "traffic": [*split, *tags],
            "annotations": {"team": "chat"},
        }
        await self._change("PATCH", f"{url}/{name}", body, SETUP)

    async def add_revision(self, name, revision, mode):
        """A revision at 0 %, to be adopted; it may be one that does not start."""
        template = {"revision": revision, "containers": [{"image": f"chaos:{mode}"}]}
        url = f"/v2/{PARENT}/services/{name}?updateMask=template"
        answer = await self._send("PATCH", url, {"template": template}, SETUP)
        assert answer.status_code == 200, answer.text
        wait = f"/v2/{answer.json()['name']}:wait"
        await self._http.post(wait, json={"timeout": "60s"})

    async def remove(self, name):
        """Deletes the service with its instances."""
        await self._http.delete(f"/v2/{PARENT}/services/{name}")

    async def settled(self, name, within_s=20.0):
        """Waits until nothing is in flight and the front end obeys what clients are told."""
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + within_s, 0.02
        while loop.time() < end:
            service = await self.service(name)
            if service is None:
                return True
            latest = {moment["what"]: shares(moment) for moment in await self.history(name)}
            if not service.get("reconciling") and latest.get("told") == latest.get("obeyed"):
                return True
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.5)
        return False

    # --- a person

    async def do(self, deed, name, way=Way.ETAG):
        """What a person does with Google's tools: read, change, write, in one way or another."""
        for _ in range(_CONFLICTS_MAX):
            service = await self.service(name)
            if service is None:
                return
            if deed is Deed.DELETE:
                await self._delete_candidate(service)
                return
            if deed is Deed.DELETE_ALL:
                await self.remove(name)
                return
            body, mask = _wish(deed, name, service)
            if way is Way.GCLOUD:
                answer = await self._replace(name, body)
            else:
                guard = {"etag": service["etag"]} if way is Way.ETAG else {}
                url = f"/v2/{PARENT}/services/{name}?updateMask={mask}"
                answer = await self._send("PATCH", url, {**body, **guard}, PERSON)
            if answer.status_code != 409:
                return

    async def _replace(self, name, body):
        """The same change as gcloud makes it: the whole service is read and sent back."""
        url = f"/apis/serving.knative.dev/v1/namespaces/{PROJECT}/services/{name}"
        answer = await self._http.get(url)
        if answer.status_code != 200:
            return answer
        whole = answer.json()
        if "traffic" in body:
            whole["spec"]["traffic"] = [_line_of_v1(each) for each in body["traffic"]]
        if "template" in body:
            template = whole["spec"]["template"]
            template.setdefault("metadata", {})["name"] = body["template"]["revision"]
            image = body["template"]["containers"][0]["image"]
            template["spec"]["containers"][0]["image"] = image
        return await self._send("PUT", url, whole, PERSON)

    async def _delete_candidate(self, service):
        traffic = service.get("traffic", [])
        for name in {each["revision"] for each in traffic if each.get("tag") in OURS}:
            await self._http.delete(f"/v2/{service['name']}/revisions/{name}")

    # --- faults and history

    async def switch_on(self, name, about, *rules):
        body = {"about": about, "rules": list(rules)}
        answer = await self._http.put(f"/local/faults/{name}", json=body)
        assert answer.status_code == 200, answer.text

    async def switch_off(self, name):
        """Switches a set off; gives it as it was, or None."""
        answer = await self._http.delete(f"/local/faults/{name}")
        return answer.json() if answer.status_code == 200 else None

    async def holds(self, name, wait_s=0.0):
        """Whether a set holds a call, now or within a while."""
        answer = await self._http.get(f"/local/faults/{name}", params={"wait": wait_s})
        return answer.status_code == 200 and answer.json()["holding"] > 0

    async def release(self, name, *, carry_out):
        await self._http.post(f"/local/faults/{name}:release", json={"carry_out": carry_out})

    async def history(self, name):
        answer = await self._http.get(f"/local/history/{PARENT}/services/{name}")
        return answer.json()["moments"]

    # --- the ledger

    async def ledger(self, name):
        """The payloads of the log gate-decisions about a service, oldest first."""
        ask = self._channel.unary_unary(
            _LIST,
            request_serializer=log_messages.ListLogEntriesRequest.serialize,
            response_deserializer=log_messages.ListLogEntriesResponse.deserialize,
        )
        request = log_messages.ListLogEntriesRequest(
            resource_names=[f"projects/{PROJECT}"],
            filter=f'log_id("gate-decisions") AND labels.service="{name}"',
            order_by="timestamp asc",
            page_size=1000,
        )
        answer = await ask(request, timeout=30)
        payloads = (MessageToDict(type(e).pb(e).json_payload) for e in answer.entries)
        return [_whole(payload) for payload in payloads]

    async def _change(self, method, url, body, caller):
        answer = await self._send(method, url, body, caller)
        assert answer.status_code == 200, answer.text
        name = answer.json()["name"]
        answer = await self._http.post(f"/v2/{name}:wait", json={"timeout": "60s"})
        assert "response" in answer.json(), answer.text

    async def _send(self, method, url, body, caller):
        return await self._http.request(method, url, json=body, headers={CALLER: caller})


def _line_of_v1(target):
    """A traffic target in v1's words."""
    to = (
        {"revisionName": target["revision"]} if target.get("revision") else {"latestRevision": True}
    )
    tag = {"tag": target["tag"]} if target.get("tag") else {}
    return {**to, **tag, "percent": target.get("percent", 0)}


def _wish(deed, name, service):
    """What a person sends: the fields, and the update mask."""
    old, stable = f"{name}-old", f"{name}-one"
    tags = [
        line(each.get("revision", ""), 0, each["tag"])
        for each in service.get("traffic", [])
        if each.get("tag")
    ]
    percents = [
        line(each.get("revision", ""), each["percent"])
        for each in service.get("traffic", [])
        if each.get("percent")
    ]
    moved = {
        Deed.MOVE_AWAY: [line(old, 100)],
        Deed.MOVE_BACK: [line(stable, 100)],
        Deed.SPLIT: [line(stable, 70), line(old, 30)],
        Deed.TO_LATEST: [line("", 100)],
    }
    if deed in moved:
        return {"traffic": [*moved[deed], *tags]}, "traffic"
    if deed is Deed.ADD_TAG:
        return {"traffic": [*percents, *tags, line(old, 0, "qa")]}, "traffic"
    if deed is Deed.TAKE_TAG:
        return {"traffic": [*percents, *(t for t in tags if t["tag"] not in OURS)]}, "traffic"
    revision = f"{name}-eve"
    template = {"revision": revision, "containers": [{"image": "chaos:good"}]}
    if deed is Deed.DEPLOY:
        return {"template": template}, "template"
    assert deed is Deed.DEPLOY_ALL, deed
    return {"template": template, "traffic": [line(revision, 100), *tags]}, "template,traffic"


def shares(moment):
    """Revision to percent, of a moment of the history."""
    return {each["revision"]: each["percent"] for each in moment["traffic"] if each["percent"]}


def tags(moment):
    """Tag to revision, of a moment of the history."""
    return {each["tag"]: each["revision"] for each in moment["traffic"] if each["tag"]}


def mark(moment):
    """What the gate wrote on the service, as a dict; {} where it wrote nothing."""
    return json.loads(moment.get("annotations", {}).get("cloud-run-gate/mark", "{}"))


def until(service):
    """When the lease of a service's holder runs out, or None when nobody holds it."""
    held = mark(service) if service else {}
    return datetime.fromisoformat(held["until"]) if held.get("holder") else None


def _whole(value):
    """A payload as it was sent: a Struct has floats only."""
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
