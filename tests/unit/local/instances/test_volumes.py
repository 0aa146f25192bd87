import pytest

from gate.local.instances.command import SecretMissingError
from gate.local.instances.volumes import VolumeError, Volumes
from gate.local.ports import ContainerSpec, Mount, SecretFile, SecretRef, VolumeSpec

KEY = SecretRef("key")
SECRETS = {"key": "open sesame"}


def volume(*files):
    return VolumeSpec("keys", files)


def mounting(path="/keys", sub_path="", name="keys"):
    return ContainerSpec("app", mounts=(Mount(name, path, sub_path),))


@pytest.fixture
def volumes(tmp_path):
    return Volumes(tmp_path / "volumes")


def test_a_secret_is_a_file_that_nobody_writes_and_others_cannot_reach(volumes, tmp_path):
    volumes.make("i1", (volume(SecretFile("tls/key", KEY, 0o644)),), SECRETS)
    (mount,) = volumes.mounts("i1", mounting())
    file = mount.directory / "tls/key"
    assert file.read_text() == "open sesame"
    assert file.stat().st_mode & 0o777 == 0o444
    assert (tmp_path / "volumes").stat().st_mode & 0o077 == 0


def test_two_containers_that_mount_a_volume_share_it(volumes):
    volumes.make("i1", (VolumeSpec("scratch"),), {})
    (one,) = volumes.mounts("i1", mounting(name="scratch"))
    (other,) = volumes.mounts("i1", mounting("/elsewhere", name="scratch"))
    assert one.directory == other.directory
    assert one.directory.is_dir()
    assert (one.path, other.path) == ("/keys", "/elsewhere")


def test_a_part_of_a_volume_is_mounted_by_its_path(volumes):
    volumes.make("i1", (volume(SecretFile("tls/key", KEY)),), SECRETS)
    (file,) = volumes.mounts("i1", mounting("/key.pem", "tls/key"))
    assert file.directory.read_text() == "open sesame"
    (folder,) = volumes.mounts("i1", mounting("/new", "made/up"))
    assert folder.directory.is_dir()


def test_longer_mount_paths_come_first(volumes):
    volumes.make("i1", (VolumeSpec("a"), VolumeSpec("b")), {})
    container = ContainerSpec("app", mounts=(Mount("a", "/x"), Mount("b", "/x/y/")))
    assert [mount.path for mount in volumes.mounts("i1", container)] == ["/x/y", "/x"]


@pytest.mark.parametrize("path", ["../key", "/etc/key", "a/../../key"])
def test_nothing_is_written_outside_of_a_volume(volumes, tmp_path, path):
    with pytest.raises(VolumeError, match="leads out"):
        volumes.make("i1", (volume(SecretFile(path, KEY)),), SECRETS)
    volumes.make("i2", (volume(),), {})
    with pytest.raises(VolumeError, match="leads out"):
        volumes.mounts("i2", mounting(sub_path=path))
    assert not [found for found in tmp_path.rglob("*") if found.is_file()]


def test_a_secret_that_is_gone_is_no_empty_file(volumes):
    with pytest.raises(SecretMissingError):
        volumes.make("i1", (volume(SecretFile("key", KEY)),), {})


def test_an_instances_volumes_go_with_it_and_no_others(volumes, tmp_path):
    for instance in ("i1", "i2"):
        volumes.make(instance, (volume(SecretFile("key", KEY)),), SECRETS)
    volumes.remove("i1")
    assert [found.name for found in (tmp_path / "volumes").iterdir()] == ["i2"]


@pytest.mark.parametrize("instance", ["", ".", "..", "../other"])
def test_what_is_no_instances_id_removes_nothing(volumes, tmp_path, instance):
    volumes.make("i1", (volume(SecretFile("key", KEY)),), SECRETS)
    (tmp_path / "other").mkdir()
    volumes.remove(instance)
    assert (tmp_path / "other").is_dir()
    assert (tmp_path / "volumes/i1/keys/key").exists()
