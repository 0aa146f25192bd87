import pytest

from gate.cloud.failure import Code, Failure, code_of


@pytest.mark.parametrize(
    ("status", "name", "code"),
    [
        (409, "ALREADY_EXISTS", Code.ALREADY_EXISTS),
        (409, "ABORTED", Code.ABORTED),
        (409, "", Code.ABORTED),
        (400, "FAILED_PRECONDITION", Code.FAILED_PRECONDITION),
        (400, "NOVEL", Code.INVALID_ARGUMENT),
        (404, "NOT_FOUND", Code.NOT_FOUND),
        (404, "", Code.FAILED_PRECONDITION),  # anybody on the way may say so
        (418, "", Code.FAILED_PRECONDITION),
        (302, "", Code.FAILED_PRECONDITION),
        (502, "", Code.UNAVAILABLE),
        (507, "", Code.UNKNOWN),
    ],
)
def test_the_name_goes_before_the_http_status(status, name, code):
    assert code_of(status, name) is code


def test_what_was_not_sent_has_not_happened():
    assert Failure(Code.UNAVAILABLE, "x").unclear
    assert not Failure(Code.UNAVAILABLE, "x", sent=False).unclear
    assert not Failure(Code.ABORTED, "x").unclear
