"""What people decided against: revisions and images that automation does not promote again.

Kept in the rollout annotation of the service. What the gate gave users and somebody moves them away
from, with the gate or by other means, is denied from then on; each write of the gate hands that on.
"""

from collections.abc import Iterable, Mapping

from gate.core.annotation import Denied, RolloutAnnotation, Shares, UnreadableAnnotation
from gate.core.service import Revision, Service

Revisions = Mapping[str, Revision]

AGAIN = "--again --reason promotes it all the same"
BY_OTHER_MEANS = "moved by other means than the gate"


def digest_in(image: str) -> str:
    """The sha256 digest in an image reference, "" where it names a tag or nothing."""
    digest = image.rpartition("@")[2]
    return digest if "@" in image and digest.startswith("sha256:") else ""


def image_of(name: str, service: Service, revisions: Revisions) -> str:
    """A revision's image, by digest where anybody knows it; "" where nobody knows any.

    Args:
        name: short name of the revision.
        service: whose annotation knows the image of what the gate gave users last.
        revisions: those that were read.
    """
    read = revisions.get(name)
    if read and (read.digest or digest_in(read.image)):
        return read.digest or read.image
    annotation = _annotation(service)
    if name and name == bearer(annotation.wrote, annotation.candidate) and annotation.image:
        return annotation.image
    return read.image if read else ""


def bearer(wrote: Shares, candidate: str) -> str:
    """The revision that an annotation's image belongs to: the candidate, or who has most users."""
    shares = dict(wrote)
    if shares.get(candidate):
        return candidate
    return max(shares, key=lambda name: (shares[name], name), default="")


def left_by_others(service: Service) -> tuple[str, ...]:
    """Revisions that had users by the gate's last write, and have none by somebody else's."""
    now = service.traffic.pinned(service.latest_ready).shares
    return tuple(
        name for name, percent in _annotation(service).wrote if percent and name not in now
    )


def image_left(name: str, users: Iterable[str], service: Service, revisions: Revisions) -> str:
    """The image that people left with a revision: none where they went to one of the same image.

    Then it was not the image that they decided against, but how the revision was set up.

    Args:
        name: short name of the revision that lost its users.
        users: revisions that have them instead.
        service: as in `image_of`.
        revisions: as in `image_of`.
    """
    image = image_of(name, service, revisions)
    digest = digest_in(image)
    stays = {digest_in(image_of(other, service, revisions)) for other in users}
    return "" if digest and digest in stays else image


def denylist_of(service: Service, revisions: Revisions) -> tuple[Denied, ...]:
    """All that is denied, oldest first: what is written down, and what was not yet.

    No revision that has users: whoever gave it them has decided anew.

    Args:
        service: as read.
        revisions: those that were read; an entry whose image is not known by digest takes it
            from there.
    """
    now = [name for name in service.traffic.pinned(service.latest_ready).shares if name]
    written = tuple(
        _known_better(denied, now, service, revisions)
        for denied in _annotation(service).denylist
        if denied.revision not in now
    )
    known = {denied.revision for denied in written}
    by = service.last_modifier
    return written + tuple(
        Denied(name, image_left(name, now, service, revisions), by, BY_OTHER_MEANS)
        for name in left_by_others(service)
        if name not in known
    )


def against(denylist: Iterable[Denied], revision: str, image: str) -> Denied | None:
    """The entry against a revision, or against what is in an image, by whatever name.

    Args:
        denylist: what is denied.
        revision: short name, "" for one that does not exist yet.
        image: reference, which counts where it is by digest.
    """
    digest = digest_in(image)
    for denied in denylist:
        same_image = bool(digest) and digest_in(denied.image) == digest
        if (revision and denied.revision == revision) or same_image:
            return denied
    return None


def set_aside(denylist: Iterable[Denied], revision: str, image: str) -> tuple[str, ...]:
    """A note of each entry against a revision or an image that is promoted all the same.

    Args:
        denylist: what is denied.
        revision: as in `against`.
        image: as in `against`.
    """
    found = (one for one in denylist if against((one,), revision, image))
    return tuple(f"overridden by --again: {why(one)}" for one in found)


def by_digest(denylist: Iterable[Denied]) -> bool:
    """Whether any of these denies an image."""
    return any(digest_in(denied.image) for denied in denylist)


def why(denied: Denied) -> str:
    """Who decided what, for people."""
    reason = f" ({denied.reason})" if denied.reason else ""
    return f"{denied.actor or 'somebody'} moved users away from {denied.revision}{reason}"


def _known_better(
    denied: Denied, now: Iterable[str], service: Service, revisions: Revisions
) -> Denied:
    if digest_in(denied.image):
        return denied
    image = image_left(denied.revision, now, service, revisions)
    if not digest_in(image):
        return denied
    return Denied(denied.revision, image, denied.actor, denied.reason)


def _annotation(service: Service) -> RolloutAnnotation:
    """The annotation, as if there were none where nobody can read it."""
    try:
        return service.rollout_annotation
    except UnreadableAnnotation:
        return RolloutAnnotation()
