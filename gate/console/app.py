"""Which page is where."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from jinja2 import Environment
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from gate.console.choice import PAGE, choice_of
from gate.console.door import Check, Door
from gate.console.kept import Kept
from gate.console.shelf import Shelf, State
from gate.core.service import ServiceRef
from gate.errors import InfrastructureError
from gate.report.attempts import UNFINISHED, Attempt
from gate.report.fields import text, texts
from gate.report.html import page
from gate.report.html.charts import can_draw, history_picture
from gate.report.lines import plain
from gate.report.stats import stats_blocks
from gate.report.verified import verified_lines
from gate.report.words import flags

LIVE_S = 5
"""How often a page of what is at work is read again."""
ID_MAX = 200
LINE = 100
"""Columns of what a verification, or the numbers, say."""
DRAWN_MAX = 2000
"""Most rollouts of the picture."""
_COLOURS = {"good": "#2e9e6b", "bad": "#d0433c", "unsure": "#c08a1e"}
_TEMPLATES = Path(__file__).parent / "templates"


@cache
def _environment() -> Environment:
    return page.environment(_TEMPLATES)


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
        self._known_of: tuple[State, dict[str, list[str]]] = (State(), _known(State()))

    async def listing(self, request: Request) -> Response:
        """Every rollout that is wanted, newest first, in pages."""
        state, wanted = await self._shelf.state(), choice_of(request.query_params)
        found = wanted.of(state.found)
        return self._page(
            "list.html.jinja",
            state,
            choice=wanted,
            found=wanted.shown(found),
            count=len(found),
            pages=max(1, -(-len(found) // PAGE)),
            known=self._known(state),
            at_work=[one for one in state.found[:PAGE] if one.ending == UNFINISHED],
        )

    async def rollout(self, request: Request) -> Response:
        """The report of one rollout; with `live`, while it is at work, the page reads itself again.

        Only whoever asks for that gets it: it takes the focus away from whoever reads.
        """
        name = request.query_params.get("id", "")
        found: list[Attempt] = []
        disputed = False
        if 0 < len(name) <= ID_MAX:
            found, disputed = await self._shelf.one(name)
        if not found:
            raise HTTPException(404, "the ledger has no rollout of this id")
        at_work = any(one.ending == UNFINISHED for one in found)
        live = at_work and request.query_params.get("live") == "1"
        return self._page(
            "rollout.html.jinja",
            State(),
            reports=[page.parts(one) for one in found],
            at_work=at_work,
            disputed=disputed,
            live_s=LIVE_S if live else 0,
        )

    async def history(self, request: Request) -> Response:  # noqa: ARG002 - as Starlette calls it
        """When rollouts were, and how they ended, as a picture."""
        state = await self._shelf.state()
        drawn = state.found[:DRAWN_MAX]
        endings = {one.ending: _COLOURS[page.tone(one.ending)] for one in drawn}
        points = [{"at": one.began, "ending": one.ending} for one in drawn if one.began]
        picture = history_picture(points, dict(sorted(endings.items()))) if can_draw() else None
        return self._page("history.html.jinja", state, picture=picture, found=drawn[:PAGE])

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

    def _known(self, state: State) -> dict[str, list[str]]:
        """What may be chosen, looked for once for each state."""
        if self._known_of[0] is not state:
            self._known_of = (state, _known(state))
        return self._known_of[1]

    def _page(self, name: str, state: State, status: int = 200, **values: object) -> Response:
        given: Mapping[str, object] = {
            "ref": self._ref,
            "state": state,
            "options": flags(self._ref),
            "live_s": 0,
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


def _known(state: State) -> dict[str, list[str]]:
    """What may be chosen, by what there is."""
    return {
        "ending": sorted({one.ending for one in state.found}),
        "kind": sorted(_of(state.found, "kind")),
        "actor": sorted(_of(state.found, "actor"))[:PAGE],
        "capability": sorted({n for one in state.found for n in texts(one.head, "capabilities")}),
    }


def _of(found: tuple[Attempt, ...], key: str) -> set[str]:
    return {text(one.head, key) for one in found} - {""}
