"""A visit to each service, as a browser's developer tools record it: a HAR file."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx


def record(service: str, url: str, passwords: Mapping[str, str], path: Path) -> None:
    """Visits a service and writes what was asked and answered.

    Args:
        service: which one.
        url: where it is.
        passwords: by user.
        path: the file.
    """
    entries: list[dict[str, Any]] = []
    with httpx.Client(base_url=url, trust_env=False, timeout=10) as client:
        client.event_hooks = {"response": [lambda answer: entries.append(_entry(answer))]}
        VISITS.get(service, _pages)(client, passwords["alice"])
    log = {"version": "1.2", "creator": {"name": "visit", "version": "1"}, "entries": entries}
    path.write_text(json.dumps({"log": log}), encoding="utf-8")


def _pages(client: httpx.Client, _: str) -> None:
    client.get("/")


def _shop(client: httpx.Client, password: str) -> None:
    for page in ("/", "/static/style.css", "/static/app.js", "/products", "/products?page=2"):
        client.get(page)
    client.get("/products/7")
    client.get("/search", params={"q": "product"})
    client.get("/account")
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/login").text)
    assert token is not None
    given = {"csrf_token": token[1], "next": "/account", "user": "alice", "password": password}
    client.post("/login", data=given)
    client.get("/account")
    client.post("/cart", data={"product": "7"})
    client.get("/cart")
    client.post("/checkout")
    client.post("/logout")
    client.get("/account")


def _notes(client: httpx.Client, password: str) -> None:
    client.get("/status")
    given = client.post("/api/login", json={"user": "alice", "password": password}).json()
    head = {"Authorization": f"Bearer {given['access_token']}"}
    client.get("/api/me", headers=head)
    first = client.get("/api/notes?size=5", headers=head).json()
    client.get(first["next"], headers=head)
    client.get("/api/notes?q=17", headers=head)
    made = client.post("/api/notes", headers=head, json={"title": "from a visit", "text": "one"})
    where = made.headers["location"]
    client.get(where, headers=head)
    client.patch(where, headers=head, json={"text": "two"})
    client.get(where, headers=head)
    client.delete(where, headers=head)
    client.get(where, headers=head)
    client.post("/api/refresh", json={"refresh_token": given["refresh_token"]})


def _rooms(client: httpx.Client, _: str) -> None:
    client.get("/")
    client.get("/rooms")


VISITS: Mapping[str, Callable[[httpx.Client, str], None]] = {
    "shop": _shop,
    "notes": _notes,
    "rooms": _rooms,
}


def _entry(answer: httpx.Response) -> dict[str, Any]:
    answer.read()
    asked = answer.request
    body = asked.read().decode()
    kind = asked.headers.get("content-type", "")
    request: dict[str, Any] = {
        "method": asked.method,
        "url": str(asked.url),
        "httpVersion": "HTTP/1.1",
        "headers": _pairs(asked.headers),
        "queryString": [{"name": key, "value": value} for key, value in asked.url.params.items()],
        "cookies": [],
        "headersSize": -1,
        "bodySize": len(body),
    }
    if body:
        request["postData"] = {"mimeType": kind, "text": body}
        if kind.startswith("application/x-www-form-urlencoded"):
            fields = [{"name": key, "value": value} for key, value in parse_qsl(body)]
            request["postData"]["params"] = fields
    content = {
        "size": len(answer.content),
        "mimeType": answer.headers.get("content-type", ""),
        "text": answer.text,
    }
    return {
        "startedDateTime": datetime.now(UTC).isoformat(),
        "time": answer.elapsed.total_seconds() * 1000,
        "request": request,
        "response": {
            "status": answer.status_code,
            "statusText": answer.reason_phrase,
            "httpVersion": "HTTP/1.1",
            "headers": _pairs(answer.headers),
            "cookies": [],
            "content": content,
            "redirectURL": answer.headers.get("location", ""),
            "headersSize": -1,
            "bodySize": len(answer.content),
        },
        "cache": {},
        "timings": {"send": 0, "wait": 0, "receive": 0},
    }


def _pairs(headers: httpx.Headers) -> list[dict[str, str]]:
    return [{"name": key, "value": value} for key, value in headers.multi_items()]
