"""The stream probe against real servers: what a good stream is, and every way to be none."""

import asyncio
import json
import re
import zlib

import pytest

from gate.core.evidence import Outcome, Symptom
from gate.core.expectations import Pattern
from gate.core.policy import IdentityRule, Probe
from gate.core.redaction import Redactor
from gate.kinds.stream import AwaitEvent, Format, Ids, StreamProbe
from gate.ports import Configuration, Target
from gate.probes.runner import ProbeRunner
from tests.contract.probe_servers import SECRETS, TOKEN, SystemClock, ask, http, tcp
from tests.contract.stream_servers import serving

NAMES = ("started", "delta", "done")
IN_ORDER = tuple(AwaitEvent(event=name) for name in NAMES)
DONE = StreamProbe("/s", events=IN_ORDER, end=True, within_s=8, first_within_s=5)


def only(evidence, symptom, outcome=Outcome.FAILED):
    assert evidence.outcome is outcome, evidence
    assert [one.symptom for one in evidence.findings] == [symptom], evidence
    return evidence.findings[0]


async def told(client, names=NAMES, gap_s=0.0):
    await client.begin()
    for number, name in enumerate(names, 1):
        await client.event(json.dumps({"n": number}), name, number)
        await asyncio.sleep(gap_s)


async def good(client):
    await told(client)
    await client.end()


async def of(answer, spec=DONE, **options):
    async with tcp(serving(answer)) as place:
        return await ask(spec, place, **options)


async def test_events_in_order_and_the_end_are_a_pass():
    heads = []

    async def answer(client):
        heads.append(client)
        await good(client)

    spec = StreamProbe(
        "/s", "POST", (("X-User", "${alice}"),), {"q": "${nonce}"}, events=IN_ORDER, end=True
    )
    evidence = await of(answer, spec)
    assert evidence.passed, evidence
    assert (evidence.kind, evidence.asked) == ("stream", "POST /s, streamed")
    assert evidence.seen.startswith("3 events, the first after ")
    assert any("#1 +0." in line and '< delta id 2 {"n": 2}' in line for line in evidence.excerpts)
    assert heads[0].header("accept") == "text/event-stream"
    assert heads[0].header("x-user") == TOKEN.lower()
    assert json.loads(heads[0].body)["q"].startswith("gate")
    assert TOKEN not in repr(evidence)
    assert ("event delta", "n") in evidence.shape.places


@pytest.mark.parametrize(
    ("names", "seen"),
    [
        (("delta", "started", "done"), "started, then"),
        (("started", "done"), ""),
        (("started", "delta"), ""),
        ((), "no event"),
    ],
)
async def test_what_is_lost_or_out_of_order_is_missing_at_the_end(names, seen):
    async def answer(client):
        await told(client, names)
        await client.end()

    finding = only(await of(answer), Symptom.SEQUENCE)
    assert finding.seen.startswith("its end after 0.")
    assert finding.expected == next(
        name for at, name in enumerate(NAMES) if _subsequence(names) == at
    )


def _subsequence(names):
    at = 0
    for name in names:
        at += at < len(NAMES) and name == NAMES[at]
    return at


async def test_an_event_that_comes_twice_fails_a_sequence_that_allows_it_once():
    async def answer(client):
        await told(client, ("started", "delta", "delta", "done"))
        await client.end()

    once = StreamProbe("/s", events=(AwaitEvent(sequence=NAMES, once=True),))
    assert only(await of(answer, once), Symptom.SEQUENCE).seen == (
        "delta once more after started → delta"
    )


