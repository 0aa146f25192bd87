"""Services and revisions in their v1 form (serving.knative.dev/v1), as gcloud reads them.

Pure. Only what `gcloud run services describe`, `services update-traffic` and `revisions list` need:
reading, and writing of traffic. v1 has Ready among the conditions, generations as numbers, the
project's number as namespace, and an operation's id as an annotation.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import cast

from gate.local.admin.conditions import Reason, State, reason_of, state_of
from gate.local.admin.defaults import project_number
from gate.local.admin.errors import invalid
from gate.local.admin.etags import resource_version
from gate.local.admin.messages import (
    BY_NAME,
    LATEST,
    Condition,
    Container,
    Revision,
    RevisionTemplate,
    Service,
    TrafficTarget,
    seconds,
)
from gate.local.admin.names import short
from gate.local.admin.plan import as_time, last_change
from gate.local.ports import JsonValue, ServiceKey

Json = dict[str, JsonValue]
API = "serving.knative.dev/v1"
_STATUS = {State.SUCCEEDED: "True", State.FAILED: "False"}
_REASONS = {
    Reason.CONTAINER_MISSING: "ContainerMissing",
    Reason.HEALTH_CHECK_CONTAINER_ERROR: "HealthCheckContainerError",
    Reason.SECRETS_ACCESS_CHECK_FAILED: "SecretsAccessCheckFailed",
    Reason.REVISION_FAILED: "RevisionFailed",
    Reason.MIN_INSTANCES_NOT_PROVISIONED: "MinInstancesNotProvisioned",
    Reason.RESERVE: "Reserve",
    Reason.RETIRED: "Retired",
    Reason.INTERNAL: "Internal",
}
_INGRESS = {1: "all", 2: "internal", 3: "internal-and-cloud-load-balancing"}


def service_v1(service: Service, key: ServiceKey, operation_id: str) -> Json:
    """Gives a service in its v1 form.

    Args:
        service: as stored.
        key: its names.
        operation_id: id of the last operation on it, or "".
    """
    return {
        "apiVersion": API,
        "kind": "Service",
        "metadata": _service_metadata(service, key, operation_id),
        "spec": {
            "template": template_v1(service.template),
            "traffic": [_target(target) for target in service.traffic],
        },
        "status": _service_status(service),
    }


def revision_v1(revision: Revision, key: ServiceKey) -> Json:
    """Gives a revision in its v1 form."""
    name = short(revision.name)
    labels: Json = {
        **dict(revision.labels),
        "serving.knative.dev/service": key.service,
        "serving.knative.dev/configuration": key.service,
        "serving.knative.dev/configurationGeneration": str(revision.generation),
        "cloud.googleapis.com/location": key.location,
    }
    annotations: Json = {
        **dict(revision.annotations),
        "serving.knative.dev/creator": revision.creator,
        "autoscaling.knative.dev/maxScale": str(revision.scaling.max_instance_count),
    }
    at = as_time(revision.create_time)
    return {
        "apiVersion": API,
        "kind": "Revision",
        "metadata": {
            "name": name,
            "namespace": project_number(key.project),
            "selfLink": f"/apis/{API}/namespaces/{project_number(key.project)}/revisions/{name}",
            "uid": revision.uid,
            "resourceVersion": resource_version(last_change(revision)),
            "generation": revision.generation,
            "creationTimestamp": _timestamp(at),
            "labels": labels,
            "annotations": annotations,
        },
        "spec": _pod(
            revision.containers,
            revision.max_instance_request_concurrency,
            seconds(revision.timeout),
            revision.service_account,
        ),
        "status": {
            "observedGeneration": revision.observed_generation,
            "conditions": [_condition(item) for item in revision.conditions],
            "containerStatuses": [{"name": item.name} for item in revision.containers if item.name],
        },
    }


def template_v1(template: RevisionTemplate) -> Json:
    """Gives a service's template in its v1 form."""
    annotations: Json = {
        **dict(template.annotations),
        "autoscaling.knative.dev/maxScale": str(template.scaling.max_instance_count),
    }
    if template.scaling.min_instance_count:
        least = str(template.scaling.min_instance_count)
        annotations["autoscaling.knative.dev/minScale"] = least
    return {
        "metadata": {
            "name": template.revision,
            "labels": dict(template.labels),
            "annotations": annotations,
        },
        "spec": _pod(
            template.containers,
            template.max_instance_request_concurrency,
            seconds(template.timeout),
            template.service_account,
        ),
    }


