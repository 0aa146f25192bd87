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
        VISITS.get(service, _pages)(client, passwords)
    log = {"version": "1.2", "creator": {"name": "visit", "version": "1"}, "entries": entries}
    path.write_text(json.dumps({"log": log}), encoding="utf-8")


def _pages(client: httpx.Client, _: Mapping[str, str]) -> None:
    client.get("/")


def _shop(client: httpx.Client, passwords: Mapping[str, str]) -> None:
    """Looks around, comes back to a login form that has grown old, buys; bob looks in, too."""
    for page in ("/", "/static/style.css", "/static/app.js", "/products", "/products?page=2"):
        client.get(page)
    client.get("/products/7")
    client.get("/search", params={"q": "product"})
    client.get("/account")
    old = _login_form(client)
    form = _login_form(client)
    client.post("/login", data={**old, "user": "alice", "password": passwords["alice"]})
    client.post("/login", data={**form, "user": "alice", "password": "a slip of the finger"})
    client.post("/login", data={**form, "user": "alice", "password": passwords["alice"]})
    client.get("/account")
    client.post("/cart", data={"product": "7"})
    client.get("/cart")
    client.post("/logout")
    client.get("/account")
    client.post("/login", data={**_login_form(client), "user": "bob", "password": passwords["bob"]})
    client.get("/account")
    client.get("/cart")
    client.post("/logout")
    again = _login_form(client)
    client.post("/login", data={**again, "user": "alice", "password": passwords["alice"]})
    client.get("/cart")
    client.post("/checkout")
    client.get("/cart")


def _login_form(client: httpx.Client) -> dict[str, str]:
    """The hidden fields of the login form."""
    page = client.get("/login").text
    return dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]+)"', page))


def _notes(client: httpx.Client, passwords: Mapping[str, str]) -> None:
    """Writes a note, finds it, changes and deletes it; bob, at the same address, finds nothing."""
    title = "Grüße aus Köln"
    client.get("/status")
    client.get("/api/me")
    client.post("/api/login", json={"user": "alice", "password": "a slip of the finger"})
    head, given = _signed_in(client, "alice", passwords)
    client.get("/api/me", headers=head)
    first = client.get("/api/notes?size=5", headers=head).json()
    client.get(first["next"], headers=head)
    client.get("/api/notes?q=17", headers=head)
    made = client.post("/api/notes", headers=head, json={"title": title, "text": "one"})
    where = made.headers["location"]
    client.get(where, headers=head)
    client.get("/api/notes", headers=head)
    client.get("/api/notes", params={"q": title}, headers=head)
    client.patch(where, headers=head, json={"text": "two"})
    client.get(where, headers=head)
    bobs, _ = _signed_in(client, "bob", passwords)
    client.get("/api/me", headers=bobs)
    client.get("/api/notes", headers=bobs)
    client.get(where, headers=bobs)
    client.delete(where, headers=head)
    client.get(where, headers=head)
    client.post("/api/refresh", json={"refresh_token": given["refresh_token"]})


def _signed_in(
    client: httpx.Client, user: str, passwords: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """The headers of whoever is signed in, and what the login gave."""
    said = {"user": user, "password": passwords[user]}
    given: dict[str, str] = client.post("/api/login", json=said).json()
    return {"Authorization": f"Bearer {given['access_token']}"}, given


def _rooms(client: httpx.Client, _: Mapping[str, str]) -> None:
    client.get("/")
    client.get("/rooms")


VISITS: Mapping[str, Callable[[httpx.Client, Mapping[str, str]], None]] = {
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
