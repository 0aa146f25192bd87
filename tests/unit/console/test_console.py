"""The console over a ledger in memory, asked as a browser asks."""

import asyncio
import io
import sqlite3
import threading
from contextlib import asynccontextmanager

import httpx
import pytest
from selectolax.lexbor import LexborHTMLParser

from gate.cli.audit_serve import numbers
from gate.cli.audit_verify import judged
from gate.console.app import ENTRIES_MAX, LIVE_S, console
from gate.console.choice import PAGE
from gate.console.door import ASSERTION, HEADERS, Passport
from gate.console.kept import Kept
from gate.console.shelf import State
from gate.errors import UnavailableError
from gate.ledger.canonical import digest
from gate.ledger.index import Query
from gate.report.approvals import UNREAD
from tests.unit.console.ledgers import (
    FINDING,
    WITHIN_S,
    counted,
    later,
    ledger_of,
    played,
    shelf_of,
    verified,
)
from tests.unit.ledger.recorded import alter_entries
from tests.unit.report.scenes import ALL_PASSED, REF

LIMIT = 10_000
BASE = "http://127.0.0.1:8765"


@asynccontextmanager
async def browser(ledger, check=None, base=BASE, limit=LIMIT, verify=verified):
    shelf = shelf_of(ledger, limit=limit)
    app = console(REF, shelf, check, Kept(verify), Kept(counted))
    async with asking(app, base) as client:
        yield client
    await shelf.end()


@asynccontextmanager
async def asking(app, base=BASE):
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        yield client


def words(html):
    return " ".join(LexborHTMLParser(html).css_first("main").text(separator=" ").split())


def rows(html):
    return [one.text().split()[-1] for one in LexborHTMLParser(html).css("tbody th[scope=row]")]


async def test_the_list_has_the_newest_first_in_pages_that_lead_to_each_other():
    async with browser(await ledger_of(PAGE + 5)) as client:
        first = (await client.get("/")).text
        assert rows(first) == [f"rollout-{n:05d}" for n in range(PAGE + 4, 4, -1)]
        (older,) = LexborHTMLParser(first).css("a[rel=next]")
        second = (await client.get(older.attributes["href"])).text
        assert rows(second) == [f"rollout-{n:05d}" for n in range(4, -1, -1)]
        assert "page 2 of 2" in words(second)
        assert not LexborHTMLParser(second).css("a[rel=next]")


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("ending=rejected", [8, 5, 2]),
        ("actor=person-1", [8, 1]),
        ("ending=rejected&actor=person-1", [8]),
        ("kind=rollback", []),
        ("q=ROLLOUT-00003", [3]),
        ("capability=chat", [*range(8, -1, -1)]),
        ("capability=none", []),
        ("since=2026-01-02", []),
        ("until=2026-01-01&q=00001", [1]),
        ("until=2025-12-31", []),
        ("since=yesterday&until=9999-12-31", [*range(8, -1, -1)]),
        ("page=2", []),
        ("page=-1&ending=", [*range(8, -1, -1)]),
    ],
)
async def test_filters_leave_what_is_as_chosen(query, numbers):
    async with browser(await ledger_of(9)) as client:
        assert rows((await client.get(f"/?{query}")).text) == [f"rollout-{n:05d}" for n in numbers]


async def test_one_rollout_is_its_report_and_one_at_work_can_be_followed():
    begun = later(played(ALL_PASSED)[0], 7)
    async with browser(await ledger_of(2, begun)) as client:
        ended = (await client.get("/rollout?id=rollout-00001")).text
        assert words(ended).startswith("rollout of backend: promoted every required probe passed")
        assert "Traffic, step by step" in words(ended)
        assert not LexborHTMLParser(ended).css("meta[http-equiv=refresh]")
        (link,) = LexborHTMLParser((await client.get("/")).text).css("h1 ~ p a")
        (live,) = LexborHTMLParser((await client.get(link.attributes["href"])).text).css(
            "meta[http-equiv]"
        )
        assert live.attributes == {"http-equiv": "refresh", "content": str(LIVE_S)}
        for path in ("/", "/rollout?id=rollout-00007", "/rollout?id=rollout-00001&live=1"):
            assert "http-equiv" not in (await client.get(path)).text


