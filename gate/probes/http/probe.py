"""Asks one HTTP question and judges the answer. A redirect is an answer, never followed."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from gate.core.evidence import Evidence
from gate.core.shapes import Shape
from gate.core.template import JsonTemplate, Template, parse, parse_json
from gate.kinds.http import HttpProbe
from gate.probes import headers, paths
from gate.probes.expect import compact
from gate.probes.frontend import Patience
from gate.probes.inquiry import Inquiry, told_before
from gate.probes.outcome import Fault
from gate.probes.quoting import quoted
from gate.probes.web.asking import EXTRA, Before, Reply, ask_once, named, written
from gate.probes.web.exchange import Request
from gate.probes.web.judging import AnswerExpectation, BoundAnswer, shape_of_answer
from gate.probes.words import TEXT_MAX, Words

KIND = "http"
_SHOWN_HEADERS = ("location", "content-type", "server", "retry-after", "www-authenticate")
_BODY_LINES = 10


class _Question(NamedTuple):
    """The probe with its templates parsed: built once, rendered for each try."""

    path: Template
    headers: tuple[tuple[str, Template], ...]
    body: JsonTemplate
    expectation: AnswerExpectation

    @classmethod
    def of(cls, spec: HttpProbe) -> "_Question":
        return cls(
            parse(spec.path),
            tuple((name, parse(value)) for name, value in spec.headers),
            parse_json(spec.body),
            AnswerExpectation(spec.answer, spec.answer_headers, spec.content),
        )


class _Try(NamedTuple):
    """One request with what its answer must be, and what came of it."""

    reply: Reply
    expected: BoundAnswer


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
    answer = last.reply.answer
    told = draft.end(seen, faults, excerpts, trace=trace.id, answered_by=name, shape=shape)
    return replace(told, took=(("", answer.took_s),) if answer else ())


def _pause_s(patience: Patience, reply: Reply) -> float | None:
    return patience.pause_s(reply.front_end, other=reply.from_other)


async def _try(inquiry: Inquiry[HttpProbe], question: _Question, trace: headers.Trace) -> _Try:
    run, spec = inquiry.run, inquiry.spec
    values = run.values(run.nonces.new())
    body, content_type = written(question.body.render(values))
    sent = headers.render(trace, run.target.headers, question.headers, values)
    names = {name.lower() for name, _ in sent}
    extra = dict(EXTRA) | content_type
    sent += tuple((name, value) for name, value in extra.items() if name not in names)
    url = run.target.url + paths.rendered(question.path, values)
    request = Request(spec.method.upper(), url, sent, body)
    expected = question.expectation.bind(values)
    return _Try(await ask_once(run, request, spec.timeout_s, spec.status), expected)


def _faults(spec: HttpProbe, one: _Try) -> Iterator[Fault]:
    """What is wrong with an answer; a wrong status alone, since its body is another story."""
    if wrong := one.reply.wrong(spec.status):
        yield wrong
    elif one.reply.answer is not None:
        yield from one.expected.faults(one.reply.answer)


def _shape(spec: HttpProbe, reply: Reply, words: Words) -> Shape | None:
    """The shape of an answer with an expected status; None where there is no such answer."""
    answer = reply.answer
    if answer is None or spec.method == "HEAD" or reply.wrong(spec.status):
        return None
    return shape_of_answer(answer, words)


def _expected(spec: HttpProbe, question: _Question) -> str:
    speed = f"at most {spec.slower_percent:g}% slower than stable's" if spec.slower_percent else ""
    return ", ".join(filter(None, [named(spec.status), *question.expectation.words, speed]))


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
