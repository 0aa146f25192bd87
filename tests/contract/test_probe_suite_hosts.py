"""Suites whose addresses are fixed in their code: their environment alone leads them."""

import ssl

import pytest
import trustme

from gate.core.evidence import Outcome, Symptom
from tests.contract.probe_servers import tcp
from tests.contract.suite_stage import Candidate, run_suite, spec, write

FIXED = """
import httpx, requests
from websockets.sync.client import connect
HOST = "backend.staging.example.com"

def test_httpx():
    assert httpx.get(f"https://{HOST}/api/health").json() == {"status": "healthy"}

async def ask():
    async with httpx.AsyncClient() as client:
        return await client.get(f"https://{HOST}/api/health")

def test_httpx_async():
    import asyncio
    assert asyncio.run(ask()).status_code == 200

def test_requests():
    assert requests.get(f"https://{HOST}/api/health", timeout=5).status_code == 200

def test_urllib():
    assert urllib.request.urlopen(f"https://{HOST}/api/health", timeout=5).status == 200

def test_plain():
    assert httpx.get(f"http://{HOST}/api/health?a=1").status_code == 200
    assert httpx.get(f"http://{HOST}").status_code == 200

@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_websockets(scheme):
    with connect(f"{scheme}://{HOST}/ws") as ws:
        ws.send("a")
        assert ws.recv() == "echo a"

@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_websockets_asyncio(scheme):
    import asyncio, websockets
    async def ask():
        async with websockets.connect(f"{scheme}://{HOST}/ws") as ws:
            await ws.send("a")
            return await ws.recv()
    assert asyncio.run(ask()) == "echo a"

def test_direct():
    assert get("/by-url").status == 200
"""
HOSTS = ("backend.staging.example.com", "auth.staging.example.com")


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def serving(authority):
    """TLS that the candidate shows."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def trusting(authority):
    """TLS by which the gate knows it."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_fixed_hosts_are_led_to_the_candidate(tmp_path, serving, trusting):
    write(tmp_path, test_it=FIXED)
    candidate = Candidate()
    async with candidate.serving(serving) as url:
        seen = await run_suite(tmp_path, spec(hosts=HOSTS), url, tls=trusting)
    assert seen.outcome is Outcome.PASSED, "\n".join(seen.excerpts)
    assert (seen.right_times, seen.asked_times) == (10, 10)
    hosts = {headers["Host"] for _, headers in candidate.heads}
    assert hosts == {url.removeprefix("https://")}
    assert {"/api/health?a=1", "/", "/ws", "/by-url"} <= {path for path, _ in candidate.heads}


async def test_the_candidate_itself_must_have_a_certificate_that_holds(tmp_path, serving):
    write(tmp_path, test_it="def test_it(): assert get('/a').status == 502\n")
    async with Candidate().serving(serving) as url:
        seen = await run_suite(tmp_path, spec(), url, tls=ssl.create_default_context())
    assert seen.outcome is Outcome.INCONCLUSIVE
    assert [finding.symptom for finding in seen.findings] == [Symptom.CONNECT]
    assert "CERTIFICATE_VERIFY_FAILED" in seen.seen


async def test_nothing_on_this_machine_is_reached_by_way_of_the_proxy(tmp_path):
    asked = []

    async def other(reader, writer):
        asked.append(await reader.read(100))

    write(
        tmp_path,
        test_it="""
import socket
HOST, _, PORT = os.environ["HTTPS_PROXY"].removeprefix("http://").partition(":")

def say(text):
    with socket.create_connection((HOST, int(PORT)), 5) as proxy:
        proxy.sendall(text.encode() + b"\\r\\n\\r\\n")
        return proxy.recv(100).decode()

PLACES = [
    os.environ["OTHER"],
    "[::ffff:127.0.0.1]:9",
    "169.254.169.254:80",
    "[::ffff:169.254.169.254]:80",
    "[fd20:ce::254]:80",
    "metadata.google.internal:80",
]

@pytest.mark.parametrize("place", PLACES)
def test_tunnel(place):
    get("/a")
    assert say(f"CONNECT {place} HTTP/1.1\\r\\nHost: {place}").startswith("HTTP/1.1 403")
    assert say(f"GET http://{place}/a HTTP/1.1\\r\\nHost: {place}").startswith("HTTP/1.1 403")

@pytest.mark.parametrize("line", ["CONNECT nonsense HTTP/1.1", "GET http://[/ HTTP/1.1"])
def test_nonsense(line):
    get("/a")
    assert say(f"{line}\\r\\nHost: a").startswith("HTTP/1.1 403")
""",
    )
    async with tcp(other) as place, Candidate().serving() as url:
        suite = spec(hosts=HOSTS)
        suite = spec(hosts=HOSTS, env=(*suite.env, ("OTHER", place)))
        seen = await run_suite(tmp_path, suite, url)
    assert seen.outcome is Outcome.PASSED, "\n".join(seen.excerpts)
    assert asked == []


async def test_no_client_reads_all_certificates_for_a_connection(tmp_path):
    write(
        tmp_path,
        test_it="""
import ssl, httpx, requests
def test_it():
    get("/a")
    for context in (ssl.create_default_context(), httpx.create_ssl_context()):
        assert context.cert_store_stats()["x509"] == 0
    assert os.path.isdir(requests.Session().merge_environment_settings(
        "https://a", {}, False, None, None)["verify"])
    own = ssl.create_default_context(cafile=os.environ["NODE_EXTRA_CA_CERTS"])
    assert own.cert_store_stats()["x509"] == 1
    all = ssl.create_default_context(cafile=os.environ["CURL_CA_BUNDLE"])
    assert all.cert_store_stats()["x509"] == len(os.listdir(os.environ["SSL_CERT_DIR"]))
""",
    )
    async with Candidate().serving() as url:
        seen = await run_suite(tmp_path, spec(hosts=HOSTS), url)
    assert seen.outcome is Outcome.PASSED, "\n".join(seen.excerpts)
