"""What Cloud Run says of a service and its revisions, as values.

Field meanings follow the Admin API v2 messages google.cloud.run.v2.Service and Revision. Names of
revisions are short names everywhere in the gate; adapters shorten full resource names.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from gate.core.annotation import KEY, RolloutAnnotation, UnreadableAnnotation, parse_annotation
from gate.core.traffic import Split, shares_text


@dataclass(frozen=True, slots=True)
class ServiceRef:
    """Names one service."""

    project: str
    region: str
    name: str

    def __str__(self) -> str:
        return f"{self.project}/{self.region}/{self.name}"


class ConditionState(Enum):
    """State of a condition; anything the API adds later is UNKNOWN, which is never success."""

    UNKNOWN = "unknown"
    PENDING = "pending"
    RECONCILING = "reconciling"
    FAILED = "failed"
    SUCCEEDED = "succeeded"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: its state, and Cloud Run's reason and text where it gives them."""

    state: ConditionState = ConditionState.UNKNOWN
    reason: str = ""
    message: str = ""

    def __str__(self) -> str:
        if self.state is ConditionState.SUCCEEDED:
            return "ready"  # whatever its reason, e.g. RETIRED of one that has no users
        return ": ".join(part for part in (self.reason or self.state.value, self.message) if part)


@dataclass(frozen=True, slots=True)
class Effective:
    """One line of traffic_statuses: what the front end obeys, with the tag's own URL."""

    revision: str | None
    percent: int = 0
    tag: str = ""
    uri: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A service as read at one moment.

    Attributes:
        etag: guards the next write (v1's metadata.resourceVersion). Opaque: it may change although
            nobody wrote, when only the status did; `generation` tells whether somebody wrote.
        generation: grows by one with every accepted write.
        traffic: what was asked for (desired).
        effective: what the front end obeys; transient while reconciling.
        latest_ready, latest_created: short names, "" when there is none.
        uri: the service's own URL.
        last_modifier: e-mail of whoever wrote last.
        settings: how the next revision would be set up, as in Revision.
        ingress: who may reach it: all, internal, or internal-and-cloud-load-balancing; "" where
            the service does not say.
        template_name, template_image: the name that the next revision would get, "" where Cloud Run
            makes one up, and its image.
        image_label: how the client that wrote the template called its image, in an annotation; left
            behind where another client has changed the image since.
    """

    ref: ServiceRef
    etag: str
    generation: int
    observed_generation: int
    reconciling: bool
    ready: Condition
    traffic: Split
    effective: tuple[Effective, ...] = ()
    latest_ready: str = ""
    latest_created: str = ""
    uri: str = ""
    last_modifier: str = ""
    updated_at: datetime | None = None
    annotations: tuple[tuple[str, str], ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    ingress: str = ""
    template_name: str = ""
    template_image: str = ""
    image_label: str = ""

    @property
    def rollout_annotation(self) -> RolloutAnnotation:
        """What the gate wrote on it.

        Raises:
            UnreadableAnnotation: something is written that this gate cannot read.
        """
        return parse_annotation(dict(self.annotations).get(KEY, ""))

    @property
    def known_annotation(self) -> RolloutAnnotation:
        """The same, as if there were none where nobody can read it."""
        try:
            return self.rollout_annotation
        except UnreadableAnnotation:
            return RolloutAnnotation()

    @property
    def mover(self) -> str:
        """Who set traffic as it is, for people: who asked the gate for it, else who wrote last."""
        try:
            annotation = self.rollout_annotation
        except UnreadableAnnotation:
            return self.last_modifier
        ours = dict(annotation.wrote) == self.traffic.pinned(self.latest_ready).shares
        return annotation.actor if ours and annotation.actor else self.last_modifier

    def tag_uri(self, tag: str) -> str:
        """URL of a tag as the platform reports it, "" while it has none. Never built by us."""
        return next((line.uri for line in self.effective if line.tag == tag), "")

    def revision_tagged(self, tag: str) -> str:
        """The revision that this tag is asked to be on, LATEST resolved, "" without the tag."""
        tags = self.traffic.tags
        return (tags[tag] or self.latest_ready) if tag in tags else ""

    def url_of(self, revision: str) -> str:
        """A URL that only this revision answers: its tag's, or the service's own if it has 100 %.

        "" where there is none.
        """
        tagged = (line.uri for line in self.effective if line.tag and line.revision == revision)
        alone = self.uri if self.effective_shares == {revision: 100} else ""
        return next((uri for uri in tagged if uri), alone).rstrip("/")

    @property
    def effective_shares(self) -> dict[str, int]:
        """Named revision to percent, as the front end obeys it; LATEST is resolved."""
        shares: dict[str, int] = {}
        for line in self.effective:
            if line.percent:
                name = line.revision or self.latest_ready
                shares[name] = shares.get(name, 0) + line.percent
        return shares

    @property
    def in_effect(self) -> bool:
        """Whether the front end obeys what was asked for, and nothing is in flight.

        Percents decide: a tag on a revision that cannot start may never come into effect. The
        generations do not: after a failed reconcile observed_generation stays behind for ever,
        although the traffic may be exactly as desired.
        """
        return not self.reconciling and self.obeyed

    @property
    def obeyed(self) -> bool:
        """Whether the front end gives the percents that were asked for, also while in flight."""
        return self.effective_shares == self.traffic.pinned(self.latest_ready).shares

    @property
    def gave_up(self) -> bool:
        """Whether Cloud Run has ended the last update without carrying it out."""
        return not self.reconciling and self.ready.state is ConditionState.FAILED

    @property
    def disagreement(self) -> str:
        """Says how desired and effective traffic differ, whose update it was, and what came of it.

        Cloud Run reports an old failure with the next update, too: it is told as its own words.
        """
        what = "is being changed by another update" if self.reconciling else "was left half done"
        by = f", last written by {self.last_modifier}" if self.last_modifier else ""
        failed = self.ready.state is ConditionState.FAILED
        words = f"; Cloud Run says: {self.ready}" if failed else ""
        reached = shares_text(self.effective_shares)
        return (
            f"{self.ref}: its traffic {what} (desired {shares_text(self.traffic.shares)}, "
            f"effective {reached}{by}){words}"
        )

    def agrees_with(self, split: Split) -> bool:
        """Whether desired and effective traffic are both this split and nothing is in flight."""
        wanted = split.pinned(self.latest_ready)
        return self.traffic.pinned(self.latest_ready) == wanted and self.in_effect

    def serves(self, split: Split) -> bool:
        """Whether it asks for exactly these percents and the front end obeys; tags do not count.

        A person who adds a tag while traffic moves does not undo the move.
        """
        return self.traffic.shares == split.shares and self.in_effect


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision as read at one moment.

    Attributes:
        ready: the condition of type Ready (v2 revisions have no terminal_condition).
        image: the image reference as deployed; a digest where it was given as one.
        env: names of environment variables, never their values.
        digest: the image by digest (`name@sha256:...`), as Cloud Run resolved it; "" if unknown.
        settings: how it is set up, by name (`env FEATURE_X`, `concurrency`): a plain value where it
            can hold no secret, else its digest under a key of this process. The image is not among
            them.
        floating: names of those that mean "the latest version" of a secret: going back to this
            revision does not bring back the value that it had.
        image_label: as in Service, copied from the template that it was made of.
        start_s: from its creation until its first container was found healthy: no less than it
            takes to start; 0 where that is not known.
    """

    name: str
    ready: Condition
    image: str = ""
    created_at: datetime | None = None
    conditions: tuple[tuple[str, Condition], ...] = field(default_factory=tuple)
    env: tuple[str, ...] = ()
    min_instances: int = 0
    timeout_s: float = 300.0
    annotations: tuple[tuple[str, str], ...] = ()
    digest: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    floating: tuple[str, ...] = ()
    start_s: float = 0.0
    image_label: str = ""
