"""A small site on a real socket: forms with cookies and a CSRF token, and a REST API with tokens.

It is right unless it is told what to get wrong (`faults`), one word each.
"""

import asyncio
import contextlib
import html
import json
import re
import secrets
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

from tests.contract.probe_servers import SECRETS, tcp


class Site:
    """Notes that belong to their users.

    Args:
        faults: what it gets wrong.
        page: answers in place of the site where it gives an answer: method, path -> answer or None.
    """

    def __init__(self, *faults, page=lambda method, path: None):
        self.faults = set(faults)
        self.page = page
        self.asked = []
        self.heads = []
        self.sessions = {}
        self.tokens = {}
        self.notes = {}
        self.csrf = set()
        self.hanging = asyncio.Event()

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        async with tcp(self._handle) as place:
            yield place

    async def _handle(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *fields = head.split("\r\n")
        method, target, _ = line.split(" ")
        headers = dict(one.split(": ", 1) for one in fields if one)
        headers = {name.lower(): value for name, value in headers.items()}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.asked.append(f"{method} {target}")
        self.heads.append(headers)
        if target == "/slow":
            self.hanging.set()
            await reader.read()
        answer = self.page(method, target) or self._answer(method, target, headers, body.decode())
        status, more, said = answer
        said = said.encode() if isinstance(said, str) else said
        lines = [f"HTTP/1.1 {status} X", f"content-length: {len(said)}", *more]
        writer.write("\r\n".join([*lines, "", ""]).encode() + (b"" if method == "HEAD" else said))
        await writer.drain()

    def _answer(self, method, target, headers, body):
        parts = urlsplit(target)
        if parts.path.startswith("/api/"):
            return self._api(method, parts, headers, body)
        cookies = SimpleCookie(headers.get("cookie", ""))
        user = self.sessions.get(cookies["session"].value) if "session" in cookies else None
        match method, parts.path:
            case "GET", "/login":
                return self._login_page()
            case "POST", "/login":
                return self._login(parse_qs(body))
            case _, path if path.startswith("/notes") and user is None:
                return redirect("/login?next=/notes")
            case "GET", "/notes":
                return self._notes_page(user)
            case "POST", "/notes":
                return self._write(user, parse_qs(body)["text"][0])
            case _:
                return page("<h1>Not found</h1>", 404)

    def _login_page(self):
        token = secrets.token_hex(12)
        self.csrf.add(token)
        field = "" if "no csrf field" in self.faults else f"<input name=_csrf value='{token}'>"
        return page(f"<h1>Sign in</h1><form method=post>{field}<input name=user></form>")

    def _login(self, form):
        user = form["user"][0]
        right = form["password"][0] == SECRETS.get(user) and form["_csrf"][0] in self.csrf
        if "refuses all" in self.faults or not right:
            return redirect("/login?failed")
        session = secrets.token_hex(16)
        self.sessions[session] = user
        target = "/" if "leads home" in self.faults else "/notes"
        cookie = [] if "no cookie" in self.faults else [f"set-cookie: session={session}; Path=/"]
        return redirect(target, *cookie)

    def _notes_page(self, user):
        everybody = "leaks" in self.faults
        shown = [one for one in self.notes.items() if everybody or one[1][0] == user]
        items = "".join(f"<li>{html.escape(text)}</li>" for _, (_, text) in shown)
        return page(f"<title>Notes</title><h1>Notes</h1><ul>{items}</ul>")

    def _write(self, user, text):
        number = str(len(self.notes) + 4711)
        self.notes[number] = (user, text)
        return redirect(f"/notes/{number}")

    def _api(self, method, parts, headers, body):
        if parts.path == "/api/token":
            given = json.loads(body)
            token = secrets.token_urlsafe(24)
            self.tokens[token] = given["user"]
            return reply({"access_token": token, "user": given["user"]})
        user = self.tokens.get(headers.get("authorization", "").removeprefix("Bearer "))
        if user is None:
            return reply({"error": "who are you?"}, 401)
        own = {key: note for key, note in self.notes.items() if note[0] == user}
        if "leaks" in self.faults:
            own = self.notes
        key = parts.path.removeprefix("/api/notes").strip("/")
        match method:
            case "POST":
                number = str(len(self.notes) + 4711)
                self.notes[number] = (user, json.loads(body)["text"])
                return reply({"id": int(number), "text": self.notes[number][1]}, 201)
            case "DELETE" if key in own:
                del self.notes[key]
                return reply({}, 200)
            case "GET" if not key:
                return self._paged(own, parts.query)
            case _:
                return reply({"error": "no such note"}, 404)

    def _paged(self, own, query):
        start = int(parse_qs(query).get("page", ["0"])[0])
        items = [{"id": int(key), "text": text} for key, (_, text) in own.items()]
        end = start + 2 if "leaks" not in self.faults else None
        return reply({"items": items[start:end], "next": start + 2, "total": len(items)})


def page(body, status=200, *headers):
    whole = body if "<title>" in body else f"<title>Site</title>{body}"
    return status, ["content-type: text/html; charset=utf-8", *headers], whole


def reply(value, status=200):
    return status, ["content-type: application/json"], json.dumps(value)


def redirect(location, *headers):
    return 302, [f"location: {location}", *headers], ""


def shown(evidence):
    """Everything that is told of it."""
    return re.sub(r"\s+", " ", repr(evidence))
