"""What people decided against: revisions and images that automation does not promote again.

Kept in the rollout annotation of the service (core.mark). Whoever moves users away from what the
gate gave them, with the gate or by other means, bars it; each write of the gate hands that on.
"""

from collections.abc import Iterable, Mapping

from gate.core.mark import Barred, Mark, Shares, UnreadableMark
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
    mark = _mark(service)
    if name and name == bearer(mark.wrote, mark.candidate) and mark.image:
        return mark.image
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
    return tuple(name for name, percent in _mark(service).wrote if percent and name not in now)


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


def standing_bars(service: Service, revisions: Revisions) -> tuple[Barred, ...]:
    """All bars that stand, oldest first: those written down, and those that were not yet.

    None is on a revision that has users: whoever gave it them has decided anew.

    Args:
        service: as read.
        revisions: those that were read; a bar whose image is not known by digest takes it from
            there.
    """
    now = [name for name in service.traffic.pinned(service.latest_ready).shares if name]
    written = tuple(
        _known_better(bar, now, service, revisions)
        for bar in _mark(service).barred
        if bar.revision not in now
    )
    known = {bar.revision for bar in written}
    by = service.last_modifier
    return written + tuple(
        Barred(name, image_left(name, now, service, revisions), by, BY_OTHER_MEANS)
        for name in left_by_others(service)
        if name not in known
    )


def against(bars: Iterable[Barred], revision: str, image: str) -> Barred | None:
    """The bar against a revision, or against what is in an image, by whatever name.

    Args:
        bars: those that stand.
        revision: short name, "" for one that does not exist yet.
        image: reference, which counts where it is by digest.
    """
    digest = digest_in(image)
    for bar in bars:
        same_image = bool(digest) and digest_in(bar.image) == digest
        if (revision and bar.revision == revision) or same_image:
            return bar
    return None


def by_digest(bars: Iterable[Barred]) -> bool:
    """Whether any of these bars an image."""
    return any(digest_in(bar.image) for bar in bars)


def why(bar: Barred) -> str:
    """Who decided what, for people."""
    reason = f" ({bar.reason})" if bar.reason else ""
    return f"{bar.actor or 'somebody'} moved users away from {bar.revision}{reason}"


def _known_better(
    bar: Barred, now: Iterable[str], service: Service, revisions: Revisions
) -> Barred:
    if digest_in(bar.image):
        return bar
    image = image_left(bar.revision, now, service, revisions)
    return Barred(bar.revision, image, bar.actor, bar.reason) if digest_in(image) else bar


def _mark(service: Service) -> Mark:
    """The annotation, as if there were none where nobody can read it."""
    try:
        return service.mark
    except UnreadableMark:
        return Mark()
