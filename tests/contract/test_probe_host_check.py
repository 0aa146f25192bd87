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


async def judged(candidate, stable=well, probes=(HEALTH,), tag=None):
    """The evidence of the first probe.

    Args:
        candidate: answers at its tag.
        stable: answers at users' address.
        probes: what is asked.
        tag: answers at a tag of stable's own, None without one.
    """
    users = ""
    async with (
        server(stable) as there,
        server(lambda path: candidate(path, users)) as here,
        server(lambda path: tag(path, users)) as tagged,
    ):
        users = f"http://{there}"
        control = Target(users, "backend-1", tag_url=f"http://{tagged}" if tag else "")
        target = Target(
            f"http://{here}", "backend-2", stable=control, repeats=Repeats(), tagged=True
        )
        redactor, clock = Redactor(SECRETS), SystemClock()
        runner = ProbeRunner(SECRETS, None, clock, redactor, arrival_within_s=ARRIVAL_S)
        found = attributed(probes, await runner.run(probes, target, lambda _: None))
    return next(item for item in found if not item.control)


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


def several(path):
    known = path in {"/", "/health", "/list"}
    return (200, "fine", "") if known else (404, f"no page {path}", "")


def nothing(path, _):
    return (404, f"no page {path}", "")


def lost(*paths, body="no page {}"):
    def answer(path, _):
        return (404, body.format(path), "") if path in paths else several(path)

    return answer


LIST = Probe("list", HttpProbe("/list"))


@pytest.mark.parametrize(
    ("candidate", "stable", "tag", "word"),
    [
        (nothing, several, None, Attribution.PROBE_FAULT),
        (nothing, several, nothing, Attribution.PROBE_FAULT),
        (nothing, several, lambda path, _: several(path), Attribution.REGRESSION),
        (lost("/health"), several, None, Attribution.REGRESSION),  # one route is gone
        (lost("/", "/health"), several, None, Attribution.REGRESSION),
        (lost("/health", "/", "/list", body="gone"), several, None, Attribution.REGRESSION),
        (nothing, well, None, Attribution.REGRESSION),  # one path is no evidence of all
    ],
)
async def test_where_nothing_is_found_the_tags_host_is_not_known(candidate, stable, tag, word):
    own = await judged(candidate, stable, [HEALTH, LIST], tag)
    assert own.attribution is word, own
    if word is Attribution.PROBE_FAULT and tag is None:
        assert "the application does not know the tag's host name" in own.seen
        assert "a tag at stable's revision tells" in own.findings[0].hint


async def test_a_refusal_without_a_word_at_every_path_says_what_would_tell_whose_it_is():
    own = await judged(lambda path, users: (403, "", ""))
    assert "a tag at stable's revision tells" in own.findings[0].hint