@pytest.mark.parametrize(
    ("ids", "wanted", "seen"),
    [
        ((1, 2, 2), Ids.UNIQUE, "the id 2 twice"),
        ((1, 3), Ids.CONSECUTIVE, "id 3 after 1"),
        ((2, 1), Ids.CONSECUTIVE, "id 1 after 2"),
        ((1, None), Ids.CONSECUTIVE, "no id"),
        (("a",), Ids.CONSECUTIVE, "the id a"),
        ((1, 1), Ids.CONSECUTIVE, "id 1 after 1"),
    ],
)
async def test_ids_are_as_they_must_be(ids, wanted, seen):
    async def answer(client):
        await client.begin()
        for one in ids:
            await client.event("x", id=one)
        await client.end()

    spec = StreamProbe("/s", ids=wanted, end=True)
    assert only(await of(answer, spec), Symptom.SEQUENCE).seen == seen


@pytest.mark.parametrize(
    ("more", "symptom", "seen"),
    [
        ({"each": Pattern(json={"n": 1})}, Symptom.BODY, "event 2 with /n = 2"),
        ({"never": Pattern(json={"n": 3})}, Symptom.FORBIDDEN, '{"n": 3}'),
        ({"least": 4}, Symptom.SEQUENCE, "its end after 0."),
        ({"events": (AwaitEvent(Pattern(json={"n": 9})),)}, Symptom.SEQUENCE, "its end after 0."),
    ],
)
async def test_what_events_say_is_looked_at(more, symptom, seen):
    finding = only(await of(good, StreamProbe("/s", **{"end": True, **more})), symptom)
    assert finding.seen.startswith(seen)


async def test_we_hang_up_once_all_has_come():
    gone = asyncio.Event()

    async def answer(client):
        await told(client)
        await client.gone()
        gone.set()

    async with tcp(serving(answer)) as place:
        evidence = await ask(StreamProbe("/s", events=IN_ORDER), place)
        assert evidence.passed, evidence
        await asyncio.wait_for(gone.wait(), 5)


async def test_a_stream_that_must_stay_open_does_until_we_hang_up():
    async def answer(client):
        await told(client)
        await client.gone()

    evidence = await of(answer, StreamProbe("/s", for_s=0.5))
    assert evidence.passed, evidence
    assert evidence.duration_s >= 0.5
    early = only(await of(good, StreamProbe("/s", for_s=5)), Symptom.SEQUENCE)
    assert (early.seen[:10], early.expected) == ("its end af", "open for 5 s")


async def test_a_stream_that_must_end_and_does_not_fails():
    async def answer(client):
        await told(client)
        await client.gone()

    spec = StreamProbe("/s", end=True, within_s=0.5, first_within_s=0.5)
    finding = only(await of(answer, spec), Symptom.TIMEOUT)
    assert finding.seen.startswith("still open after 0.5 s: 3 events")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "more", [{"first_within_s": 0.2}, {"spread_s": 0.4}], ids=["first", "spread"]
)
async def test_what_is_buffered_until_the_end_is_told_as_that(packed, more):
    async def answer(client):
        await asyncio.sleep(0.6)
        events = b"".join(b"data: %d\n\n" % number for number in range(5))
        await client.whole(events, packed=packed)

    evidence = await of(answer, StreamProbe("/s", **more))
    finding = only(evidence, Symptom.SLOW)
    told = r"all at once at the end: 5 events after [\d.]+ s of nothing: buffered"
    assert re.fullmatch(told, finding.seen)
    assert ("compresses" in finding.hint) is packed


async def test_a_compressed_stream_that_is_flushed_is_as_good_as_a_plain_one():
    async def answer(client):
        await client.begin(more=b"content-encoding: gzip\r\n")
        packer = zlib.compressobj(wbits=31)
        for number in range(4):
            data = packer.compress(b"data: %d\n\n" % number) + packer.flush(zlib.Z_SYNC_FLUSH)
            await client.piece(data)
            await asyncio.sleep(0.15)
        await client.piece(packer.flush())
        await client.end()

    spec = StreamProbe("/s", spread_s=0.05, least=4, end=True)
    assert (await of(answer, spec)).passed


