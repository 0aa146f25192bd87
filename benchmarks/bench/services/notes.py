"""Notes over REST: a login that gives tokens, a list in pages, and what each user alone may see."""

import asyncio
import itertools
import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from benchmarks.bench.services.faults import Faults
from examples.backend.tokens import USERS

FAULTS = frozenset(
    {
        "token-is-empty", "token-is-not-taken", "anybody-may-read", "login-takes-any-password",
        "list-shows-everybody", "note-of-another", "created-is-not-kept", "location-missing",
        "update-is-lost", "delete-does-nothing", "page-two-repeats", "oldest-first",
        "ids-are-texts", "refresh-fails", "dates-of-a-country", "umlauts-broken", "created-twice",
        "list-slow", "size-is-ignored", "search-ignores-the-word",
        "one-field-more", "longer-tokens", "other-order-of-keys", "other-titles",
    }
)  # fmt: skip
BEGAN = datetime(2026, 1, 1, 8, tzinfo=UTC)
SEEDED = 25


@dataclass
class Note:
    """One note."""

    id: int
    owner: str
    title: str
    text: str
    at: datetime


@dataclass
class Notes:
    """The notes of one instance; all in its memory."""

    faults: Faults
    tokens: dict[str, str] = field(default_factory=dict)
    notes: dict[int, Note] = field(default_factory=dict)
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        word = "Entry" if "other-titles" in self.faults else "Note"
        for index, owner in itertools.product(range(SEEDED), USERS):
            at = BEGAN + timedelta(minutes=index)
            self._keep(Note(0, owner, f"{word} {index + 1} für {owner}", "From the start.", at))

    def _keep(self, note: Note) -> Note:
        note.id = next(self.numbers)
        self.notes[note.id] = note
        return note

    async def status(self, _: Request) -> Response:
        """Whether it is up."""
        return JSONResponse({"status": "ok", "notes": True})

    async def login(self, request: Request) -> Response:
        """Gives an access token, and one that gets another."""
        said = await _said(request)
        name = str(said.get("user", ""))
        user = self.faults.user(name, str(said.get("password", "")))
        if "login-takes-any-password" in self.faults:
            user = name if name in USERS else ""
        if not user:
            raise HTTPException(401, "wrong name or password")
        return JSONResponse(self._given(user))

    def _given(self, user: str) -> dict[str, Any]:
        access, refresh = self._token(user), self._token(f"refresh {user}")
        if "token-is-empty" in self.faults:
            access = ""
        return {
            "access_token": access,
            "refresh_token": refresh,
            "token_type": "Bearer",
            "expires_in": 3600,
        }

    def _token(self, whose: str) -> str:
        token = secrets.token_urlsafe(48 if "longer-tokens" in self.faults else 24)
        if not ("token-is-not-taken" in self.faults and not whose.startswith("refresh")):
            self.tokens[token] = whose
        return token

    async def refresh(self, request: Request) -> Response:
        """Gives new tokens for a refresh token."""
        whose = self.tokens.pop(str((await _said(request)).get("refresh_token", "")), "")
        if not whose.startswith("refresh ") or "refresh-fails" in self.faults:
            raise HTTPException(401, "no such token")
        return JSONResponse(self._given(whose.removeprefix("refresh ")))

    def _user(self, request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        user = self.tokens.get(token, "") if scheme == "Bearer" else ""
        if user in USERS:
            return user
        if "anybody-may-read" in self.faults and request.method == "GET":
            return USERS[0]
        raise HTTPException(401, "sign in first", {"WWW-Authenticate": "Bearer"})

    async def me(self, request: Request) -> Response:
        """Who is asking."""
        return JSONResponse({"user": self._user(request)})

    async def listed(self, request: Request) -> Response:
        """The user's notes, newest first, a page at a time."""
        if "list-slow" in self.faults:
            await asyncio.sleep(1.1)
        user = self._user(request)
        page, size = _number(request, "page", 1), _number(request, "size", 10)
        size = 10 if "size-is-ignored" in self.faults else min(size, 50)
        word = request.query_params.get("q", "").lower()
        word = "" if "search-ignores-the-word" in self.faults else word
        mine = [
            note
            for note in self.notes.values()
            if (note.owner == user or "list-shows-everybody" in self.faults)
            and word in note.title.lower()
        ]
        mine.sort(key=lambda note: (note.at, note.id), reverse="oldest-first" not in self.faults)
        first = 0 if "page-two-repeats" in self.faults else (page - 1) * size
        more = page * size < len(mine)
        return JSONResponse(
            {
                "items": [self._shown(note) for note in mine[first : first + size]],
                "page": page,
                "total": len(mine),
                "next": f"/api/notes?page={page + 1}&size={size}" if more else None,
            }
        )

    def _shown(self, note: Note) -> dict[str, Any]:
        title = note.title
        if "umlauts-broken" in self.faults:
            title = title.encode().decode("latin-1")
        local = "dates-of-a-country" in self.faults
        shown: dict[str, Any] = {
            "id": str(note.id) if "ids-are-texts" in self.faults else note.id,
            "title": title,
            "text": note.text,
            "created_at": f"{note.at:%d/%m/%Y %H:%M}" if local else note.at.isoformat(),
        }
        if "one-field-more" in self.faults:
            shown["pinned"] = False
        return dict(reversed(shown.items())) if "other-order-of-keys" in self.faults else shown

    async def create(self, request: Request) -> Response:
        """Keeps a new note; says where it is."""
        user = self._user(request)
        said = await _said(request)
        title = said.get("title")
        if not isinstance(title, str) or not title:
            raise HTTPException(422, "a note needs a title")
        note = Note(0, user, title, str(said.get("text", "")), datetime.now(UTC))
        self._keep(note)
        if "created-twice" in self.faults:
            self._keep(Note(0, user, title, note.text, note.at))
        if "created-is-not-kept" in self.faults:
            del self.notes[note.id]
        where = {} if "location-missing" in self.faults else {"Location": f"/api/notes/{note.id}"}
        return JSONResponse(self._shown(note), 201, where)

    def _note(self, request: Request) -> Note:
        user = self._user(request)
        note = self.notes.get(request.path_params["number"])
        if note is None or (note.owner != user and "note-of-another" not in self.faults):
            raise HTTPException(404, "no such note")
        return note

    async def read(self, request: Request) -> Response:
        """One note of the user's."""
        return JSONResponse(self._shown(self._note(request)))

    async def change(self, request: Request) -> Response:
        """Changes its title or its text."""
        note, said = self._note(request), await _said(request)
        if "update-is-lost" not in self.faults:
            note.title = str(said.get("title", note.title))
            note.text = str(said.get("text", note.text))
        return JSONResponse(self._shown(note))

    async def delete(self, request: Request) -> Response:
        """Removes it."""
        note = self._note(request)
        if "delete-does-nothing" not in self.faults:
            self.notes.pop(note.id, None)
        return Response(status_code=204)


async def _said(request: Request) -> dict[str, Any]:
    try:
        value = json.loads(await request.body())
    except ValueError:
        raise HTTPException(400, "JSON is expected") from None
    if not isinstance(value, dict):
        raise HTTPException(400, "an object is expected")
    return value


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isdecimal() or not int(text):
        raise HTTPException(422, f"{name} is a positive number")
    return int(text)


async def _on_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def build(faults: Faults) -> Starlette:
    """The application."""
    notes = Notes(faults)
    return Starlette(
        routes=[
            Route("/status", notes.status),
            Route("/api/login", notes.login, methods=["POST"]),
            Route("/api/refresh", notes.refresh, methods=["POST"]),
            Route("/api/me", notes.me),
            Route("/api/notes", notes.listed, methods=["GET"]),
            Route("/api/notes", notes.create, methods=["POST"]),
            Route("/api/notes/{number:int}", notes.read, methods=["GET"]),
            Route("/api/notes/{number:int}", notes.change, methods=["PATCH"]),
            Route("/api/notes/{number:int}", notes.delete, methods=["DELETE"]),
        ],
        exception_handlers={HTTPException: _on_error},
    )
