"""Which failures are tried again: over a scripted channel, without a socket and without waiting."""

import pytest
from google.protobuf.message import DecodeError
from grpc import StatusCode

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.wire import Method, Patience, Wire
from gate.errors import AccessError, ConflictError, InfrastructureError, UnavailableError
from tests.unit.cloud.grpc_errors import failure

READ = Method("/x.Y/Read", bytes, bytes)
WRITE = Method("/x.Y/Write", bytes, bytes, writes=True)
REAL = Place(Api.RUN, Endpoint())
LOCAL = Place(Api.RUN, Endpoint("127.0.0.1:7"))
REFUSED = failure(StatusCode.UNAVAILABLE, "connect: Connection refused (111)")
NO_TOKEN = failure(
    StatusCode.UNAVAILABLE, "Getting metadata from plugin failed with error: invalid_grant"
)
NO_NETWORK = failure(
    StatusCode.UNAVAILABLE,
    "Getting metadata from plugin failed with error: HTTPSConnectionPool: Max retries exceeded",
)


class Scripted:
    """A channel whose calls answer from a list; the last item repeats."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []
        self.closed = False

    def unary_unary(self, path, request_serializer, response_deserializer):
        async def ask(request, timeout, metadata):  # noqa: ASYNC109 - as grpc.aio has it
            self.asked.append((path, request, timeout, metadata))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask

    async def close(self, grace):
        self.closed = True


class Slept(list):
    async def __call__(self, seconds):
        self.append(seconds)


def wire_over(channel, place=REAL, patience=None):
    async def opened(_):
        return channel

    slept = Slept()
    return Wire(place, patience, slept, opened), slept


async def outcome(channel, method=READ, place=REAL, repeatable=True, patience=None):
    wire, slept = wire_over(channel, place, patience)
    try:
        answer = await wire.call(method, b"q", subject="thing", repeatable=repeatable)
    except InfrastructureError as error:
        answer = error
    return answer, slept


async def test_a_call_carries_its_deadline_and_routing():
    channel = Scripted(b"a")
    wire, _ = wire_over(channel)
    async with wire:
        routing = (("x-goog-request-params", "location=r"),)
        assert await wire.call(READ, b"q", subject="thing", routing=routing) == b"a"
    assert channel.asked == [("/x.Y/Read", b"q", READ.timeout_s, routing)]
    assert channel.closed


@pytest.mark.parametrize(
    "code",
    [
        StatusCode.UNAVAILABLE,
        StatusCode.DEADLINE_EXCEEDED,
        StatusCode.RESOURCE_EXHAUSTED,
        StatusCode.INTERNAL,
    ],
)
@pytest.mark.parametrize("method", [READ, WRITE])
async def test_what_may_pass_is_tried_again(code, method):
    answer, slept = await outcome(Scripted(failure(code), failure(code), b"a"), method)
    assert answer == b"a"
    assert len(slept) == 2


@pytest.mark.parametrize(
    "code",
    [
        StatusCode.NOT_FOUND,
        StatusCode.ABORTED,
        StatusCode.INVALID_ARGUMENT,
        StatusCode.PERMISSION_DENIED,
        StatusCode.UNAUTHENTICATED,
        StatusCode.FAILED_PRECONDITION,
        StatusCode.ALREADY_EXISTS,
        StatusCode.UNIMPLEMENTED,
    ],
)
async def test_what_will_not_pass_is_asked_once(code):
    channel = Scripted(failure(code))
    answer, slept = await outcome(channel)
    assert isinstance(answer, InfrastructureError)
    assert (len(channel.asked), slept) == (1, [])


async def test_waits_grow_with_jitter_and_end_with_the_budget():
    channel = Scripted(failure(StatusCode.UNAVAILABLE))
    patience = Patience(budget_s=20.0, first_wait_s=0.25, max_wait_s=5.0)
    answer, slept = await outcome(channel, patience=patience)
    assert isinstance(answer, UnavailableError)
    assert f"in {len(channel.asked)} tries" in answer.message
    assert 0.25 <= slept[0] <= 0.5
    assert 0.5 <= slept[1] <= 0.75
    assert max(slept) <= 5.0
    assert 10.0 < sum(slept) <= 20.0
    assert slept != [0.25 * 2**n for n in range(len(slept))]


async def test_an_emulator_that_is_not_there_is_given_up_soon():
    answer, slept = await outcome(Scripted(REFUSED), place=LOCAL)
    assert isinstance(answer, UnavailableError)
    assert answer.message.startswith("CLOUD_RUN_EMULATOR_HOST: nothing answers")
    assert sum(slept) <= 2.0


async def test_an_emulator_that_restarts_is_waited_for():
    answer, _ = await outcome(Scripted(REFUSED, REFUSED, b"a"), WRITE, LOCAL)
    assert answer == b"a"


async def test_credentials_that_fail_are_not_tried_again():
    channel = Scripted(NO_TOKEN)
    answer, _ = await outcome(channel)
    assert isinstance(answer, AccessError)
    assert len(channel.asked) == 1


async def test_a_token_server_out_of_reach_is_tried_again():
    answer, slept = await outcome(Scripted(NO_NETWORK, b"a"), WRITE, repeatable=False)
    assert (answer, len(slept)) == (b"a", 1)


@pytest.mark.parametrize("refused", [StatusCode.ABORTED, StatusCode.ALREADY_EXISTS])
async def test_a_write_refused_after_a_lost_answer_may_have_happened(refused):
    channel = Scripted(failure(StatusCode.UNAVAILABLE, "Socket closed"), failure(refused))
    answer, _ = await outcome(channel, WRITE)
    assert isinstance(answer, UnavailableError)
    assert "may have happened" in answer.message


@pytest.mark.parametrize(
    "first", [failure(StatusCode.RESOURCE_EXHAUSTED), REFUSED], ids=["quota", "connection"]
)
async def test_a_write_that_never_arrived_leaves_no_doubt(first):
    answer, _ = await outcome(Scripted(first, failure(StatusCode.ABORTED)), WRITE)
    assert isinstance(answer, ConflictError)


async def test_a_lost_answer_does_not_make_a_read_doubtful():
    lost = failure(StatusCode.UNAVAILABLE, "Socket closed")
    answer, _ = await outcome(Scripted(lost, failure(StatusCode.ABORTED)), READ)
    assert isinstance(answer, ConflictError)


async def test_a_write_that_is_not_repeatable_is_sent_once_unless_it_never_arrived():
    lost = Scripted(failure(StatusCode.UNAVAILABLE, "Socket closed"))
    answer, _ = await outcome(lost, WRITE, repeatable=False)
    assert isinstance(answer, UnavailableError)
    assert len(lost.asked) == 1
    answer, _ = await outcome(Scripted(REFUSED, b"a"), WRITE, repeatable=False)
    assert answer == b"a"


async def test_errors_carry_no_trace_of_the_library():
    answer, _ = await outcome(Scripted(failure(StatusCode.NOT_FOUND)))
    assert answer.__cause__ is None
    assert answer.__suppress_context__


async def test_an_answer_that_is_no_message_is_told_apart_from_silence():
    def decode(answer):
        raise DecodeError

    wire, _ = wire_over(Scripted(b"?"))
    for method, kind in (
        (Method("/x.Y/Read", bytes, decode), InfrastructureError),
        (Method("/x.Y/Write", bytes, decode, writes=True), UnavailableError),
    ):
        with pytest.raises(InfrastructureError, match=r"^thing: .*got 1 bytes") as caught:
            await wire.call(method, b"q", subject="thing")
        assert type(caught.value) is kind