@pytest.mark.parametrize(
    ("count", "query", "told", "link"),
    [
        (3, "ending=stuck", "No decision matches these filters.", "/"),
        (3, "page=9&kind=rollout", "There is no page 9.", "/?kind=rollout&page=1"),
        (0, "", "No decision is recorded.", None),
    ],
)
async def test_an_empty_list_says_why_and_leads_on(count, query, told, link):
    async with browser(await ledger_of(count)) as client:
        html = (await client.get(f"/?{query}")).text
    assert told in words(html)
    links = [one.attributes["href"] for one in LexborHTMLParser(html).css("form ~ p a")]
    assert links == ([] if link is None else [link])


def listed(index):
    return [(one.id, one.ending, len(one.intentions)) for one in index.listed(Query())]


@pytest.mark.parametrize("kept", [True, False], ids=["in a file", "in memory"])
async def test_what_is_written_meanwhile_is_found_without_reading_everything_again(tmp_path, kept):
    ledger, asked = await ledger_of(3), []

    class Heard:
        def history(self, begin=None):
            asked.append(begin)
            return ledger.history(begin)

        async def entries(self, query):
            asked.append(query.since)
            return await ledger.entries(query)

    shelf = shelf_of(Heard(), tmp_path / "index" if kept else None)
    assert len((await shelf.read(listed))[0]) == 3
    for place, entry in enumerate(played(ALL_PASSED)):
        await ledger.append(later(entry, 5), "rollout-00005", place)
        (found, *rest), state = await shelf.read(listed)
        assert (found[0], rest[0][0]) == ("rollout-00005", "rollout-00002")
    assert found == ("rollout-00005", "promoted", place)
    assert state == State()
    assert [since is None for since in asked] == [True, *[False] * len(asked[1:])]
    await shelf.end()


async def test_a_ledger_that_cannot_be_read_is_said_and_what_was_read_stays(tmp_path):
    ledger = await ledger_of(2)
    for path, asked in ((tmp_path / "index", "history"), (None, "entries")):
        shelf = shelf_of(ledger, path)
        await shelf.read(listed)
        ledger.fail_next(asked, UnavailableError("Cloud Logging: no answer"))
        found, state = await shelf.read(listed)
        assert (len(found), state.problem) == (2, "Cloud Logging: no answer")
        assert (await shelf.read(listed))[1] == State()


async def test_a_silent_ledger_holds_no_page_up_and_what_an_index_has_is_shown(tmp_path):
    path, ledger = tmp_path / "index", await ledger_of(2)
    await shelf_of(ledger, path).read(listed)
    speaks = asyncio.Event()

    class Silent:
        async def history(self, begin=None):
            await speaks.wait()
            async for entry in ledger.history(begin):
                yield entry

    shelf = shelf_of(Silent(), path, wait_s=0)
    assert len((await shelf.read(listed))[0]) == 2
    fresh = shelf_of(Silent(), tmp_path / "another", wait_s=0)
    assert await fresh.read(listed) == ([], State(read=False))
    app = console(REF, fresh, None, Kept(verified), Kept(counted))
    async with asking(app) as client:
        page = (await client.get("/")).text
        assert "The ledger is still being read" in words(page)
        assert LexborHTMLParser(page).css("meta[http-equiv=refresh]")
        assert "has not been read yet" in (await client.get("/rollout?id=rollout-00000")).text
        speaks.set()
        while (await fresh.read(listed)) != (await shelf_of(ledger, path).read(listed)):
            pass
        assert "being read" not in words((await client.get("/")).text)
    for one in (shelf, fresh):
        await one.end()


