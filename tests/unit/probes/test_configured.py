"""What the configuration of candidate and stable says of a question."""

from dataclasses import replace

import pytest

from gate.core.evidence import Finding, Outcome, Symptom
from gate.kinds.http import HttpProbe
from gate.kinds.latency import LatencyProbe
from gate.kinds.logs import LogPattern, LogsProbe
from gate.kinds.soak import SoakProbe
from gate.kinds.stream import StreamProbe
from gate.kinds.websocket import WebSocketProbe
from gate.ports import Configuration, Target
from gate.probes.configured import Configured
from gate.probes.frontend import recognise
from tests.fakes.configurations import FakeConfigurations
from tests.fakes.probes import evidence

NEW, OLD = "backend-00002-new", "backend-00001-old"
TARGET = Target("http://x", NEW, compare_with=(OLD,))
LONG = SoakProbe("/ws", for_s=14)


def configured(own, stable):
    """Where the candidate has these fields, and stable those."""
    known = {NEW: Configuration({}, {}, own), OLD: Configuration({}, {}, stable)}
    return Configured(FakeConfigurations(known), TARGET)


@pytest.mark.parametrize(
    ("keys", "own_s", "stable_s", "impossible"),
    [
        (LONG, "8", "8", True),
        (LONG, "14", "14", True),
        (LONG, "15", "15", False),
        (LONG, "8", "300", False),
        (LONG, "", "", False),
        (WebSocketProbe("/ws", hold_s=14), "8", "8", True),
        (WebSocketProbe("/ws", hold_s=7, repeat=3), "8", "8", False),
        (StreamProbe("/events", for_s=14), "8", "8", True),
        (HttpProbe("/"), "8", "8", False),
        (LatencyProbe("/", for_s=60, p95_s=1), "8", "8", False),
        (LogsProbe((LogPattern(text="x"),), settle_s=60), "8", "8", False),
    ],
)
async def test_what_cloud_run_cuts_is_known_before_it_is_asked(keys, own_s, stable_s, impossible):
    """Unless stable lasts longer: then the candidate has shortened what worked."""
    fault = await configured({"timeout_s": own_s}, {"timeout_s": stable_s}).impossible(keys)
    assert (fault is not None) is impossible
    if fault:
        assert fault.seen.startswith(f"cut at the request timeout ({own_s} s)")
        assert fault.outcome is Outcome.INCONCLUSIVE


async def test_what_cannot_be_read_is_asked():
    unknown = FakeConfigurations({})
    assert await Configured(unknown, TARGET).impossible(LONG) is None
    assert await Configured(None, TARGET).impossible(LONG) is None
    nameless = replace(TARGET, revision="")
    assert await Configured(unknown, nameless).impossible(LONG) is None


RESET = recognise(503, "upstream connect error or disconnect/reset before headers")
LOST = RESET.fault("503 Service Unavailable", "a WebSocket")
SEEN = replace(
    evidence("chat", Outcome.INCONCLUSIVE),
    findings=(Finding(LOST.symptom, LOST.expected, LOST.seen, hint=LOST.hint),),
)


@pytest.mark.parametrize(
    ("own", "stable", "outcome", "hinted"),
    [
        ("h2c", "", Outcome.FAILED, True),
        ("h2c", "http1", Outcome.FAILED, True),
        ("h2c", "h2c", Outcome.INCONCLUSIVE, True),
        ("http1", "h2c", Outcome.INCONCLUSIVE, False),
        ("", "", Outcome.INCONCLUSIVE, False),
    ],
)
async def test_a_port_of_http_2_is_the_candidates_where_stable_has_none(
    own, stable, outcome, hinted
):
    seen = await configured({"protocol": own}, {"protocol": stable}).explained(SEEN)
    assert seen.outcome is outcome
    assert ("named h2c, so that" in seen.findings[0].hint) is hinted
    assert seen.findings[0].symptom is Symptom.PLATFORM


async def test_without_a_stable_to_compare_with_it_stays_the_front_ends():
    known = FakeConfigurations({NEW: Configuration({}, {}, {"protocol": "h2c"})})
    seen = await Configured(known, replace(TARGET, compare_with=())).explained(SEEN)
    assert seen.outcome is Outcome.INCONCLUSIVE


async def test_other_evidence_is_left_alone():
    seen = evidence("chat", Outcome.FAILED)
    assert await configured({"protocol": "h2c"}, {"protocol": ""}).explained(seen) is seen
