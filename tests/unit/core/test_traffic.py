import pytest

from gate.core.traffic import Split, Target, shares_text
from gate.errors import ValueProblem


def test_an_empty_list_is_all_to_latest():
    split = Split.of([])
    assert split.shares == {None: 100}
    assert split.follows_latest


def test_normal_form_is_named_sorted_then_latest_then_tags():
    split = Split.of(
        [
            Target(None, 10),
            Target("b", 30, "two"),
            Target("a", 20),
            Target("b", 40),
            Target("c", 0, "one"),
            Target("d"),
        ]
    )
    assert list(split) == [
        Target("a", 20),
        Target("b", 70),
        Target(None, 10),
        Target("c", 0, "one"),
        Target("b", 0, "two"),
    ]


def test_lists_that_mean_the_same_are_equal():
    one = Split.of([Target("a", 50, "x"), Target("a", 50)])
    two = Split.of([Target("a", 0, "x"), Target("a", 100), Target("b", 0)])
    assert one == two
    assert hash(one) == hash(two)


@pytest.mark.parametrize("percents", [(99,), (50, 51), (0,), (100, 100)])
def test_percents_must_sum_to_a_hundred(percents):
    targets = [Target(f"r{i}", percent) for i, percent in enumerate(percents)]
    with pytest.raises(ValueProblem, match=rf"got {sum(percents)}, expected 100"):
        Split.of(targets)


@pytest.mark.parametrize("percent", [-1, 101])
def test_a_percent_is_within_its_range(percent):
    with pytest.raises(ValueProblem, match=rf"got {percent}, expected 0-100"):
        Target("a", percent)


@pytest.mark.parametrize("other", ["b", None])
def test_one_tag_points_at_one_revision(other):
    with pytest.raises(ValueProblem, match="'x' points at two revisions"):
        Split.of([Target("a", 100, "x"), Target(other, 0, "x")])
    with pytest.raises(ValueProblem, match="'x' points at two revisions"):
        Split.of([Target(other, 0, "x"), Target("a", 100, "x")])


def test_a_tag_may_be_said_twice():
    assert Split.of([Target("a", 100, "x"), Target("a", 0, "x")]).tags == {"x": "a"}


def test_pinning_gives_latests_share_to_what_it_means_now():
    split = Split.of([Target(None, 40), Target("a", 60), Target(None, 0, "nightly")])
    assert split.pinned("b").shares == {"a": 60, "b": 40}
    assert split.pinned("a").shares == {"a": 100}
    assert not split.pinned("b").follows_latest


def test_pinning_gives_tags_on_latest_the_revision_that_they_mean_now():
    split = Split.of([Target("a", 100), Target(None, 0, "prod"), Target("c", 0, "blue")])
    assert split.floating_tags == ("prod",)
    assert split.pinned("b").tags == {"prod": "b", "blue": "c"}
    assert split.pinned("b").floating_tags == ()
    assert split.pinned("").tags == split.tags  # LATEST means nothing


def test_tags_come_and_go_one_by_one():
    split = Split.all_to("a", {"blue": "a"})
    tagged = split.with_tag("green", "b")
    assert tagged.tags == {"blue": "a", "green": "b"}
    assert tagged.with_tag("green", "c").tags["green"] == "c"
    assert tagged.without_tag("green") == split
    assert split.without_tag("never-there") == split


def test_moving_keeps_every_tag():
    split = Split.of([Target(None, 50), Target("a", 50, "blue"), Target(None, 0, "nightly")])
    moved = split.moved_to("c")
    assert moved.shares == {"c": 100}
    assert moved.tags == split.tags


def test_shares_of_one_with_tags_of_the_other():
    both = Split.all_to("a", {"x": "a"}).with_shares_of(Split.all_to("b", {"y": "b"}))
    assert both == Split.all_to("b", {"x": "a"})


def test_the_sole_revision():
    assert Split.all_to("a").sole_revision == "a"
    assert Split.of([]).sole_revision is None
    assert Split.of([Target("a", 50), Target("b", 50)]).sole_revision is None


def test_share_of():
    split = Split.of([Target("a", 30), Target(None, 70)])
    assert (split.share_of("a"), split.share_of("b")) == (30, 0)


def test_in_words():
    tags = [Target("b", 0, "x"), Target(None, 0, "y")]
    split = Split.of([Target("a", 90), Target(None, 10), *tags])
    assert str(split) == "a 90 %, LATEST 10 %, x -> b, y -> LATEST"
    assert shares_text(split.shares) == "a 90 %, LATEST 10 %"
    assert shares_text({}) == "nothing"
