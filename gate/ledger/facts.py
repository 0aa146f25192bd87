"""What the numbers of a ledger are made of: each decision reduced to the little they need. Pure."""

from dataclasses import dataclass
from datetime import datetime

from gate.core.fields import Entry, child, children, flag, number, text, texts
from gate.core.recorded import Decision, is_by_probe, moment

STABLE = "stable"
"""The address under which a control is recorded."""


@dataclass(frozen=True, slots=True)
class Saw:
    """What one probe said in one decision.

    Attributes:
        failed, unclear: whether it failed, or could not tell, at any of the candidate's addresses.
        blamed: whether the verdict names it as a reason.
    """

    probe: str
    kind: str = ""
    capability: str = ""
    failed: bool = False
    unclear: bool = False
    blamed: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """One decision.

    Attributes:
        began, ended: when; `ended` is None without an outcome.
        users_at: when users were first sent to the candidate, None where they were not.
        left: revisions that had users before, and have none after.
        commit: of the build that asked for it, "" where that is not known.
        approved: whether it rests on people's approvals.
        invented: whether no gate can have written it.
    """

    id: str
    began: datetime
    ended: datetime | None
    kind: str
    ending: str
    decision: str = ""
    actor: str = ""
    revision: str = ""
    image: str = ""
    users_at: datetime | None = None
    left: frozenset[str] = frozenset()
    commit: str = ""
    overrides: tuple[str, ...] = ()
    approved: bool = False
    saw: tuple[Saw, ...] = ()
    disputed: bool = False
    invented: bool = False

    @property
    def deployed(self) -> bool:
        """Whether it gave users another revision, to stay or until that failed with them on it."""
        return self.kind in {"rollout", "promote"} and self.ending in {"promoted", "regressed"}

    @property
    def rolled_back(self) -> bool:
        """Whether a person took users back."""
        return self.kind == "rollback" and self.ending == "rolled back"

    @property
    def by_person(self) -> bool:
        """Whether somebody promoted it against, or without, the word of probes."""
        return self.ending == "promoted" and (self.kind == "promote" or "again" in self.overrides)

    @property
    def let_go(self) -> bool:
        """Whether people let it be promoted: by hand, by an approval, or against a rule."""
        asked = self.kind == "promote" or self.approved or bool(self.overrides)
        return self.ending == "promoted" and asked


def fact_of(one: Decision) -> Fact | None:
    """What counts of a decision; None of one that has no time."""
    began = one.began_at
    if began is None:
        return None
    end = one.outcome or {}
    revision = text(child(end, "candidate"), "revision")
    return Fact(
        id=one.id,
        began=began,
        ended=one.ended_at,
        kind=one.kind,
        ending=one.ending,
        decision=text(child(end, "verdict"), "decision"),
        actor=text(one.head, "actor"),
        revision=revision,
        image=one.image,
        users_at=_users_at(one, revision),
        left=_left(end),
        commit=text(child(one.head, "build"), "commit"),
        overrides=_set_aside(one),
        approved=bool(children(end, "approvals")),
        saw=_saw(end),
        disputed=one.disputed,
        invented=bool(one.doubt) and not one.disputed,
    )


def _set_aside(one: Decision) -> tuple[str, ...]:
    """What was really set aside: of the rules of --override those that held it otherwise."""
    override = child(one.head, "override")
    idle = {*texts(override, "rules")}.difference(texts(override, "overrode"))
    return tuple(name for name in one.overrides if name not in idle)


def _users_at(one: Decision, revision: str) -> datetime | None:
    """When a write was begun that gave users the candidate, or the outcome says that they have."""
    for entry in one.intentions if revision else ():
        for line in children(entry, "traffic_wanted"):
            if text(line, "revision") == revision and number(line, "percent"):
                return moment(text(entry, "at"))
    has = number(child(one.outcome or {}, "effective_after"), revision) if revision else 0
    return one.ended_at if has else None


def _left(end: Entry) -> frozenset[str]:
    before = {text(one, "revision") for one in children(end, "stable") if number(one, "percent")}
    before |= {
        text(one, "revision") for one in children(end, "traffic_before") if number(one, "percent")
    }
    after = child(end, "effective_after")
    return frozenset(name for name in before if name and not number(after, name))


def _saw(end: Entry) -> tuple[Saw, ...]:
    """What each probe said of the candidate; a control says nothing of it."""
    reasons = children(child(end, "verdict"), "reasons")
    blamed = {text(one, "subject") for one in reasons if is_by_probe(end, one)}
    found: dict[str, Saw] = {}
    for item in children(end, "evidence"):
        name = text(item, "probe")
        if text(item, "address") == STABLE or not name:
            continue
        before = found.get(name, Saw(name))
        outcome = text(item, "outcome")
        found[name] = Saw(
            name,
            text(item, "kind"),
            text(item, "capability"),
            before.failed or outcome == "failed",
            before.unclear or outcome == "inconclusive",
            name in blamed and flag(item, "required") is not False,
        )
    return tuple(found.values())
