"""A round as a value, drawn from a seed: what is asked for, what goes wrong, who does what."""

import random
from dataclasses import dataclass, field
from enum import Enum


class Image(Enum):
    """What the candidate is."""

    GOOD = "good"
    SLOW = "slow"
    BAD = "bad"
    TURNS = "turns"
    MUTE = "mute"
    DEAD = "dead"

    @property
    def never_passes(self):
        return self in (Image.BAD, Image.MUTE, Image.DEAD)


class Start(Enum):
    """How traffic stands before the rollout."""

    PINNED = "pinned"
    LATEST = "follows latest"
    SPLIT = "split"
    NOTHING = "no service yet"


class Task(Enum):
    """What the gate is asked for."""

    ROLLOUT = "rollout"
    ADOPT = "adopt a revision"
    ROLLBACK = "roll back"
    ROLLBACK_ASKED = "roll back, asking first"
    PROMOTE = "promote by hand"


class Deed(Enum):
    """What somebody does."""

    KILL = "kill"
    INTERRUPT = "interrupt"
    TERMINATE = "terminate"
    INTERRUPT_TWICE = "interrupt twice"
    UNLOCK = "unlock"
    RIVAL = "rival"
    ROLL_BACK = "roll back"
    # a person, with Google's tools
    MOVE_AWAY = "move away"
    MOVE_BACK = "move back"
    SPLIT = "split"
    TO_LATEST = "to latest"
    ADD_TAG = "add a tag"
    TAKE_TAG = "take our tag"
    DEPLOY = "deploy beside us"
    DEPLOY_ALL = "deploy and move"
    DELETE = "delete the candidate"
    DELETE_ALL = "delete the service"


BY_SIGNAL = frozenset({Deed.KILL, Deed.INTERRUPT, Deed.TERMINATE, Deed.INTERRUPT_TWICE})
ANYWHERE = frozenset({Deed.UNLOCK, Deed.RIVAL, Deed.DELETE_ALL})


class Way(Enum):
    """How a person writes."""

    SCRIPT = "v2 without etag"
    ETAG = "v2 with etag"
    GCLOUD = "v1"


class After(Enum):
    """Who comes next, once the lease has run out."""

    RECOVER = "recover"
    RECOVER_KILLED = "recover, killed, and again"
    ROLLOUT = "the next rollout"


class Fate(Enum):
    """What becomes of a call that is held while the gate is killed."""

    ARRIVES = "arrives"
    LOST = "lost"
    ARRIVES_LATE = "arrives after the recovery"


@dataclass(frozen=True)
class Boundary:
    """At the nth call of a method (`*`: any), before it takes effect or after."""

    method: str
    nth: int
    after: bool

    def __str__(self):
        return f"{'after' if self.after else 'before'} {self.method} {self.nth}"


@dataclass(frozen=True)
class Act:
    """Somebody does something: at a boundary, or so many seconds after the start."""

    deed: Deed
    at: Boundary | None
    seconds: float = 0.0
    fate: Fate = Fate.ARRIVES

    def __str__(self):
        return f"{self.deed.value} {self.at or f'after {self.seconds:.2f} s'} ({self.fate.value})"


@dataclass(frozen=True)
class Round:
    """One round of the campaign."""

    seed: int
    task: Task
    cli: bool
    rude: bool
    after: After
    again_at: Boundary
    image: Image
    start: Start
    steps: tuple[int, ...]
    watch_s: float
    keeps: bool
    identity: bool
    rival: Image
    rival_waits: bool
    early: bool
    way: Way
    enforced: bool
    faults: tuple[dict, ...] = field(default=())
    acts: tuple[Act, ...] = field(default=())

    @property
    def name(self):
        """The round's service; no name is part of another."""
        return f"chaos-{self.seed:09d}"

    @property
    def calm(self):
        """Nothing goes wrong and nobody does anything."""
        return not self.faults and not self.acts

    def __str__(self):
        parts = [
            f"{self.task.value}{' by command line' if self.cli else ''}",
            *(["rude"] if self.rude else []),
            *(["v2 etags enforced"] if self.enforced else []),
            *([f"people by {self.way.value}"] if self.acts else []),
            f"{self.image.value} candidate",
            self.start.value,
            f"steps {list(self.steps)}",
            f"watch {self.watch_s:g} s",
            "on hold keep" if self.keeps else "on hold drop",
            f"then {self.after.value}",
            *(["answers say who gave them"] if self.identity else []),
            *(f"[{act}]" for act in self.acts),
            *(f"{{{rule_text(rule)}}}" for rule in self.faults),
        ]
        return f"seed {self.seed}: {', '.join(parts)}"


def rule_text(rule):
    """A fault rule in a few words."""
    return " ".join(f"{key}={value}" for key, value in rule.items())