@pytest.mark.parametrize("table", ["entries", "briefs", "whole file"])
async def test_an_index_that_was_damaged_meanwhile_is_made_anew(tmp_path, table):
    path = tmp_path / "index"
    shelf = shelf_of(await ledger_of(3), path, fresh_s=1e9)
    before, _ = await shelf.read(listed)
    if table == "whole file":
        for one in tmp_path.iterdir():
            one.write_bytes(b"nothing of the kind" * 1000)
    elif table == "entries":
        alter_entries(path, b"rejected", b"promoted")
    else:
        with sqlite3.connect(path) as database:
            database.execute("UPDATE briefs SET body = replace(body, 'rejected', 'promoted')")
        database.close()

    def both(index):
        return listed(index), [one.ending for one in index.whole("rollout-00002")]

    (found, endings), state = await shelf.read(both)
    assert (found, endings, state) == (before, ["rejected"], State())


async def test_older_entries_than_were_read_are_said_to_be_there():
    async with browser(await ledger_of(9), limit=4) as client:
        assert "There are older entries" in (await client.get("/")).text


@pytest.mark.parametrize(
    "path", ["/", "/history", "/stats", "/verify", "/rollout?id=rollout-00000", "/no"]
)
async def test_every_page_has_the_headers_that_keep_it_inert(path):
    async with browser(await ledger_of(1)) as client:
        reply = await client.get(path)
    assert reply.headers.items() >= HEADERS.items()
    assert "script" not in {one.tag for one in LexborHTMLParser(reply.text).root.traverse()}
    assert reply.status_code == (404 if path == "/no" else 200)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get"])
async def test_nothing_but_reading_is_let_through(method):
    async with browser(await ledger_of(1)) as client:
        assert (await client.head("/")).status_code == 200
        reply = await client.send(httpx.Request(method, f"{BASE}/"))
    assert (reply.status_code == 405) is (method != "get")
    if method != "get":
        assert reply.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *[(one, 200) for one in ("127.0.0.1:8765", "localhost", "LOCALHOST:1", "[::1]:8765")],
        *[(one, 421) for one in ("evil.example", "127.0.0.1.evil.example:8765", "", "[::1", "a@b")],
        *[(one, 421) for one in ("localhost:8765x", "127.0.0.1@evil.example", "10.0.0.1:8765")],
    ],
)
async def test_on_loopback_only_this_machine_may_be_named(host, status):
    async with browser(await ledger_of(1)) as client:
        assert (await client.get("/", headers={"host": host})).status_code == status


@pytest.mark.parametrize(
    ("sent", "status"),
    [(["good"], 200), (["foreign"], 403), (["bad"], 401), ([], 401), (["good", "good"], 401)],
)
async def test_behind_iap_each_request_needs_its_assertion(sent, status):
    async def check(assertion):
        known = {"good": Passport.GOOD, "foreign": Passport.FOREIGN}
        return known.get(assertion, Passport.INVALID)

    async with browser(await ledger_of(1), check, "https://console.example") as client:
        for path in ("/", "/rollout?id=rollout-00000", "/history"):
            reply = await client.get(path, headers=[(ASSERTION, one) for one in sent])
            assert reply.status_code == status
            assert reply.headers.items() >= HEADERS.items()


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "a/b?c#d", "\u202e%00", "../..", "x" * 300]
)
async def test_hostile_ids_are_escaped_and_lead_to_their_report(name):
    hostile = [{**one, "rollout": name} for one in played(ALL_PASSED)]
    async with browser(await ledger_of(0, *hostile)) as client:
        page = LexborHTMLParser((await client.get("/")).text)
        (link,) = page.css("tbody a")
        assert not page.css("script, tbody a[href*=script\\>]")
        reply = await client.get(link.attributes["href"])
    assert reply.status_code == (404 if len(name) > 200 else 200)


