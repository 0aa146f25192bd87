"""A service's traffic: who gets how many percent, and which tags point where.

Platform facts: https://cloud.google.com/run/docs/rollouts-rollbacks-traffic-migration and the
TrafficTarget message of the Admin API v2. Percents are integers that sum to 100; one revision may
appear in several targets; an empty list means 100 % to the latest ready revision; the whole list
is replaced on update, so whoever forgets other people's tags deletes them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gate.errors import ValueProblem

TAG_AND_SERVICE_MAX = 46


@dataclass(frozen=True, slots=True)
class Target:
    """One line of the traffic list.

    Attributes:
        revision: short revision name, or None for LATEST (the latest ready revision).
        percent: 0 to 100.
        tag: the tag that this line carries, or "".
    """

    revision: str | None
    percent: int = 0
    tag: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.percent <= 100:
            raise ValueProblem("percent", f"is out of range (got {self.percent}, expected 0-100)")


@dataclass(frozen=True, slots=True)
class Split:
    """A whole traffic list in normal form; compares by what it means.

    Percents first (named revisions sorted, LATEST last), then one 0 % line per tag, as gcloud
    writes it. Build one with `Split.of`.
    """

    targets: tuple[Target, ...]

    @classmethod
    def of(cls, targets: Iterable[Target]) -> "Split":
        """Brings targets into normal form; no targets at all is LATEST at 100 %.

        Raises:
            ValueProblem: the percents do not sum to 100, or one tag points at two revisions.
        """
        given = tuple(targets) or (Target(None, 100),)
        shares: dict[str | None, int] = {}
        tags: dict[str, str | None] = {}
        for target in given:
            shares[target.revision] = shares.get(target.revision, 0) + target.percent
            if target.tag:
                if tags.get(target.tag, target.revision) != target.revision:
                    raise ValueProblem("traffic", f"tag {target.tag!r} points at two revisions")
                tags[target.tag] = target.revision
        total = sum(shares.values())
        if total != 100:
            raise ValueProblem("traffic", f"percents do not sum to 100 (got {total}, expected 100)")
        return cls._normal({r: p for r, p in shares.items() if p}, tags)

    @classmethod
    def _normal(cls, shares: Mapping[str | None, int], tags: Mapping[str, str | None]) -> "Split":
        named = sorted(r for r in shares if r is not None)
        order: list[str | None] = [*named, *([None] if None in shares else [])]
        lines = [Target(r, shares[r]) for r in order]
        lines += [Target(tags[t], 0, t) for t in sorted(tags)]
        return cls(tuple(lines))

    @classmethod
    def all_to(cls, revision: str, tags: Mapping[str, str | None] | None = None) -> "Split":
        """100 % to one named revision, keeping the given tags."""
        return cls._normal({revision: 100}, tags or {})

    def __iter__(self) -> Iterator[Target]:
        return iter(self.targets)

    @property
    def shares(self) -> dict[str | None, int]:
        """Revision (None for LATEST) to percent; only those that get requests."""
        return {t.revision: t.percent for t in self.targets if t.percent}

    @property
    def tags(self) -> dict[str, str | None]:
        """Tag to revision (None where the tag follows LATEST)."""
        return {t.tag: t.revision for t in self.targets if t.tag}

    @property
    def follows_latest(self) -> bool:
        """Whether a plain deploy would get requests as soon as it is ready."""
        return None in self.shares

    @property
    def floating_tags(self) -> tuple[str, ...]:
        """Tags that follow LATEST: whoever asks there meets each new revision once it is ready."""
        return tuple(tag for tag, revision in self.tags.items() if revision is None)

    @property
    def sole_revision(self) -> str | None:
        """The one named revision that has 100 %, if there is one."""
        shares = self.shares
        return next(iter(shares)) if len(shares) == 1 else None

    def pinned(self, latest_ready: str) -> "Split":
        """The same split with all that follows LATEST on the revision that it means now.

        Percents and tags: a revision that is created next has no address then, nobody's and no
        share. Where LATEST means nothing, tags stay as they are.
        """
        shares: dict[str | None, int] = {}
        for revision, percent in self.shares.items():
            name = revision or latest_ready
            shares[name] = shares.get(name, 0) + percent
        tags = {tag: revision or latest_ready or None for tag, revision in self.tags.items()}
        return self._normal(shares, tags)

    def with_tag(self, tag: str, revision: str) -> "Split":
        """The same split with this tag on this revision; other tags stay."""
        return self._normal(self.shares, {**self.tags, tag: revision})

    def without_tag(self, tag: str) -> "Split":
        """The same split without this tag; other tags stay."""
        return self._normal(self.shares, {t: r for t, r in self.tags.items() if t != tag})

    def moved_to(self, revision: str) -> "Split":
        """100 % to this revision; every tag stays."""
        return self.all_to(revision, self.tags)

    def with_canary(self, stable: "Split", canary: str, percent: int) -> "Split":
        """This one's tags; `percent` to the canary, the rest as the stable split shares it.

        Whole percents: what rounding leaves goes to the largest remainders, then by name.
        """
        others = {name: share for name, share in stable.shares.items() if name != canary}
        rest, total = 100 - percent, sum(others.values())
        if not rest or not total:
            return self._normal({canary: 100}, self.tags)
        exact = {name: share * rest / total for name, share in others.items()}
        shares = {name: int(value) for name, value in exact.items()}
        by_remainder = sorted(exact, key=lambda name: (shares[name] - exact[name], name or ""))
        for name in by_remainder[: rest - sum(shares.values())]:
            shares[name] += 1
        shares[canary] = percent
        return self._normal({name: share for name, share in shares.items() if share}, self.tags)

    def with_shares_of(self, other: "Split") -> "Split":
        """The percents of the other split with this one's tags."""
        return self._normal(other.shares, self.tags)

    def share_of(self, revision: str) -> int:
        """Percent of requests that this named revision gets (LATEST not resolved)."""
        return self.shares.get(revision, 0)

    def __str__(self) -> str:
        """E.g. `backend-00001-abc 100 %, candidate -> backend-00002-def`."""
        lines = [
            f"{t.tag} -> {t.revision or 'LATEST'}"
            if t.tag
            else f"{t.revision or 'LATEST'} {t.percent} %"
            for t in self.targets
        ]
        return ", ".join(lines)


def shares_text(shares: Mapping[str | None, int] | Mapping[str, int]) -> str:
    """E.g. `backend-00001-abc 90 %, LATEST 10 %`."""
    parts = (f"{name or 'LATEST'} {percent} %" for name, percent in shares.items())
    return ", ".join(parts) or "nothing"


def tag_problem(tag: str, service: str) -> str | None:
    """Says what is wrong with a tag for this service, or None.

    Cloud Run refuses a tag whose length with the service's name exceeds 46 characters, but only
    when it is deployed (field spec.traffic.tag, INVALID_ARGUMENT).
    """
    together = len(tag) + len(service)
    if together > TAG_AND_SERVICE_MAX:
        return (
            f"tag {tag!r} and service {service!r} are too long together "
            f"(got {together} characters, expected at most {TAG_AND_SERVICE_MAX})"
        )
    return None
