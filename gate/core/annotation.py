"""What the gate writes on a service beside its traffic: who is at work, and what explains it.

Kept in one annotation of the service, written by the very update that moves traffic, under the same
etag: no move by the gate can be without it. Annotations of a service create no revision; the
prefixes run.googleapis.com, cloud.googleapis.com, serving.knative.dev and autoscaling.knative.dev
are reserved (Service message of the Admin API v2), this one is not.
"""

import functools
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gate.core.policy import Json

KEY = "cloud-run-gate/mark"
FORMAT = 1

Shares = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Denied:
    """A revision that people moved users away from; automation does not promote it again.

    `image` is by digest where it is known: then whatever revision has that image is denied.
    """

    revision: str
    image: str = ""
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Stopped:
    """That people have stopped the line: nothing is rolled out nor promoted until they resume it.

    Attributes:
        actor: who stopped it, as they themselves say.
        reason: why.
        since: when.
    """

    actor: str = ""
    reason: str = ""
    since: datetime | None = None

    def __str__(self) -> str:
        since = f" at {self.since:%Y-%m-%d %H:%M} UTC" if self.since else ""
        why = f": {self.reason}" if self.reason else ""
        return f"stopped by {self.actor or 'somebody'}{since}{why}"


@dataclass(frozen=True, slots=True)
class RolloutAnnotation:
    """The gate's own state of a service.

    Attributes:
        fence: grows by one with every new holder, never shrinks; who has an older one must stop.
        writer: id of the rollout (or move by hand) that made this write.
        holder: id of the rollout at work, "" when none is.
        actor, since: who started it, and when; without a holder, who wrote last.
        until: when the lease runs out, unless it is renewed.
        phase: how far it had come, for people; without a holder, what kind of command wrote last.
        kind: what kind of command the holder is; "" without one, and in a mark of an older gate.
        candidate, tag: whose tag it is that has to go.
        safe: shares to go back to if the holder dies.
        wrote: shares that the gate itself set last; if traffic differs, somebody else moved it.
        before: shares before the gate's last move of users, kept after it has ended: what a
            rollback without a named target goes back to.
        image: image by digest of the revision that the gate gave users last, "" if not known.
        entry: sha256 (hex) of the ledger's entry that explains this write: the head of the chain.
        sequence: that entry's number in the ledger of this service, 0 before there was any.
        denylist: revisions that automation must leave alone.
        order: revisions that the gate gave users, or was about to, with the number that tells which
            build is the newer one.
        promoted: the revision that was promoted last, whether it still has users or not.
        chosen: the revision that a rollback gave all users last, whether it has them still or not;
            "" once another was promoted, or where somebody else has given it users since.
        chosen_by: who asked for that rollback.
        stopped: that people have stopped the line, None while it runs.
    """

    fence: int = 0
    writer: str = ""
    holder: str = ""
    actor: str = ""
    since: datetime | None = None
    until: datetime | None = None
    phase: str = ""
    kind: str = ""
    candidate: str = ""
    tag: str = ""
    safe: Shares = ()
    wrote: Shares = ()
    before: Shares = ()
    image: str = ""
    entry: str = ""
    sequence: int = 0
    denylist: tuple[Denied, ...] = field(default=())
    order: tuple[tuple[str, int], ...] = ()
    promoted: str = ""
    chosen: str = ""
    chosen_by: str = ""
    stopped: Stopped | None = None

    def held_at(self, at: datetime) -> bool:
        """Whether somebody's lease is running at this time."""
        return bool(self.holder) and self.until is not None and at < self.until

    def lapsed_at(self, at: datetime, leeway: timedelta) -> bool:
        """Whether a holder's lease has run out, allowing for clocks that disagree."""
        return bool(self.holder) and (self.until is None or at - leeway >= self.until)

    def text(self) -> str:
        """The annotation's value: compact JSON that `parse` reads back to an equal one."""
        value: dict[str, Json] = {
            "format": FORMAT,
            "fence": self.fence,
            "writer": self.writer,
            "holder": self.holder,
            "actor": self.actor,
            "since": _when(self.since),
            "until": _when(self.until),
            "phase": self.phase,
            "kind": self.kind,
            "candidate": self.candidate,
            "tag": self.tag,
            "safe": dict(self.safe),
            "wrote": dict(self.wrote),
            "before": dict(self.before),
            "image": self.image,
            "entry": self.entry,
            "sequence": self.sequence or None,
            "order": dict(self.order),
            "promoted": self.promoted,
            "chosen": self.chosen,
            "chosen_by": self.chosen_by,
            "stopped": _stopped_value(self.stopped),
            "barred": [
                {"revision": b.revision, "image": b.image, "actor": b.actor, "reason": b.reason}
                for b in self.denylist
            ],
        }
        filled = {key: item for key, item in value.items() if item not in ("", {}, [], None)}
        return json.dumps(filled, separators=(",", ":"), sort_keys=True)