async def test_a_defect_shows_nothing_of_the_inside():
    ledger = await ledger_of(1)
    ledger.fail_next("entries", RuntimeError("s3cret"))
    async with browser(ledger) as client:
        reply = await client.get("/rollout?id=rollout-00000")
    assert reply.status_code == 500
    assert "s3cret" not in reply.text
    assert reply.headers.items() >= HEADERS.items()


async def test_the_record_is_said_to_be_whole_only_where_nothing_was_found():
    found, asked = [], []

    async def verify():
        asked.append(1)
        return await verified(*found)

    async with browser(await ledger_of(2), verify=verify) as client:
        assert words((await client.get("/verify")).text).startswith("The record is whole")
        found.append(FINDING)
        await client.get("/verify")
        assert len(asked) == 1
    async with browser(await ledger_of(2), verify=verify) as client:
        page = (await client.get("/verify")).text
        assert words(page).startswith("The record is not whole")
        assert "traffic is 100 % <b>elsewhere</b>" in words(page)
        (link,) = LexborHTMLParser(page).css("tbody a")
        assert (await client.get(link.attributes["href"])).status_code == 200


class Slow(io.BytesIO):
    """A ledger that nobody can read until somebody else has had a turn."""

    def __init__(self):
        super().__init__(b"null\n")
        self.go = threading.Event()

    def readline(self, size=-1):
        assert self.go.wait(WITHIN_S), "nobody had a turn"
        return super().readline(size)


async def test_a_verification_leaves_turns_to_other_pages():
    ledger = Slow()
    asyncio.get_running_loop().call_soon(ledger.go.set)
    report = await judged(ledger, str(REF), {}, aside=True)
    assert not report.whole


async def test_a_record_that_cannot_be_verified_is_not_said_to_be_whole():
    async def verify():
        raise UnavailableError("Cloud Logging: no answer")

    async with browser(await ledger_of(1), verify=verify) as client:
        reply = await client.get("/verify")
    assert (reply.status_code, "whole" in words(reply.text)) == (503, False)


@pytest.mark.parametrize("fresh", [True, False], ids=["read at once", "written meanwhile"])
async def test_a_second_outcome_that_differs_is_told_and_the_first_one_counts(fresh):
    ledger = await ledger_of(3)
    forged = {
        **later(played(ALL_PASSED)[-1], 2),
        "at": "2026-01-01T20:00:00.000Z",
        "ending": "promoted",
    }
    shelf = shelf_of(ledger)

    def told(index):
        return [(one.ending, one.disputed) for one in index.listed(Query())]

    if not fresh:
        assert not any(disputed for _, disputed in (await shelf.read(told))[0])
    await ledger.append(forged, "rollout-00002", 99)
    for _ in range(2):
        assert (await shelf.read(told))[0] == [
            *[("rejected", True), ("promoted", False), ("promoted", False)]
        ]
    await shelf.end()
    async with browser(ledger) as client:
        assert "disputed" in words((await client.get("/")).text)
        told = words((await client.get("/rollout?id=rollout-00002")).text)
        assert told.startswith("Conflicting record: it has two outcomes that differ")
        assert "rollout of backend: rejected" in told
        assert "differ" not in words((await client.get("/rollout?id=rollout-00001")).text)[:200]


async def test_decisions_are_counted_by_their_kind_and_overrides_are_marked_for_ever():
    aside = {"rules": ["freeze"], "overrode": ["freeze"], "until": "2026-01-01T14:00:00.000Z"}
    kinds = {7: "rollback", 8: "promote", 9: "promote"}
    more = [{**later(played(ALL_PASSED)[-1], n), "kind": kind} for n, kind in kinds.items()]
    more[0] |= {"overrides": ["freeze", "again"], "override": aside, "reason": "<b>down</b>"}
    async with browser(await ledger_of(3, *more)) as client:
        page = LexborHTMLParser((await client.get("/")).text)
        shown = words(page.html)
        assert shown.startswith("6 decisions 3 rollouts, 2 promotions by hand, 1 rollback")
        red = [one.text() for one in page.css("tbody td strong.bad")]
        assert [one for one in red if one.startswith("OVERRODE")] == [
            "OVERRODE freeze by person-0: <b>down</b>"
        ]
        assert "rollback --override freeze --again rollout-00007" in shown
        some = words((await client.get("/?kind=rollback")).text)
        assert some.startswith("1 decision 1 rollback")
        one = words((await client.get("/rollout?id=rollout-00007")).text)
        assert "OVERRODE freeze until 2026-01-01 14:00:00 UTC" in one