async def test_a_first_event_that_comes_late_is_told_with_its_time():
    async def answer(client):
        await client.begin()
        await asyncio.sleep(0.5)
        await client.event("x")
        await client.gone()

    finding = only(await of(answer, StreamProbe("/s", first_within_s=0.2)), Symptom.SLOW)
    assert re.match(r"the first event after [\d.]+ s", finding.seen)
    assert finding.expected == "the first event within 0.2 s"


@pytest.mark.parametrize(
    ("more", "seen"),
    [
        ({"gap_s": 0.3}, "no event for 0.3 s after 3 events"),
        ({"silence_s": 0.3}, "nothing, not even a comment, for 0.3 s after 3 events"),
        ({"events": (AwaitEvent(event="more", within_s=0.3),)}, "no event within 0.3 s"),
    ],
)
async def test_a_stream_that_falls_silent_is_told_with_its_limit(more, seen):
    async def answer(client):
        await told(client)
        await client.gone()

    spec = StreamProbe("/s", **{"for_s": 10, **more})
    assert only(await of(answer, spec), Symptom.TIMEOUT).seen.startswith(seen)


async def test_comments_break_a_silence_and_are_no_events():
    async def answer(client):
        await client.begin()
        await client.event("x")
        while True:
            await client.piece(b": ping\n\n")
            await asyncio.sleep(0.05)

    spec = StreamProbe("/s", for_s=1.2, silence_s=0.8)
    assert (await of(answer, spec)).passed
    gap = StreamProbe("/s", for_s=2, gap_s=0.5)
    only(await of(answer, gap), Symptom.TIMEOUT)


# After a cut.


def resuming(*, heeds=True, skips=0, ids=True):
    asked = []

    async def answer(client):
        last = client.header("last-event-id")
        asked.append(last)
        start = int(last) + 1 + skips if last and heeds else 1
        await client.begin()
        for number in range(start, 7):
            await client.event(number, id=number if ids else None)
        await client.end()

    return answer, asked


async def test_a_stream_goes_on_after_a_cut_from_the_last_id():
    answer, asked = resuming()
    steps = tuple(AwaitEvent(Pattern(json=number)) for number in range(1, 7))
    spec = StreamProbe("/s", resume_after=2, events=steps, end=True)
    evidence = await of(answer, spec)
    assert evidence.passed, evidence
    assert asked == ["", "2"]
    assert any("Last-Event-ID: 2" in line for line in evidence.excerpts)


@pytest.mark.parametrize("cut", [1, 2])
@pytest.mark.parametrize(
    ("how", "seen"),
    [
        ({"heeds": False}, "the id 1 once more, after a cut and Last-Event-ID: {cut}"),
        ({"skips": 1}, "id {next} after a cut and Last-Event-ID: {cut}"),
        ({"ids": False}, "no id in the events before the cut"),
    ],
)
async def test_a_repeat_and_a_gap_after_a_cut_fail(cut, how, seen):
    answer, _ = resuming(**how)
    finding = only(await of(answer, StreamProbe("/s", resume_after=cut)), Symptom.SEQUENCE)
    assert finding.seen == seen.format(cut=cut, next=cut + 2)


@pytest.mark.parametrize("own", ["9" * 6000, "\xb2", "one", "-1"])
async def test_an_id_that_nobody_counts_by_is_told(own):
    async def answer(client):
        await client.begin()
        await client.event("x", id=1)
        await client.event("y", id=own)
        await client.end()

    spec = StreamProbe("/s", ids=Ids.CONSECUTIVE, end=True)
    finding = only(await of(answer, spec), Symptom.SEQUENCE)
    assert finding.seen.startswith(f"the id {own[:50]}")
    assert (await of(answer, StreamProbe("/s", ids=Ids.UNIQUE, end=True))).passed


async def test_nothing_after_a_cut_fails():
    async def answer(client):
        await client.begin()
        if not client.header("last-event-id"):
            await client.event("x", id=1)
            await client.gone()
        await client.end()

    finding = only(await of(answer, StreamProbe("/s", resume_after=1)), Symptom.SEQUENCE)
    assert finding.seen.endswith("none of them after the cut")


