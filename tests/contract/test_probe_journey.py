"""Journeys against a small real site: what they ask, keep, find wrong, clean up and never show."""

import asyncio
import time
from dataclasses import replace

import pytest

from gate.core.evidence import Outcome, Symptom
from gate.core.expectations import Content, Found, Pattern
from gate.core.policy import IdentityRule
from gate.kinds.journey import JourneyProbe
from gate.kinds.steps import Capture, Redirect, Step, Wanted
from gate.ports import Target
from tests.contract.journey_site import Site, redirect, reply, shown
from tests.contract.probe_servers import SECRETS, ask, ask_all, http, tcp

FORMS = JourneyProbe(
    (
        Step("GET", "/notes", expect=Wanted(redirect=Redirect("/login"))),
        Step(
            "GET",
            "/login",
            expect=Wanted(content=Content(selector=(("h1", Found("Sign in")),))),
            capture={"csrf": Capture(css="input[name=_csrf]@value")},
        ),
        Step(
            "POST",
            "/login",
            name="sign in",
            form=(("user", "alice"), ("password", "${alice}"), ("_csrf", "${csrf}")),
            expect=Wanted(redirect=Redirect("/notes")),
            capture={"session": Capture(cookie="session")},
        ),
        Step(
            "POST",
            "/notes",
            name="write",
            form=(("text", "a note ${nonce} <b>"),),
            expect=Wanted(redirect=Redirect(matches="/notes/[0-9]+")),
            capture={"note": Capture(header="Location", regex="/notes/(.+)")},
        ),
        Step(
            "GET",
            "/notes",
            name="read",
            expect=Wanted(
                content=Content(
                    text=("${nonce} &lt;b&gt;",),
                    selector=(
                        ("li", Found(some="a note ${nonce} <b>")),
                        ("title", Found("Notes")),
                    ),
                )
            ),
        ),
    ),
    timeout_s=5,
)
BEARER = (("Authorization", "Bearer ${token}"),)
WRITE = Step(
    "POST",
    "/api/notes",
    name="create note",
    headers=BEARER,
    body={"text": "${nonce}"},
    expect=Wanted((201,), answer=Pattern({"text": "${nonce}"})),
    capture={"id": Capture(json="$.id")},
)
LIST = Step(
    "GET",
    "/api/notes?page=0",
    name="list notes",
    headers=BEARER,
    expect=Wanted(
        content=Content(
            path=(("$.items[*].text", Found(some="${nonce}")), ("$.total", Found(kind="number")))
        )
    ),
)
DELETE = Step("DELETE", "/api/notes/${id}", name="delete note", headers=BEARER)


def signed_in(user):
    return Step(
        "POST",
        "/api/token",
        name="sign in",
        body={"user": user},
        capture={"token": Capture(json="$.access_token")},
    )


REST = JourneyProbe((signed_in("alice"), WRITE, LIST), (DELETE,), timeout_s=5)


async def asked(spec, site):
    async with site.serve() as place:
        return await ask(spec, place)


async def test_forms_cookies_and_a_csrf_token_are_a_pass_and_nothing_is_shown_of_them():
    site = Site()
    evidence = await asked(FORMS, site)
    assert evidence.passed, evidence
    assert site.asked == ["GET /notes", "GET /login", "POST /login", "POST /notes", "GET /notes"]
    (session,) = site.sessions
    assert [head.get("cookie") for head in site.heads] == [None] * 3 + [f"session={session}"] * 2
    assert site.heads[2]["content-type"] == "application/x-www-form-urlencoded"
    told = shown(evidence)
    assert "step 3, sign in: 302 Found to /notes" in told
    for secret in (session, *site.csrf, SECRETS["alice"]):
        assert secret not in told
    assert len({head["traceparent"].split("-")[1] for head in site.heads} | {evidence.trace}) == 1


async def test_rest_with_a_token_and_what_cleans_up():
    site = Site()
    evidence = await asked(REST, site)
    assert evidence.passed, evidence
    assert site.asked[-1] == "DELETE /api/notes/4711"
    assert site.notes == {}
    assert next(iter(site.tokens)) not in shown(evidence)