def draw(seed):
    """The round of a seed; the same for the same seed."""
    rng, people = random.Random(seed), random.Random(f"{seed}, people")
    task = _weighted(rng, _TASKS)
    image = _weighted(rng, _IMAGES)
    start = _weighted(rng, _STARTS)
    start = start if task is Task.ROLLOUT or start is Start.SPLIT else Start.PINNED
    acts, faults = _acts(rng), (*_faults(rng), *_in_flight(people))
    if start is Start.NOTHING:  # where there is no other revision, nobody can move users to it
        acts = tuple(act for act in acts if act.deed in (*BY_SIGNAL, *ANYWHERE))
        faults = tuple(rule for rule in faults if rule["do"] != "interfere")
    cli, rude = rng.random() < 0.2, rng.random() < 0.15
    return Round(
        seed=seed,
        task=task,
        cli=cli,
        rude=rude,
        way=_weighted(people, {Way.SCRIPT: 2, Way.ETAG: 1, Way.GCLOUD: 2}),
        enforced=not rude and people.random() < 0.25,
        after=_weighted(rng, {After.RECOVER: 7, After.RECOVER_KILLED: 1, After.ROLLOUT: 2}),
        again_at=Boundary(*_weighted(rng, _RECOVERING), after=rng.random() < 0.5),
        image=Image.GOOD if task is Task.PROMOTE else image,
        start=start,
        steps=_weighted(rng, {(100,): 6, (20, 100): 2, (5, 50, 100): 2}),
        watch_s=_weighted(rng, {0.0: 6, 0.4: 4}),
        keeps=rng.random() < 0.5,
        identity=rng.random() < 0.5,
        rival=rng.choice((Image.GOOD, Image.BAD)),
        rival_waits=rng.random() < 0.5,
        early=rng.random() < 0.2,
        acts=acts,
        faults=faults,
    )


_TASKS = {
    Task.ROLLOUT: 14,
    Task.ADOPT: 3,
    Task.ROLLBACK: 1,
    Task.ROLLBACK_ASKED: 1,
    Task.PROMOTE: 1,
}
_IMAGES = {
    Image.GOOD: 10,
    Image.SLOW: 3,
    Image.BAD: 4,
    Image.TURNS: 2,
    Image.DEAD: 1,
    Image.MUTE: 1,
}
_STARTS = {Start.PINNED: 10, Start.LATEST: 6, Start.SPLIT: 4, Start.NOTHING: 1}
_RECOVERING = {("UpdateService", 1): 3, ("WriteLogEntries", 1): 1, ("GetService", 2): 1}
_DEEDS = {
    Deed.KILL: 13,
    Deed.INTERRUPT: 2,
    Deed.TERMINATE: 1,
    Deed.INTERRUPT_TWICE: 1,
}
_OTHERS = {
    Deed.UNLOCK: 3,
    Deed.RIVAL: 4,
    Deed.ROLL_BACK: 2,
    Deed.MOVE_AWAY: 4,
    Deed.MOVE_BACK: 2,
    Deed.SPLIT: 2,
    Deed.TO_LATEST: 2,
    Deed.ADD_TAG: 2,
    Deed.TAKE_TAG: 1,
    Deed.DEPLOY: 1,
    Deed.DEPLOY_ALL: 2,
    Deed.DELETE: 1,
    Deed.DELETE_ALL: 1,
}
_METHODS = {
    ("UpdateService", 6): 6,
    ("WriteLogEntries", 6): 3,
    ("GetService", 12): 3,
    ("GetRevision", 5): 1,
    ("*", 32): 4,
}


def _acts(rng):
    acts = []
    if rng.random() < 0.8:
        acts.append(_act(rng, _weighted(rng, _DEEDS)))
    if rng.random() < 0.4:
        acts.append(_act(rng, _weighted(rng, _OTHERS)))
    rng.shuffle(acts)
    return tuple(acts)


def _act(rng, deed):
    fate = _weighted(rng, {Fate.ARRIVES: 4, Fate.LOST: 3, Fate.ARRIVES_LATE: 3})
    fate = fate if deed is Deed.KILL else Fate.ARRIVES
    if rng.random() < 0.3:
        return Act(deed, None, seconds=min(0.02 + rng.expovariate(2.5), 4.0))
    method, most = _weighted(rng, _METHODS)
    return Act(deed, Boundary(method, rng.randint(1, most), rng.random() < 0.5), fate=fate)


_READS = ("GetService", "GetRevision")
_WRITES = ("UpdateService", "WriteLogEntries")
_KINDS = {
    "drop-request": 3,
    "drop-reply": 4,
    "repeat": 2,
    "delay": 2,
    "late-reply": 1,
    "conflict": 2,
    "exhausted": 2,
    "unavailable": 3,
    "interfere": 2,
    "fail-operation": 3,
    "endless-operation": 2,
    "slow-operation": 3,
    "slow-traffic": 2,
}


def _faults(rng):
    many = _weighted(rng, {0: 4, 1: 3, 2: 2, 3: 1})
    return tuple(_fault(rng, _weighted(rng, _KINDS)) for _ in range(many))


def _fault(rng, kind):
    rule = {"do": kind, "skip": rng.randint(0, 3), "count": rng.randint(1, 3)}
    if kind in ("conflict", "interfere"):
        rule |= {"method": "UpdateService", "count": rng.randint(1, 2)}
    elif not kind.endswith(("-operation", "-traffic")):
        rule |= {"method": rng.choice((*_READS, *_WRITES, *_WRITES, "*"))}
    if kind in ("delay", "late-reply", "slow-operation", "slow-traffic"):
        rule |= {"seconds": round(rng.uniform(0.05, 1.5), 2)}
    if kind == "endless-operation":
        rule |= {"count": 1}
    if kind == "unavailable" and rng.random() < 0.15:
        rule |= {"count": 0}  # until the faults are switched off
    return rule


def _in_flight(rng):
    """A person writes while one of the gate's writes is on its way, whichever it is."""
    if rng.random() < 0.7:
        return ()
    rule = {"do": "interfere", "method": "UpdateService", "skip": rng.randint(0, 7), "count": 1}
    return (rule,)


def _weighted(rng, weights):
    return rng.choices(tuple(weights), tuple(weights.values()))[0]
