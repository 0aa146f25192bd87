"""What a policy notices that was drafted of pages and lists alone, and what it lets be."""

import json
import re

import pytest

from gate.core.evidence import Outcome
from gate.core.recording import How
from gate.kinds.keys import keys_of
from tests.contract.test_recording import judged, recorded

NAMES = {number: f"Lamp {'ABCDEFGH'[number]}" for number in range(8)}
KEY = "a-token-of-alice"


def page(title, body="", more=""):
    return (
        f'<!doctype html><html><head><title>{title} - Shop</title>{more}</head><body class="x">'
        f'<nav><a href="/about">About</a><a href="/list">List</a><a href="/logout">Out</a></nav>'
        f"<h1>{title}</h1>{body}</body></html>"
    )


def listing(numbers, then="", price="{}.50", names=None):
    items = "".join(
        f'<li><a href="/items/{n}">{(names or NAMES)[n]}</a> {price.format(n)}</li>'
        for n in numbers
    )
    return page("List", f"<ul>{items}</ul>{then}")


def site():
    """Path to (status, headers, body)."""
    assets = '<link rel="stylesheet" href="/s/a.css"><script src="/s/a.js"></script>'
    form = '<form method="post" action="/login"><input name="csrf" type="hidden" value="1"></form>'
    found = {
        "/": page("Home", "", assets),
        "/about": page("About"),
        "/list": listing(range(4), '<a rel="next" href="/list?page=2">More</a>'),
        "/list?page=2": listing(range(4, 8)),
        "/find?q=lamp": page("Found", listing(range(4))),
        "/login?next=/account": page("Sign in", form),
        "/s/b.css": None,
        **{f"/items/{number}": page(name, "<p>Fine.</p>") for number, name in NAMES.items()},
    }
    html = {"content-type": "text/html; charset=utf-8"}
    pages = {path: (200, html, body) for path, body in found.items() if body}
    pages["/account"] = (303, {"location": "/login?next=/account"}, "")
    pages["/s/a.css"] = (200, {"content-type": "text/css"}, "p { margin: 0 }")
    pages["/s/a.js"] = (200, {"content-type": "text/javascript"}, "document.title;")
    return pages


def with_body(path, change):
    def changed(pages):
        status, headers, body = pages[path]
        pages[path] = (status, headers, change(body))

    return changed


def renamed_style(pages):
    pages["/s/new.css"] = pages.pop("/s/a.css")
    with_body("/", lambda body: body.replace("/s/a.css", "/s/new.css"))(pages)


def led_by(scheme):
    """A redirect that names the host, as one does that knows of TLS in front of it."""
    where = {"location": f"{scheme}://HOST/login?next=/account"}
    return lambda pages: pages.update({"/account": (303, where, "")})


def other_data(pages):
    names = {number: f"Lamp {'STUVWXYZ'[number]}" for number in NAMES}
    then = '<a rel="next" href="/list?page=2">More</a>'
    for path, numbers in (("/list", range(1, 5)), ("/list?page=2", range(5, 8))):
        body = listing(numbers, then, "{}.99", names)
        with_body(path, lambda _, body=body: body)(pages)
    found = page("Found", listing(range(4), names=names))
    with_body("/find?q=lamp", lambda _: found)(pages)
    for number, name in names.items():
        with_body(f"/items/{number}", lambda _, name=name: page(name, "<p>New.</p>"))(pages)


