"""A person who moves traffic by hand while others are at work on the service."""

from collections.abc import Callable
from contextlib import suppress

from google.protobuf.field_mask_pb2 import FieldMask

from gate.local.admin.control import ControlPlane
from gate.local.admin.messages import (
    BY_NAME,
    LATEST,
    Service,
    TrafficTarget,
    UpdateServiceRequest,
)
from gate.local.api.errors import ApiError
from gate.local.faults.rules import Rule


def interference(control: ControlPlane) -> Callable[[Rule], None]:
    """Gives who does what an interfering rule says, as `gcloud run services update-traffic` would.

    Nothing happens where the service does not exist, or refuses it.

    Args:
        control: the shared state and its calls.
    """

    def move(rule: Rule) -> None:
        with suppress(ApiError):
            control.update_service(_update(control.get_service(rule.service), rule), rule.caller)

    return move


def _update(service: Service, rule: Rule) -> UpdateServiceRequest:
    """The shares of the rule, every tag where it is."""
    tags = [
        TrafficTarget(type_=target.type_, revision=target.revision, tag=target.tag)
        for target in service.traffic
        if target.tag
    ]
    shares = [_target(name, percent) for name, percent in rule.shares]
    changed = Service(name=service.name, etag=service.etag, traffic=[*shares, *tags])
    return UpdateServiceRequest(service=changed, update_mask=FieldMask(paths=["traffic"]))


def _target(name: str, percent: int) -> TrafficTarget:
    if name == "LATEST":
        return TrafficTarget(type_=LATEST, percent=percent)
    return TrafficTarget(type_=BY_NAME, revision=name, percent=percent)
