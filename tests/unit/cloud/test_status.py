import pytest
from grpc import StatusCode

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.status import Call, refusal, scrub
from gate.errors import (
    AccessError,
    ConflictError,
    ExitCode,
    InfrastructureError,
    NotFoundError,
    UnavailableError,
)
from tests.unit.cloud.grpc_errors import failure

REAL = Place(Api.RUN, Endpoint())
LOCAL = Place(Api.RUN, Endpoint("127.0.0.1:7"))
READ = Call(REAL, "service p/r/s")
WRITE = Call(REAL, "service p/r/s", writes=True)
REFUSED = "failed to connect to all addresses; last error: connect: Connection refused (111)"


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (StatusCode.NOT_FOUND, NotFoundError, "does not exist"),
        (StatusCode.PERMISSION_DENIED, AccessError, "access denied"),
        (StatusCode.UNAUTHENTICATED, AccessError, "who is asking is not known"),
        (StatusCode.ABORTED, ConflictError, "somebody else changed it"),
        (StatusCode.ALREADY_EXISTS, InfrastructureError, "Cloud Run refused the call"),
        (StatusCode.INVALID_ARGUMENT, InfrastructureError, "Cloud Run refused the call"),
        (StatusCode.FAILED_PRECONDITION, InfrastructureError, "Cloud Run refused the call"),
        (StatusCode.UNIMPLEMENTED, InfrastructureError, "Cloud Run refused the call"),
        (StatusCode.UNAVAILABLE, UnavailableError, "no usable answer in 3 tries"),
        (StatusCode.DEADLINE_EXCEEDED, UnavailableError, "no usable answer in 3 tries"),
        (StatusCode.RESOURCE_EXHAUSTED, UnavailableError, "no usable answer in 3 tries"),
        (StatusCode.INTERNAL, UnavailableError, "no usable answer in 3 tries"),
    ],
)
@pytest.mark.parametrize("call", [READ, WRITE])
def test_each_status_becomes_one_exception_with_the_servers_text(code, kind, says, call):
    error = refusal(failure(code, "words of the server"), call, 3, in_doubt=False)
    assert type(error) is kind
    named_wrongly = kind is NotFoundError
    assert error.exit_code is (ExitCode.USAGE if named_wrongly else ExitCode.INFRASTRUCTURE)
    assert error.message.startswith("service p/r/s: ")
    assert says in error.message
    assert f"(got {code.name}: words of the server)" in error.message


def test_every_status_is_mapped():
    for code in StatusCode:
        for call in (READ, WRITE):
            assert isinstance(refusal(failure(code), call, 1, in_doubt=False), InfrastructureError)


@pytest.mark.parametrize(
    ("code", "call", "says_so"),
    [
        (StatusCode.UNAVAILABLE, WRITE, True),
        (StatusCode.UNKNOWN, WRITE, True),
        (StatusCode.CANCELLED, WRITE, True),
        (StatusCode.RESOURCE_EXHAUSTED, WRITE, False),
        (StatusCode.UNAVAILABLE, READ, False),
    ],
)
def test_a_write_without_an_answer_may_have_happened(code, call, says_so):
    error = refusal(failure(code), call, 1, in_doubt=False)
    assert isinstance(error, UnavailableError)
    assert ("may have happened" in error.message) is says_so


@pytest.mark.parametrize(
    "code", [StatusCode.ABORTED, StatusCode.ALREADY_EXISTS, StatusCode.NOT_FOUND]
)
def test_a_retry_refused_after_a_lost_answer_is_no_conflict(code):
    error = refusal(failure(code, "Conflict for resource 's'"), WRITE, 2, in_doubt=True)
    assert isinstance(error, UnavailableError)
    assert "may have happened" in error.message


@pytest.mark.parametrize(
    ("text", "seen"),
    [(REFUSED, "connection refused"), ("DNS resolution failed for x:1", "no such host")],
)
def test_nothing_at_an_emulators_address_names_the_variable(text, seen):
    call = Call(LOCAL, "service p/r/s", writes=True)
    error = refusal(failure(StatusCode.UNAVAILABLE, text), call, 4, in_doubt=False)
    assert isinstance(error, UnavailableError)
    assert error.message == (
        f"CLOUD_RUN_EMULATOR_HOST: nothing answers (got {seen} at 127.0.0.1:7, "
        "expected an emulator of Cloud Run)"
    )
    assert "gate local up" in error.hint


def test_a_connection_refused_by_google_is_told_as_it_is():
    error = refusal(failure(StatusCode.UNAVAILABLE, REFUSED), READ, 1, in_doubt=False)
    assert "no usable answer" in error.message
    assert "gate local up" not in error.hint
    write = refusal(failure(StatusCode.UNAVAILABLE, REFUSED), WRITE, 1, in_doubt=False)
    assert "may have happened" not in write.message


@pytest.mark.parametrize("code", [StatusCode.UNAUTHENTICATED, StatusCode.PERMISSION_DENIED])
def test_access_hints_at_the_login(code):
    assert "gcloud auth application-default login" in (
        refusal(failure(code), READ, 1, in_doubt=False).hint
    )


def test_a_token_that_cannot_be_refreshed_is_a_matter_of_access():
    text = "Getting metadata from plugin failed with error: ('invalid_grant: Bad Request',)"
    error = refusal(failure(StatusCode.UNAVAILABLE, text), READ, 1, in_doubt=False)
    assert isinstance(error, AccessError)
    assert "gcloud auth application-default login" in error.hint


def test_fields_that_the_server_names_are_shown_once():
    shown = refusal(
        failure(StatusCode.INVALID_ARGUMENT, "bad", "spec.traffic.tag", "too long"),
        WRITE,
        1,
        in_doubt=False,
    )
    assert "bad; spec.traffic.tag: too long" in shown.message
    once = refusal(
        failure(StatusCode.INVALID_ARGUMENT, "tag is too long", "spec.traffic.tag", "too long"),
        WRITE,
        1,
        in_doubt=False,
    )
    assert once.message.count("too long") == 1


def test_somebody_elses_text_is_bounded_on_one_line_and_without_tokens():
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
    opaque = "ya29.a0AfB_byC1234567890abcdef"
    line = scrub(f"a\n  b {token} Bearer abcdefghijkl {opaque} " + "x" * 100_000)
    assert "\n" not in line
    assert token not in line
    assert "abcdefghijkl" not in line
    assert opaque not in line
    assert len(line) < 1_100
