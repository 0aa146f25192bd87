"""Lists in answers: where they are, and whether their order is one."""

import pytest

from gate.core.lists import following, listed, orders


def notes(*values, name="id"):
    return [{name: value, "same": "x"} for value in values]


@pytest.mark.parametrize(
    ("value", "place", "id_name"),
    [
        (notes(1, 2), "$", "id"),
        ({"total": 2, "items": notes("a", "b", name="name")}, "$.items", "name"),
        ({"items": notes(1, 1)}, "$.items", ""),
        ({"items": [], "more": notes(1)}, "$.more", "id"),
    ],
)
def test_the_only_list_of_objects_is_the_list(value, place, id_name):
    found = listed(value)
    assert (found.place, found.id_name) == (place, id_name)


@pytest.mark.parametrize("value", [None, 1, [], [1], {"a": notes(1), "b": notes(2)}, {"a": [[]]}])
def test_of_several_or_of_none_there_is_none(value):
    assert listed(value) is None


@pytest.mark.parametrize(
    ("values", "sign"),
    [
        ((9, 7, 4, 1), ">"),
        ((1, 2, 3, 40), "<"),
        (("2026-01-04T08:00:00Z", "2026-01-03T08:00:00Z", "2026-01-02", "2026-01-01"), ">"),
        ((1, 2, 3), None),
        ((1, 2, 2, 3), None),
        ((1, 3, 2, 4), None),
        (("a", "b", "c", "d"), None),
        ((True, False, True, False), None),
    ],
)
def test_an_order_is_one_of_numbers_or_dates_that_no_chance_makes(values, sign):
    assert dict(orders(listed(notes(*values, name="at")))).get("at") == sign


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"next": "/a?page=2"}, ("$.next", "/a?page=2")),
        ({"links": {"next": {"href": "/b"}}}, ("$.links.next.href", "/b")),
        ({"next": None}, None),
        ({"next": "//other.example/"}, None),
        ({"next": "https://other.example/"}, None),
        ([], None),
    ],
)
def test_where_the_next_page_is(value, place):
    assert following(value) == place
