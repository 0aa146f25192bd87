"""Rules for people that nobody can ever meet: advice, since a policy may be on its way."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from gate.core.freeze import WeekTime, frozen
from gate.core.permits import plain
from gate.core.policy import OnHold, Policy
from gate.kinds.keys import Remark

_FAR = timedelta(days=30)


def of_rules(policy: Policy) -> Iterator[Remark]:
    """What of the rules for people can never be met, or says nothing."""
    yield from _of_approvals(policy)
    yield from _of_freezes(policy)
    for verb in ("rollout", "promote"):
        if policy.allow.by_verb.get(verb) == ():
            yield Remark(f"allow.{verb}", f"is nobody, so that only --override may {verb}")
    if policy.allow.names("approve") and policy.approve is None:
        yield Remark("allow.approve", "has no meaning: no approval is asked for", "add approve: {}")


def _of_approvals(policy: Policy) -> Iterator[Remark]:
    rule, who = policy.approve, policy.allow.by_verb.get("approve")
    if rule is None:
        return
    if who is not None and not any("*" in one for one in who):
        people = {plain(one).lower() for one in who}
        rollouts = policy.allow.by_verb.get("rollout", ())
        authors = {plain(one).lower() for one in rollouts if "*" not in one}
        only = rule.not_author and rollouts and len(rollouts) == len(authors) == 1
        left = people - (authors if only else set())
        if len(left) < rule.count:
            but = " beside who asks for the rollout" if left != people else ""
            yield Remark(
                "approve.count",
                f"can never be met (asks for {rule.count}, and {len(left)} may approve{but})",
                "let more people approve, or ask for fewer",
            )
    alone = rule.count == 1 and who is not None and len(who) == 1 and rule.not_author
    if alone and who and not policy.allow.names("rollout") and "*" not in who[0]:
        yield Remark("approve", f"hangs on one person ({who[0]}), who cannot roll out then")
    if policy.on_hold is OnHold.DROP:
        yield Remark(
            "on_hold",
            "drops the tag of a candidate that waits for approval: nobody can look at it meanwhile",
            "write on_hold: keep",
        )


def _of_freezes(policy: Policy) -> Iterator[Remark]:
    """Windows of each week that leave no time between them."""
    weekly = [one for one in policy.freeze if isinstance(one.start, WeekTime)]
    begin = at = datetime(2026, 1, 5, tzinfo=UTC)
    while (found := frozen(weekly, at)) is not None and at - begin < _FAR:
        at = found[1]
    if at - begin >= _FAR:
        yield Remark(
            "freeze",
            "leaves no time in any week: only --override rolls anything out",
            "let the windows end before the next one begins",
        )
