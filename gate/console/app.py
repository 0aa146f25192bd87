"""Which page is where."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from jinja2 import Environment
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from gate.console.choice import PAGE, Choice, choice_of
from gate.console.door import Check, Door
from gate.console.kept import Kept
from gate.console.shelf import Shelf, State
from gate.core.recorded import Decision, moment
from gate.core.service import ServiceRef
from gate.errors import InfrastructureError
from gate.ledger.index import Query
from gate.ledger.index_read import Choices, Reader
from gate.report.attempts import UNFINISHED, shown
from gate.report.audit import asked_text, traffic_text
from gate.report.fields import Entry
from gate.report.html import page
from gate.report.html.charts import can_draw, history_picture
from gate.report.lines import plain
from gate.report.rules import overrode
from gate.report.stats import stats_blocks
from gate.report.summary import why_of
from gate.report.verified import verified_lines
from gate.report.words import flags, kinds_text

LIVE_S = 5
"""How often a page of what is at work is read again."""
ID_MAX = 200
ENTRIES_MAX = 1_000
"""Most entries of one decision, the newest: as many as `gate audit show` reads."""
LINE = 100
"""Columns of what a verification, or the numbers, say."""
DRAWN_MAX = 2000
"""Most decisions of the picture."""
WHY = 300
"""Most characters of why something ended as it did."""
_NONE = "the ledger has no decision of this id"
_NOT_YET = "the ledger has not been read yet: reload this page in a few seconds"
_COLOURS = {"good": "#2e9e6b", "bad": "#d0433c", "unsure": "#c08a1e"}
_TEMPLATES = Path(__file__).parent / "templates"


@cache
def _environment() -> Environment:
    made = page.environment(_TEMPLATES)
    for one in (asked_text, traffic_text, overrode, why_of, kinds_text):
        made.globals[one.__name__] = one
    return made


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of the list: decisions in brief, how many there are of each kind, and the filters.

    Attributes:
        at_work: those among the newest of all that have no outcome.
    """

    found: list[Decision] = field(default_factory=list)
    kinds: Mapping[str, int] = field(default_factory=dict)
    choices: Choices = field(default_factory=Choices)
    at_work: list[Decision] = field(default_factory=list)


