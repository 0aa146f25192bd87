"""The next revision's template: the service's own, with another image and another name. Pure."""

from collections.abc import Mapping

from google.cloud.run_v2.types.revision_template import RevisionTemplate

from gate.cloud.values import serving_container
from gate.errors import InfrastructureError

_SYSTEM = (
    "run.googleapis.com",
    "cloud.googleapis.com",
    "serving.knative.dev",
    "autoscaling.knative.dev",
)
"""Namespaces of labels and annotations that v2 refuses in a write (RevisionTemplate docstring)."""


def next_template(
    current: RevisionTemplate, image: str, revision: str, where: str
) -> RevisionTemplate:
    """A copy for a new revision; everything a user set stays, fields this gate does not know, too.

    The name of the revision that was created last must not be sent again with another image, and
    what the server itself put there must not be sent at all. Source code that was deployed in
    place of an image goes, since it would be run instead of the new image.

    Raises:
        InfrastructureError: it is not clear which of several containers gets the image.
    """
    template = RevisionTemplate(current)
    template.revision = revision
    container = serving_container(template.containers)
    if container is None:
        raise InfrastructureError(
            f"{where}: cannot tell which container gets the image "
            f"(got {len(template.containers)} containers, expected exactly one with a port)"
        )
    container.image = image
    for each in template.containers:
        del each.build_info
    del container.source_code
    for mapping in (template.labels, template.annotations):
        for key in [key for key in mapping if _reserved(key)]:
            del mapping[key]
    return template


def without_reserved(annotations: Mapping[str, str]) -> dict[str, str]:
    """The annotations that may be sent back: those that belong to users, and our own."""
    return {key: value for key, value in annotations.items() if not _reserved(key)}


def _reserved(key: str) -> bool:
    domain = key.partition("/")[0]
    return any(domain == system or domain.endswith(f".{system}") for system in _SYSTEM)
