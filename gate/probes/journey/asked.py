"""A step with its templates parsed: its request, and what its answer must be."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import SplitResult, quote, urlencode, urljoin, urlsplit

from gate.core.evidence import Symptom
from gate.core.patterns import compiled
from gate.core.template import Reference, names, parse, parse_json
from gate.kinds.steps import Redirect, Step, texts_of
from gate.probes import headers, redirect
from gate.probes.expect import compact
from gate.probes.inquiry import Run
from gate.probes.outcome import CannotAskError, Fault
from gate.probes.web.asking import EXTRA, named, written
from gate.probes.web.content import PATTERN_WITHIN_S
from gate.probes.web.exchange import Answer, Request
from gate.probes.web.judging import AnswerExpectation, BoundAnswer

LABEL_MAX = 120
_IN_PATH = "~!$'()*,;:@&=+"
_STATE_UNSAFE = re.compile(r"[^ -~]|[,=%]")
_FORM = ("content-type", "application/x-www-form-urlencoded")


class AskedStep:
    """One step of the policy.

    Args:
        number: from 1 on.
        step: as the policy has it.
        always: whether it is one of those that clean up.
        timeout_s: for its request, unless it has one of its own.

    Attributes:
        where: how it is told: `step 2, sign in`.
        always: as given.
    """

    def __init__(self, number: int, step: Step, timeout_s: float, *, always: bool) -> None:
        self.step = step
        self.where = f"{'always' if always else 'step'} {number}, {step.label}"
        self.timeout_s = step.timeout_s or timeout_s
        self.statuses = step.expect.statuses
        self._headers = tuple((name, parse(value)) for name, value in step.headers)
        self._body = parse_json(step.body)
        self._form = [(name, parse_json(value)) for name, value in step.form]
        self._expected = AnswerExpectation(
            step.expect.answer, step.expect.headers, step.expect.content
        )
        texts = texts_of(step)
        judged = names(texts.pop("expect")) - frozenset(step.capture)
        self._needs = names([*texts.values()]) | judged
        self.always = always

    def state(self, journey: int) -> str:
        """Which step of which journey this is: a member of tracestate (W3C Trace Context, 3.3)."""
        label = _STATE_UNSAFE.sub(lambda match: quote(match[0]), self.where[:LABEL_MAX])
        return f"gate={journey}.{label.rstrip()}"

    def lacks(self, values: Mapping[str, str]) -> list[str]:
        """Names that it uses and that have no value."""
        return sorted(self._needs - values.keys())

    def request(
        self, run: Run, trace: headers.Trace, values: Mapping[str, str], own: Mapping[str, str]
    ) -> Request:
        """The request, a new one each time.

        Args:
            run: whom to ask.
            trace: the probe's.
            values: for the templates.
            own: headers of the journey's own, unless the step has them.

        Raises:
            CannotAskError: a value that no header can carry.
        """
        body, content_type = self._rendered_body(values)
        sent = headers.render(trace, run.target.headers, self._headers, values)
        there = {name.lower() for name, _ in sent}
        extra = {**dict(EXTRA), **content_type, **own}
        sent += tuple((name, value) for name, value in extra.items() if name not in there)
        return Request(self.step.method, self.url(run, values), sent, body)

    def url(self, run: Run, values: Mapping[str, str]) -> str:
        """The whole address; values are encoded as their place in it needs it.

        Raises:
            CannotAskError: it begins with a captured address that is on another host, or is none.
        """
        base, path = run.target.url, parse(self.step.path)
        if not isinstance(path.parts[0], Reference):
            return base + "".join(_parts(path.parts, values))
        try:
            start = urljoin(f"{base}/", path.parts[0].value(values))
            wrong = "" if _same_origin(urlsplit(base), urlsplit(start)) else "on another host"
        except ValueError:
            wrong = "that cannot be read"
        if wrong:
            raise CannotAskError(
                f"an address {wrong} for {self.where}",
                "one on the candidate's own",
                "say where the step before must lead: expect: {redirect: /path}",
            )
        start = base + urlsplit(start)._replace(scheme="", netloc="", fragment="").geturl()
        return start + "".join(_parts(path.parts[1:], values))

    def _rendered_body(self, values: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
        if self._form:
            rendered = [(name, one.render(values)) for name, one in self._form]
            fields = [
                (name, value if isinstance(value, str) else compact(value))
                for name, value in rendered
            ]
            return urlencode(fields).encode(), dict([_FORM])
        return written(self._body.render(values))

    def bound(self, values: Mapping[str, str]) -> BoundAnswer:
        """What its answer must be beyond status and redirect."""
        return self._expected.bind(values)

    def wrong_redirect(
        self, asked: str, answer: Answer, values: Mapping[str, str]
    ) -> Iterator[Fault]:
        """Why it does not lead where it must.

        Args:
            asked: the address that was asked.
            answer: with a status that is expected.
            values: for the templates.
        """
        wanted = self.step.expect.redirect
        if wanted.empty:
            return
        location = answer.header("location") or ""
        if not location or not _leads(wanted, asked, location, values):
            meaning, hint = redirect.read(asked, location)
            to = f"{meaning} ({location})" if hint else f"to {location}" if location else meaning
            yield Fault(
                Symptom.REDIRECT, f"{answer.phrase}: {to}", f"a redirect to {_named(wanted)}", hint
            )

    @property
    def expected(self) -> str:
        """What its answer must be, in words."""
        return ", ".join([self.wanted_status, *self._expected.words])

    @property
    def wanted_status(self) -> str:
        """Its status, and where it must lead, in words."""
        wanted = self.step.expect
        parts = [named(self.statuses)] if wanted.status or wanted.redirect.empty else []
        parts += [f"a redirect to {_named(wanted.redirect)}"] if not wanted.redirect.empty else []
        return ", ".join(parts)

    def sources(self) -> Iterator[str]:
        """The request as the policy writes it: no secret is in it, and nothing captured."""
        yield f"{self.step.method} {self.step.path}"
        for name, template in self._headers:
            yield f"{name}: {template.source}"
        if self._form:
            yield "&".join(f"{name}={_plain(one.source)}" for name, one in self._form)
        elif self.step.body is not None:
            yield compact(self.step.body)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else compact(value)  # type: ignore[arg-type]


def _parts(parts: tuple[str | Reference, ...], values: Mapping[str, str]) -> Iterator[str]:
    in_query = False
    for part in parts:
        if isinstance(part, str):
            in_query = in_query or "?" in part
            yield part
        else:
            yield quote(part.value(values), safe="" if in_query else _IN_PATH)


def _named(wanted: Redirect) -> str:
    return wanted.to or f"what matches {wanted.matches}"


def _leads(wanted: Redirect, asked: str, location: str, values: Mapping[str, str]) -> bool:
    """Whether a Location is the one that is wanted; relative ones are those of the same host."""
    try:
        target = urljoin(asked, location[: redirect.LOCATION_MAX])
        here, there = urlsplit(asked), urlsplit(target)
        same_host = _same_origin(here, there)
    except ValueError:
        return False
    path = there.path or "/"
    local = f"{path}?{there.query}" if there.query else path
    if wanted.matches:
        return _fits(wanted.matches, local if same_host else target)
    to = parse(wanted.to).render(values)
    if not to.startswith("/"):
        return target == to or ("?" not in to and target.partition("?")[0] == to)
    return same_host and to == (local if "?" in to else path)


def _same_origin(here: SplitResult, there: SplitResult) -> bool:
    """Whether an address is on the host that was asked.

    A service behind a front end says https, which users have, also where the local Cloud Run is
    asked without TLS.
    """
    if there.scheme != here.scheme and (here.scheme, there.scheme) != ("http", "https"):
        return False
    return (here.hostname, _port(here)) == (there.hostname, _port(there))


def _port(url: SplitResult) -> int | None:
    """The port, None for the scheme's own."""
    return None if url.port == {"http": 80, "https": 443}.get(url.scheme) else url.port


def _fits(pattern: str, text: str) -> bool:
    try:
        return bool(compiled(f"^(?:{pattern})$").search(text, timeout=PATTERN_WITHIN_S))
    except (TimeoutError, MemoryError):
        return False