class Console:
    """The pages.

    Args:
        ref: whose ledger it is.
        shelf: what is read of it.
        verification: whether it is whole, as gate.ledger.findings says it.
        numbers: how often what came to pass, as gate.ledger.stats counts it.
    """

    def __init__(self, ref: ServiceRef, shelf: Shelf, verification: Kept, numbers: Kept) -> None:
        self._ref, self._shelf = ref, shelf
        self._verification, self._numbers = verification, numbers

    async def listing(self, request: Request) -> Response:
        """Every decision that is wanted, newest first, in pages."""
        wanted = choice_of(request.query_params)
        found, state = await self._shelf.read(partial(_listing, wanted))
        count, choices = sum(found.kinds.values()), found.choices
        return self._page(
            "list.html.jinja",
            state,
            choice=wanted,
            found=[shown(one) for one in found.found],
            count=count,
            kinds=found.kinds,
            pages=max(1, -(-count // PAGE)),
            filters=(
                ("ending", choices.endings),
                ("kind", choices.kinds),
                ("actor", choices.actors),
                ("capability", choices.capabilities),
            ),
            at_work=found.at_work,
            why_max=WHY,
        )

    async def rollout(self, request: Request) -> Response:
        """The report of one decision; with `live`, while it is at work, the page is read again.

        Only whoever asks for that gets it: it takes the focus away from whoever reads.
        """
        name = request.query_params.get("id", "")
        if not 0 < len(name) <= ID_MAX:
            raise HTTPException(404, _NONE)
        (found, entries, others), state = await self._shelf.read(partial(_one, name))
        if not found:
            raise HTTPException(404, _NONE if state.read else _NOT_YET)
        at_work = any(one.ending == UNFINISHED for one in found)
        live = at_work and request.query_params.get("live") == "1"
        return self._page(
            "rollout.html.jinja",
            state,
            reports=[page.parts(shown(one), [*entries, *others]) for one in found],
            at_work=at_work,
            cut=ENTRIES_MAX if len(entries) == ENTRIES_MAX else 0,
            live_s=LIVE_S if live else 0,
        )

    async def history(self, request: Request) -> Response:  # noqa: ARG002 - as Starlette calls it
        """When decisions were made, and how they ended, as a picture."""
        (drawn, newest), state = await self._shelf.read(_drawn)
        endings = {ending: _COLOURS[page.tone(ending)] for _, ending in drawn}
        points = [{"at": began, "ending": ending} for began, ending in drawn if began]
        picture = history_picture(points, dict(sorted(endings.items()))) if can_draw() else None
        found = [shown(one) for one in newest]
        return self._page("history.html.jinja", state, picture=picture, found=found)

    async def stats(self, request: Request) -> Response:  # noqa: ARG002
        """How often what came to pass."""
        lines = plain(stats_blocks(await self._numbers.value()), LINE)
        return self._page("stats.html.jinja", State(), lines=lines)

    async def verify(self, request: Request) -> Response:  # noqa: ARG002
        """Whether the record is whole, and what is wrong where it is not."""
        found = await self._verification.value()
        lines = verified_lines(found, LINE)
        return self._page("verify.html.jinja", State(), found=found, lines=lines)

    async def failed(self, request: Request, error: Exception) -> Response:  # noqa: ARG002
        """What cannot be shown, and why."""
        if isinstance(error, HTTPException):
            return self._page("failed.html.jinja", State(), error.status_code, why=error.detail)
        why = error.message if isinstance(error, InfrastructureError) else "a defect of the gate"
        status = 503 if isinstance(error, InfrastructureError) else 500
        return self._page("failed.html.jinja", State(), status, why=why)

    def _page(self, name: str, state: State, status: int = 200, **values: object) -> Response:
        given: Mapping[str, object] = {
            "ref": self._ref,
            "state": state,
            "options": flags(self._ref),
            "live_s": 0 if state.read else LIVE_S,
            "pictures": can_draw(),
            **values,
        }
        return HTMLResponse(_environment().get_template(name).render(given), status)


def console(
    ref: ServiceRef, shelf: Shelf, check: Check | None, verification: Kept, numbers: Kept
) -> ASGIApp:
    """The console as an ASGI application.

    Args:
        ref: whose ledger it is.
        shelf: what is read of it.
        check: judges IAP's assertion; None on loopback.
        verification: whether it is whole.
        numbers: how often what came to pass.
    """
    pages = Console(ref, shelf, verification, numbers)
    routes = [
        Route("/", pages.listing, methods=["GET"]),
        Route("/rollout", pages.rollout, methods=["GET"]),
        Route("/history", pages.history, methods=["GET"]),
        Route("/stats", pages.stats, methods=["GET"]),
        Route("/verify", pages.verify, methods=["GET"]),
    ]
    handlers = dict.fromkeys((HTTPException, InfrastructureError, Exception), pages.failed)
    return Door(Starlette(routes=routes, exception_handlers=handlers), check)


def _listing(wanted: Choice, index: Reader) -> Listing:
    recent = [moment(began) for began, _ in index.moments(PAGE)]
    since = next((at for at in reversed(recent) if at), None)
    at_work = Query(endings=(UNFINISHED,), since=since, limit=PAGE)
    return Listing(
        index.listed(wanted.query),
        index.kinds(wanted.query),
        index.choices(),
        index.listed(at_work),
    )


def _one(name: str, index: Reader) -> tuple[list[Decision], list[Entry], list[Entry]]:
    """A decision, its entries, and the approvals that it rests on under other ids."""
    entries = index.entries(name, ENTRIES_MAX)
    return index.whole(name, ENTRIES_MAX), entries, index.cited(entries)


def _drawn(index: Reader) -> tuple[list[tuple[str, str]], list[Decision]]:
    return index.moments(DRAWN_MAX), index.listed(Query(limit=PAGE))
