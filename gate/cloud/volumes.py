"""What a mounted volume is, by what it names: which secret, bucket, share or database. Pure."""

from collections.abc import Iterable, Mapping

from gate.cloud.documents import Document, part, parts, text

LATEST = "latest"
_ALIASES = "run.googleapis.com/secrets"


def secret_aliases(annotations: Mapping[str, str]) -> dict[str, str]:
    """Names of secrets of other projects, by the names that stand for them in a template."""
    pairs = (pair.partition(":") for pair in annotations.get(_ALIASES, "").split(","))
    return {alias.strip(): name.strip() for alias, _, name in pairs if name}


class Volumes:
    """The volumes of one template or revision.

    Args:
        volumes: as listed in its spec.
        aliases: as `secret_aliases`.
    """

    def __init__(self, volumes: Iterable[Document], aliases: Mapping[str, str]) -> None:
        self._volumes = {text(volume, "name"): volume for volume in volumes}
        self._aliases = aliases

    def secret_name(self, name: str) -> str:
        """The secret that this name stands for."""
        return self._aliases.get(name, name)

    def told(self, name: str) -> tuple[str, bool | None]:
        """A volume as text; whether it means the latest of a secret, None where it is none."""
        volume = self._volumes.get(name, {})
        if secret := part(volume, "secret"):
            return self._secret(secret)
        return _other(volume), None

    def _secret(self, secret: Document) -> tuple[str, bool]:
        chosen = [(text(i, "path"), text(i, "key") or LATEST) for i in parts(secret, "items")]
        told = sorted(f"{path}={version}" for path, version in chosen)
        floating = not chosen or any(version == LATEST for _, version in chosen)
        return " ".join((self.secret_name(text(secret, "secretName")), *told)), floating


def _other(volume: Document) -> str:
    """Its kind alone where it names nothing."""
    if "emptyDir" in volume:
        return f"memory {text(volume, 'emptyDir', 'sizeLimit')}".rstrip()
    if "nfs" in volume:
        return f"NFS {text(volume, 'nfs', 'server')}:{text(volume, 'nfs', 'path')}"
    if "csi" in volume:
        bucket = text(volume, "csi", "volumeAttributes", "bucketName")
        return f"bucket {bucket}" if bucket else text(volume, "csi", "driver") or "unknown"
    return next((kind for kind in sorted(volume) if kind != "name"), "unknown")
