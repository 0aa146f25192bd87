import pytest

from gate.local.admin.pages import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, page
from gate.local.api.errors import ApiError, Code

ITEMS = [(f"{number:04d}", number) for number in range(1, 2_001)]


def test_pages_follow_each_other_to_the_end():
    seen, token = [], ""
    while True:
        cut = page(ITEMS, 700, token, "here")
        seen += cut.items
        token = cut.next_token
        if not token:
            break
    assert seen == [number for _, number in ITEMS]


def test_a_page_has_a_default_and_a_largest_size():
    assert len(page(ITEMS, 0, "", "here").items) == DEFAULT_PAGE_SIZE
    assert len(page(ITEMS, 5_000, "", "here").items) == MAX_PAGE_SIZE


def test_the_last_page_has_no_token():
    assert page(ITEMS[:3], 3, "", "here").next_token == ""
    assert page([], 3, "", "here").items == []


def test_an_item_that_went_away_costs_no_other():
    token = page(ITEMS, 2, "", "here").next_token
    rest = [entry for entry in ITEMS if entry[1] not in (1, 2)]
    assert page(rest, 2, token, "here").items == [3, 4]


@pytest.mark.parametrize("token", ["x", "%%%", "////", "aGVyZQ=="])
def test_a_token_of_nobody_is_refused(token):
    with pytest.raises(ApiError) as caught:
        page(ITEMS, 2, token, "here!")
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_a_token_of_another_list_is_refused():
    token = page(ITEMS, 2, "", "here").next_token
    with pytest.raises(ApiError, match="another list"):
        page(ITEMS, 2, token, "there")


def test_a_negative_size_is_refused():
    with pytest.raises(ApiError, match="negative"):
        page(ITEMS, -1, "", "here")
