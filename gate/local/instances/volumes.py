"""Volumes as private directories: one for each volume of each instance, gone with the instance.

A process cannot be given a file system of its own without privileges, and nothing is ever written
outside of the state directory: a mount path is a name for a directory elsewhere.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from gate.local.instances.command import MountedAt, secret_text
from gate.local.ports import ContainerSpec, VolumeSpec

_UMASK = 0o222  # google.cloud.run.v2.SecretVolumeSource.default_mode: nobody may write


class VolumeError(Exception):
    """A volume cannot be made."""


class Volumes:
    """The volumes of running instances.

    Args:
        directory: holds one directory for each instance that has volumes; made when needed.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def make(
        self, instance_id: str, volumes: tuple[VolumeSpec, ...], secrets: Mapping[str, str]
    ) -> None:
        """Makes the volumes of an instance.

        Raises:
            OSError: the disk refuses.
            SecretMissingError: a secret is not there any more.
            VolumeError: a file would be outside of its volume.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._home(instance_id).mkdir(mode=0o700)
        for volume in volumes:
            home = self._home(instance_id) / volume.name
            home.mkdir(mode=0o700)
            for file in volume.files:
                path = home / _inside(file.path)
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.touch(mode=0o600)
                path.write_text(secret_text(file.secret, secrets))
                path.chmod(file.mode & ~_UMASK)

    def mounts(self, instance_id: str, container: ContainerSpec) -> tuple[MountedAt, ...]:
        """Gives where a container's mounts really are, longer paths first.

        Raises:
            OSError: the disk refuses.
            VolumeError: a mount would be outside of its volume.
        """
        made = []
        for mount in sorted(container.mounts, key=lambda mount: len(mount.path), reverse=True):
            home = self._home(instance_id) / mount.volume / _inside(mount.sub_path)
            home.parent.mkdir(parents=True, exist_ok=True)
            if not home.exists():
                home.mkdir(mode=0o700)
            made.append(MountedAt(mount.volume, mount.path.rstrip("/"), home.resolve()))
        return tuple(made)

    def remove(self, instance_id: str) -> None:
        """Removes an instance's volumes, if it has any."""
        if instance_id.isalnum() and self._home(instance_id).is_dir():
            shutil.rmtree(self._home(instance_id), ignore_errors=True)

    def _home(self, instance_id: str) -> Path:
        return self._directory / instance_id


def _inside(path: str) -> PurePosixPath:
    """Gives a path within a volume.

    Raises:
        VolumeError: it leads out of it.
    """
    made = PurePosixPath(path)
    if made.is_absolute() or ".." in made.parts:
        raise VolumeError(f"The path '{path[:200]}' leads out of its volume.")
    return made
