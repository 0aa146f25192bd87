"""What is whose in a service of Cloud Run's Admin API v1: names, containers, and namespaces. Pure.

v1 keeps settings among the annotations. Those of Google's namespaces belong to Cloud Run and are
sent back as they were read, as gcloud does; all others belong to users.
"""

from collections.abc import Mapping

from gate.cloud.documents import Document, parts, text

SERVICE_LABEL = "serving.knative.dev/service"
USER_IMAGE = "client.knative.dev/user-image"
CLIENT_NAME = "run.googleapis.com/client-name"
"""Template annotation that keeps the image as it was named; gcloud writes and shows it."""

_SYSTEM = (
    "run.googleapis.com",
    "cloud.googleapis.com",
    "serving.knative.dev",
    "autoscaling.knative.dev",
)


def reserved(key: str) -> bool:
    """Whether a label or annotation is in a namespace of the platform's."""
    domain = key.partition("/")[0]
    return any(domain == system or domain.endswith(f".{system}") for system in _SYSTEM)


def of_users(mapping: Mapping[str, str]) -> dict[str, str]:
    """Those annotations or labels that belong to users, our own among them."""
    return {key: value for key, value in mapping.items() if not reserved(key)}


def serving_container(containers: list[Document]) -> Document | None:
    """The container that gets the requests: the only one, or the only one with a port.

    https://cloud.google.com/run/docs/deploying#sidecars: exactly one of several declares a port.
    """
    candidates = (
        containers if len(containers) == 1 else [c for c in containers if parts(c, "ports")]
    )
    return candidates[0] if len(candidates) == 1 else None


def own_name(container: Document, service: str, place: int) -> str:
    """The name that a user gave a container; "" for one that the platform filled in.

    Cloud Run calls the nameless containers of a revision SERVICE-1, SERVICE-2 and so on.
    """
    name = text(container, "name")
    return "" if name == f"{service}-{place + 1}" else name