@pytest.mark.parametrize(
    ("fault", "symptom", "where", "seen"),
    [
        ("no csrf field", Symptom.BODY, "step 2, GET /login", "nothing at input[name=_csrf]@value"),
        ("refuses all", Symptom.REDIRECT, "at step 3, sign in", "302 Found"),
        ("leads home", Symptom.REDIRECT, "at step 3, sign in", "to /"),
        ("no cookie", Symptom.HEADER, "step 3, sign in", "nothing at cookie session"),
    ],
)
async def test_the_first_wrong_answer_ends_it_and_names_its_step(fault, symptom, where, seen):
    site = Site(fault)
    evidence = await asked(FORMS, site)
    assert evidence.outcome is Outcome.FAILED
    (finding,) = evidence.findings
    assert finding.symptom is symptom
    assert where in finding.seen
    assert seen in finding.seen
    assert site.asked[-1].partition(" ")[2] == "/login"
    assert "${alice}" in shown(evidence) or "step 3" not in where
    assert SECRETS["alice"] not in shown(evidence)


async def test_what_cleans_up_is_asked_after_a_failure_where_it_has_what_it_needs():
    lost = Step("GET", "/api/lost", headers=BEARER, name="lost")
    site = Site()
    evidence = await asked(JourneyProbe((signed_in("alice"), WRITE, lost), (DELETE,)), site)
    (finding,) = evidence.findings
    assert finding.seen.startswith("404 Not Found at step 3, lost")
    assert site.notes == {}
    site = Site()
    evidence = await asked(JourneyProbe((signed_in("alice"), lost, WRITE), (DELETE,)), site)
    assert [one.seen[:13] for one in evidence.findings] == ["404 Not Found"]
    assert "= always 1, delete note: not asked, ${id} was never captured" in evidence.excerpts


async def test_a_cleaning_up_that_fails_is_a_failure_and_the_next_one_is_asked_all_the_same():
    other = Step("DELETE", "/api/notes/1", headers=BEARER, name="delete another")
    site = Site()
    evidence = await asked(JourneyProbe((signed_in("alice"), WRITE), (other, DELETE)), site)
    assert evidence.outcome is Outcome.FAILED
    assert "404 Not Found at always 1, delete another" in evidence.findings[0].seen
    assert site.notes == {}


async def test_what_was_made_is_cleaned_up_when_the_gate_is_stopped():
    site = Site()
    slow = Step("GET", "/slow", timeout_s=60)
    async with site.serve() as place:
        spec = JourneyProbe((signed_in("alice"), WRITE, slow), (DELETE,))
        task = asyncio.create_task(ask(spec, place))
        await site.hanging.wait()
        assert len(site.notes) == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert site.asked[-1].startswith("DELETE /api/notes/")
    assert site.notes == {}


USERS = JourneyProbe(
    (
        Step(
            "POST",
            "/api/token",
            name="sign in",
            body={"user": "${user}"},
            capture={"token": Capture(json="$.access_token")},
        ),
        WRITE,
        Step("GET", "/api/notes", name="list notes", headers=BEARER),
    ),
    users=("alice", "bob"),
    times=2,
)


@pytest.mark.parametrize("leaks", [False, True])
async def test_what_one_user_wrote_another_must_not_see(leaks):
    site = Site(*["leaks"] * leaks)
    evidence = await asked(USERS, site)
    assert (evidence.asked_times, evidence.right_times) == ((4, 0) if leaks else (4, 4))
    assert evidence.passed is not leaks, evidence
    for value in (*SECRETS.values(), *site.tokens):
        assert value not in shown(evidence)
    if leaks:
        assert {one.symptom for one in evidence.findings} == {Symptom.FOREIGN}
        assert "an answer to alice with what bob wrote" in shown(evidence.findings)


async def test_what_leaks_to_another_user_is_shown_nowhere():
    steps = (*USERS.steps[:2], Step("GET", "/tokens", name="look", expect=Wanted((201,))))
    site = Site()
    site.page = lambda method, path: reply(list(site.tokens)) if path == "/tokens" else None
    evidence = await asked(replace(USERS, steps=steps), site)
    assert "[captured token]" in shown(evidence)
    assert len(site.tokens) == 4
    assert not [token for token in site.tokens if token in shown(evidence)]


