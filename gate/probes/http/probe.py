"""Asks one HTTP question and judges the answer. A redirect is an answer, never followed."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from gate.core.evidence import Evidence, Symptom
from gate.core.policy import HttpProbe, Json
from gate.core.template import JsonTemplate, Template, parse, parse_json
from gate.probes import headers
from gate.probes.expect import Bound, Expectation, compact, read_json
from gate.probes.frontend import FrontEndAnswer, Patience, recognise
from gate.probes.http.exchange import Answer, ExchangeError, Request, exchange
from gate.probes.http.status import wrong_status
from gate.probes.identity import Doubt, Identity
from gate.probes.inquiry import Inquiry, told_before
from gate.probes.outcome import Fault
from gate.probes.words import TEXT_MAX, Words

KIND = "http"
_SHOWN_HEADERS = ("location", "content-type", "server", "retry-after", "www-authenticate")
_BODY_LINES = 10


class _Question(NamedTuple):
    """The probe with its templates parsed: built once, rendered for each try."""

    headers: tuple[tuple[str, Template], ...]
    body: JsonTemplate
    expectation: Expectation
    answer_headers: tuple[tuple[str, Template], ...]

    @classmethod
    def of(cls, spec: HttpProbe) -> "_Question":
        return cls(
            tuple((name, parse(value)) for name, value in spec.headers),
            parse_json(spec.body),
            Expectation(spec.answer),
            tuple((name, parse(value)) for name, value in spec.answer_headers),
        )


class _Try(NamedTuple):
    """One request, and its answer or why there is none.

    `front_end` is what the front end said in the container's place; `name` is the revision that
    answered, by its own word; `doubt` is why its answer is no evidence.
    """

    request: Request
    expected: Bound
    answer_headers: tuple[tuple[str, str], ...]
    answer: Answer | None = None
    fault: Fault | None = None
    front_end: FrontEndAnswer | None = None
    name: str = ""
    doubt: Doubt | None = None

    @property
    def from_other(self) -> bool:
        return self.doubt is not None and self.doubt.other


async def ask(inquiry: Inquiry[HttpProbe]) -> Evidence:
    """Sends the request, and judges status, headers and body.

    Raises:
        CannotAskError: the request cannot be built from the policy.
    """
    spec = inquiry.spec
    question = _Question.of(spec)
    draft = inquiry.begin(KIND, f"{spec.method} {spec.path}", _expected(spec, question))
    trace = headers.Trace()
    patience = Patience(inquiry.run.arrival, inquiry.run.clock)
    before: Counter[str] = Counter()
    words = inquiry.run.words
    last = await _try(inquiry, question, trace)
    while (pause_s := patience.pause_s(last.front_end, other=last.from_other)) is not None:
        told = words.line(_seen(last, list(_faults(spec, last)), words), TEXT_MAX)
        if not before:
            inquiry.report(f"asking again: {told}", 0, 0)
        before[told] += 1
        await inquiry.run.clock.sleep(pause_s)
        last = await _try(inquiry, question, trace)
    faults = list(_faults(spec, last))
    excerpts = list(told_before(before, words))
    excerpts += [words.line(f"= answered by {last.name}")] if last.name else []
    excerpts += _excerpts(last, question, words)
    seen = _seen(last, faults, words)
    return draft.end(seen, faults, excerpts, trace=trace.id, answered_by=last.name)


async def _try(inquiry: Inquiry[HttpProbe], question: _Question, trace: headers.Trace) -> _Try:
    run, spec = inquiry.run, inquiry.spec
    values = run.values(run.nonces.new())
    body, content_type = _body(question.body.render(values))
    sent = headers.render(trace, run.target.headers, question.headers, values)
    names = {name.lower() for name, _ in sent}
    extra = {"accept": "*/*", "accept-encoding": "gzip"} | content_type
    sent += tuple((name, value) for name, value in extra.items() if name not in names)
    request = Request(spec.method.upper(), run.target.url + spec.path, sent, body)
    expected = question.expectation.bind(values)
    wanted = tuple((name, value.render(values)) for name, value in question.answer_headers)
    tls = run.tls() if request.url.startswith("https:") else None
    one = _Try(request, expected, wanted)
    try:
        answer = await exchange(request, spec.timeout_s, tls)
    except ExchangeError as error:
        return _unfinished(one, error, run.identity)
    return _attributed(one._replace(answer=answer), answer, spec, run.identity)


def _attributed(one: _Try, answer: Answer, spec: HttpProbe, identity: Identity) -> _Try:
    """Says whose answer it is; one that names a revision is not the front end's."""
    statuses = _statuses(spec.status)
    name = identity.name_in(answer.header)
    front_end = None if name else _front_end(answer)
    if front_end is not None:
        fault = identity.unanswered(front_end.fault(answer.phrase, statuses))
        return one._replace(front_end=front_end, fault=fault)
    if not identity.header:
        return one
    right = answer.status in spec.status
    wrong = None if right else wrong_status(one.request.url, answer, statuses)
    doubt = identity.doubt(name, wrong.seen if wrong else answer.phrase, wrong)
    return one._replace(name=name, doubt=doubt)


