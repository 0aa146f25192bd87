"""Update masks: what of an incoming service replaces the current one.

Pure. Output-only fields are never taken over, whatever the mask says (AIP-203).
"""

from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from gate.local.admin.messages import Service
from gate.local.api.errors import invalid

METADATA = ("labels", "annotations", "client", "client_version")
DESIRED = (
    "description",
    "ingress",
    "launch_stage",
    "binary_authorization",
    "template",
    "traffic",
    "scaling",
    "invoker_iam_disabled",
    "default_uri_disabled",
    "iap_enabled",
    "multi_region_settings",
    "custom_audiences",
    "build_config",
)
MAX_PATHS = 200


def parse_mask(text: str) -> FieldMask:
    """Reads the JSON form of a mask: paths in camelCase or snake_case, parted by commas."""
    paths = [part.strip() for part in text.split(",") if part.strip()]
    return FieldMask(paths=[_snake(path) for path in paths])


def merged(current: Service, incoming: Service, mask: FieldMask) -> Service:
    """Gives the service that the caller wants.

    Without a mask (or with `*`) every field that a caller may set is replaced: one that is left
    out becomes empty, traffic included (which then means 100 % to the latest revision).

    Raises:
        ApiError: INVALID_ARGUMENT: a path that a service does not have.
    """
    wanted = Service(current)
    paths = list(mask.paths)
    if not paths or paths == ["*"]:
        paths = [*DESIRED, *METADATA]
    if len(paths) > MAX_PATHS:
        raise invalid("UpdateServiceRequest.update_mask", f"too many paths (got {len(paths)})")
    for path in paths:
        _check_path(path)
    settable = [path for path in paths if path.partition(".")[0] in {*DESIRED, *METADATA}]
    target: Any = Service.pb(wanted)
    source: Any = Service.pb(incoming)
    FieldMask(paths=settable).MergeMessage(
        source, target, replace_message_field=True, replace_repeated_field=True
    )
    return wanted


def _check_path(path: str) -> None:
    descriptor: Any = Service.pb().DESCRIPTOR
    field = "UpdateServiceRequest.update_mask"
    for part in path.split("."):
        entry = descriptor.fields_by_name.get(part) if descriptor is not None else None
        if entry is None:
            raise invalid(field, f"no such field (got {path[:120]!r})")
        repeated = bool(getattr(entry, "is_repeated", False))
        descriptor = None if repeated else entry.message_type


def _snake(path: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in path)
