"""A suite that asks, and that can fail: what clients do with threads, tools and the chat."""

import json
import os

import httpx
import pytest
from websockets.sync.client import connect

URL, WS_URL = os.environ["BASE_URL"], os.environ["WS_URL"]
BEARER = {"Authorization": f"Bearer {os.environ['TOKEN']}"}


@pytest.fixture(scope="module")
def client():
    with httpx.Client(base_url=URL, headers=BEARER, timeout=5, trust_env=False) as one:
        yield one


def test_threads_are_listed(client):
    answer = client.get("/api/threads")
    assert answer.status_code == 200
    assert answer.json()["data"] == []


def test_threads_are_for_users(client):
    assert client.get("/api/threads", headers={"Authorization": ""}).status_code == 401


def test_tools_are_connected(client):
    servers = client.get("/api/mcp/servers").json()["data"]
    assert [each["status"] for each in servers] == ["connected"]


def test_the_chat_answers():
    with connect(f"{WS_URL}/ws", additional_headers=BEARER, proxy=None, open_timeout=5) as chat:
        chat.send(json.dumps({"type": "ping"}))
        said = [json.loads(chat.recv(timeout=3))["type"] for _ in range(2)]
        assert said[-1] == "pong"