# Other formats.


async def test_lines_of_json_are_events_named_by_their_type():
    async def answer(client):
        await client.begin(b"application/x-ndjson; charset=utf-8")
        await client.piece(b'{"type": "started"}\n\n{"ty')
        await client.piece(b'pe": "delta"}\r\n{"type": "done"}')
        await client.end()

    spec = StreamProbe("/s", format=Format.LINES, events=IN_ORDER, end=True)
    assert (await of(answer, spec)).passed


async def test_pieces_are_counted_as_they_come():
    async def answer(client):
        await client.begin(b"text/plain")
        for _ in range(3):
            await client.piece(b"abc")
            await asyncio.sleep(0.1)
        await client.end()

    spec = StreamProbe("/s", format=Format.PIECES, least=3, end=True, spread_s=0.1)
    assert (await of(answer, spec)).passed


# Not to be read, or no stream at all.


@pytest.mark.parametrize(
    ("content_type", "more", "passes"),
    [
        (b"application/json", {}, False),
        (b"text/event-stream; charset=utf-8", {}, True),
        (b"application/json", {"content_type": "application/json"}, True),
    ],
)
async def test_the_media_type_is_the_formats(content_type, more, passes):
    async def answer(client):
        await client.whole(b"data: x\n\n", content_type)

    evidence = await of(answer, StreamProbe("/s", **more))
    if passes:
        assert evidence.passed, evidence
    else:
        assert only(evidence, Symptom.HEADER).expected == "content-type: text/event-stream"


async def test_an_end_in_the_middle_of_an_event_is_told():
    async def answer(client):
        await client.whole(b"data: x\n\ndata: y\n")

    finding = only(await of(answer, StreamProbe("/s", end=True)), Symptom.PROTOCOL)
    assert finding.seen == "its end in the middle of an event (7 bytes of it)"


async def test_a_connection_that_breaks_off_is_told_with_what_had_come():
    finding = only(await of(told), Symptom.ABNORMAL)
    assert "broke off" in finding.seen
    assert "3 events" in finding.seen


async def test_an_event_without_end_is_bounded():
    async def answer(client):
        await client.begin()
        while True:
            await client.piece(b"data: " + b"x" * 65_000)

    only(await of(answer, StreamProbe("/s")), Symptom.TOO_LARGE)


