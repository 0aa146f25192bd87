"""Services and revisions in their v1 form as the core's values, and splits as traffic lists. Pure.

Platform facts: gcloud reads the same fields. A condition's status is True, False or Unknown;
`observedGeneration` equals `generation` once Cloud Run has ended with a write, for good or ill.
"""

import re
from datetime import datetime

from gate.cloud.documents import (
    Document,
    items,
    moment,
    number,
    part,
    parts,
    text,
    texts,
    value,
)
from gate.cloud.knative import CLIENT_NAME, SERVICE_LABEL, USER_IMAGE, of_users, serving_container
from gate.cloud.settings import floating_names, settings_of
from gate.core.policy import Json
from gate.core.service import (
    Condition,
    ConditionState,
    Effective,
    Revision,
    Service,
    ServiceRef,
)
from gate.core.traffic import Split, Target
from gate.errors import InfrastructureError, ValueProblem

NAMELESS = "(nameless)"
"""Stands for a revision whose name the API left out where it must not: equal to no revision."""

_STATES = {
    "True": ConditionState.SUCCEEDED,
    "False": ConditionState.FAILED,
    "Unknown": ConditionState.RECONCILING,
}
_DONE = (ConditionState.SUCCEEDED, ConditionState.FAILED)
_TIMEOUT_S = 300.0
_HEALTHY_IN = re.compile(r"became healthy in (?:(\d{1,3})m)?(?:(\d{1,4}(?:\.\d{1,9})?)s)?")
"""Of ContainerHealthy's message: `Containers became healthy in 13.64s.` (public records, 2026)."""
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def service_value(document: Document, ref: ServiceRef) -> Service:
    """A service as read.

    Raises:
        InfrastructureError: its traffic list is of a kind that this gate does not know.
    """
    where = f"service {ref}"
    generation, observed = number(document, "metadata", "generation"), _observed(document)
    ready = dict(_conditions(document)).get("Ready", Condition())
    annotations = texts(document, "metadata", "annotations")
    template = part(document, "spec", "template")
    container = serving_container(parts(template, "spec", "containers")) or {}
    return Service(
        ref=ref,
        etag=text(document, "metadata", "resourceVersion"),
        generation=generation,
        observed_generation=observed,
        reconciling=observed < generation or ready.state not in _DONE,
        ready=ready,
        traffic=split_value(items(document, "spec", "traffic"), where),
        effective=tuple(_effective(line) for line in parts(document, "status", "traffic")),
        latest_ready=text(document, "status", "latestReadyRevisionName"),
        latest_created=text(document, "status", "latestCreatedRevisionName"),
        uri=text(document, "status", "url").rstrip("/"),
        last_modifier=annotations.get("serving.knative.dev/lastModifier", ""),
        updated_at=_updated(document),
        annotations=tuple(of_users(annotations).items()),
        settings=settings_of(template, ref.name),
        ingress=annotations.get("run.googleapis.com/ingress", ""),
        template_name=text(template, "metadata", "name"),
        template_image=text(container, "image"),
        image_label=texts(template, "metadata", "annotations").get(USER_IMAGE, ""),
    )


def revision_value(document: Document) -> Revision:
    """A revision as read; its image and environment are those of the container with the port."""
    conditions = _conditions(document)
    container = serving_container(parts(document, "spec", "containers")) or {}
    annotations = texts(document, "metadata", "annotations")
    service = text(document, "metadata", "labels", SERVICE_LABEL)
    digest = text(document, "status", "imageDigest") or text(container, "image")
    timeout_s = number(document, "spec", "timeoutSeconds")
    least = annotations.get("autoscaling.knative.dev/minScale", "")
    return Revision(
        name=text(document, "metadata", "name") or NAMELESS,
        ready=dict(conditions).get("Ready", Condition()),
        image=_image(text(container, "image"), annotations),
        created_at=moment(document, "metadata", "creationTimestamp"),
        conditions=conditions,
        env=tuple(text(variable, "name") for variable in parts(container, "env")),
        min_instances=int(least) if least.isdecimal() else 0,
        timeout_s=float(timeout_s) or _TIMEOUT_S,
        annotations=tuple(of_users(annotations).items()),
        digest=digest if "@sha256:" in digest else "",
        settings=settings_of(document, service),
        floating=floating_names(document, service),
        start_s=_start_s(document),
        image_label=annotations.get(USER_IMAGE, ""),
    )


