"""A recorded visit as journeys: what is read, what flows, what is secret, what is held to."""

import json

import pytest

from gate.core.policy import SecretRef, ServiceName
from gate.core.visits import Play, Seen
from gate.drafting.draft import Draft
from gate.drafting.har.reading import read_har
from gate.drafting.har.visit import draw, question
from gate.drafting.writing import write_draft
from gate.errors import UsageError
from gate.policyfile import check_policy
from tests.unit.drafting.hars import HOST, Recording

TOKEN, REFRESH = "tok-4f2a9c81d7", "ref-77aa01bc2d"
PASSWORD = "correct horse"
MAKERS = ("chrome", "firefox", "mitmproxy")


def login(maker="chrome"):
    """A page whose form signs in, and a REST API that is used with the token."""
    bearer = {"headers": {"Authorization": f"Bearer {TOKEN}"}}
    made = {"id": 51, "title": "Milk and eggs"}
    visit = Recording(maker)
    visit.add("POST", "/api/login", 401, {}, sent={"user": "alice", "password": "corect horse"})
    given = {"access_token": TOKEN, "refresh_token": REFRESH}
    visit.add("POST", "/api/login", 200, given, sent={"user": "alice", "password": PASSWORD})
    visit.add("GET", "/api/me", 200, {"user": "alice", "since": "2026-01-01T08:00:00Z"}, **bearer)
    visit.add("POST", "/api/notes", 201, made, sent={"title": "Milk and eggs"}, **bearer)
    visit.add("GET", "/api/notes/51", 200, made, **bearer)
    found = {"items": [made], "total": 1}
    visit.add("GET", "/api/notes?q=Milk%20and+eggs", 200, found, **bearer)
    visit.add("DELETE", "/api/notes/51", 204, None, **bearer)
    return visit.add("POST", "/api/refresh", 200, given, sent={"refresh_token": REFRESH})


def drawn(visit, known=None, **more):
    return draw(read_har(visit.raw, "it.har"), ["stable.example"], known or {}, **more)


def steps_of(visit, known=None, plays=()):
    """The steps of the only journey."""
    found = drawn(visit, known)
    (journey,) = found.journeys
    return question(found, journey, plays, "it").ask["journey"]["steps"]


def written(found, folder):
    """The policy, which can be read, and the text of all files."""
    questions = tuple(question(found, one, (), "it") for one in found.journeys)
    secrets = {name: SecretRef(env) for name, env in found.made.items()}
    path = folder / "it.yaml"
    drafted = Draft(ServiceName(), None, secrets, questions, 3, (), found.left_out)
    files = write_draft(drafted, path, force=True)
    assert check_policy(path).problems == ()
    return "".join(file.read_text() for file in files) + "\n".join(found.summary())


@pytest.mark.parametrize("maker", MAKERS)
def test_a_visit_of_any_maker_becomes_a_policy_without_its_secrets(maker, tmp_path):
    found = drawn(login(maker))
    text = written(found, tmp_path)
    assert not [word for word in (TOKEN, REFRESH, PASSWORD, "corect") if word in text]
    assert found.made == {"alice_password": "ALICE_PASSWORD"}
    (journey,) = found.journeys
    assert [list(one.captures) for one in journey.steps if one.captures] == [
        ["access_token", "refresh_token"],
        ["note_id"],
    ]
    assert [one.label for one in journey.steps][-3:] == [
        "GET /api/notes?q=Milk+and+eggs+${nonce}",
        "DELETE /api/notes/${note_id}",
        "POST /api/refresh",
    ]
    assert [one.label for one in journey.always] == ["DELETE /api/notes/${note_id}"]


def test_a_secret_that_is_known_keeps_its_name_and_a_refused_one_is_none():
    refused, taken, *_ = steps_of(login(), {"pw": PASSWORD})
    assert refused["body"] == {"user": "alice", "password": "wrong-${nonce}"}
    assert taken["body"] == {"user": "alice", "password": "${pw}"}


def test_what_the_journey_made_is_found_again_and_nowhere_else():
    steps = steps_of(login())
    made = next(one for one in steps if one.get("post") == "/api/notes")
    assert made["body"] == {"title": "Milk and eggs ${nonce}"}
    assert made["expect"]["path"] == {"$.title": "Milk and eggs ${nonce}"}
    search = next(one for one in steps if "q=" in one.get("get", ""))
    assert search["expect"]["path"]["$.items[*]"] == {"count": 1}


