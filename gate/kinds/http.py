"""`http`: one request, one answer."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Self

from gate.core.expectations import Content, Pattern
from gate.core.questions import Json
from gate.errors import ValueProblem
from gate.kinds import pace
from gate.kinds.answers import content_keys
from gate.kinds.forms import AnyJson, Choice
from gate.kinds.keys import Keys, Remark
from gate.kinds.kind import Kind
from gate.kinds.records import Expected, Key
from gate.kinds.templates import Templated
from gate.kinds.values import (
    AnswerHeaders,
    RequestHeaders,
    SomeSeconds,
    Statuses,
    TemplatedPath,
    pattern_keys,
)

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing by their meaning (RFC 9110, 9.2.1)."""
METHODS = Choice(words=("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"))


@dataclass(frozen=True, slots=True)
class HttpProbe(Keys):
    """One HTTP request and the answer it must get. Redirects are answers, never followed.

    The path, header values and the body may hold templates (`${alice}`, `${nonce}`).
    """

    facts: ClassVar[Kind] = Kind(
        "http",
        "One HTTP request; redirects are answers, never followed",
        "gate.probes.http.probe:ask",
        elsewhere=(
            "is not looked at where a rate is given (expected status, percentiles and errors)",
            "ask for the content in a probe of its own, without a rate",
        ),
        again=True,
        quick=True,
        rank=0,
    )

    path: Annotated[
        TemplatedPath, Key("path and query on the candidate's own URL; may hold templates")
    ]
    method: Annotated[str, METHODS, Key("the HTTP method")] = "GET"
    headers: Annotated[
        RequestHeaders,
        Key(
            "name to text; may hold templates. `Host`, hop-by-hop headers and `traceparent` are "
            "the client's own"
        ),
    ] = ()
    body: Annotated[
        Json,
        AnyJson(),
        Templated(),
        Key("a text is sent as it is, anything else as JSON; may hold templates"),
    ] = field(default=None, hash=False)
    timeout_s: Annotated[SomeSeconds, Key("limit for the whole request")] = 10.0
    status: Annotated[Statuses, Expected("one status, or a list of those that will do")] = (200,)
    answer: Annotated[Pattern, pattern_keys(), Expected("")] = field(default_factory=Pattern)
    answer_headers: Annotated[
        AnswerHeaders,
        Expected(
            "headers that the answer must have, with exactly these values; may hold templates",
            "headers",
        ),
    ] = ()

    content: Annotated[Content, content_keys(), Expected("")] = field(default_factory=Content)
    slower_percent: Annotated[
        float | None,
        *pace.FORMS,
        Expected(pace.about("the answer"), pace.SLOWER),
    ] = None

    def agree(self) -> None:
        """As Checked.agree."""
        if self.method == "HEAD" and not (self.answer.empty and self.content.empty):
            raise ValueProblem("expect", "asks for a body, which an answer to HEAD never has")

    @property
    def expects(self) -> tuple[Json, ...]:
        """As Keys.expects."""
        return (self.answer.json, [value for _, value in self.answer_headers])

    @property
    def slower_at_most_percent(self) -> float | None:
        """As Keys.slower_at_most_percent."""
        return self.slower_percent

    def alone(self) -> Self:
        """As Keys.alone: with nobody to be slower than."""
        return replace(self, slower_percent=None)

    def remarks(self, *, stable: bool) -> Iterator[Remark]:
        """As Keys.remarks."""
        place = f"expect.{pace.SLOWER}"
        yield from pace.without_stable(place, self.slower_percent, stable=stable)

    @property
    def writes(self) -> bool:
        """As Keys.writes."""
        return self.method not in SAFE_METHODS