def _start_s(document: Document) -> float:
    """How long its containers took to be healthy, by Cloud Run's own words; 0 where it has none.

    The condition's time does not tell: it moves when a retired revision is needed again.
    """
    for condition in parts(document, "status", "conditions"):
        healthy = text(condition, "type") == "ContainerHealthy"
        found = _HEALTHY_IN.search(text(condition, "message")) if healthy else None
        if found is not None and text(condition, "status") == "True":
            return 60.0 * int(found[1] or 0) + float(found[2] or 0)
    return 0.0


def owner_of(document: Document) -> str:
    """The service that a revision belongs to, "" where it does not say."""
    return text(document, "metadata", "labels", SERVICE_LABEL)


def reason_name(reason: str) -> str:
    """A condition's reason as the core knows it: v1's HealthCheckContainerError in v2's form.

    v2 has the same reasons as names of an enum (google.cloud.run.v2.Condition.RevisionReason).
    """
    return _WORDS.sub("_", reason).upper()


def split_value(targets: list[Json], where: str) -> Split:
    """Desired traffic.

    Raises:
        InfrastructureError: a target of an unknown form, or percents that make no split.
    """
    try:
        return Split.of([_target(target, where) for target in targets])
    except ValueProblem as problem:
        raise InfrastructureError(f"{where}: traffic list makes no sense: {problem}") from None


def traffic_items(split: Split) -> list[Json]:
    """A split as the list that replaces the service's."""
    return [_item(target) for target in split]


def _item(target: Target) -> Document:
    item: Document = {"percent": target.percent} if target.percent else {}
    if target.revision is None:
        item["latestRevision"] = True
    else:
        item["revisionName"] = target.revision
    if target.tag:
        item["tag"] = target.tag
    return item


def _target(item: Json, where: str) -> Target:
    target = item if isinstance(item, dict) else {}
    latest, name = value(target, "latestRevision") is True, text(target, "revisionName")
    percent = value(target, "percent") or 0
    tag = value(target, "tag") or ""
    if latest is bool(name) or type(percent) is not int or not isinstance(tag, str):
        raise InfrastructureError(
            f"{where}: traffic target of a kind this gate does not know "
            f"(got {str(item)[:200]}, expected latestRevision or a revisionName)"
        )
    return Target(None if latest else name, percent, tag)


def _effective(line: Document) -> Effective:
    latest = value(line, "latestRevision") is True
    return Effective(
        revision=text(line, "revisionName") or (None if latest else NAMELESS),
        percent=number(line, "percent"),
        tag=text(line, "tag"),
        uri=text(line, "url").rstrip("/"),
    )


def _observed(document: Document) -> int:
    return number(document, "status", "observedGeneration")


def _conditions(document: Document) -> tuple[tuple[str, Condition], ...]:
    return tuple(
        (text(one, "type"), condition_value(one)) for one in parts(document, "status", "conditions")
    )


def condition_value(document: Document) -> Condition:
    """A condition; a status that is not known yet is UNKNOWN.

    Of its message what goes before the first empty line: Cloud Run's links to the console follow.
    """
    state = _STATES.get(text(document, "status"), ConditionState.UNKNOWN)
    message = text(document, "message").partition("\n\n")[0]
    return Condition(state, reason_name(text(document, "reason")), message)


def _updated(document: Document) -> datetime | None:
    """When it changed last, by what v1 says: creation, and the conditions' transitions."""
    moments = [moment(document, "metadata", "creationTimestamp")]
    conditions = parts(document, "status", "conditions")
    moments += [moment(condition, "lastTransitionTime") for condition in conditions]
    return max((at for at in moments if at is not None), default=None)


def _image(image: str, annotations: dict[str, str]) -> str:
    """The image as it was deployed: a revision's container names it by its digest.

    The annotation that keeps the name is believed only where it can be of this image. Today's
    gcloud changes the image and leaves the annotation as it finds it, and so is not believed.
    """
    pinned, _, digest = image.partition("@")
    named = annotations.get(USER_IMAGE, "")
    if not digest or not named or CLIENT_NAME in annotations:
        return image
    if "@" in named:
        return named if named == image else image
    return named if _untagged(named) == _untagged(pinned) else image


def _untagged(name: str) -> str:
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"
