"""What stands in answers: texts, JSONPath, selectors, size; and HTML beside stable's."""

from dataclasses import replace

import pytest

from gate.core.attribution import attributed
from gate.core.control import Repeats
from gate.core.evidence import Outcome, Symptom
from gate.core.expectations import Content, Found, Pattern
from gate.core.policy import Probe
from gate.core.redaction import Redactor
from gate.kinds.http import HttpProbe
from gate.kinds.journey import JourneyProbe
from gate.kinds.latency import LatencyProbe
from gate.kinds.steps import Step
from gate.ports import Target
from gate.probes.runner import ProbeRunner
from tests.contract.journey_site import Site, page, reply
from tests.contract.probe_servers import SECRETS, SystemClock, ask, http, tcp

HTML = b"content-type: text/html\r\n"
NOTES = b"""<!doctype html><title> My
 notes </title><body><h1>Notes of <b>Alice</b></h1><form action=/save><input name=t value='a&amp;b'>
<ul><li>one<li>two</ul><script>var a = "{{ client }}"</script></body>"""
ITEMS = (
    b'{"items": [{"id": 1, "tags": ["a"]}, {"id": 2, "tags": []}], "next": null, '
    b'"price": 1.5, "whole": 2.0}'
)


async def judged(content, body, headers=HTML):
    async with tcp(http(body, headers=headers)) as place:
        return await ask(HttpProbe("/", timeout_s=5, content=content), place)


@pytest.mark.parametrize(
    ("query", "found", "right"),
    [
        ("h1", Found("Notes of Alice"), True),
        ("h1", Found("Notes"), False),
        ("h1", Found(contains="Alice"), True),
        ("title", Found("My notes"), True),
        ("li", Found(count=2), True),
        ("li", Found(count=3), False),
        ("li", Found("one"), False),
        ("li", Found(some="one"), True),
        ("li", Found(some="three"), False),
        ("li", Found(never="three"), True),
        ("li", Found(never="two"), False),
        ("h2", Found(never="x"), False),
        ("input[name=t]@value", Found("a&b"), True),
        ("form@action", Found(matches="^/s"), True),
        ("form@method", Found(exists=True), False),
        ("form@method", Found(exists=False), True),
        ("h2", Found(count=0), True),
        ("h1", Found(exists=False), False),
        ("h2", Found("x"), False),
    ],
)
async def test_selectors(query, found, right):
    evidence = await judged(Content(selector=((query, found),)), NOTES)
    assert evidence.passed is right, evidence
    if not right:
        (finding,) = evidence.findings
        assert finding.symptom is Symptom.BODY
        assert finding.seen.startswith(f"{query}: ")
        assert finding.expected.startswith(query)


@pytest.mark.parametrize(
    ("query", "found", "right"),
    [
        ("$.items[0].id", Found(1), True),
        ("$.items[0].id", Found(1.0), True),
        ("$.items[0].id", Found("1"), False),
        ("$.items[*].id", Found(1), False),
        ("$.items[*].id", Found(some=2), True),
        ("$.items[*].id", Found(never=3), True),
        ("$.items[*].id", Found(never=2), False),
        ("$.items[*].id", Found(never="2"), False),  # as a template writes it
        ("$.items[*].id", Found(kind="number", count=2), True),
        ("$.items[?@.id == 2].tags", Found([]), True),
        ("$.items[0]", Found({"id": 1}), True),
        ("$.items[0]", Found({"id": 2}), False),
        ("$.items[*].id", Found(kind="integer"), True),
        ("$.whole", Found(kind="integer"), True),
        ("$.price", Found(kind="integer"), False),
        ("$.items", Found(kind="integer"), False),
        ("$.next", Found(kind="null"), True),
        ("$.next", Found(kind="string"), False),
        ("$.gone", Found(exists=True), False),
        ("$.gone", Found(exists=False), True),
        ("$.gone", Found(some=1), False),
        ("$.items[*].tags[*]", Found(matches="^[a-z]$"), True),
    ],
)
async def test_json_paths(query, found, right):
    evidence = await judged(Content(path=((query, found),)), ITEMS, b"")
    assert evidence.passed is right, evidence


@pytest.mark.parametrize(
    ("content", "body", "seen"),
    [
        (Content(("Alice",)), NOTES, ""),
        (Content(("Bob",)), NOTES, "a body of 208 bytes without that text"),
        (Content(absent_text=("{{",)), NOTES, 'text "{{"'),
        (Content(absent_text=("}}}",)), NOTES, ""),
        (Content(min_size_bytes=100), NOTES, ""),
        (Content(min_size_bytes=100), b"", "a body of 0 bytes"),
        (Content(path=(("$.a", Found(1)),)), NOTES, "a body that is not JSON (text/html)"),
        (Content(selector=(("h1", Found("x")),)), b"", "h1: nothing found"),
        (
            Content(selector=(("p", Found(matches="(a+)+$")),)),
            b"<p>" + b"a" * 40 + b"!",
            'p: "aaaa',
        ),
    ],
)
async def test_texts_and_sizes(content, body, seen):
    evidence = await judged(content, body)
    assert evidence.passed is (not seen), evidence
    if seen:
        told = evidence.findings[0].seen
        assert seen.partition(" of ")[0] in told or "takes too long" in told


