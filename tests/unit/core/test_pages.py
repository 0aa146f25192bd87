"""Shapes of HTML pages: what is broken, what is told, and what may differ."""

import pytest

from gate.core.pages import Page, broken_pages, unlike_pages

COUNTS = {"h1": 1, "form": 1, "input": 2, "a": 10, "img": 0}
WAS = Page("$", 5000, "Notes", COUNTS)


def page(size=5000, title="Notes", braces=(), **counts):
    return Page("$", size, title, {**COUNTS, **counts}, braces)


@pytest.mark.parametrize(
    ("now", "broken", "told"),
    [
        (page(), [], []),
        (page(5900, a=12), [], []),
        (page(0), ["an empty page"], []),
        (Page("$", 90, "Notes", {"h1": 0}, (), 0), ["an empty page"], []),
        (Page("$", 4000, "Notes", {**COUNTS, "script": 1}, (), 0), [], []),
        (
            page(braces=("{{ a }}", "<%= b %>")),
            ["a template that nobody rendered: {{ a }}, <%= b %>"],
            [],
        ),
        (page(title=""), [], ['no title (stable: "Notes")']),
        (page(title="Error"), [], ['another title: "Error" (stable: "Notes")']),
        (page(900), [], ["900 bytes (stable: 5000 bytes)"]),
        (page(20_000), [], ["20000 bytes (stable: 5000 bytes)"]),
        (page(form=0, h1=0), [], ["no main headings (stable: 1)", "no forms (stable: 1)"]),
        (page(a=4), [], ["4 links (stable: 10)"]),
        (page(a=5), [], []),
    ],
)
def test_what_is_told_of_a_page(now, broken, told):
    assert [text for text, _ in broken_pages([now], [WAS])] == broken
    found = list(unlike_pages([now], [WAS]))
    assert found == told or now.empty


def test_what_stable_has_too_or_what_varies_between_its_own_answers_is_nothing():
    braces = page(braces=("{{ x }}",))
    assert not [*broken_pages([braces], [WAS, braces])]
    assert not [*broken_pages([page(0)], [page(0)])]
    assert not [*unlike_pages([page(title="b", size=900, a=1)], [page(), page(900, "a", a=1)])]
    other = Page("step 2, read", 0)
    assert not [*broken_pages([other], [WAS])]
    was = Page("step 2, read", 5000)
    assert next(broken_pages([other], [was]))[0] == "step 2, read: an empty page"


def test_texts_are_made_fit_to_show():
    clean = Page("$", 1, "a\x1b", {}, ("{{ s3cret }}",)).cleaned(
        lambda text: text.replace("s3cret", "[secret]").replace("\x1b", "")
    )
    assert (clean.title, clean.braces) == ("a", ("{{ [secret] }}",))
