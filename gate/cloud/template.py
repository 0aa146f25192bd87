"""The next revision's template: the service's own or a revision's, with another image. Pure."""

from copy import deepcopy

from gate.cloud.documents import Document, part, parts, text, texts
from gate.cloud.knative import USER_IMAGE, own_name, reserved, serving_container
from gate.cloud.settings import settings_of
from gate.core.policy import Json
from gate.errors import InfrastructureError

_RUN = "run.googleapis.com"
_NONCE = "client.knative.dev/nonce"  # gcloud's, of one deploy
_DROPPED = {_NONCE, f"{_RUN}/operation-id", f"{_RUN}/client-name", f"{_RUN}/client-version"}
_SOURCES = (f"{_RUN}/build-", f"{_RUN}/sources", f"{_RUN}/source-location", f"{_RUN}/image-uri")
"""Annotations of what was deployed from source, which another image does not come from."""
_FILLED_IN = {(f"{_RUN}/cpu-throttling", "true")}
_DEPENDENCIES = f"{_RUN}/container-dependencies"


def next_template(template: Document, image: str, revision: str, where: str) -> Document:
    """A copy for a new revision; everything a user set stays, fields this gate does not know, too.

    The name of the revision that was created last must not be sent again with another image.

    Raises:
        InfrastructureError: it is not clear which of several containers gets the image.
    """
    made = deepcopy(template)
    metadata = _object(made, "metadata")
    metadata["name"] = revision
    labels: dict[str, Json] = dict(texts(metadata, "labels"))
    annotations: dict[str, Json] = dict(texts(metadata, "annotations"))
    for mapping in (labels, annotations):
        for key in [key for key in mapping if key in _DROPPED or key.startswith(_SOURCES)]:
            del mapping[key]
    annotations[USER_IMAGE] = image
    metadata["labels"], metadata["annotations"] = labels, annotations
    containers = parts(made, "spec", "containers")
    container = serving_container(containers)
    if container is None:
        raise InfrastructureError(
            f"{where}: cannot tell which container gets the image "
            f"(got {len(containers)} containers, expected exactly one with a port)"
        )
    container["image"] = image
    return made


def template_of(revision: Document, service: str) -> Document:
    """The template that a revision was made from, as far as the revision tells.

    What Cloud Run put into it is not sent back: its own labels, who made it, the names of
    containers that had none.
    """
    spec = deepcopy(part(revision, "spec"))
    labels = texts(revision, "metadata", "labels")
    annotations = texts(revision, "metadata", "annotations")
    dependencies = annotations.get(_DEPENDENCIES, "")
    for place, container in enumerate(parts(spec, "containers")):
        name = text(container, "name")
        if not own_name(container, service, place) and f'"{name}"' not in dependencies:
            container.pop("name", None)
    kept: dict[str, Json] = {key: one for key, one in labels.items() if not reserved(key)}
    set_up: dict[str, Json] = {
        key: one
        for key, one in annotations.items()
        if not key.startswith("serving.knative.dev/") and (key, one) not in _FILLED_IN
    }
    return {"metadata": {"labels": kept, "annotations": set_up}, "spec": spec}


def same_settings(template: Document, revision: Document, service: str) -> bool:
    """Whether a service's template says what a revision is, but for the image."""
    return settings_of(template, service) == settings_of(revision, service)


def _object(document: Document, name: str) -> Document:
    found = document.get(name)
    if not isinstance(found, dict):
        found = document[name] = {}
    return found