def test_a_deletion_at_the_end_is_made_whatever_failed():
    visit = login()
    visit.entries.pop()
    (journey,) = drawn(visit).journeys
    assert [one.label for one in journey.always] == ["DELETE /api/notes/${note_id}"]
    assert not [one for one in journey.steps if one.exchange.method == "DELETE"]


@pytest.mark.parametrize("maker", MAKERS)
def test_a_form_sends_the_token_of_its_page_and_the_jar_the_cookie(maker):
    form = (
        '<form method=post><input type=hidden name="_csrf" value="a1b2c3d4e5">'
        '<input type="hidden" name="next" value="/home"><input name=user>'
        '<input type="password" name="word"></form>'
    )
    cookie = {"answered": {"Set-Cookie": "_csrf=a1b2c3d4e5; Path=/"}}
    sent = {"_csrf": "a1b2c3d4e5", "next": "/home", "user": "bob", "word": "swordfish"}
    visit = Recording(maker).add("GET", "/login", 200, form, kind="document", **cookie)
    led = {"answered": {"Location": f"{HOST}/home?new=1", "Set-Cookie": "sid=0123456789ab"}}
    visit.add("POST", "/login", 302, None, form=sent, headers={"Origin": HOST}, **led)
    visit.add("GET", "/home", 200, "<h1>Hello</h1>", headers={"Cookie": "sid=0123456789ab"})
    page, post, home = steps_of(visit)
    assert [*post["form"]] == [*sent]
    assert page["capture"] == {"csrf": {"css": 'input[name="_csrf"]@value'}}
    assert post["form"]["next"] == "/home"
    assert (post["form"]["word"], post["form"]["_csrf"]) == ("${word}", "${csrf}")
    assert (post["expect"], post["headers"]) == ({"redirect": "/home"}, {"Origin": "${url}"})
    assert "headers" not in home


@pytest.mark.parametrize(
    ("answer", "answered", "then", "path", "capture"),
    [
        ({}, {"Location": "/orders/8f3a"}, "/orders/8f3a", "${order_address}", "Location"),
        ({}, {"Location": "/orders/8f3a"}, "/orders/8f3a/pay", "/orders/${order_id}/pay", "regex"),
        ({"id": 7}, {}, "/orders/7", "/orders/${order_id}", "$.id"),
        ({"next": "/orders?after=x7"}, {}, "/orders?after=x7", "${next_address}", "$.next"),
        ({"count": 7}, {}, "/orders/7", "/orders/7", ""),
        ({"state": "new"}, {}, "/orders/new", "/orders/new", ""),
        ({}, {}, "/a/10-things-that-nobody-knew-of-it", "/a/10-things-that-nobody-knew-of-it", ""),
    ],
)
def test_an_address_is_captured_where_it_is_made_and_not_by_accident(
    answer, answered, then, path, capture
):
    visit = Recording().add("POST", "/orders", 201, answer, sent={}, answered=answered)
    made, read = steps_of(visit.add("GET", then, 200, {}))
    assert read["get"] == path
    assert capture in json.dumps(made.get("capture", "")) if capture else "capture" not in made


def test_a_number_of_a_list_is_captured_only_for_an_address_in_that_list():
    visit = Recording().add("GET", "/api/items", 200, [{"id": 7}, {"id": 9}])
    visit.add("GET", "/api/items/9", 200, {}).add("GET", "/api/shops/7", 200, {})
    visit.add("POST", "/api/cart", 200, {}, sent={"amount": 7})
    _, item, shop, cart = steps_of(visit)
    assert (item["get"], shop["get"]) == ("/api/items/${item_id}", "/api/shops/7")
    assert cart["body"] == {"amount": 7}


def test_a_value_that_only_happens_to_be_the_same_is_not_captured():
    visit = Recording().add("POST", "/api/orders", 201, {"id": 4711, "sum": 815}, sent={})
    *_, bill = steps_of(visit.add("POST", "/api/bills", 201, {}, sent={"sum": 815, "n": 4711}))
    assert bill["body"] == {"sum": 815, "n": 4711}


def test_a_captured_number_stays_a_number_in_json():
    visit = Recording().add("POST", "/api/orders", 201, {"id": 4711}, sent={})
    visit.add("POST", "/api/bills", 201, {}, sent={"order_id": 4711, "text": "ok"})
    _, bill = steps_of(visit)
    assert json.loads(bill["body"].replace("${order_id}", "4711")) == {
        "order_id": 4711,
        "text": "ok",
    }
    assert bill["headers"]["Content-Type"] == "application/json"


