"""Asks one HTTP question and judges the answer. A redirect is an answer, never followed."""

import json
from collections.abc import Iterator
from typing import NamedTuple

from gate.core.evidence import Evidence, Symptom
from gate.core.policy import Json
from gate.core.shapes import Shape, no_json, shape_of
from gate.core.template import JsonTemplate, Template, parse, parse_json
from gate.kinds.http import HttpProbe
from gate.probes import headers, paths
from gate.probes.expect import Bound, Expectation, compact, read_json
from gate.probes.frontend import Patience
from gate.probes.inquiry import Inquiry, told_before
from gate.probes.outcome import Fault
from gate.probes.quoting import quoted
from gate.probes.readiness import says_not_yet
from gate.probes.web.asking import EXTRA, Before, Reply, ask_once, named
from gate.probes.web.exchange import Answer, Request
from gate.probes.words import TEXT_MAX, Words

KIND = "http"
_SHOWN_HEADERS = ("location", "content-type", "server", "retry-after", "www-authenticate")
_BODY_LINES = 10
_SHAPED_MAX_BYTES = 1_000_000
"""No shape is made of a larger answer."""


class _Question(NamedTuple):
    """The probe with its templates parsed: built once, rendered for each try."""

    path: Template
    headers: tuple[tuple[str, Template], ...]
    body: JsonTemplate
    expectation: Expectation
    answer_headers: tuple[tuple[str, Template], ...]

    @classmethod
    def of(cls, spec: HttpProbe) -> "_Question":
        return cls(
            parse(spec.path),
            tuple((name, parse(value)) for name, value in spec.headers),
            parse_json(spec.body),
            Expectation(spec.answer),
            tuple((name, parse(value)) for name, value in spec.answer_headers),
        )


class _Try(NamedTuple):
    """One request with what its answer must be, and what came of it."""

    reply: Reply
    expected: Bound
    answer_headers: tuple[tuple[str, str], ...]


async def ask(inquiry: Inquiry[HttpProbe]) -> Evidence:
    """Sends the request, and judges status, headers and body.

    Raises:
        CannotAskError: the request cannot be built from the policy.
    """
    spec = inquiry.spec
    question = _Question.of(spec)
    draft = inquiry.begin(KIND, f"{spec.method} {spec.path}", _expected(spec, question))
    trace = headers.Trace()
    patience = inquiry.run.patience()
    before = Before(inquiry.run)
    words = inquiry.run.words
    last = await _try(inquiry, question, trace)
    while (pause_s := _pause_s(patience, last.reply)) is not None:
        before(last.reply, _seen(last, list(_faults(spec, last)), words))
        await inquiry.run.clock.sleep(pause_s)
        last = await _try(inquiry, question, trace)
    faults = list(_faults(spec, last))
    name = last.reply.name
    excerpts = list(told_before(before.told, words))
    excerpts += [words.line(f"= answered by {name}")] if name else []
    excerpts += _excerpts(last.reply, question, words)
    seen = _seen(last, faults, words)
    shape = _shape(spec, last.reply, words)
    return draft.end(seen, faults, excerpts, trace=trace.id, answered_by=name, shape=shape)


def _pause_s(patience: Patience, reply: Reply) -> float | None:
    return patience.pause_s(reply.front_end, other=reply.from_other)


async def _try(inquiry: Inquiry[HttpProbe], question: _Question, trace: headers.Trace) -> _Try:
    run, spec = inquiry.run, inquiry.spec
    values = run.values(run.nonces.new())
    body, content_type = _body(question.body.render(values))
    sent = headers.render(trace, run.target.headers, question.headers, values)
    names = {name.lower() for name, _ in sent}
    extra = dict(EXTRA) | content_type
    sent += tuple((name, value) for name, value in extra.items() if name not in names)
    url = run.target.url + paths.rendered(question.path, values)
    request = Request(spec.method.upper(), url, sent, body)
    expected = question.expectation.bind(values)
    wanted = tuple((name, value.render(values)) for name, value in question.answer_headers)
    return _Try(await ask_once(run, request, spec.timeout_s, spec.status), expected, wanted)


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
    if wrong := one.reply.wrong(spec.status):
        yield wrong
    elif one.reply.answer is not None:
        yield from _wrong_headers(one.answer_headers, one.reply.answer)
        yield from _wrong_body(one.expected, one.reply.answer)


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
    early = says_not_yet(value)
    for mismatch in expected.mismatches(value):
        yield Fault(
            mismatch.symptom, mismatch.seen, mismatch.expected, mismatch.hint, not_yet=early
        )


def _shape(spec: HttpProbe, reply: Reply, words: Words) -> Shape | None:
    """The shape of an answer with an expected status; None where there is no such answer."""
    answer = reply.answer
    if answer is None or reply.wrong(spec.status) or len(answer.body) > _SHAPED_MAX_BYTES:
        return None
    try:
        return shape_of(read_json(answer.body), clean=words.line)
    except ValueError:
        return no_json()


def _expected(spec: HttpProbe, question: _Question) -> str:
    parts = [named(spec.status)]
    parts += [f"{name}: {value}" for name, value in spec.answer_headers]
    return ", ".join(parts if spec.answer.empty else [*parts, str(question.expectation)])


def _seen(last: _Try, faults: list[Fault], words: Words) -> str:
    if faults:
        return faults[0].seen
    answer = last.reply.answer
    if answer is None:
        return ""
    body = words.line(quoted(answer.text), TEXT_MAX // 2)
    return f"{answer.phrase} in {answer.took_s * 1000:.0f} ms" + (f", {body}" if body else "")


def _excerpts(one: Reply, question: _Question, words: Words) -> Iterator[str]:
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
        for line in words.lines(quoted(one.answer.text), _BODY_LINES):
            yield f"< {line}"[:500]
