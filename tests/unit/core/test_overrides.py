"""Break glass: what sets rules aside, for how long, and what is said of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.core.approvals import ApprovalRule
from gate.core.overrides import RULES, Override, override
from gate.core.permits import Permits, Who
from gate.core.proof import Proving
from gate.core.state import Ending, Kind, Phase
from gate.errors import ValueProblem
from tests.unit.core.rollouts import (
    CANDIDATE,
    MOVED,
    NOW,
    OURS,
    STABLE,
    later,
    marked,
    plan,
    service,
)
from tests.unit.core.test_rules import NEW_YEAR, STOPPED, at_the_move, begun, on

ANA = Who("ana@example.com", authenticated=True)
NOBODY = {"allow": Permits({"rollout": (), "promote": (), "rollback": ()}), "who": ANA}
BROKEN = [
    ("stop", {}, {"stopped": STOPPED}),
    ("allow", NOBODY, {}),
    ("freeze", {"freeze": (NEW_YEAR,)}, {}),
    (
        "proof",
        {
            "proof": Proving(
                required=True, file="proof.json", policy_digest="d", contract_digest="c"
            )
        },
        {},
    ),
]


def aside(*rules, for_s=3600.0):
    return {"override": override(rules, NOW, for_s)}


@pytest.mark.parametrize(("rule", "asks", "says"), BROKEN)
def test_a_rule_that_is_set_aside_holds_nothing_and_is_told(rule, asks, says):
    seen = on(service(), **says)
    held = begun(plan(**asks), seen)
    assert (held.ending, held.verdict.reasons[0].subject) == (Ending.HELD, rule)
    r = begun(plan(**asks, **aside(rule)), seen)
    assert (r.phase, r.overrode) == (Phase.DEPLOYING, (rule,))
    assert any(note.startswith(f"OVERRIDDEN: {rule} (") for note in r.notes)
    others = [one for one in RULES if one != rule]
    still = begun(plan(**asks, **aside(*others)), seen)
    assert (still.ending, still.overrode) == (Ending.HELD, ())


def test_what_held_nothing_was_not_overridden():
    r = begun(plan(freeze=(NEW_YEAR,), **aside(*RULES)), service())
    assert r.overrode == ("freeze",)
    assert r.plan.overrides == RULES


def test_an_expired_override_is_none():
    asked = plan(freeze=(NEW_YEAR,), **aside("freeze", for_s=60.0))
    assert at_the_move(asked, marked(OURS), at=later(59)).phase is Phase.MOVING
    r = at_the_move(asked, marked(OURS), at=later(60))
    assert r.ending is Ending.HELD
    assert "the override has expired at 2026-01-01 12:01 UTC" in r.verdict.reasons[0].text


def test_approvals_can_be_set_aside_also_while_the_ledger_is_silent():
    asked = plan(approve=ApprovalRule(1), **aside("approve"))
    r = at_the_move(asked, marked(OURS))
    assert (r.phase, r.overrode) == (Phase.MOVING, ("approve",))
    by_hand = plan(Kind.PROMOTE, revision=CANDIDATE, approve=ApprovalRule(1), **aside("approve"))
    assert begun(by_hand, service()).phase is Phase.MOVING


@pytest.mark.parametrize(
    ("who", "held"),
    [
        (ANA, False),
        (replace(ANA, name="eve@example.com"), True),
        (replace(ANA, authenticated=False), True),
    ],
)
def test_who_may_override_is_a_rule_itself(who, held):
    permits = Permits({"override": ("user:ana@example.com",)})
    asked = plan(freeze=(NEW_YEAR,), allow=permits, who=who, **aside("freeze", "allow"))
    r = begun(asked, service())
    assert (r.ending is Ending.HELD) is held
    assert r.plan.asks_who
    if held:
        assert "it is not overridden" in r.verdict.reasons[0].text


def test_whoever_is_kept_from_rolling_back_may_always_set_that_aside():
    asked = plan(Kind.ROLLBACK, revision=STABLE, **NOBODY)
    held = begun(asked, service(MOVED))
    assert (held.ending, held.verdict.reasons[0].subject) == (Ending.HELD, "allow")
    assert "--override allow" in held.verdict.reasons[0].hint
    permits = replace(NOBODY["allow"], by_verb={**NOBODY["allow"].by_verb, "override": ()})
    r = begun(replace(asked, allow=permits, **aside("allow")), service(MOVED))
    assert (r.phase, r.overrode) == (Phase.MOVING, ("allow",))


def test_somebody_at_work_is_not_overridden():
    other = marked(replace(OURS, writer="r2", holder="r2", fence=5, until=later(60)))
    r = begun(plan(**aside(*RULES)), other)
    assert r.ending is Ending.BUSY


@pytest.mark.parametrize("rule", ["lease", "guard", "lock", "barred", ""])
def test_what_is_no_rule_cannot_be_set_aside(rule):
    with pytest.raises(ValueProblem, match="no such rule"):
        Override((rule,), NOW + timedelta(hours=1))


@pytest.mark.parametrize("for_s", [0.0, -1.0, 24 * 3600.0 + 1])
def test_an_override_lasts_a_day_at_most(for_s):
    with pytest.raises(ValueProblem, match="out of range"):
        override(("freeze",), NOW, for_s)
