"""What a v1 service's annotations say of the service itself, each a field of v2's Service."""

import json
from typing import Final

from gate.local.admin.v1.table import (
    Entry,
    Message,
    choice,
    compact,
    flag,
    number,
    optional_number,
    text,
)

_RUN: Final = "run.googleapis.com"
INGRESS: Final = {1: "all", 2: "internal", 3: "internal-and-cloud-load-balancing", 4: "none"}
_STAGES: Final = {6: "UNIMPLEMENTED", 7: "PRELAUNCH", 1: "EARLY_ACCESS", 2: "ALPHA", 3: "BETA"}
_MODES: Final = {1: "automatic", 2: "manual"}
SERVER_MADE: Final = frozenset(
    {
        *(f"{_RUN}/{name}" for name in ("ingress-status", "urls", "operation-id")),
        "serving.knative.dev/creator",
        "serving.knative.dev/lastModifier",
    }
)
"""Annotations that the server writes; what clients send back of them is not looked at."""


def _show_stage(service: Message) -> str:
    """Gives no annotation for GA, which is the default."""
    return {**_STAGES, 5: "DEPRECATED"}.get(service.launch_stage, "")


def _put_stage(service: Message, value: str) -> None:
    numbers = {name: stage for stage, name in {**_STAGES, 5: "DEPRECATED"}.items()}
    service.launch_stage = {**numbers, "GA": 4, "": 4}[value]


def _show_policy(service: Message) -> str:
    asked = service.binary_authorization
    return "default" if asked.use_default else str(asked.policy)


def _put_policy(service: Message, value: str) -> None:
    asked = service.binary_authorization
    asked.ClearField("use_default")
    asked.ClearField("policy")
    if value == "default":
        asked.use_default = True
    elif value:
        asked.policy = value
    if not asked.ByteSize():
        service.ClearField("binary_authorization")


def _show_audiences(service: Message) -> str:
    return compact(list(service.custom_audiences))


def _put_audiences(service: Message, value: str) -> None:
    del service.custom_audiences[:]
    service.custom_audiences.extend(json.loads(value or "[]"))


def _show_regions(service: Message) -> str:
    return ",".join(service.multi_region_settings.regions)


def _put_regions(service: Message, value: str) -> None:
    settings = service.multi_region_settings
    del settings.regions[:]
    settings.regions.extend(name for name in value.split(",") if name)
    if not settings.ByteSize():
        service.ClearField("multi_region_settings")


def _show_variables(service: Message) -> str:
    return compact(dict(sorted(service.build_config.environment_variables.items())))


def _put_variables(service: Message, value: str) -> None:
    config = service.build_config
    config.environment_variables.clear()
    config.environment_variables.update(json.loads(value or "{}"))
    if not config.ByteSize():
        service.ClearField("build_config")


_BUILD: Final = (
    ("build-name", "name"),
    ("build-source-location", "source_location"),
    ("build-function-target", "function_target"),
    ("build-image-uri", "image_uri"),
    ("build-base-image", "base_image"),
    ("build-worker-pool", "worker_pool"),
    ("build-service-account", "service_account"),
)
SETTINGS: Final = (
    text(f"{_RUN}/description", "description"),
    text(f"{_RUN}/client-name", "client"),
    text(f"{_RUN}/client-version", "client_version"),
    choice(f"{_RUN}/ingress", "ingress", INGRESS),
    Entry(f"{_RUN}/launch-stage", _show_stage, _put_stage),
    Entry(f"{_RUN}/binary-authorization", _show_policy, _put_policy),
    text(
        f"{_RUN}/binary-authorization-breakglass", "binary_authorization.breakglass_justification"
    ),
    Entry(f"{_RUN}/custom-audiences", _show_audiences, _put_audiences),
    Entry(f"{_RUN}/regions", _show_regions, _put_regions),
    flag(f"{_RUN}/iap-enabled", "iap_enabled"),
    flag(f"{_RUN}/invoker-iam-disabled", "invoker_iam_disabled"),
    flag(f"{_RUN}/default-url-disabled", "default_uri_disabled"),
    number(f"{_RUN}/minScale", "scaling.min_instance_count"),
    number(f"{_RUN}/maxScale", "scaling.max_instance_count"),
    choice(f"{_RUN}/scalingMode", "scaling.scaling_mode", _MODES),
    *(text(f"{_RUN}/{name}", f"build_config.{field}") for name, field in _BUILD),
    flag(f"{_RUN}/build-enable-automatic-updates", "build_config.enable_automatic_updates"),
    Entry(f"{_RUN}/build-environment-variables", _show_variables, _put_variables),
)


def _manual() -> Entry:
    inner = optional_number(f"{_RUN}/manualInstanceCount", "manual_instance_count")

    def put(service: Message, value: str) -> None:
        inner.put(service.scaling, value)
        if not service.scaling.ByteSize():
            service.ClearField("scaling")

    return Entry(inner.name, lambda service: inner.show(service.scaling), put)


SERVICE: Final = (*SETTINGS, _manual())
"""Every annotation of a service that has a field in v2."""
