"""`gate init --har` from a visit to a real site to a policy that notices what is wrong there."""

import asyncio
import os
import sys
from urllib.parse import urlsplit

import httpx

from gate.cli import init_har
from gate.core.policy import SecretRef, ServiceName
from gate.core.secret import Secret
from gate.drafting.draft import Draft
from gate.drafting.har.reading import read_har
from gate.ports import Target
from tests.contract.journey_site import Site
from tests.contract.probe_servers import SECRETS
from tests.unit.drafting.hars import Recording

PASSWORD = SECRETS["alice"]


async def visited(url):
    """What a browser records of signing in, writing a note, and using the API."""
    visit = Recording("firefox", url)

    async def ask(method, path, *, data=None, json=None, headers=None):
        answer = await client.request(method, path, data=data, json=json, headers=headers)
        is_json = answer.headers.get("content-type") == "application/json"
        body = answer.json() if is_json else answer.text or None
        answered = {"Location": answer.headers["location"]} if answer.is_redirect else {}
        cookies = answer.headers.get("set-cookie")
        answered |= {"Set-Cookie": cookies} if cookies else {}
        sent = dict(headers or {})
        if cookie := answer.request.headers.get("cookie"):
            sent["Cookie"] = cookie
        given = {"sent": json, "form": data, "headers": sent, "answered": answered}
        visit.add(method, path, answer.status_code, body, **given)
        return answer

    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        await ask("GET", "/notes")
        page = (await ask("GET", "/login")).text
        token = page.partition("value='")[2].partition("'")[0]
        await ask("POST", "/login", data={"user": "alice", "password": PASSWORD, "_csrf": token})
        await ask("GET", "/notes")
        await ask("POST", "/notes", data={"text": "Milk-and-eggs"})
        await ask("GET", "/notes")
        given = (await ask("POST", "/api/token", json={"user": "alice"})).json()
        bearer = {"Authorization": f"Bearer {given['access_token']}"}
        made = await ask("POST", "/api/notes", json={"text": "Bread and butter"}, headers=bearer)
        await ask("DELETE", f"/api/notes/{made.json()['id']}", headers=bearer)
    return visit


async def gate(*words, **env):
    """Exit code and all that the gate says."""
    own = {**os.environ, **env}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gate.cli", *words),
        env=own,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def drafted(url, folder, *words, visit=None, **env):
    """What `gate init` says of a visit, and the text of all files that it writes."""
    har = folder / "visit.har"
    har.write_bytes((visit or await visited(url)).raw)
    out = folder / "out"
    init = ("init", "--url", url, "--har", str(har), "--out", str(out), "--no-prove", *words)
    code, said = await gate(*init, **env)
    files = {file.name: file.read_text() for file in out.rglob("*.*")}
    return code, said, files, str(out / "service.yaml")


async def test_a_visit_becomes_a_policy_that_notices_what_is_wrong(tmp_path):
    site = Site()
    async with site.serve() as place:
        url = f"http://{place}"
        code, said, files, policy = await drafted(url, tmp_path, ALICE_PASSWORD=PASSWORD)
        assert code == 0, said
        assert "9 requests of the visit, recorded on" in said
        assert "secret alice_password: from the environment variable ALICE_PASSWORD" in said
        tokens = [*site.csrf, *site.sessions, *site.tokens, PASSWORD]
        assert not [one for one in tokens if one in said + "".join(files.values())]
        assert "Milk-and-eggs" in files["service.yaml"]
        probe = ("probe", "--policy", policy, "--url", url)
        assert (await gate(*probe, ALICE_PASSWORD=PASSWORD))[0] == 0
        for fault in ("refuses all", "leads home", "no cookie", "no csrf field"):
            site.faults = {fault}
            code, said = await gate(*probe, ALICE_PASSWORD=PASSWORD)
            assert (code, "visit" in said) == (1, True), (fault, said)


async def test_a_journey_whose_secret_is_not_set_is_written_and_said_to_be_unasked(tmp_path):
    site = Site()
    async with site.serve() as place:
        url = f"http://{place}"
        visit = await visited(url)
        asked = len(site.asked)
        code, said, files, _ = await drafted(url, tmp_path, "--path", "/login", visit=visit)
    assert code == 0, said
    assert "visit is written and was not asked of stable" in said
    assert "alice_password (ALICE_PASSWORD)" in said
    assert "POST /login" not in site.asked[asked:]
    assert "journey:" in files["service.yaml"]
    assert PASSWORD not in said + "".join(files.values())


async def test_a_journey_that_writes_is_played_only_where_that_is_allowed():
    site = Site()
    async with site.serve() as place:
        url = f"http://{place}"
        exchanges = read_har((await visited(url)).raw, "it.har")
        asked, played = len(site.asked), []
        for allowed in (False, True):
            visit = init_har.Visit(exchanges, {"pw": Secret(PASSWORD)}, writes=allowed)
            drafted = Draft(ServiceName(), None, {"pw": SecretRef("PW")}, (), 3)
            found = await init_har.play(visit, Target(url), "it", drafted)
            played.append((found.unasked, site.asked[asked:].count("POST /login")))
    why = "it changes something (POST /login); --writes or --url allows that"
    assert played == [({"visit": why}, 0), ({}, 2)]


async def test_a_step_that_stable_answers_otherwise_is_left_out_with_what_needs_it(tmp_path):
    site = Site()
    async with site.serve() as place:
        visit = await visited(f"http://{place}")
        site.page = lambda method, path: (
            (500, [], "") if (method, path) == ("POST", "/api/notes") else None
        )
        code, said, files, _ = await drafted(
            f"http://{place}", tmp_path, visit=visit, ALICE_PASSWORD=PASSWORD
        )
    assert code == 0, said
    assert "left out visit: POST /api/notes: 500" in said
    assert "delete" not in files["service.yaml"].partition("Not asked")[0]
    assert urlsplit(f"http://{place}").netloc not in files["service.yaml"].partition("Not asked")[0]


async def test_a_file_that_is_no_har_is_refused_before_anybody_is_asked(tmp_path):
    site = Site()
    async with site.serve() as place:
        (tmp_path / "it.har").write_text("{}")
        har = str(tmp_path / "it.har")
        code, said = await gate("init", "--url", f"http://{place}", "--har", har)
        missing = await gate("init", "--url", f"http://{place}", "--har", f"{har}.gone")
    assert (code, site.asked) == (2, [])
    assert "is no HAR (got no log.entries, expected a HAR 1.2)" in said
    assert missing[0] == 2
    assert "No such file" in missing[1]