async def test_a_page_that_all_share_may_show_what_others_wrote():
    steps = (*USERS.steps[:2], replace(USERS.steps[2], shared=True))
    evidence = await asked(replace(USERS, steps=steps, users=(), times=3), Site("leaks"))
    assert evidence.outcome is Outcome.INCONCLUSIVE  # ${user} without users cannot be asked
    body = {"user": "carol"}
    steps = (replace(USERS.steps[0], body=body), *steps[1:])
    assert (await asked(replace(USERS, steps=steps, users=(), times=3), Site("leaks"))).passed
    steps = (*steps[:2], USERS.steps[2])
    evidence = await asked(replace(USERS, steps=steps, users=(), times=3), Site("leaks"))
    assert "an answer to journey 1 with what journey 2, journey 3 wrote" in shown(evidence)


@pytest.mark.parametrize(
    ("location", "wanted", "right"),
    [
        ("/login", Redirect("/login"), True),
        ("/login?next=%2F", Redirect("/login"), True),
        ("/login?next=%2F", Redirect("/login?next=%2F"), True),
        ("/login?next=x", Redirect("/login?next=y"), False),
        ("login", Redirect("/login"), True),
        ("{url}/login", Redirect("/login"), True),
        ("//{place}/login", Redirect("/login"), True),
        ("{url}/login#top", Redirect("/login"), True),
        ("https://{place}/login", Redirect("/login"), True),  # as users see it
        ("ftp://{place}/login", Redirect("/login"), False),
        ("http://elsewhere.example/login", Redirect("/login"), False),
        ("https://accounts.example/o?x=1", Redirect("https://accounts.example/o"), True),
        ("https://accounts.example/o?x=1", Redirect("https://accounts.example/p"), False),
        ("/notes/12?x", Redirect(matches=r"/notes/\d+\?x"), True),
        ("/notes/12/edit", Redirect(matches=r"/notes/\d+"), False),
        ("", Redirect("/login"), False),
        ("http://[", Redirect("/login"), False),
        ("/" * 20_000, Redirect("/login"), False),
    ],
)
async def test_where_a_redirect_leads(location, wanted, right):
    site = Site()
    async with site.serve() as place:
        where = location.format(url=f"http://{place}", place=place)
        site.page = lambda method, path: redirect(where)
        spec = JourneyProbe((Step("GET", "/", expect=Wanted(redirect=wanted)),))
        evidence = await ask(spec, place)
    assert evidence.passed is right, evidence
    told = {Symptom.REDIRECT, Symptom.PROTOCOL}  # the latter of what is no address at all
    assert right or evidence.findings[0].symptom in told
    assert site.asked == ["GET /"]  # none is followed


async def test_another_host_gets_nothing_and_sets_nothing():
    strangers = Site()
    site = Site()
    async with strangers.serve() as elsewhere, site.serve() as place:
        cookies = [
            "set-cookie: own=mine-and-only-mine; Path=/",
            "set-cookie: theirs=stolen-value; Domain=elsewhere.example",
            "set-cookie: wide=wide-value; Domain=1",
            "set-cookie: deep=deep-value; Path=/deep",
            "set-cookie: =;;=; Max-Age=x; Expires=Thu, 99 Foo 9999 99:99:99 GMT",
            "set-cookie: old=gone-already; Max-Age=0",
        ]
        site.page = lambda method, path: redirect(f"http://{elsewhere}/", *cookies)
        anywhere = Wanted((302,))
        steps = tuple(Step("GET", one, expect=anywhere) for one in ("/a", "/b", "/deep/c"))
        evidence = await ask(JourneyProbe(steps), place)
    assert evidence.passed, evidence
    assert strangers.asked == []
    sent = [head.get("cookie", "") for head in site.heads]
    assert sent[0] == ""
    assert sent[1] == "own=mine-and-only-mine"
    assert sorted(sent[2].split("; ")) == ["deep=deep-value", "own=mine-and-only-mine"]


async def test_redirects_in_a_circle_end_where_the_steps_do():
    site = Site(page=lambda method, path: redirect(path))
    steps = tuple(Step("GET", "/round", expect=Wanted(redirect=Redirect("/round"))) for _ in "123")
    assert (await asked(JourneyProbe(steps), site)).passed
    assert len(site.asked) == 3


