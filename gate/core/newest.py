"""`--revision latest`: exactly the revision that the last change of the service's template made.

Not the latest that is ready: that is an older one for as long as the newest starts, and for good
where it cannot (latestCreatedRevisionName and latestReadyRevisionName of the Admin API v1).
"""

from dataclasses import replace

from gate.core.base import differences
from gate.core.denylist import digest_in
from gate.core.service import Revision, Service
from gate.core.state import Ending, Rollout
from gate.core.transitions import finish
from gate.core.verdict import Verdict

SHOWN_MAX = 3
"""Most differences from the template that are told."""


def unnamed(r: Rollout, service: Service) -> bool:
    """Whether the newest revision is to be taken, and can be told by now.

    While Cloud Run carries out a change, it may still name the newest of before.
    """
    return r.plan.newest and not r.plan.revision and not service.reconciling


def named(r: Rollout, service: Service) -> Rollout:
    """The rollout with the name of the newest revision, from here on that one and no other."""
    name = service.latest_created
    if not name:
        return finish(r, Ending.REFUSED, f"{service.ref}: has no revision that could be the latest")
    plan = replace(r.plan, revision=name)
    r = replace(r, plan=plan, candidate=name)
    return replace(r, notes=(*r.notes, _told(r, service)))


def unfit(r: Rollout, service: Service) -> Rollout | None:
    """Held where the one that was named is not, or not any more, the newest of this template."""
    name = r.plan.revision
    if not r.plan.newest:
        return None
    if service.latest_created != name:
        text = f"another revision, {service.latest_created}, was deployed after {name} was taken"
        hint = "whoever deployed it rolls it out, too: run it again if that is still wanted"
        return finish(r, Ending.HELD, verdict=Verdict.hold("latest", text, hint))
    read = r.revisions.get(name)
    differs = _differs(service, read) if read else ()
    if not differs:
        return None
    text = (
        f"{name} is the newest revision, and not what the service's template says now "
        f"({'; '.join(differs[:SHOWN_MAX])}): the template's last change made no revision"
    )
    hint = f"look at the service's conditions; `--revision {name}` takes it all the same"
    return finish(r, Ending.HELD, verdict=Verdict.hold("latest", text, hint))


def _told(r: Rollout, service: Service) -> str:
    """Which one it is and why, with all that is known of it by now."""
    name, ready = service.latest_created, service.latest_ready
    read = r.known.get(name)
    at = read.created_at if read else None
    created = f"created at {at:%Y-%m-%d %H:%M:%S} UTC" if at else ""
    image = f"image {read.image}" if read and read.image else ""
    known = ", ".join(part for part in (created, image) if part)
    other = f"; the latest that is ready is {ready}" if ready not in {"", name} else ""
    return (
        f"latest is {name}: the revision that {service.ref} created last"
        f"{f' ({known})' if known else ''}{other}"
    )


def _differs(service: Service, read: Revision) -> tuple[str, ...]:
    """In what it differs for certain from what the template says now."""
    name, image = service.template_name, service.template_image
    by_name = (f"that is to be called {name}",) if name not in {"", read.name} else ()
    other = _other_image(image, read) or _other_label(service.image_label, read.image_label)
    by_image = (f"its image is {image or service.image_label}",) if other else ()
    comparable = service.settings and read.settings
    return (*by_name, *by_image, *(differences(service, read) if comparable else ()))


def _other_image(image: str, read: Revision) -> bool:
    """Whether two containers' images are not the same; a tag and a digest may well be."""
    ours, theirs = digest_in(image), digest_in(read.digest) or digest_in(read.image)
    if ours or theirs:
        return bool(ours and theirs) and ours != theirs
    return "" not in {image, read.image} and image != read.image


def _other_label(ours: str, theirs: str) -> bool:
    """Whether the template's label for its image is not the one that the revision was made with.

    It says nothing of the image itself: a client that changes only that leaves it as it was.
    """
    return "" not in {ours, theirs} and ours != theirs
