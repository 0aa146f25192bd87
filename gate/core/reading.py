"""Which revisions are read before the first write: what it builds on, whom it takes users from."""

from gate.core.denylist import digest_in, image_of, left_by_others
from gate.core.service import Service
from gate.core.state import Kind, Rollout


def worth_reading(r: Rollout, service: Service) -> tuple[str, ...]:
    """Short names of the revisions that the decision hangs on, beside the candidate itself.

    A rollout is built on one that has users. Of those that users are taken away from, by the gate
    or by others, and of those that they go back to, the image is remembered: most often the
    annotation knows it already, and a move to safety waits for nothing.
    """
    serving = [name for name in service.traffic.pinned(service.latest_ready).shares if name]
    leaving = [*left_by_others(service), *_way_back(service)]
    if r.plan.kind is Kind.ROLLBACK:
        leaving += serving
    unknown = [name for name in leaving if not digest_in(image_of(name, service, r.known))]
    needed = [*serving, *filter(None, (r.back_to,))] if r.plan.kind is Kind.ROLLOUT else []
    return tuple(dict.fromkeys(name for name in (*needed, *unknown) if name != r.candidate))


def _way_back(service: Service) -> tuple[str, ...]:
    """Where a recovery would bring users back to."""
    annotation = service.known_annotation
    moved = bool(annotation.holder) and annotation.safe != annotation.wrote
    return tuple(name for name, percent in annotation.safe if percent) if moved else ()
