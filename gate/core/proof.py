"""What is known of a policy's probes: whether each was seen to fail when something was wrong.

A proof is made by `gate policy prove` and kept beside the policy. It speaks for exactly the policy
and the contract (the JSON Schemas) that it was made with; for any other it says nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from gate.core.policy import Probe
from gate.errors import ValueProblem

HINT = "run gate policy prove on the policy, and keep the proof file beside it"


@dataclass(frozen=True, slots=True)
class Survivor:
    """A fault that no required probe noticed.

    Attributes:
        mutant: its name.
        family: what kind of fault it is.
        caught_by: what would notice it.
    """

    mutant: str
    family: str
    caught_by: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What a proof says.

    Attributes:
        release: the gate that made it.
        policy_digest, contract_digest: what it was made with, 64 hexadecimal digits each.
        made_at: when.
        mutants: faults that the policy was exercised with.
        killed: those that stopped a promotion.
        kills: by probe, how many of them it noticed.
        cannot_fail: probes that no wrong answer made fail.
        survivors: the faults that nothing required noticed.
        tests: by suite, how many faults each of its tests noticed; 0 for one that nothing made
            fail.
        reachable: faults that the policy could have been exercised with; `mutants` were.
        untried: by suite, tests without a kill that had no time to meet every fault they could.
        silent: by suite, tests that passed without asking the service.
        digest: sha256 (hex) of the file that it was read from, "" for one that is in none.
    """

    release: str
    policy_digest: str
    contract_digest: str
    made_at: datetime
    mutants: int
    killed: int
    kills: Mapping[str, int] = field(hash=False)
    cannot_fail: tuple[str, ...] = ()
    survivors: tuple[Survivor, ...] = ()
    tests: Mapping[str, Mapping[str, int]] = field(default_factory=dict, hash=False)
    reachable: int = 0
    untried: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    silent: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    digest: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.killed <= self.mutants:
            raise ValueProblem(
                "killed", f"is impossible (got {self.killed}, expected 0 to {self.mutants})"
            )
        if self.made_at.tzinfo is None:
            raise ValueProblem("made_at", "has no time zone")
        object.__setattr__(self, "reachable", max(self.reachable, self.mutants))

    @property
    def kill_percent(self) -> float:
        """Share of the mutants that were killed; none is no share at all."""
        return 100 * self.killed / self.mutants if self.mutants else 0.0

    @property
    def met_percent(self) -> float:
        """Share of the faults that could be met that were."""
        return 100 * self.mutants / self.reachable if self.reachable else 0.0


@dataclass(frozen=True, slots=True)
class Proving:
    """What a rollout knows of its policy's proof.

    Attributes:
        required: whether it may not go on without one.
        file: name of the proof file, for messages.
        policy_digest, contract_digest: of the policy as it is now.
        proof: what the file says; None where there is none that can be read.
        problem: why the file cannot be used, "" where it can or is not there.
        least_met: which share of the faults it must have met, in percent.
    """

    required: bool
    file: str
    policy_digest: str
    contract_digest: str
    proof: Proof | None = None
    problem: str = ""
    least_met: float = 0.0

    @property
    def fresh(self) -> Proof | None:
        """What the file says, if it can be read and speaks of this policy."""
        usable = self.proof is not None and not self.problem and not self._stale(self.proof)
        return self.proof if usable else None

    @property
    def note(self) -> str:
        """What is to be said of a fresh proof, "" for nothing."""
        proof = self.proof
        if proof is None or self.problem or self._stale(proof) or proof.mutants == proof.reachable:
            return ""
        told = f"{self.file} speaks of {proof.mutants} of {proof.reachable} faults"
        return f"{told}: the others were not tried"

    def told(self, probes: Sequence[Probe]) -> str:
        """What a rollout says of it: what is lacking, and what to do, or the note; "" for none."""
        lacking = self.lacking(probes)
        anew = lacking and (self.proof is None or self._stale(self.proof))
        return f"{lacking}; make one with gate policy prove" if anew else lacking or self.note

    def lacking(self, probes: Sequence[Probe]) -> str:
        """Why there is no proof for these probes, in one line; "" if a fresh one covers them."""
        proof = self.proof
        if self.problem:
            return f"no proof that the probes can fail: {self.problem}"
        if proof is None:
            return f"no proof that the probes can fail: there is no {self.file}"
        if stale := self._stale(proof):
            return f"no fresh proof that the probes can fail: {self.file} {stale}"
        required = {probe.name for probe in probes if probe.required}
        toothless = [name for name in proof.cannot_fail if name in required]
        if toothless or not proof.killed:
            whom = ", ".join(toothless) or "nothing at all"
            says = "cannot fail" if toothless else "was stopped"
            return f"no proof that the probes can fail: {self.file} says that {whom} {says}"
        if proof.met_percent < self.least_met:
            return (
                f"too little proof that the probes can fail: {self.file} speaks of {proof.mutants} "
                f"of {proof.reachable} faults ({proof.met_percent:.0f} %, expected "
                f"{self.least_met:g} %)"
            )
        return ""

    def shown(self, probes: Sequence[Probe]) -> tuple[Probe, ...]:
        """The probes, with each suite told which of its tests a fresh proof has seen fail."""
        proof = self.proof
        if proof is None or self.problem or self._stale(proof):
            return tuple(probes)
        return tuple(
            _shown(probe, proof.tests.get(probe.name, {}), proof.untried.get(probe.name, ()))
            for probe in probes
        )

    def _stale(self, proof: Proof) -> str:
        """What has changed since it was made, "" if nothing."""
        made = f"(made {proof.made_at:%Y-%m-%d})"
        if proof.contract_digest != self.contract_digest:
            return f"was made with another contract {made}: the JSON Schemas have changed since"
        if proof.policy_digest != self.policy_digest:
            return f"was made with another policy {made}: it has changed since"
        return ""


