"""The algebra of traffic splits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.traffic import Split, Target
from gate.errors import ValueProblem

NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
REVISIONS = st.none() | NAMES
TAGS = st.dictionaries(st.sampled_from(["blue", "green", "nightly", "candidate"]), REVISIONS)


@st.composite
def splits(draw):
    cuts = sorted(draw(st.lists(st.integers(0, 100), max_size=4)))
    parts = [high - low for low, high in zip([0, *cuts], [*cuts, 100], strict=True)]
    targets = [Target(draw(REVISIONS), percent) for percent in parts]
    targets += [Target(revision, 0, tag) for tag, revision in draw(TAGS).items()]
    return Split.of(draw(st.permutations(targets)))


def whole(split):
    return sum(split.shares.values()) == 100 and Split.of(split) == split


@given(splits())
def test_normal_form_is_its_own_normal_form(split):
    assert whole(split)
    assert Split.of(reversed(list(split))) == split


@given(splits(), NAMES, NAMES)
def test_every_operation_gives_a_whole_split(split, name, other):
    for made in (
        split.pinned(name),
        split.with_tag("candidate", name),
        split.without_tag("candidate"),
        split.moved_to(name),
        split.with_shares_of(Split.all_to(other)),
    ):
        assert whole(made)


@given(splits(), NAMES)
def test_pinning_is_by_name_once_and_for_all_percents_and_tags(split, latest):
    pinned = split.pinned(latest)
    assert not pinned.follows_latest
    assert pinned.tags == {tag: name or latest for tag, name in split.tags.items()}
    assert pinned.pinned("somewhere else") == pinned
    for name in split.shares:
        if name not in (None, latest):
            assert pinned.share_of(name) == split.share_of(name)
    assert pinned.share_of(latest) == split.shares.get(None, 0) + split.share_of(latest)


@given(splits(), NAMES)
def test_a_tag_that_is_given_can_be_taken_back(split, name):
    tagged = split.with_tag("candidate", name)
    assert tagged.tags["candidate"] == name
    assert tagged.shares == split.shares
    assert tagged.without_tag("candidate") == split.without_tag("candidate")
    others = {tag: to for tag, to in split.tags.items() if tag != "candidate"}
    assert tagged.without_tag("candidate").tags == others


@given(splits(), NAMES, NAMES)
def test_tags_do_not_touch_percents_and_percents_do_not_touch_tags(split, name, other):
    assert split.moved_to(name).with_tag("x", other) == split.with_tag("x", other).moved_to(name)
    assert split.moved_to(name).tags == split.tags
    assert split.moved_to(name).shares == {name: 100}


@given(splits(), splits())
def test_the_way_back_has_the_old_percents_and_the_new_tags(before, after):
    back = after.with_shares_of(before)
    assert (back.shares, back.tags) == (before.shares, after.tags)


@given(splits(), NAMES)
def test_moving_there_and_back_is_where_we_were(split, name):
    assert split.moved_to(name).with_shares_of(split) == split


@given(st.lists(st.builds(Target, REVISIONS, st.integers(0, 100)), min_size=1, max_size=5))
def test_a_list_is_taken_if_and_only_if_it_sums_to_a_hundred(targets):
    total = sum(target.percent for target in targets)
    if total == 100:
        assert whole(Split.of(targets))
    else:
        with pytest.raises(ValueProblem):
            Split.of(targets)


@given(splits(), splits())
def test_equal_splits_say_the_same_and_hash_the_same(one, other):
    assert (one == other) == ((one.shares, one.tags) == (other.shares, other.tags))
    if one == other:
        assert hash(one) == hash(other)
        assert str(one) == str(other)
