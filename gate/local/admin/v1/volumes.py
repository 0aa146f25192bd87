"""Volumes and where they are mounted, both ways."""

from collections.abc import Mapping
from typing import Final

from gate.local.admin.v1.annotations import main
from gate.local.admin.v1.fields import Fields, Json
from gate.local.admin.v1.secrets import Aliases
from gate.local.admin.v1.table import Message
from gate.local.api.errors import invalid
from gate.local.ports import JsonValue

CLOUD_SQL: Final = "run.googleapis.com/cloudsql-instances"
_SQL_NAME: Final = "cloudsql"
_SQL_PATH: Final = "/cloudsql"
_GCS_DRIVER: Final = "gcsfuse.run.googleapis.com"
_SQL_DRIVER: Final = "cloudsql.run.googleapis.com"
_MEMORY: Final = 1  # google.cloud.run.v2.EmptyDirVolumeSource.Medium


def volumes_v1(template: Message, aliases: Aliases) -> list[JsonValue]:
    """Gives a template's volumes, but for the one that Cloud SQL's annotation stands for."""
    annotated = cloud_sql(template)
    return [
        {"name": volume.name, **_source(volume, aliases)}
        for volume in template.volumes
        if not (annotated and volume.name == _SQL_NAME)
    ]


def cloud_sql(template: Message) -> str:
    """Gives the annotation of Cloud SQL's instances: at the usual place, in the main container."""
    found = [volume for volume in template.volumes if volume.name == _SQL_NAME]
    mounts = [
        (container, mount)
        for container in template.containers
        for mount in container.volume_mounts
        if mount.name == _SQL_NAME
    ]
    if len(found) != 1 or not found[0].cloud_sql_instance.instances or len(mounts) != 1:
        return ""
    (container, mount), usual = mounts[0], main(template)
    at_end = container.volume_mounts[-1].name == template.volumes[-1].name == _SQL_NAME
    plain = mount.mount_path == _SQL_PATH and not mount.sub_path
    if not (plain and at_end and container is usual):
        return ""
    return ",".join(found[0].cloud_sql_instance.instances)


def mounts_v1(container: Message, *, annotated: bool) -> list[JsonValue]:
    """Gives where a container has its volumes."""
    made: list[JsonValue] = []
    for mount in container.volume_mounts:
        if annotated and mount.name == _SQL_NAME:
            continue
        entry: Json = {"name": mount.name, "mountPath": mount.mount_path}
        if mount.sub_path:
            entry["subPath"] = mount.sub_path
        made.append(entry)
    return made


def read_volume(fields: Fields, aliases: Mapping[str, str], volume: Message) -> None:
    """Reads a volume into an empty message.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    volume.name = fields.text("name")
    readers = {
        "secret": lambda inner: _read_secret(inner, aliases, volume.secret),
        "emptyDir": lambda inner: _read_empty_dir(inner, volume.empty_dir),
        "nfs": lambda inner: _read_nfs(inner, volume.nfs),
        "csi": lambda inner: _read_csi(inner, volume),
    }
    given = [name for name in readers if fields.has(name)]
    if len(given) != 1:
        got = " and ".join(given) or "none"
        raise invalid(
            fields.where, f"must have one source (got {got}, expected {', '.join(readers)})"
        )
    inner = fields.inner(given[0])
    readers[given[0]](inner)
    inner.close()
    fields.close()


def read_mounts(fields: Fields, container: Message) -> None:
    """Reads a container's mounts.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    del container.volume_mounts[:]
    for each in fields.objects("volumeMounts"):
        each.ignore("readOnly")
        container.volume_mounts.add(
            name=each.text("name"),
            mount_path=each.text("mountPath"),
            sub_path=each.text("subPath"),
        )
        each.close()