def serving(pages, asked=None):
    """A server with these pages; each is refused without a token where its body begins so."""

    async def handler(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ")[1]
        if asked is not None:
            asked.append(path)
        status, headers, body = pages.get(path, (404, {}, "no"))
        if "x-users" in headers and KEY not in head:
            status, headers, body = 401, {"content-type": "application/json"}, '{"error": "who"}'
        data = body.encode()
        lines = [f"HTTP/1.1 {status} X", f"content-length: {len(data)}"]
        host = re.search(r"(?i)host: (\S+)", head)[1]
        lines += [f"{name}: {value.replace('HOST', host)}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + data)
        await writer.drain()

    return handler


PATHS = ("/", "/find?q=lamp", "/account")


async def test_lateness_is_asked_of_every_answer_also_where_no_start_was_seen(tmp_path):
    _, _, policy, _ = await recorded(serving(site()), tmp_path, paths=("/", "/account"))
    limits = {one.name: keys_of(one).slower_at_most_percent for one in policy.probes}
    assert {"root", "account", "assets"} <= limits.keys()
    assert set(limits.values()) == {300}


async def failing(folder, change, pages=site, paths=PATHS, **asked):
    """Names of the probes of a drafted policy that fail once the service has changed."""
    _, _, policy, _ = await recorded(serving(pages()), folder, paths=paths, **asked)
    changed = pages()
    change(changed)
    outcomes = await judged(policy, serving(changed))
    return {name for name, outcome in outcomes.items() if outcome is not Outcome.PASSED}


@pytest.mark.parametrize(
    ("change", "probes"),
    [
        (lambda pages: pages.pop("/s/a.css"), {"assets"}),
        (lambda pages: pages.update({"/s/a.js": pages["/"]}), {"assets"}),
        (with_body("/list", lambda _: ""), {"list", "list-next"}),
        (with_body("/about", lambda body: body.replace("About<", "{{ title }}<")), {"about"}),
        (with_body("/list", lambda body: re.sub(r"\.50", "", body)), {"list"}),
        (with_body("/items/3", lambda _: page(NAMES[0])), {"find-items"}),
        (lambda pages: pages.pop("/items/0"), {"find-items"}),
        (lambda pages: pages.update({"/list?page=2": pages["/list"]}), {"list-next"}),
        (with_body("/find?q=lamp", lambda _: page("Found", "none")), {"find"}),
        (with_body("/login?next=/account", lambda b: re.sub("<input.*?>", "", b)), {"login"}),
        (lambda pages: pages.update({"/account": pages["/about"]}), {"account"}),
        (lambda pages: pages.update({"/account": (303, {"location": "/in"}, "")}), {"account"}),
        (lambda pages: pages.pop("/login?next=/account"), {"account", "login"}),
    ],
)
async def test_what_visitors_would_notice_fails(tmp_path, change, probes):
    assert await failing(tmp_path, change) >= probes


@pytest.mark.parametrize(
    "change",
    [
        renamed_style,
        other_data,
        led_by("http"),
        led_by("https"),
        with_body("/", lambda body: body.replace('class="x"', 'class="y fresh"')),
        with_body("/list", lambda body: body.replace("</nav>", '<a href="/new">New</a></nav>')),
        with_body("/about", lambda body: body.replace("</body>", "<p>More.</p></body>")),
    ],
)
async def test_what_a_good_release_may_change_passes(tmp_path, change):
    assert await failing(tmp_path, change) == set()


async def test_only_what_looks_harmless_is_asked_since_others_link_to_it(tmp_path):
    pages, asked = site(), []
    links = ("/logout", "/users/7/delete", "/cart/add?id=1", "//other.example/x", "/a?token=abcdef")
    more = "".join(f'<a href="{link}">x</a>' for link in links)
    with_body("/", lambda body: body.replace("</nav>", f"{more}</nav>"))(pages)
    recording, _, _, _ = await recorded(serving(pages, asked), tmp_path, paths=("/",))
    assert not {*links} & {*asked}
    assert {page.path for page in recording.pages if page.how is How.LINKED} == {"/about", "/list"}


def api():
    """A list of notes that begins with the newest, one page after the other, for users alone."""

    def items(numbers):
        return [{"id": n, "title": f"Café {n}", "at": f"2026-01-{n:02}T08:00:00Z"} for n in numbers]

    def told(value):
        users = {"content-type": "application/json", "x-users": "1"}
        return 200, users, json.dumps(value, ensure_ascii=False)

    return {
        "/notes": told({"items": items(range(20, 15, -1)), "next": "/notes?page=2"}),
        "/notes?page=2": told({"items": items(range(15, 12, -1)), "next": None}),
        **{f"/notes/{n}": told(items([n])[0]) for n in range(1, 25)},
    }


def changed_items(change):
    def changed(pages):
        status, headers, body = pages["/notes"]
        value = json.loads(body)
        value["items"] = change(value["items"])
        pages["/notes"] = (status, headers, json.dumps(value, ensure_ascii=False))

    return changed


def each(change):
    return changed_items(lambda items: [item | change(item) for item in items])


def without_users(pages):
    for path, (status, headers, body) in pages.items():
        pages[path] = (status, {"content-type": headers["content-type"]}, body)


@pytest.mark.parametrize(
    ("change", "probes"),
    [
        (without_users, {"notes-strangers"}),
        (changed_items(lambda items: []), {"notes", "notes-next", "notes-item"}),
        (changed_items(lambda items: items[::-1]), {"notes"}),
        (each(lambda item: {"id": str(item["id"])}), {"notes"}),
        (each(lambda item: {"at": "20/01/2026 08:00"}), {"notes"}),
        (each(lambda item: {"title": item["title"].encode().decode("latin-1")}), {"notes"}),
        (lambda pages: pages.update({"/notes?page=2": pages["/notes"]}), {"notes-next"}),
        (lambda pages: pages.pop("/notes/20"), {"notes-item"}),
        (each(lambda item: {"pinned": False}), set()),
        (each(lambda item: {"title": f"Entry {item['id']}"}), set()),
        (changed_items(lambda items: [dict(reversed(one.items())) for one in items[1:]]), set()),
    ],
)
async def test_a_list_for_users_is_held_by_its_order_its_pages_and_whom_it_refuses(
    tmp_path, change, probes
):
    header = (("Authorization", f"Bearer {KEY}"),)
    found = await failing(tmp_path, change, pages=api, paths=("/notes",), headers=header)
    assert found >= probes
    assert found if probes else not found


@pytest.mark.parametrize(("users_page", "held"), [(True, True), (False, False)])
async def test_what_is_forbidden_to_a_user_stays_so_where_the_token_is_good(
    tmp_path, users_page, held
):
    """Where nothing needs it, the token itself may be the reason."""
    as_json = {"content-type": "application/json"}
    own = {**as_json, "x-users": "1"} if users_page else as_json
    pages = {"/me": (200, own, '{"a": 1}'), "/admin": (403, as_json, '{"error": "no"}')}
    asked = {"paths": ("/me", "/admin"), "headers": (("Authorization", f"Bearer {KEY}"),)}
    _, drafted, policy, _ = await recorded(serving(pages), tmp_path, **asked)
    assert ("admin" in {probe.name for probe in policy.probes}) is held
    assert bool(drafted.left_out) is not held
    opened = await judged(policy, serving({**pages, "/admin": (200, as_json, "{}")}))
    assert opened.get("admin") is (Outcome.FAILED if held else None)


async def test_what_a_page_says_of_a_token_is_kept_nowhere(tmp_path):
    links = "".join(f'<a href="/{KEY}/{n}">{KEY}</a>' for n in range(4))
    shown = page(f"Keys {KEY}", f'{links}<form><input name="{KEY}"></form>')
    pages = {"/": (200, {"content-type": "text/html"}, shown), "/me": (200, {}, "fine")}
    asked = {"paths": ("/", "/me"), "secrets": {"alice": KEY}}
    recording, drafted, _, _ = await recorded(serving(pages), tmp_path, **asked)
    assert KEY not in repr(recording) + repr(drafted)
    assert all(KEY not in file.read_text() for file in tmp_path.rglob("*.*"))