async def beside(candidate, stable, probe):
    """Evidence of both, of a probe that is asked of two sites."""
    async with candidate.serve() as here, stable.serve() as there:
        target = Target(
            f"http://{here}", "new", stable=Target(f"http://{there}", "old"), repeats=Repeats()
        )
        runner = ProbeRunner(SECRETS, None, SystemClock(), Redactor(SECRETS), arrival_within_s=0)
        return attributed([probe], await runner.run([probe], target, lambda _: None))


ROWS = "".join(f"<p><a href=/{number}>a note</a></p>" for number in range(60))
GOOD = page(f"<title>Notes</title><h1>Notes</h1>{ROWS}")


@pytest.mark.parametrize(
    ("answer", "broken", "told"),
    [
        (GOOD, "", ""),
        (page(""), "an empty page", ""),
        ((200, ["content-type: text/html"], ""), "an empty page", ""),
        ((200, [], ""), "an empty page", ""),
        (page("<title>Notes</title><body> <div></div> </body>"), "an empty page", ""),
        (page("<title>Notes</title><div id=app></div><script src=/a.js></script>"), "", "bytes"),
        (page(f"<title>Notes</title><h1>{{{{ title }}}}</h1>{ROWS}"), "{{ title }}", ""),
        (page(f"<title>Notes</title><h1>x</h1><p>{{% for a in b %}}</p>{ROWS}"), "{% for", ""),
        (page(f"<title>Notes</title><h1>x</h1><a href='${{url}}'>x</a>{ROWS}"), "${url}", ""),
        (page(f"<title>Notes</title><h1>x</h1><p><%= name %></p>{ROWS}"), "<%= name", ""),
        (page(f"<title>Notes</title><h1>x</h1><script>'{{{{ a }}}}'</script>{ROWS}"), "", ""),
        (page(f"<title>Notes</title><h1>x</h1><style>a{{b:'${{c}}'}}</style>{ROWS}"), "", ""),
        (page(f"<title></title><h1>Notes</h1>{ROWS}"), "", 'no title (stable: "Notes")'),
        (page("<title>Notes</title><h1>Notes</h1>"), "", "bytes (stable:"),
    ],
    ids=lambda value: str(value)[:50] if isinstance(value, str) else "page",
)
@pytest.mark.parametrize("kind", [HttpProbe("/"), JourneyProbe((Step("GET", "/", "see"),))])
async def test_html_beside_stables(kind, answer, broken, told):
    if answer == page(""):
        answer = (200, ["content-type: text/html"], " \n ")
    candidate, stable = Site(page=lambda *_: answer), Site(page=lambda *_: GOOD)
    own, _ = await beside(candidate, stable, Probe("x", kind))
    assert own.passed is (not broken), own
    if broken:
        assert own.outcome is Outcome.FAILED
        assert broken in own.findings[0].seen
        assert own.attribution.value == "regression"
    assert told in own.seen
    assert ("unlike stable's" in own.seen) is bool(told)
    own, _ = await beside(candidate, Site(page=lambda *_: answer), Probe("x", kind))
    assert own.passed  # stable is no better


SPARED = "stable was not asked"
WRITING = [
    HttpProbe("/notes", method="POST"),
    JourneyProbe((Step("GET", "/notes"),), (Step("DELETE", "/notes"),)),
]


@pytest.mark.parametrize("kind", WRITING, ids=["http", "journey"])
@pytest.mark.parametrize("allowed", [False, True])
async def test_what_changes_something_is_asked_of_stable_only_where_the_policy_says_so(
    kind, allowed
):
    candidate, stable = (Site(page=lambda *_: reply({})) for _ in "12")
    probe = Probe("x", kind, stable_writes=allowed)
    seen = await beside(candidate, stable, probe)
    assert seen[0].passed
    assert candidate.asked
    assert (stable.asked == candidate.asked) is allowed
    assert (SPARED in seen[0].excerpts[0]) is not allowed
    assert len(seen) == 1 + allowed
    broken = Site(page=lambda *_: reply({}, 500))
    own = (await beside(broken, stable, probe))[0]
    assert own.outcome is Outcome.FAILED
    assert own.attribution.value == ("regression" if allowed else "unknown")
    assert (SPARED in own.findings[0].hint) is not allowed


async def test_a_rate_of_writes_is_not_sent_to_stable_either():
    candidate, stable = (Site(page=lambda *_: reply({})) for _ in "12")
    spec = LatencyProbe("/", method="POST", rate_per_s=20, for_s=1, warm_up_s=0, p95_s=5.0)
    (own,) = await beside(candidate, stable, Probe("x", spec))
    assert stable.asked == []
    assert own.passed, own
    slower = Probe("x", replace(spec, slower_percent=20))
    (own,) = await beside(candidate, stable, slower)
    assert stable.asked == []
    assert own.outcome is Outcome.INCONCLUSIVE  # what cannot be compared is not known


async def test_of_json_nothing_has_changed():
    here, there = Site(page=lambda *_: reply({"a": 1})), Site(page=lambda *_: reply({"b": 1}))
    probe = Probe("x", HttpProbe("/", answer=Pattern({"a": 1})))
    own, control = await beside(here, there, probe)
    assert own.passed
    assert not control.passed