async def test_one_decision_tells_of_the_approvals_under_its_id():
    approval = {
        **later({"entry": "approval", "at": "2026-01-01T12:00:30.000Z", "kind": "approve"}, 1),
        "service": REF.name,
        "principal": {"name": "<i>ana</i>", "authenticated": "credentials"},
    }
    async with browser(await ledger_of(3, approval)) as client:
        told = words((await client.get("/rollout?id=rollout-00001")).text)
        assert "Approvals: 0 of 1 count" in told
        assert "<i>ana</i>" in told
        assert "Approvals" not in words((await client.get("/rollout?id=rollout-00002")).text)


@pytest.mark.parametrize("changed", [False, True], ids=["as it was named", "another one"])
async def test_an_approval_that_stands_under_the_held_rollout_is_found_by_its_hash(changed):
    given = {
        **later({"entry": "approval", "at": "2026-01-01T12:00:30.000Z", "kind": "approve"}, 1),
        "service": REF.name,
        "principal": {"name": "ben", "authenticated": "claimed"},
        "reason": "compared the totals",
        "candidate": {"revision": "backend-00002-abc", "digest": "backend@sha256:2"},
    }
    named = {"digest": digest(given), "name": "ben", "at": given["at"]}
    if changed:
        given["reason"] = "another one"
    promoted = {**later(played(ALL_PASSED)[-1], 7), "approvals": [named]}
    async with browser(await ledger_of(2, given, promoted)) as client:
        told = words((await client.get("/rollout?id=rollout-00007")).text)
    assert "Approvals: 1 of 1 count" in told
    whole = "backend@sha256:2 compared the totals yes"
    assert (("ben (as they say)" in told), (whole in told)) == (not changed, not changed)
    assert (UNREAD in told) == changed


async def test_of_one_decision_no_more_entries_are_read_than_audit_show_reads():
    entry = {"entry": "approval", "kind": "approve", "service": REF.name}
    name = "rollout-00007"
    *writes, end = (later(one, 7) for one in played(ALL_PASSED))
    end |= {"intentions": ["0" * 64] * len(writes)}
    flood = [
        {**entry, "rollout": name, "at": f"2026-01-02T12:{n // 60:02d}:{n % 60:02d}.000Z"}
        for n in range(ENTRIES_MAX - 1)
    ]
    async with browser(await ledger_of(2, *writes, end, *flood)) as client:
        told = words((await client.get(f"/rollout?id={name}")).text)
        assert f"the newest {ENTRIES_MAX} are shown" in told
        assert "conflicting" not in told.lower()
        assert "promoted" in told
        other = words((await client.get("/rollout?id=rollout-00000")).text)
        assert "are shown" not in other


async def test_numbers_are_counted_of_what_could_be_read_and_of_nothing_else():
    ledger = await ledger_of(2)
    shelf = shelf_of(ledger)
    assert (await numbers(shelf))["decisions"] == 0  # none of these months
    ledger.fail_next("entries", UnavailableError("Cloud Logging: no answer"))
    with pytest.raises(UnavailableError, match="no answer"):
        await numbers(shelf)
    await shelf.end()


async def test_the_numbers_are_those_of_gate_audit_stats():
    async with browser(await ledger_of(1)) as client:
        told = words((await client.get("/stats")).text)
    assert "deployment frequency: 2 deployments" in told
    assert "change failure rate:" in told
