"""Cloud Run's v2 messages: the one place of the control plane that names the client library."""

from typing import Any

from google.cloud.run_v2.types import (
    Condition,
    Container,
    ContainerPort,
    CreateServiceRequest,
    DeleteRevisionRequest,
    DeleteServiceRequest,
    EnvVar,
    GetRevisionRequest,
    GetServiceRequest,
    HTTPGetAction,
    IngressTraffic,
    ListRevisionsRequest,
    ListRevisionsResponse,
    ListServicesRequest,
    ListServicesResponse,
    Probe,
    ResourceRequirements,
    Revision,
    RevisionTemplate,
    Service,
    TCPSocketAction,
    TrafficTarget,
    TrafficTargetAllocationType,
    TrafficTargetStatus,
    UpdateServiceRequest,
)

LATEST = TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST
BY_NAME = TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION


def seconds(duration: Any) -> float:
    """Gives a Duration field in seconds (proto-plus reads it as timedelta, whatever its type)."""
    return float(duration.total_seconds())


__all__ = [
    "BY_NAME",
    "LATEST",
    "Condition",
    "Container",
    "ContainerPort",
    "CreateServiceRequest",
    "DeleteRevisionRequest",
    "DeleteServiceRequest",
    "EnvVar",
    "GetRevisionRequest",
    "GetServiceRequest",
    "HTTPGetAction",
    "IngressTraffic",
    "ListRevisionsRequest",
    "ListRevisionsResponse",
    "ListServicesRequest",
    "ListServicesResponse",
    "Probe",
    "ResourceRequirements",
    "Revision",
    "RevisionTemplate",
    "Service",
    "TCPSocketAction",
    "TrafficTarget",
    "TrafficTargetStatus",
    "UpdateServiceRequest",
    "seconds",
]