def read_traffic(items: JsonValue) -> list[TrafficTarget]:
    """Reads spec.traffic of a v1 service.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    if not isinstance(items, list):
        raise invalid("spec.traffic", f"must be a list (got {type(items).__name__})")
    return [_read_target(f"spec.traffic[{index}]", item) for index, item in enumerate(items)]


def same_pod(asked: JsonValue, current: JsonValue) -> bool:
    """Tells whether a v1 template asks for what is there: what a client leaves out is no change."""
    if isinstance(asked, dict) and isinstance(current, dict):
        return all(same_pod(value, current.get(name)) for name, value in asked.items())
    if isinstance(asked, list) and isinstance(current, list):
        pairs = zip(asked, current, strict=False)
        return len(asked) == len(current) and all(same_pod(one, other) for one, other in pairs)
    return asked == current or (not asked and not current)


def dig(body: Mapping[str, JsonValue], *path: str) -> JsonValue:
    """Gives what is at a path of objects, or None."""
    value: JsonValue = cast("Json", body)
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _service_metadata(service: Service, key: ServiceKey, operation_id: str) -> Json:
    number = project_number(key.project)
    ingress = _INGRESS.get(int(service.ingress), "all")
    annotations: Json = {
        **dict(service.annotations),
        "run.googleapis.com/ingress": ingress,
        "run.googleapis.com/ingress-status": ingress,
        "serving.knative.dev/creator": service.creator,
        "serving.knative.dev/lastModifier": service.last_modifier,
    }
    if service.urls:
        quoted = ",".join(f'"{url}"' for url in service.urls)
        annotations["run.googleapis.com/urls"] = f"[{quoted}]"
    if operation_id:
        annotations["run.googleapis.com/operation-id"] = operation_id
    return {
        "name": key.service,
        "namespace": number,
        "selfLink": f"/apis/{API}/namespaces/{number}/services/{key.service}",
        "uid": service.uid,
        "resourceVersion": resource_version(last_change(service)),
        "generation": service.generation,
        "creationTimestamp": _timestamp(as_time(service.create_time)),
        "labels": {**dict(service.labels), "cloud.googleapis.com/location": key.location},
        "annotations": annotations,
    }


def _service_status(service: Service) -> Json:
    """Gives the v1 status; its observedGeneration advances with every finished reconciliation."""
    pending = state_of(service.terminal_condition) is State.PENDING
    observed = service.observed_generation if pending else service.generation
    status: Json = {
        "observedGeneration": observed,
        "conditions": [
            _condition(item) for item in (service.terminal_condition, *service.conditions)
        ],
        "latestCreatedRevisionName": short(service.latest_created_revision),
        "traffic": _observed(service),
    }
    if service.latest_ready_revision:
        status["latestReadyRevisionName"] = short(service.latest_ready_revision)
    if service.uri:
        status["url"] = service.uri
        status["address"] = {"url": service.uri}
    return status


def _observed(service: Service) -> list[JsonValue]:
    """Gives status.traffic: entries of one revision without a tag are merged, as v1 does."""
    ready = short(service.latest_ready_revision)
    merged: dict[tuple[str, str], Json] = {}
    for status in service.traffic_statuses:
        follows = status.type_ == LATEST
        name = ready if follows else short(status.revision)
        entry = merged.setdefault((name, status.tag), {"revisionName": name})
        percent = cast("int", entry.get("percent", 0)) + status.percent
        if percent:
            entry["percent"] = percent
        if follows:
            entry["latestRevision"] = True
        if status.tag:
            entry.update(tag=status.tag, url=status.uri)
    return list(merged.values())


def _target(target: TrafficTarget) -> Json:
    entry: Json = {}
    if target.percent:
        entry["percent"] = target.percent
    if target.type_ == LATEST:
        entry["latestRevision"] = True
    else:
        entry["revisionName"] = short(target.revision)
    if target.tag:
        entry["tag"] = target.tag
    return entry


def _read_target(where: str, item: JsonValue) -> TrafficTarget:
    if not isinstance(item, dict):
        raise invalid(where, f"must be an object (got {type(item).__name__})")
    percent, tag = item.get("percent", 0), item.get("tag", "")
    name, latest = item.get("revisionName", ""), item.get("latestRevision", False)
    if not isinstance(percent, int | float) or percent != int(percent):
        raise invalid(f"{where}.percent", f"must be a whole number (got {str(percent)[:40]})")
    if not isinstance(tag, str) or not isinstance(name, str):
        raise invalid(where, "tag and revisionName must be text")
    if latest and name:
        raise invalid(where, "latestRevision and revisionName exclude each other")
    kind = LATEST if latest else BY_NAME
    return TrafficTarget(type_=kind, revision=name, percent=int(percent), tag=tag)


def _pod(containers: Iterable[Container], concurrency: int, timeout_s: float, account: str) -> Json:
    return {
        "containerConcurrency": concurrency,
        "timeoutSeconds": int(timeout_s),
        "serviceAccountName": account,
        "containers": [_container(container) for container in containers],
    }


def _container(container: Container) -> Json:
    probe = container.startup_probe
    made: Json = {
        "image": container.image,
        "ports": [
            {"containerPort": port.container_port, "name": port.name} for port in container.ports
        ],
        "env": [{"name": item.name, "value": item.value} for item in container.env],
        "resources": {"limits": dict(container.resources.limits)},
        "startupProbe": {
            "timeoutSeconds": probe.timeout_seconds,
            "periodSeconds": probe.period_seconds,
            "failureThreshold": probe.failure_threshold,
        },
    }
    if container.name:
        made["name"] = container.name
    if "tcp_socket" in probe:
        startup = cast("Json", made["startupProbe"])
        startup["tcpSocket"] = {"port": probe.tcp_socket.port}
    return made


def _condition(item: Condition) -> Json:
    made: Json = {
        "type": item.type_,
        "status": _STATUS.get(state_of(item), "Unknown"),
        "lastTransitionTime": _timestamp(as_time(item.last_transition_time)),
    }
    reason = reason_of(item)
    if reason is not None:
        made["reason"] = _REASONS[reason]
    if item.message:
        made["message"] = item.message
    if "severity" in item:
        made["severity"] = "Info"
    return made


def _timestamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
