"""Label selectors."""

import pytest

from gate.local.admin.v1.selectors import parse_selector
from gate.local.api.errors import ApiError, Code

LABELS = {"team": "blue", "example.com/tier": "web", "empty": ""}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("   ", True),
        ("team=blue", True),
        ("team = blue", True),
        ("team==blue", True),
        ("team=red", False),
        ("nobody=blue", False),
        ("empty=", True),
        ("team!=red", True),
        ("team != blue", False),
        ("nobody!=red", True),
        ("team", True),
        ("nobody", False),
        ("!team", False),
        ("!nobody", True),
        ("team in (red, blue)", True),
        ("team in (red)", False),
        ("nobody in (red)", False),
        ("team notin (red,green)", True),
        ("team notIn (blue)", False),
        ("nobody notin (blue)", True),
        ("example.com/tier=web,team=blue", True),
        ("example.com/tier=web , team in (red,green)", False),
        ("team in (red,blue),!nobody,empty", True),
    ],
)
def test_every_requirement_must_hold(text, matches):
    assert parse_selector(text).matches(LABELS) is matches


@pytest.mark.parametrize(
    "text",
    ["=blue", "team=blue,", ",team", "team in red", "team in ()x", "!team=blue", "a b", "team>1"],
)
def test_what_is_no_selector_is_refused(text):
    with pytest.raises(ApiError, match="labelSelector: ") as caught:
        parse_selector(text)
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_a_selector_of_any_length_is_read_or_refused():
    with pytest.raises(ApiError):
        parse_selector("a," * 200_000)