@pytest.mark.parametrize(
    ("answer", "symptom"),
    [
        ((200, ["content-type: text/html"], b"<" * 500_000), Symptom.BODY),
        ((200, ["content-type: text/html"], b"<div>" * 200_000), Symptom.BODY),
        ((200, ["content-type: text/html"], b"<a b=" * 200_000), Symptom.BODY),
        ((200, ["content-type: text/html"], b"<!--" * 250_000), Symptom.BODY),
        ((200, ["content-type: text/html"], b"&amp" * 250_000), Symptom.BODY),
        (
            (200, ["content-type: text/html; charset=no-such"], bytes(range(256)) * 100),
            Symptom.BODY,
        ),
        ((200, ["content-type: text/html"], b"\x00\xff\xfe</html></p><p"), Symptom.BODY),
        ((200, ["content-type: text/html"], b"x" * 2_000_000), Symptom.TOO_LARGE),
        ((200, ["content-type: text/html"], b""), Symptom.BODY),
        ((200, ["content-type: application/json"], b"[" * 400_000), Symptom.BODY),
        (
            (200, ["content-type: application/json"], b'{"a":' * 900 + b"1" + b"}" * 900),
            Symptom.BODY,
        ),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_hostile_bodies_are_findings_and_take_no_time(answer, symptom):
    site = Site(page=lambda method, path: answer)
    query = "json" in answer[1][0]
    wanted = (
        Content(path=(("$..b", Found(1)),))
        if query
        else Content(
            selector=(("form input[name=x]@value", Found(exists=True)), ("div div p", Found("x")))
        )
    )
    began = time.process_time()
    evidence = await asked(JourneyProbe((Step("GET", "/", expect=Wanted(content=wanted)),)), site)
    assert time.process_time() - began < 20
    assert evidence.outcome is Outcome.FAILED
    assert {one.symptom for one in evidence.findings} == {symptom}


async def test_captured_values_are_encoded_as_their_place_needs_it_and_never_shown():
    value = "a b/ü&?=#%/..//evil.example"
    site = Site()
    site.page = lambda method, path: (
        reply({"v": value}) if path == "/v" else reply({"v": value}, 500)
    )
    steps = (
        Step("GET", "/v", capture={"v": Capture(json="$.v")}),
        Step("GET", "/x/${v}?q=${v}", name="use it"),
    )
    evidence = await asked(JourneyProbe(steps), site)
    assert site.asked[1] == (
        "GET /x/a%20b%2F%C3%BC&%3F=%23%25%2F..%2F%2Fevil.example"
        "?q=a%20b%2F%C3%BC%26%3F%3D%23%25%2F..%2F%2Fevil.example"
    )
    assert "500 Internal Server Error at step 2, use it" in evidence.findings[0].seen
    assert "[captured v]" in shown(evidence)
    assert value not in shown(evidence)
    assert "evil" not in shown(evidence)


@pytest.mark.parametrize(
    ("location", "asked_next"),
    [
        ("/b?c=d%20e#f", ["GET /b?c=d%20e"]),
        ("http://{place}/b", ["GET /b"]),
        ("http://{elsewhere}/b", []),
        ("//{elsewhere}/b", []),
        ("http://{place}@{elsewhere}/b", []),
    ],
)
async def test_a_captured_address_is_asked_on_the_same_host_only(location, asked_next):
    site, strangers = Site(), Site(page=lambda *_: reply({}))
    steps = (
        Step("GET", "/a", expect=Wanted((302,)), capture={"where": Capture(header="location")}),
        Step("GET", "${where}"),
    )
    async with site.serve() as place, strangers.serve() as elsewhere:
        where = location.format(place=place, elsewhere=elsewhere)
        site.page = lambda method, path: redirect(where) if path == "/a" else reply({})
        evidence = await ask(JourneyProbe(steps), place)
    assert site.asked == ["GET /a", *asked_next]
    assert strangers.asked == []
    assert evidence.passed is bool(asked_next)


async def test_cleaning_up_without_a_secret_that_it_needs_is_no_pass():
    step = Step("DELETE", "/x", headers=(("X", "${nobody}"),))
    evidence = await asked(
        JourneyProbe((Step("GET", "/"),), (step,)), Site(page=lambda *_: reply({}))
    )
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert "no value for ${nobody}" in evidence.findings[0].seen


@pytest.mark.parametrize("value", ["\ud800", "x" * 9000, "", None])
async def test_what_is_no_value_is_not_captured(value):
    site = Site(page=lambda *_: reply({"v": value}))
    steps = (
        Step("GET", "/v", capture={"v": Capture(json="$.v")}),
        Step("POST", "/x", body={"v": "${v}"}),
    )
    evidence = await asked(JourneyProbe(steps), site)
    assert evidence.outcome is Outcome.FAILED
    assert evidence.findings[0].seen.startswith("step 1, GET /v: ")
    assert "$.v" in evidence.findings[0].seen
    assert site.asked == ["GET /v"]


async def test_a_page_in_place_of_a_redirect_is_told_as_what_it_is():
    site = Site(page=lambda *_: reply({}))
    steps = (Step("POST", "/login", "sign in", expect=Wanted(redirect=Redirect("/notes"))),)
    (finding,) = (await asked(JourneyProbe(steps), site)).findings
    assert finding.seen == "200 OK at step 1, sign in, {}"
    assert finding.expected == "a redirect to /notes"


async def test_what_is_asked_again_shows_nothing_that_was_captured():
    """While another revision answers: it, too, may say what was captured."""
    site, heard = Site(), []
    rule = IdentityRule(header="x-revision")
    value = "captured-value-1234"

    def named(method, path):
        name = "new" if path == "/v" else "old"
        headers = ["content-type: text/plain", f"x-revision: {name}"]
        return (200 if path == "/v" else 500), headers, value

    site.page = named
    steps = (
        Step("GET", "/v", capture={"v": Capture(text=True)}),
        Step("GET", "/x", name="then"),
    )
    async with site.serve() as place:
        evidence = await ask(
            JourneyProbe(steps), place, revision="new", identity=rule, progress=heard.append
        )
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert "[captured v]" in shown(evidence)
    assert value not in shown(evidence) + repr(heard)


async def test_what_cannot_be_sent_is_nobody_elses_fault():
    site = Site(page=lambda method, path: reply({"v": "two\r\nlines"}))
    steps = (
        Step("GET", "/v", capture={"v": Capture(json="$.v")}),
        Step("GET", "/x", headers=(("X", "${v}"),)),
    )
    evidence = await asked(JourneyProbe(steps), site)
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert site.asked == ["GET /v"]


async def test_the_front_ends_answer_and_no_answer_say_nothing_of_the_candidate():
    front = http(b"<title>Error 404 (Not Found)!!1</title>", "404 Not Found", b"")
    async with tcp(front) as place:
        evidence = await ask(JourneyProbe((Step("GET", "/", expect=Wanted((404,))),)), place)
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert evidence.findings[0].symptom is Symptom.PLATFORM
    assert "at step 1, GET /" in evidence.findings[0].seen
    evidence = await ask(FORMS, "127.0.0.1:1")
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert evidence.findings[0].symptom is Symptom.CONNECT


async def test_progress_names_the_step():
    heard = []
    async with Site().serve() as place:
        await ask_all([FORMS], Target(f"http://{place}"), progress=heard.append)
    said = [(one.text, one.done, one.of) for one in heard if one.text]
    assert ("step 3, sign in", 2, 5) in said


SET_COOKIE = "set-cookie: {}; Path=/"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["sid=caf\u00e9-\u2713"], "sid=caf\u00e9-\u2713"),
        (["sid=one; expires=Thu, 99 Foo 2099 99:99:99 GMT", "other=two"], "sid=one; other=two"),
        (["sid=one; Expires=never"], "sid=one"),
        (["sid=one; expires=Thu, 01 Jan 1970 00:00:00 GMT", "other=two"], "other=two"),
    ],
    ids=["beyond ASCII", "no such date", "no date", "ended"],
)
async def test_cookies_are_kept_as_browsers_keep_them(given, kept, recwarn):
    lines = [SET_COOKIE.format(one) for one in given]
    site = Site(page=lambda method, path: (200, lines, "fine"))
    evidence = await asked(JourneyProbe((Step("GET", "/a"), Step("GET", "/b"))), site)
    assert evidence.passed, evidence
    assert site.heads[1]["cookie"] == kept
    assert not recwarn.list


@pytest.mark.parametrize(
    "location", ["http://[bad", "http://127.0.0.1:99999/", "http://127.0.0.1:abc/", "//other/x"]
)
async def test_a_captured_address_that_is_none_is_told_as_such(location):
    site = Site(page=lambda method, path: (302, [f"location: {location}"], ""))
    steps = (
        Step("GET", "/a", expect=Wanted((302,)), capture={"where": Capture(header="Location")}),
        Step("GET", "${where}"),
    )
    evidence = await asked(JourneyProbe(steps), site)
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert "for step 2, GET ${where}" in evidence.seen
    assert site.asked == ["GET /a"]
