"""Rules that say what goes wrong: what they may be, and what is refused."""

import pytest

from gate.local.faults.rules import Fault, Rule, RuleError, parse_rules, shown_rule


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"rules": 1}, "rules: not a list"),
        ({"rules": [{}] * 101}, "rules: not a list of at most 100"),
        ({"rules": [3]}, "rules[0]: not an object"),
        ({"rules": [{"do": "explode"}]}, "rules[0].do: unknown (got 'explode', expected one of"),
        ({"rules": [{"do": "hold", "methd": "x"}]}, "rules[0].methd: unknown"),
        ({"rules": [{"do": "hold", "method": "GetServices"}]}, "rules[0].method: unknown"),
        ({"rules": [{"do": "fail-operation", "method": "GetService"}]}, "none for an operation"),
        ({"rules": [{"do": "hold", "skip": -1}]}, "rules[0].skip: got -1"),
        ({"rules": [{"do": "hold", "count": True}]}, "rules[0].count: got True"),
        ({"rules": [{"do": "hold", "odds": 1.5}]}, "rules[0].odds: got 1.5"),
        ({"rules": [{"do": "delay"}]}, "rules[0].seconds: got 0, expected more than 0"),
        ({"rules": [{"do": "hold", "seconds": 1}]}, "rules[0].seconds: got 1, expected none"),
        ({"rules": [{"do": "interfere"}]}, "rules[0]: shares and service: expected both"),
        ({"rules": [{"do": "hold", "service": "x"}]}, "expected neither for hold"),
        (
            {"rules": [{"do": "interfere", "service": "x", "shares": {"a": 90}}]},
            "rules[0].shares: percents must add up to 100",
        ),
        ({"rules": [{"do": "deny"}]}, "rules[0].permission: got '', expected one"),
        ({"rules": [{"do": "deny", "permission": "a.*"}]}, "permission: got 'a.*', expected one"),
        ({"rules": [{"do": "hold", "permission": "a.b"}]}, "got 'a.b', expected none"),
        ({"rule": []}, "rule: unknown (expected one of about, rules)"),
        ({"about": "x" * 201}, "about: not a text of at most 200"),
    ],
)
def test_rules_that_would_do_nothing_are_refused_with_their_place(body, said):
    with pytest.raises(RuleError) as refused:
        parse_rules(body)
    assert said in str(refused.value)


def test_what_is_not_said_has_its_default():
    (rule,) = parse_rules({"rules": [{"do": "hold"}]}).rules
    assert rule == Rule(Fault.HOLD)
    assert shown_rule(rule) == {"do": "hold"}


@pytest.mark.parametrize(
    "rule",
    [
        {"do": "drop-reply", "method": "UpdateService", "skip": 2, "count": 1, "odds": 0.25},
        {"do": "delay", "seconds": 1.5},
        {"do": "deny", "permission": "run.services.update"},
        {"do": "slow-traffic", "seconds": 3600},
        {"do": "interfere", "service": "s", "shares": {"a": 60, "LATEST": 40}, "caller": "eve"},
    ],
)
def test_a_rule_is_shown_as_it_was_given(rule):
    (read,) = parse_rules({"about": "x", "rules": [rule]}).rules
    assert shown_rule(read) == rule


def test_rules_are_about_requests_that_contain_their_text():
    rules = parse_rules({"about": "services/a"})
    assert rules.concerns(b"...services/a...")
    assert not rules.concerns(b"...services/b...")
    assert parse_rules({}).concerns(b"")