def test_only_what_the_service_itself_answers_people_is_asked_again():
    visit = Recording().add("GET", "/", 200, "<h1>Hi</h1>", kind="document")
    visit.add("GET", "/app.js", 200, "x", mime="text/javascript", kind="script")
    visit.add("GET", "/logo", 200, None, mime="image/png", kind="image")
    visit.add("POST", "https://measure.example/collect", 204, None)
    visit.add("POST", "/collect", 204, None, kind="ping")
    visit.add("OPTIONS", "/api/me", 204, None, kind="preflight")
    visit.add("GET", "/live", 101, None, kind="websocket", messages=[{"type": "send"}])
    visit.add("GET", "/healthz", 200, {})
    visit.add("GET", "/blocked", 0, None)
    for _ in range(5):
        visit.add("GET", f"/api/news?_={_}", 200, {})
    found = drawn(visit)
    assert [one.label for one in found.journeys[0].steps] == ["GET /", "GET /api/news?_=0"]
    told = " ".join(f"{what} {why}" for what, why in found.left_out)
    for word in ("rooms and websocket", "measure visitors", "front end", "another host", "repeat"):
        assert word in told


def test_a_long_visit_keeps_what_changes_something_and_what_that_needs():
    visit = Recording().add("GET", "/form", 200, '<input type="hidden" name="t" value="a1b2c3d4">')
    for number in range(70):
        visit.add("GET", f"/page/{'x' * number}", 200, "<h1>Hi</h1>")
    visit.add("POST", "/form", 200, "<h1>Thanks</h1>", form={"t": "a1b2c3d4"})
    found = drawn(visit)
    labels = [one.label for one in found.journeys[0].steps]
    assert len(labels) == 50
    assert (labels[0], labels[-1]) == ("GET /form", "POST /form")
    assert labels[-2].endswith("x" * 69)
    assert ("22 requests of the visit", found.left_out[0][1]) in found.left_out


def test_a_pause_parts_journeys_only_where_nothing_is_carried_over_it():
    visit = login().add("GET", "/about", 200, "<h1>About</h1>", after=600)
    assert [one.name for one in drawn(visit).journeys] == ["visit", "visit-2"]
    head = {"Authorization": f"Bearer {TOKEN}"}
    assert len(drawn(visit.add("GET", "/api/me", 200, {}, headers=head)).journeys) == 1


def test_a_pause_parts_nothing_that_has_the_same_cookie():
    given = {"answered": {"Set-Cookie": "theme=dark; Path=/\nsid=0123456789ab; Path=/"}}
    visit = Recording().add("GET", "/", 200, "<h1>Hi</h1>", **given)
    visit.add("GET", "/a", 200, "<h1>A</h1>", after=600, headers={"Cookie": "sid=0123456789ab"})
    assert len(drawn(visit).journeys) == 1


def test_a_secret_that_answers_show_is_held_to_nowhere():
    visit = Recording().add("POST", "/api/it", 200, {"mode": "tiger"}, sent={"passwd": "tiger"})
    json_type = (("content-type", "application/json"),)
    play = Play((Seen(200, json_type, '{"mode": "tiger"}'),), "gate1")
    found = drawn(visit)
    assert "tiger" not in repr(question(found, found.journeys[0], [play, play], "it"))


def test_what_differs_between_two_runs_is_not_held_to():
    page = "<title>Shop</title><h1>{}</h1>" + "<p>.</p>" * 40
    visit = Recording().add("GET", "/", 200, page.format("Monday"), kind="document")
    visit.add("GET", "/state", 200, {"mode": "open", "kind": "big", "n": 1})
    html, as_json = (
        (("content-type", "text/html; charset=utf-8"),),
        (("content-type", "application/json"),),
    )
    plays = [
        Play(
            (
                Seen(200, html, page.format(day)),
                Seen(200, as_json, json.dumps({"mode": "open", "kind": kind, "n": 2})),
            ),
            f"gate{number}",
        )
        for number, (day, kind) in enumerate([("Monday", "big"), ("Tuesday", "small")])
    ]
    found = drawn(visit)
    told = question(found, found.journeys[0], plays, "it")
    first, second = told.ask["journey"]["steps"]
    assert first["expect"]["selector"] == {"title": "Shop"}
    fields = told.schemas[second["expect"]["schema"]]["properties"]
    assert (fields["mode"], fields["kind"]) == ({"const": "open"}, {"type": "string"})
    unplayed = question(found, found.journeys[0], (), "it")
    assert "selector" not in unplayed.ask["journey"]["steps"][0]["expect"]
    assert "const" not in json.dumps(unplayed.schemas)