class UnreadableAnnotation(ValueError):  # noqa: N818 - a value that is wrong, told apart from none
    """The annotation is there and cannot be read: nobody may act as if it were not."""


@functools.lru_cache(maxsize=256)
def parse_annotation(text: str) -> RolloutAnnotation:
    """Reads an annotation's value; "" is a service that the gate never touched.

    Raises:
        UnreadableAnnotation: it is no annotation of a format that this gate knows.
    """
    if not text:
        return RolloutAnnotation()
    try:
        value = json.loads(text)
        if not isinstance(value, dict) or value.get("format") != FORMAT:
            raise UnreadableAnnotation(
                f"unknown format (got {text[:60]!r}, expected format {FORMAT})"
            )
        return RolloutAnnotation(
            fence=_integer(value.get("fence", 0)),
            sequence=_integer(value.get("sequence", 0)),
            since=_moment(value.get("since")),
            until=_moment(value.get("until")),
            safe=_shares(value.get("safe", {})),
            wrote=_shares(value.get("wrote", {})),
            before=_shares(value.get("before", {})),
            denylist=tuple(_denied(item) for item in value.get("barred", [])),
            order=_shares(value.get("order", {})),
            stopped=_stopped(value.get("stopped")),
            **{name: _string(value.get(name, "")) for name in _STRINGS},
        )
    except (TypeError, KeyError, RecursionError, ValueError) as error:
        if isinstance(error, UnreadableAnnotation):
            raise
        raise UnreadableAnnotation(f"not readable (got {text[:60]!r})") from None


_STRINGS = (
    "writer", "holder", "actor", "phase", "kind", "candidate", "tag", "image", "entry", "promoted",
    "chosen", "chosen_by",
)  # fmt: skip


def _stopped_value(stopped: Stopped | None) -> Json:
    if stopped is None:
        return None
    since = _when(stopped.since)
    return {"actor": stopped.actor, "reason": stopped.reason, "since": since}


def _stopped(value: object) -> Stopped | None:
    """Whatever is there but cannot be read raises: the line is not taken for running then."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise TypeError
    since = value.get("since") or None
    actor, reason = _string(value.get("actor", "")), _string(value.get("reason", ""))
    return Stopped(actor, reason, _moment(since))


def _when(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def _moment(value: object) -> datetime | None:
    if value is None:
        return None
    at = datetime.fromisoformat(_string(value))
    if at.tzinfo is None or not 2000 <= at.year < 3000:
        raise ValueError("a time without a zone, or out of range")
    return at


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError
    return value


def _shares(value: object) -> Shares:
    if not isinstance(value, dict):
        raise TypeError
    return tuple((_string(name), _integer(percent)) for name, percent in value.items())


def _denied(value: object) -> Denied:
    if not isinstance(value, dict):
        raise TypeError
    return Denied(**{_string(key): _string(item) for key, item in value.items()})