async def test_bytes_that_are_no_http_and_no_gzip_are_told():
    async def garbage(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x00\x01 nonsense\r\n\r\n")

    async with tcp(garbage) as place:
        only(await ask(DONE, place), Symptom.PROTOCOL)

    async def answer(client):
        await client.begin(more=b"content-encoding: gzip\r\n")
        await client.piece(b"data: x\n\n")
        await client.gone()

    only(await of(answer), Symptom.PROTOCOL)


async def test_no_answer_is_waited_for_with_the_policys_limit():
    async def answer(client):
        await client.gone()

    spec = StreamProbe("/s", first_within_s=0.2, within_s=0.4)
    finding = only(await of(answer, spec), Symptom.TIMEOUT)
    assert (finding.seen, finding.expected) == (
        "no answer within 0.4 s",
        "the first event within 0.2 s",
    )


async def test_an_address_that_is_not_reached_says_nothing_of_the_candidate():
    async with tcp(serving(good)) as place:
        pass
    only(await ask(DONE, place), Symptom.CONNECT, Outcome.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("status", "body", "symptom", "outcome"),
    [
        ("500 Internal Server Error", b"oops", Symptom.STATUS, Outcome.FAILED),
        ("504 Gateway Timeout", b"upstream request timeout", Symptom.PLATFORM, Outcome.FAILED),
        (
            "403 Forbidden",
            b"Your client does not have permission to get URL",
            Symptom.PLATFORM,
            Outcome.INCONCLUSIVE,
        ),
        ("307 Temporary Redirect", b"", Symptom.REDIRECT, Outcome.FAILED),
    ],
)
async def test_another_status_is_whoevers_it_is(status, body, symptom, outcome):
    async with tcp(http(body, status, b"content-type: text/plain\r\n")) as place:
        only(await ask(DONE, place), symptom, outcome)


async def test_another_revisions_stream_is_no_evidence():
    async def answer(client):
        await client.begin(more=b"x-revision: b-00001-old\r\n")
        await client.event("x")
        await client.gone()

    rule, spec = IdentityRule("x-revision"), StreamProbe("/s")
    async with tcp(serving(answer)) as place:
        other = await ask(spec, place, revision="b-00002-new", identity=rule)
        right = await ask(spec, place, revision="b-00001-old", identity=rule)
    only(other, Symptom.IDENTITY, Outcome.INCONCLUSIVE)
    assert (right.passed, right.answered_by) == (True, "b-00001-old")


class Configured:
    """Says that every revision has this request timeout."""

    def __init__(self, timeout_s):
        self.fields = {} if timeout_s is None else {"timeout_s": timeout_s}

    async def of(self, _):
        return Configuration({}, {}, self.fields)


@pytest.mark.parametrize(
    ("timeout_s", "seen"),
    [("0.3", "cut by Cloud Run at the request timeout (0.3 s): 3 events"), ("60", ""), (None, "")],
)
async def test_a_cut_at_the_request_timeout_is_told_as_that(timeout_s, seen):
    async with tcp(serving(told)) as place:
        runner = ProbeRunner(
            {}, None, SystemClock(), Redactor({}), configurations=Configured(timeout_s)
        )
        target = Target(f"http://{place}", "b-00001-new")
        (evidence,) = await runner.run([Probe("p", DONE)], target, lambda _: None)
    assert only(evidence, Symptom.ABNORMAL).seen.startswith(seen or "the connection broke off")


async def test_the_front_ends_last_words_are_its_own():
    async def answer(client):
        await told(client)
        await client.piece(b"upstream request timeout")
        await client.end()

    finding = only(await of(answer, StreamProbe("/s", for_s=9)), Symptom.ABNORMAL)
    assert finding.seen.startswith("cut by Cloud Run at the request timeout (")


# Many.


async def test_many_streams_are_open_together_each_with_its_user():
    open_now, most = 0, 0
    seen, everybody = [], asyncio.Event()

    async def answer(client):
        nonlocal open_now, most
        seen.append(client.header("authorization"))
        open_now += 1
        most = max(most, open_now)
        if open_now == 12:
            everybody.set()
        await client.begin()
        await asyncio.wait_for(everybody.wait(), 8)
        await client.event(client.header("x-nonce"))
        await client.end()

    spec = StreamProbe(
        "/s",
        headers=(("X-Nonce", "${nonce}"), ("Authorization", "Bearer ${user}")),
        users=("alice", "bob"),
        connections=12,
        events=(AwaitEvent(Pattern(json="${nonce}")),),
    )
    evidence = await of(answer, spec)
    assert evidence.passed, evidence
    assert (most, evidence.right_times) == (12, 12)
    assert evidence.seen.startswith("12 of 12 sessions right: 12 events, the first after ")
    assert sorted(seen) == sorted(
        [f"bearer {SECRETS[user].lower()}" for user in ("alice", "bob")] * 6
    )
    assert TOKEN not in repr(evidence)


async def test_an_event_that_reaches_another_users_stream_is_foreign():
    clients = []

    async def answer(client):
        await client.begin()
        clients.append(client)
        if len(clients) == 2:
            for one in clients:
                for other in clients:
                    await one.event(other.header("authorization"))
        await client.gone()

    spec = StreamProbe(
        "/s",
        headers=(("Authorization", "${nonce}"),),
        connections=2,
        events=(AwaitEvent(Pattern(json="${nonce}")),),
        least=2,
    )
    evidence = await of(answer, spec)
    assert evidence.outcome is Outcome.FAILED
    assert evidence.findings[0].symptom is Symptom.FOREIGN
