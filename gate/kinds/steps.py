"""Steps of a journey: one request each, what its answer must be, and what is kept of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from gate.core.checks import kept_by_front_end
from gate.core.expectations import Content, Pattern
from gate.core.questions import Json
from gate.errors import ValueProblem
from gate.kinds.answers import JSONPATH, REGEX, SELECTOR, Short, content_keys
from gate.kinds.checks import OwnHeaders
from gate.kinds.collections import Mapped, OneOrMany
from gate.kinds.forms import AnyJson, Flag, Text
from gate.kinds.http import SAFE_METHODS
from gate.kinds.records import Checked, Key, Record, Slot, slots_of
from gate.kinds.templates import Plain, Templated
from gate.kinds.values import STATUS, TOKEN, Limit, Pairs, header_texts, pattern_keys

MOVED = (301, 302, 303, 307, 308)
"""What answers a step that expects a redirect and names no status."""
_TEMPLATED = Templated(user=True, later=True)
_JSON = Annotated[Json, AnyJson(), _TEMPLATED]
_TARGET = r"(?:/(?:[!\"$-.0-~][!\"$-~]*)?|https?://[!-~]+)"


def _headers(*, received: bool = False) -> object:
    return header_texts(user=True, later=True, received=received)


@dataclass(frozen=True, slots=True)
class Redirect(Checked):
    """Where an answer must lead.

    Attributes:
        to: a path on the same host, or a whole address; its query counts where it has one.
        matches: else a regular expression that its whole target must match: path and query on the
            same host, the whole address on another one.
    """

    to: Annotated[
        str,
        Text("a path such as /login, or a whole address", _TARGET),
        _TEMPLATED,
        Key(
            "a path on the same host, or a whole address of another one; without a `?` the query "
            "does not count. A value alone means this; may hold templates"
        ),
    ] = ""
    matches: Annotated[
        str, REGEX, Plain(), Key("a regular expression that the whole target must match")
    ] = ""

    @property
    def empty(self) -> bool:
        """Whether nothing is asked."""
        return not (self.to or self.matches)


REDIRECT = Short("redirect", Redirect, slots_of(Redirect), short="to", one_of=("to", "matches"))


@dataclass(frozen=True, slots=True)
class Capture(Checked):
    """What a step keeps of its answer for later ones: one value, found in one place."""

    json: Annotated[
        str, JSONPATH, Plain(), Key("the first value that this JSONPath query finds")
    ] = ""
    css: Annotated[
        str,
        SELECTOR,
        Plain(),
        Key("text of the first element that this CSS selector finds, or its `@attribute`"),
    ] = ""
    header: Annotated[
        str, Text("a header name", rf"{TOKEN}+", 100), Key("the value of this header")
    ] = ""
    cookie: Annotated[
        str,
        Text("a cookie name", rf"{TOKEN}+", 200),
        Key("the value that the answer gives this cookie"),
    ] = ""
    text: Annotated[bool, Flag(), Key("the whole body, for a `regex` to search in")] = False
    regex: Annotated[
        str,
        REGEX,
        Plain(),
        Key(
            "of that, only what this regular expression finds: its first group, or all of it "
            "without one",
            absent="all of it",
        ),
    ] = ""

    @property
    def place(self) -> str:
        """Where it is, in words."""
        places = (self.json, self.css, self.header, self.cookie and f"cookie {self.cookie}")
        return next(filter(None, places), "the body")


CAPTURE = Record(
    "capture", Capture, slots_of(Capture), one_of=("json", "css", "header", "cookie", "text")
)


@dataclass(frozen=True, slots=True)
class Wanted(Checked):
    """What the answer to a step must be."""

    status: Annotated[
        tuple[int, ...],
        OneOrMany(item=Annotated[int, STATUS]),
        Key(
            "one status, or a list of those that will do",
            absent="`200`; with `redirect`, any that is one",
        ),
    ] = ()
    redirect: Annotated[
        Redirect, REDIRECT, Key("where it must lead; no redirect is followed", absent="anywhere")
    ] = Redirect()
    answer: Annotated[Pattern, pattern_keys(user=True, later=True), Key("")] = field(
        default_factory=Pattern
    )
    headers: Annotated[
        tuple[tuple[str, str], ...],
        _headers(received=True),
        Key("headers that it must have, with exactly these values; may hold templates"),
    ] = ()
    content: Annotated[Content, content_keys(user=True, later=True), Key("")] = field(
        default_factory=Content
    )

    def agree(self) -> None:
        """As Checked.agree."""
        other = [one for one in self.status if one not in MOVED]
        if not self.redirect.empty and other:
            raise ValueProblem(
                "status", f"is none that leads anywhere (got {other[0]}, expected 3xx)"
            )

    @property
    def statuses(self) -> tuple[int, ...]:
        """Those that will do."""
        return self.status or ((200,) if self.redirect.empty else MOVED)


WANTED = Record("expect", Wanted, slots_of(Wanted))
_CAPTURES = Mapped(
    name=Text("a name of letters, digits, _ and -", r"[A-Za-z_][A-Za-z0-9_-]*", 60),
    item=Annotated[Capture, CAPTURE],
    least=1,
    most=20,
)


@dataclass(frozen=True, slots=True)
class Step(Checked):
    """One request and the answer that it must get."""

    method: str
    path: str
    name: Annotated[
        str,
        Text("a few words", r"[^\x00-\x1f\x7f]+", 60),
        Plain(),
        Key("what it is called where it is told", absent="its method and path"),
    ] = ""
    headers: Annotated[
        tuple[tuple[str, str], ...],
        _headers(),
        OwnHeaders(),
        Key("name to text, `Cookie` excepted, which the jar sends; may hold templates"),
    ] = ()
    body: Annotated[
        Json,
        AnyJson(),
        _TEMPLATED,
        Key("a text is sent as it is, anything else as JSON; may hold templates"),
    ] = field(default=None, hash=False)
    form: Annotated[
        tuple[tuple[str, Json], ...],
        Pairs(name=Text("the name of a field"), item=_JSON, least=1),
        Key("fields of a form, sent as a browser does (urlencoded); may hold templates"),
    ] = field(default=(), hash=False)
    timeout_s: Annotated[Limit, Key("limit for the whole request", absent="the journey's")] = None
    expect: Annotated[Wanted, WANTED, Key("what its answer must be", absent="status 200")] = field(
        default_factory=Wanted
    )
    capture: Annotated[
        Mapping[str, Capture],
        _CAPTURES,
        Key("what of its answer later steps use, by the name of their template"),
    ] = field(default_factory=dict, hash=False)
    shared: Annotated[
        bool,
        Flag(),
        Key("whether its answer may show what other users wrote, as a public page does"),
    ] = False

    def agree(self) -> None:
        """As Checked.agree."""
        if self.body is not None and self.form:
            raise ValueProblem("form", "excludes a body: a request has one of them")
        wants_body = not (self.expect.answer.empty and self.expect.content.empty)
        if self.method == "HEAD" and wants_body:
            raise ValueProblem("expect", "asks for a body, which an answer to HEAD never has")
        if any(name.lower() == "cookie" for name, _ in self.headers):
            raise ValueProblem(
                "headers",
                "names Cookie, which the journey's own jar sends",
                hint="let a step before it be answered with the cookie",
            )
        if kept := kept_by_front_end(self.path):
            raise ValueProblem(
                self.method.lower(),
                f"{kept} never reaches a container: Cloud Run's front end keeps it for itself",
            )

    @property
    def label(self) -> str:
        """What it is called."""
        return self.name or f"{self.method} {self.path}"

    @property
    def writes(self) -> bool:
        """Whether it may change what the service keeps."""
        return self.method not in SAFE_METHODS


_VERBS = ("get", "post", "put", "patch", "delete", "head", "options")
_NAMED = r"\$\{[^{}]*\}"
_REST = rf"(?:[!\"$-~]|{_NAMED})*"
_PATH = Annotated[
    str,
    Text(
        "a path such as /login that starts with one /",
        rf"(?:/|/(?:[!\"$-.0-~]|{_NAMED}){_REST}|{_NAMED}{_REST})",
        advice="the address is the candidate's own; a policy cannot name another host",
    ),
    _TEMPLATED,
]


def _step(**given: Any) -> Step:
    verb = next(verb for verb in _VERBS if verb in given)
    return Step(verb.upper(), given.pop(verb), **given)


@dataclass(frozen=True, slots=True)
class Steps(Record):
    """One step; its method is a key, whose value is the path."""

    def text(self, value: Any) -> Json:
        """As Form.text."""
        given = ((slot, getattr(value, slot.field)) for slot in slots_of(Step))
        told = {slot.name: slot.form.text(one) for slot, one in given if one != slot.default}
        return {value.method.lower(): value.path, **told}


def _verb(name: str) -> Slot:
    return Slot(
        name,
        _PATH,
        Key(f"path and query of a {name.upper()}; may hold templates, or be a captured address"),
        None,
    )


STEP = Steps("step", _step, (*map(_verb, _VERBS), *slots_of(Step)), one_of=_VERBS)


def texts_of(step: Step) -> dict[str, Json]:
    """What of a step may hold templates, by the key that it stands under."""
    return {
        step.method.lower(): step.path,
        "headers": [value for _, value in step.headers],
        "body": step.body,
        "form": [[name, value] for name, value in step.form],
        "expect": WANTED.text(step.expect),
    }
