"""What stands between callers and a service: nothing, Cloud Run's own check, or IAP. Pure."""

from enum import Enum

from gate.cloud.documents import Document, items, parts, text

_RUN = "run.googleapis.com"


class WayIn(Enum):
    """What lets a caller in."""

    OPEN = "open"  # everybody may call
    TOKEN = "token"  # an ID token of an invoker  # noqa: S105 - no token
    IAP = "iap"  # Identity-Aware Proxy, which is asked before Cloud Run's own check


def by_service(service: Document) -> WayIn | None:
    """What the service itself says (v1); None where its IAM policy must be looked at.

    Args:
        service: in its v1 form.
    """
    if text(service, "metadata", "annotations", f"{_RUN}/iap-enabled").lower() == "true":
        return WayIn.IAP
    if text(service, "metadata", "annotations", f"{_RUN}/invoker-iam-disabled") == "true":
        return WayIn.OPEN
    return None


def by_policy(policy: Document) -> WayIn:
    """What the service's IAM policy says: open where allUsers is an invoker.

    Args:
        policy: in its v1 form.
    """
    return WayIn.OPEN if "allUsers" in invokers_of(policy) else WayIn.TOKEN


def invokers_of(policy: Document) -> tuple[str, ...]:
    """The members that the service's IAM policy lets call it.

    Args:
        policy: in its v1 form.
    """
    return tuple(
        member
        for binding in parts(policy, "bindings")
        if text(binding, "role") == "roles/run.invoker"
        for member in items(binding, "members")
        if isinstance(member, str)
    )