def _unfinished(one: _Try, error: ExchangeError, identity: Identity) -> _Try:
    """Says whose answer broke off, or who gave none, as far as that can be known."""
    if error.begun is None or not identity.header:
        return one._replace(fault=identity.unanswered(error.fault))
    name = identity.name_in(error.begun.header)
    doubt = identity.doubt(name, error.fault.seen)
    return one._replace(name=name, doubt=doubt, fault=None if doubt else error.fault)


def _front_end(answer: Answer) -> FrontEndAnswer | None:
    authenticate = answer.header("www-authenticate") or ""
    return recognise(answer.status, answer.text, authenticate)


def _body(value: Json) -> tuple[bytes, dict[str, str]]:
    """A text as it is, anything else as JSON, None as no body at all."""
    match value:
        case None:
            return b"", {}
        case str():
            return value.encode(), {"content-type": "text/plain; charset=utf-8"}
        case _:
            return json.dumps(value).encode(), {"content-type": "application/json"}


def _faults(spec: HttpProbe, one: _Try) -> Iterator[Fault]:
    """What is wrong with an answer; a wrong status alone, since its body is another story."""
    answer = one.answer
    if one.fault or one.doubt:
        yield from filter(None, (one.fault, one.doubt and one.doubt.fault))
    elif answer is None:
        return
    elif answer.status not in spec.status:
        yield wrong_status(one.request.url, answer, _statuses(spec.status))
    else:
        yield from _wrong_headers(one.answer_headers, answer)
        yield from _wrong_body(one.expected, answer)


def _wrong_headers(wanted: tuple[tuple[str, str], ...], answer: Answer) -> Iterator[Fault]:
    for name, value in wanted:
        seen = answer.header(name)
        if seen is None:
            yield Fault(Symptom.HEADER, f"no header {name}", f"{name}: {value}")
        elif seen.strip() != value.strip():
            yield Fault(Symptom.HEADER, f"{name}: {seen}", f"{name}: {value}")


def _wrong_body(expected: Bound, answer: Answer) -> Iterator[Fault]:
    if expected.asks_nothing:
        return
    try:
        value = read_json(answer.body)
    except ValueError:
        content_type = answer.header("content-type") or "no content-type"
        yield Fault(Symptom.BODY, f"a body that is not JSON ({content_type})", "JSON")
        return
    for mismatch in expected.mismatches(value):
        yield Fault(mismatch.symptom, mismatch.seen, mismatch.expected)


def _expected(spec: HttpProbe, question: _Question) -> str:
    parts = [_statuses(spec.status)]
    parts += [f"{name}: {value}" for name, value in spec.answer_headers]
    return ", ".join(parts if spec.answer.empty else [*parts, str(question.expectation)])


def _statuses(statuses: tuple[int, ...]) -> str:
    return " or ".join(map(str, statuses))


def _seen(last: _Try, faults: list[Fault], words: Words) -> str:
    if faults:
        return faults[0].seen
    answer = last.answer
    if answer is None:
        return ""
    body = words.line(answer.text, TEXT_MAX // 2)
    return f"{answer.phrase} in {answer.took_s * 1000:.0f} ms" + (f", {body}" if body else "")


def _excerpts(one: _Try, question: _Question, words: Words) -> Iterator[str]:
    """The request as the policy writes it, the answer as it came; the identity is never shown."""
    yield words.line(f"> {one.request.method} {one.request.url}")
    for name, template in question.headers:
        yield words.line(f"> {name}: {template.source}")
    if question.body.source is not None:
        yield words.line(f"> {compact(question.body.source)}")
    if one.fault and not one.answer:
        yield words.line(f"! {one.fault.symptom.value}: {one.fault.seen}")
    if one.answer:
        yield words.line(f"< {one.answer.phrase}")
        for name in _SHOWN_HEADERS:
            if (value := one.answer.header(name)) is not None:
                yield words.line(f"< {name}: {value}")
        for line in words.lines(one.answer.text, _BODY_LINES):
            yield f"< {line}"[:500]
