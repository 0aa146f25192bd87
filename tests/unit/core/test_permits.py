"""Who may do what."""

import pytest

from gate.core.permits import Permits, Who, matches

CI = "serviceAccount:ci@demo.iam.gserviceaccount.com"
BY_CREDENTIALS = True


@pytest.mark.parametrize(
    ("pattern", "name", "meant"),
    [
        (CI, "ci@demo.iam.gserviceaccount.com", True),
        ("user:*@example.com", "ana@example.com", True),
        ("*@example.com", "Ana@Example.com", True),
        ("*@example.com", "ana@example.com.evil.org", False),
        ("*@example.com", "ana@evil.org@example.com", False),
        ("*", "ana@example.com", False),
        ("ana@example.com", "banana@example.com", False),
        ("a.a@example.com", "aba@example.com", False),
        ("*@example.com", "", False),
    ],
)
def test_patterns_of_names(pattern, name, meant):
    assert matches([pattern], name) is meant


def test_a_verb_that_is_not_named_is_anybodys_and_one_without_names_nobodys():
    permits = Permits({"promote": ()})
    assert permits.refuses("rollback", Who()) == ""
    assert "nobody" in permits.refuses("promote", Who("ana@example.com", BY_CREDENTIALS))


def test_a_name_that_is_only_claimed_is_none_unless_the_policy_says_so():
    by_verb = {"promote": ("user:*@example.com",)}
    claimed = Who("ana@example.com")
    assert "own word" in Permits(by_verb).refuses("promote", claimed)
    assert Permits(by_verb, claimed=True).refuses("promote", claimed) == ""
    assert Permits(by_verb).refuses("promote", Who("ana@example.com", BY_CREDENTIALS)) == ""
    stranger = Permits(by_verb, claimed=True).refuses("promote", Who("eve@evil.org"))
    assert "got eve@evil.org" in stranger
