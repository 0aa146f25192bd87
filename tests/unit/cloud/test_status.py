import pytest

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.failure import Code, Failure
from gate.cloud.status import TEXT_MAX, Call, refusal, refused_with, scrub
from gate.errors import (
    AccessError,
    ConflictError,
    InfrastructureError,
    NotFoundError,
    UnavailableError,
)

PLACE = Place(Api.RUN, Endpoint(), "us-central1")
CALL = Call(PLACE, "service a/b/c")


def error(code, words="words", **more):
    return {"error": {"code": code, "message": words, **more}}


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (404, "NOT_FOUND", NotFoundError),
        (401, "UNAUTHENTICATED", AccessError),
        (403, "PERMISSION_DENIED", AccessError),
        (409, "ABORTED", ConflictError),
        (409, "", ConflictError),
        (503, "UNAVAILABLE", UnavailableError),
        (502, "", UnavailableError),
        (409, "ALREADY_EXISTS", InfrastructureError),
        (400, "FAILED_PRECONDITION", InfrastructureError),
        (404, "", InfrastructureError),
    ],
)
def test_each_status_has_its_exception(status, name, kind):
    failure = refused_with(status, error(status, status=name), b"")
    found = refusal(failure, CALL, 1, in_doubt=False)
    assert type(found) is kind
    assert found.message.startswith("service a/b/c: ")
    assert "words" in found.message


def test_a_page_that_is_not_googles_says_nothing_of_the_service():
    page = b"<html><style>p {}</style><title>404</title>\n<p>Not <b>here</b>"
    failure = refused_with(404, None, page)
    assert failure.text == "HTTP 404: 404 Not here"
    assert type(refusal(failure, CALL, 1, in_doubt=False)) is InfrastructureError


def test_an_answer_without_words_is_told_by_its_status():
    assert refused_with(500, None, b"").text == "HTTP 500: no text"
    assert refused_with(500, {"error": {"code": 500}}, b"").code is Code.INTERNAL


def test_fields_that_are_wrong_are_named_once():
    violations = [
        {"field": "a", "description": "is said already"},
        {"field": "spec.traffic", "description": "too many"},
    ]
    details = [
        {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}
    ]
    failure = refused_with(400, error(400, "it is said already", details=details), b"")
    assert failure.text == "it is said already; spec.traffic: too many"


@pytest.mark.parametrize("body", [{"error": "x"}, {"error": {"details": [1, {}], "message": 3}}])
def test_errors_of_a_strange_form_are_told_all_the_same(body):
    assert refused_with(400, body, b"raw").code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize("code", [Code.UNKNOWN, Code.CANCELLED, Code.INTERNAL])
def test_a_write_of_unknown_end_may_have_happened(code):
    write = Call(PLACE, "service a/b/c", writes=True)
    found = refusal(Failure(code, "words"), write, 2, in_doubt=False)
    assert isinstance(found, UnavailableError)
    assert "in 2 tries; the update may have happened" in found.message


def test_a_write_that_was_not_sent_has_not_happened():
    write = Call(PLACE, "service a/b/c", writes=True)
    found = refusal(Failure(Code.UNAVAILABLE, "no", sent=False), write, 1, in_doubt=False)
    assert "may have happened" not in found.message


def test_somebody_elses_text_is_bounded_on_one_line_and_without_tokens():
    text = scrub(
        "a\n b ya29.secret-token 1//0123456789abcdefghijk Bearer abcdefghijkl " + "x" * 5000
    )
    assert text.startswith("a b [token] [token] ")
    assert "abcdefghijkl" not in text
    assert len(text) <= TEXT_MAX + 3


@pytest.mark.parametrize("seen", ["connection refused", "no such host"])
def test_an_emulator_that_is_not_there_is_told_by_its_variable(seen):
    place = Place(Api.LOGGING, Endpoint("127.0.0.1:1"))
    failure = Failure(Code.UNAVAILABLE, "x", sent=False, nobody=seen)
    found = refusal(failure, Call(place, "ledger"), 3, in_doubt=False)
    assert found.message == (
        f"LOGGING_EMULATOR_HOST: nothing answers (got {seen} at 127.0.0.1:1, "
        "expected an emulator of Cloud Logging)"
    )
