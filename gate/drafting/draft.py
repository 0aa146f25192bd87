"""From a recording of stable to the questions of a first policy: what may be asked of a candidate.

A draft is as strict as the samples allow and no stricter: the status, the shape, and the words that
never changed. What cannot be held to anything is left out, and said so.
"""

from collections.abc import Callable, Mapping

from gate.core.policy import SecretRef, ServiceName
from gate.core.recording import Asked, How, Page, Recording
from gate.drafting import html, lists, pages
from gate.drafting.expectations import start_of
from gate.drafting.identity import identity_of
from gate.drafting.question import Draft, Question, Way, name_for
from gate.drafting.sockets import questions_of
from gate.drafting.unseen import unseen_of

__all__ = ["Draft", "Question", "draft"]

_OWN = frozenset({How.NAMED, How.LISTED, How.LINKED, How.LED})
"""Pages that get a question of their own; of others the page asks that led there."""
_FURTHER: tuple[tuple[str, Callable[..., Question | None]], ...] = (
    ("assets", html.assets),
    ("items", html.listed),
    ("next", html.following),
    ("next", lists.following),
    ("item", lists.item),
)
LOGS = Question(
    "logs",
    (
        "What the candidate itself logs while it is probed. Logs arrive late: `settle` is how long",
        "to go on reading.",
    ),
    {"logs": {"settle": "10s", "within": "rollout"}},
    {"none": [{"severity": "ERROR"}, {"text": "Traceback"}]},
)


def draft(
    recording: Recording,
    asked: Asked,
    service: ServiceName,
    secrets: Mapping[str, SecretRef],
    *,
    folder: str,
    logs: bool,
) -> Draft:
    """The policy that this recording allows.

    Args:
        recording: what stable answered.
        asked: what it was asked with.
        service: which service it is.
        secrets: where the secrets come from that `asked` names.
        folder: of the schema files, below the policy's own.
        logs: whether the candidate's logs can be asked for.
    """
    drawing = _Drawing(Way(asked, folder, start_of(recording)), recording)
    for page in recording.pages:
        drawing.page(page)
    for page in recording.strangers:
        drawing.stranger(page)
    drawing.further()
    if recording.socket is not None:
        found = questions_of(drawing.way, recording.socket, drawing.taken)
        drawing.questions += found.questions
        drawing.left_out += found.left_out
    if recording.openapi:
        drawing.routes(recording.openapi)
    if logs:
        drawing.questions.append(LOGS)
    return Draft(
        service,
        identity_of(recording),
        secrets,
        tuple(drawing.questions),
        asked.times,
        tuple(drawing.missing),
        tuple(drawing.left_out),
        unseen_of(recording, asked, drawing.questions),
    )


class _Drawing:
    """Collects questions, with a name of its own for each."""

    def __init__(self, way: Way, recording: Recording) -> None:
        self.way = way
        self._pages = {page.path: page for page in recording.pages}
        alone = {page.path for page in recording.strangers if page.status not in pages.REFUSED}
        fit = (page for page in recording.pages if 0 < page.status < 300)
        self._let_in = any(page.path not in alone for page in fit)
        self.questions: list[Question] = []
        self.missing: list[str] = []
        self.left_out: list[tuple[str, str]] = []

    @property
    def taken(self) -> frozenset[str]:
        """Names that probes have."""
        return frozenset(question.name for question in self.questions)

    def page(self, page: Page) -> None:
        """One page, as a question or as one that is left out."""
        if page.how not in _OWN or self._known(page):
            return
        why = pages.unfit(page, stranger=False)
        if page.how in (How.LINKED, How.LED) and (why != "" or not page.status < 400):
            return
        if why is None:
            self.missing.append(page.path)
        elif not why and self._doubtful(page):
            self.left_out.append((page.path, f"answers {page.status} to the credentials given"))
        elif why:
            self.left_out.append((page.path, why))
        else:
            self._add(page, page.path, stranger=False)

    def _doubtful(self, page: Page) -> bool:
        """Whether a refusal may be of the credentials: no page is there that they are good for."""
        refused = page.status in pages.REFUSED and bool(self.way.asked.headers)
        return refused and (page.status == 401 or not self._let_in)

    def _known(self, page: Page) -> bool:
        """Whether a redirect leads to a page that is asked without its query, too."""
        plain = self._pages.get(page.path.partition("?")[0])
        return page.how is How.LED and plain is not None and plain is not page

    def stranger(self, page: Page) -> None:
        """A page that is asked with credentials, without them, where that makes a difference."""
        own = self._pages.get(page.path)
        fit = pages.unfit(page, stranger=True) == "" and own is not None
        if fit and own is not None and own.how in _OWN and page.status != own.status:
            self._add(page, f"{page.path.partition('?')[0]}-strangers", stranger=True)

    def _add(self, page: Page, called: str, *, stranger: bool) -> None:
        name = name_for(called, self.taken)
        found = pages.leads(self.way, page, self._pages, name, stranger=stranger)
        self.questions.append(found or pages.answered(self.way, page, name, stranger=stranger))

    def further(self) -> None:
        """Where pages lead: what they need to be shown, what they list, and what comes next."""
        for page in self._pages.values():
            if page.how not in _OWN or page.status != 200:
                continue
            for what, make in _FURTHER:
                name = name_for(f"{page.path.partition('?')[0]}-{what}", self.taken)
                if question := make(self.way, page, self._pages, name):
                    self.questions.append(question)

    def routes(self, path: str) -> None:
        """The OpenAPI document at this path."""
        remark = "No route or method that stable offers may be lost, and none may ask for more."
        ask = {"path": path, **self.way.limit("timeout")}
        self.questions.append(Question("routes", (remark,), {"routes": ask}))