def test_lists_stay_in_order_and_a_next_page_is_another_one():
    items = [{"id": 90 - n, "at": f"2026-01-{28 - n}T08:00:00Z"} for n in range(10)]
    visit = Recording().add("GET", "/api/items?size=5&page=1", 200, {"items": items[:5]})
    visit.add("GET", "/api/items?size=5&page=2", 200, {"items": items[5:]})
    first, second = steps_of(visit)
    paths = first["expect"]["path"]
    assert paths["$.items[*]"] == {"count": 5}
    assert paths["$.items[?@.at > $.items[0].at]"] == {"count": 0}
    assert paths["$.items[*].at"]["matches"].startswith("^[0-9]{4}-")
    assert first["capture"] == {"first_on_page_1": {"json": "$.items[0].id"}}
    assert second["expect"]["absent_text"] == ['"id": ${first_on_page_1},']


def test_cookies_from_before_the_visit_are_told():
    visit = Recording().add("GET", "/", 200, "<h1>Hi</h1>", headers={"Cookie": "sid=abcdefgh1"})
    assert ("cookies (sid)", "were there before the visit: record signing in, too") in drawn(
        visit
    ).left_out


@pytest.mark.parametrize(
    ("sent", "header", "names"),
    [
        ({"pin": "1234"}, {}, {"pin"}),
        ({"answer": "0123456789abcdef0123456789abcdef"}, {}, {"answer"}),
        ({"card_number": "4111111111111111"}, {}, {"card_number"}),
        ({}, {"Authorization": "Basic YWxpY2U6c3dvcmRmaXNo"}, {"basic_auth"}),
        ({}, {"X-Api-Key": "k-77"}, {"x_api_key"}),
        ({}, {"Authorization": "Bearer from-outside-1"}, {"token"}),
        ({"mail": "bob@x.example", "passwd": "tiger"}, {}, {"bob_passwd"}),
    ],
)
def test_what_comes_from_outside_and_is_secret_gets_a_name(sent, header, names, tmp_path):
    visit = Recording().add("POST", "/api/it", 200, {"ok": True}, sent=sent, headers=header)
    found = drawn(visit)
    assert set(found.made) == names
    text = written(found, tmp_path)
    values = [value for key, value in sent.items() if key != "mail"]
    values += [value.rpartition(" ")[2] for value in header.values()]
    assert not [value for value in values if value in text]


@pytest.mark.parametrize(
    "more",
    [
        {"sent": {"query": 'mutation { login(password: "hunter2 hunter2") }'}},
        {"sent": {"a": 1}, "path": "/reset/0123456789abcdef0123456789abcdef/hunter2"},
        {"answered": {"Location": "https://other.example/it/hunter2?token=hunter2"}, "status": 302},
        {"sent": {"code": "hunter2-hunter2"}},
    ],
    ids=["GraphQL", "address", "redirect", "code"],
)
def test_no_secret_is_written_wherever_it_stands(more, tmp_path):
    path, status = more.pop("path", "/api/it"), more.pop("status", 200)
    secret = "0123456789abcdef" if "reset" in path else "hunter2"
    visit = Recording().add("GET", "/", 200, "<h1>Hi</h1>", kind="document")
    found = drawn(visit.add("POST", path, status, None, **more))
    assert secret not in written(found, tmp_path)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"log": {}}',
        b'{"log": {"entries": {}}}',
        b'{"log": {"entries": []}}',
        b'{"log": {"entries": [null, 1, {"request": []}, {"request": {"url": "http://["}}]}}',
        b"[" * 100_000,
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_what_is_no_har_is_one_message(raw):
    with pytest.raises(UsageError, match=r"^--har: it\.har: (?:is no|has no) ") as caught:
        read_har(raw, "--har: it.har")
    assert caught.value.hint


def test_a_har_whose_entries_lack_what_nobody_needs_is_read():
    request = {"method": "GET", "url": f"{HOST}/#top", "headers": [{"name": 1}, None, {}]}
    response = {"status": "200", "content": {"text": "%", "encoding": "base64"}, "headers": None}
    entries = [{"request": request, "response": response}, {"request": request}]
    raw = b"\xef\xbb\xbf" + json.dumps({"log": {"entries": entries}}).encode()
    found = read_har(raw, "it.har")
    assert [(one.url, one.answer.status, one.answer.body) for one in found] == [
        (f"{HOST}/", 0, None)
    ] * 2
