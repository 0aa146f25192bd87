"""Applications that know one host name only, against real servers: what is told of a candidate."""

import pytest

from gate.core.attribution import Attribution, attributed
from gate.core.control import Repeats
from gate.core.evidence import Outcome, Symptom
from gate.core.policy import Probe
from gate.core.redaction import Redactor
from gate.kinds.http import HttpProbe
from gate.ports import Target
from gate.probes.runner import ProbeRunner
from tests.contract.probe_servers import ARRIVAL_S, SECRETS, SystemClock, tcp

HEALTH = Probe("health", HttpProbe("/health"))
REDIRECTS = (301, 302, 307, 308)


def server(answer):
    """Serves `answer(path) -> (status, body, location)`."""

    async def handle(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        status, body, location = answer(head.split()[1].decode())
        lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}"]
        lines += [f"location: {location}"] if location else []
        writer.write("\r\n".join([*lines, "", body]).encode())
        await writer.drain()

    return tcp(handle)


def well(path):
    return (200, "fine", "") if path == "/health" else (404, "no such page", "")


async def judged(candidate, stable=well):
    users = ""
    async with (
        server(stable) as there,
        server(lambda path: candidate(path, users)) as here,
    ):
        users = f"http://{there}"
        control = Target(users, "backend-1")
        target = Target(
            f"http://{here}", "backend-2", stable=control, repeats=Repeats(), tagged=True
        )
        redactor, clock = Redactor(SECRETS), SystemClock()
        runner = ProbeRunner(SECRETS, None, clock, redactor, arrival_within_s=ARRIVAL_S)
        found = attributed([HEALTH], await runner.run([HEALTH], target, lambda _: None))
    (own,) = [item for item in found if not item.control]
    return own


@pytest.mark.parametrize(
    "candidate",
    [
        lambda path, users: (400, "Bad Request", ""),
        lambda path, users: (421, "", ""),
        lambda path, users: (403, "", ""),
        *[lambda path, users, status=status: (status, "", users + path) for status in REDIRECTS],
    ],
    ids=["400", "421", "403 without a word", *map(str, REDIRECTS)],
)
async def test_what_is_refused_or_led_away_at_every_path_is_for_the_host(candidate):
    own = await judged(candidate)
    assert own.outcome is Outcome.INCONCLUSIVE
    assert own.findings[0].symptom is Symptom.HOST
    assert own.attribution is Attribution.PROBE_FAULT


def only_health(status, body="", location=""):
    def answer(path, users):
        led = location.replace("USERS", users)
        return (status, body, led) if path == "/health" else well(path)

    return answer


@pytest.mark.parametrize(
    "candidate",
    [
        only_health(400, "Bad Request"),
        only_health(403),
        only_health(308, location="USERS/health"),
        lambda path, users: (403, "this is for members", ""),
        lambda path, users: (308, "", f"{users}{path}/"),
        lambda path, users: (302, "", f"{users}/login"),
        lambda path, users: (308, "", f"http://other.example{path}"),
        lambda path, users: (308, "", "http://[bad"),
        lambda path, users: (404, "", ""),
    ],
)
async def test_other_refusals_are_the_candidates_own(candidate):
    own = await judged(candidate)
    assert own.outcome is Outcome.FAILED
    assert own.attribution is Attribution.REGRESSION


async def test_where_stable_leads_every_path_away_too_the_candidate_is_not_excused():
    def away(path, users):
        return 308, "", users + path

    own = await judged(away, lambda path: well(path) if path == "/health" else (308, "", "/health"))
    assert own.attribution is Attribution.REGRESSION