def _shown(probe: Probe, tests: Mapping[str, int], untried: Sequence[str]) -> Probe:
    can_fail = frozenset(name for name, kills in tests.items() if kills)
    spec = probe.spec.proven(can_fail, frozenset(untried))
    return probe if spec is probe.spec else replace(probe, spec=spec)


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one mutant.

    Attributes:
        mutant, family, caught_by: as in Survivor.
        exercised: whether the fault was met at all.
        ran: probes that were asked with it, in order.
        noticed: those that it made fail, or unable to tell.
        judged: those of them that found an answer wrong; a dead line, lateness and another revision
            stop any question, also one that takes every answer for a right one.
        killed: whether a required one was among them: it would not have been promoted.
        failed: by suite, the tests of it that failed.
        reachable: whether some probe could meet the fault.
        whose: of a fault at a step, the journeys that have it.
    """

    mutant: str
    family: str
    caught_by: str
    exercised: bool = False
    ran: tuple[str, ...] = ()
    noticed: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()
    killed: bool = False
    failed: Mapping[str, frozenset[str]] = field(default_factory=dict, hash=False)
    reachable: bool = False
    whose: tuple[str, ...] = ()

    @property
    def survivor(self) -> Survivor:
        """What is said of it where nobody noticed it: steps are called alike in many journeys."""
        place = f"{' and '.join(self.whose)}, " if self.whose else ""
        return Survivor(f"{place}{self.mutant}", self.family, self.caught_by)


@dataclass(frozen=True, slots=True)
class Trials:
    """Everything that `gate policy prove` found out.

    Attributes:
        probes: those that could be put to the test, in the policy's order.
        trials: one for each mutant, in the catalogue's order.
        unprovable: probes that no proxy can sabotage, and why.
        suites: by suite, those of its tests that asked the healthy service and passed.
        silent: by suite, those that passed without asking it.
        untried: by suite, those that nothing made fail so far, since time was up before.
        hurried: suites that had no time to meet every fault that they were to meet.
        strays: runs that failed for something else than the fault, and were not counted.
        fields_left_out: fields of answers that were too many to be changed one by one.
        took_s: how long it took.
    """

    probes: tuple[str, ...]
    trials: tuple[Trial, ...]
    unprovable: tuple[tuple[str, str], ...] = ()
    suites: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    silent: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    untried: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    hurried: tuple[str, ...] = ()
    strays: int = 0
    fields_left_out: int = 0
    took_s: float = 0.0

    def said(self, words: Callable[[str], str]) -> "Trials":
        """The same in other words, say without secrets; names of probes stay.

        A test whose name has one goes without proof: it could not be told apart any more.
        """
        trials = (
            replace(trial, mutant=words(trial.mutant), caught_by=words(trial.caught_by))
            for trial in self.trials
        )
        why = tuple((name, words(text)) for name, text in self.unprovable)
        suites, silent, untried = (
            {
                suite: tuple(test for test in tests if words(test) == test)
                for suite, tests in named.items()
            }
            for named in (self.suites, self.silent, self.untried)
        )
        return replace(
            self,
            trials=tuple(trials),
            unprovable=why,
            suites=suites,
            silent=silent,
            untried=untried,
        )

    @property
    def exercised(self) -> tuple[Trial, ...]:
        """The mutants that some probe met."""
        return tuple(trial for trial in self.trials if trial.exercised)

    @property
    def reachable(self) -> int:
        """How many could have been met."""
        return sum(trial.reachable or trial.exercised for trial in self.trials)

    @property
    def killed(self) -> int:
        """How many of them would not have been promoted."""
        return sum(trial.killed for trial in self.exercised)

    @property
    def kills(self) -> dict[str, int]:
        """By probe, how many mutants it noticed."""
        return {
            name: sum(name in trial.noticed for trial in self.exercised) for name in self.probes
        }

    @property
    def ran(self) -> dict[str, int]:
        """By probe, how many mutants it was asked with."""
        return {name: sum(name in trial.ran for trial in self.exercised) for name in self.probes}

    @property
    def cannot_fail(self) -> tuple[str, ...]:
        """Probes that take any answer for a right one: they notice no more than a dead line."""
        judging = {name for trial in self.exercised for name in trial.judged}
        return tuple(name for name in self.probes if name not in judging)

    @property
    def tests(self) -> dict[str, dict[str, int]]:
        """By suite, how many mutants each of its tests noticed."""
        return {
            suite: {
                test: sum(test in trial.failed.get(suite, ()) for trial in self.trials)
                for test in tests
            }
            for suite, tests in self.suites.items()
        }

    @property
    def survivors(self) -> tuple[Survivor, ...]:
        """The mutants that would have been promoted."""
        return tuple(trial.survivor for trial in self.exercised if not trial.killed)

    def proof(
        self, release: str, policy_digest: str, contract_digest: str, made_at: datetime
    ) -> Proof:
        """What is kept of it."""
        return Proof(
            release,
            policy_digest,
            contract_digest,
            made_at,
            len(self.exercised),
            self.killed,
            self.kills,
            self.cannot_fail,
            self.survivors,
            self.tests,
            self.reachable,
            self.untried,
            self.silent,
        )