def add_cloud_sql(template: Message, annotation: str) -> None:
    """Adds the volume that the annotation of Cloud SQL stands for, at its usual place."""
    container = main(template)
    if not annotation or container is None:
        return
    volume = template.volumes.add(name=_SQL_NAME)
    volume.cloud_sql_instance.instances.extend(filter(None, annotation.split(",")))
    container.volume_mounts.add(name=_SQL_NAME, mount_path=_SQL_PATH)


def _source(volume: Message, aliases: Aliases) -> Json:
    kind = volume.WhichOneof("volume_type")
    if kind == "secret":
        return {"secret": _secret(volume.secret, aliases)}
    if kind == "empty_dir":
        return {"emptyDir": _empty_dir(volume.empty_dir)}
    if kind == "nfs":
        share = volume.nfs
        made: Json = {"server": share.server, "path": share.path}
        return {"nfs": {**made, "readOnly": True} if share.read_only else made}
    if kind == "gcs":
        return {"csi": _bucket(volume.gcs)}
    instances = ",".join(volume.cloud_sql_instance.instances)
    return {"csi": {"driver": _SQL_DRIVER, "volumeAttributes": {"instances": instances}}}


def _secret(secret: Message, aliases: Aliases) -> Json:
    made: Json = {"secretName": aliases.name(secret.secret)}
    items: list[JsonValue] = []
    for item in secret.items:
        entry: Json = {"key": item.version, "path": item.path}
        items.append({**entry, "mode": item.mode} if item.mode else entry)
    if items:
        made["items"] = items
    if secret.default_mode:
        made["defaultMode"] = secret.default_mode
    return made


def _read_secret(fields: Fields, aliases: Mapping[str, str], secret: Message) -> None:
    name = fields.text("secretName")
    secret.secret = aliases.get(name, name)
    secret.default_mode = fields.number("defaultMode")
    for item in fields.objects("items"):
        secret.items.add(version=item.text("key"), path=item.text("path"), mode=item.number("mode"))
        item.close()


def _empty_dir(directory: Message) -> Json:
    made: Json = {}
    if directory.medium == _MEMORY:
        made["medium"] = "Memory"
    if directory.size_limit:
        made["sizeLimit"] = directory.size_limit
    return made


def _read_empty_dir(fields: Fields, directory: Message) -> None:
    medium = fields.text("medium")
    if medium not in ("", "Memory"):
        raise invalid(f"{fields.where}.medium", f"(got {medium[:40]!r}, expected Memory)")
    directory.SetInParent()
    directory.medium = _MEMORY if medium else 0
    directory.size_limit = fields.text("sizeLimit")


def _read_nfs(fields: Fields, share: Message) -> None:
    share.SetInParent()
    share.server, share.path = fields.text("server"), fields.text("path")
    share.read_only = fields.flag("readOnly")


def _bucket(bucket: Message) -> Json:
    attributes: Json = {"bucketName": bucket.bucket}
    if bucket.mount_options:
        attributes["mountOptions"] = ",".join(bucket.mount_options)
    made: Json = {"driver": _GCS_DRIVER, "volumeAttributes": attributes}
    return {**made, "readOnly": True} if bucket.read_only else made


def _read_csi(fields: Fields, volume: Message) -> None:
    driver, attributes = fields.text("driver"), fields.mapping("volumeAttributes")
    options = list(filter(None, attributes.pop("mountOptions", "").split(",")))
    if driver == _GCS_DRIVER:
        volume.gcs.SetInParent()
        volume.gcs.bucket = attributes.pop("bucketName", "")
        volume.gcs.mount_options.extend(options)
        volume.gcs.read_only = fields.flag("readOnly")
    elif driver == _SQL_DRIVER:
        instances = attributes.pop("instances", "")
        volume.cloud_sql_instance.SetInParent()
        volume.cloud_sql_instance.instances.extend(filter(None, instances.split(",")))
    else:
        raise invalid(f"{fields.where}.driver", f"not imitated here (got {driver[:80]!r})")
    Fields(f"{fields.where}.volumeAttributes", dict(attributes)).close()
