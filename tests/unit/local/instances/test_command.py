from pathlib import Path

import pytest

from gate.local.images import Image
from gate.local.instances.command import (
    MountedAt,
    SecretMissingError,
    Surroundings,
    command_of,
    directory,
    instance_of,
    marker_of,
    mount_variable,
    program_of,
)
from gate.local.ports import ContainerSpec, Lease, RevisionSpec, SecretRef
from tests.fakes.local_data_plane import revision

LEASE = Lease(revision(), "abc", "127.0.0.1", 4321)
PLAIN = ContainerSpec("app")


def image(*command, entrypoint=(), env=None, cwd=Path("/")):
    return Image(command, cwd, env or {}, entrypoint)


def made(container=PLAIN, what=None, secrets=None, own=None, mounts=()):
    around = Surroundings(LEASE, secrets or {}, own or {}, mounts)
    return command_of(RevisionSpec(LEASE.key, container), container, what or image("serve"), around)


@pytest.mark.parametrize(
    ("part", "becomes"),
    [
        ("$PORT", "4321"),
        ("${PORT}", "4321"),
        ("--listen=0.0.0.0:$PORT", "--listen=0.0.0.0:4321"),
        ("exec serve -p $PORT -q", "exec serve -p 4321 -q"),
        ("$PORTAL", "$PORTAL"),
        ("${PORT", "${PORT"),
        ("$HOME", "$HOME"),
    ],
)
def test_the_port_is_put_into_what_the_images_file_says(part, becomes):
    assert program_of(PLAIN, image("serve", part), 4321) == ("serve", becomes)
    assert program_of(PLAIN, image(entrypoint=("serve", part)), 4321) == ("serve", becomes)


def test_variables_in_command_and_args_of_a_revision_stay_as_cloud_run_leaves_them():
    container = ContainerSpec("app", command=("serve", "$PORT"), args=("$(PORT)",))
    assert program_of(container, image("other"), 4321) == ("serve", "$PORT", "$(PORT)")


BOTH = image("--fast", entrypoint=("run", "app"))


@pytest.mark.parametrize(
    ("what", "command", "args", "program"),
    [
        (BOTH, (), (), ("run", "app", "--fast")),
        (BOTH, (), ("--slow",), ("run", "app", "--slow")),
        (BOTH, ("sh",), (), ("sh",)),
        (BOTH, ("sh",), ("-c", "x"), ("sh", "-c", "x")),
        (image("serve", "-v"), (), ("other", "-q"), ("other", "-q")),
        (image("serve", "-v"), ("other",), (), ("other",)),
    ],
    ids=[
        "the image's own",
        "args replace CMD",
        "command drops CMD",
        "both",
        "args without an ENTRYPOINT",
        "command without an ENTRYPOINT",
    ],
)
def test_command_and_args_do_what_they_do_to_a_dockerfile(what, command, args, program):
    container = ContainerSpec("app", command=command, args=args)
    assert program_of(container, what, 1) == program


def test_working_dir_is_a_directory_of_this_machine_or_the_images(tmp_path):
    (tmp_path / "app").mkdir()
    what = image("serve", cwd=tmp_path)
    assert directory(PLAIN, what) == tmp_path
    assert directory(ContainerSpec("app", working_dir="app"), what) == tmp_path / "app"
    assert directory(ContainerSpec("app", working_dir="/usr"), what) == Path("/usr")
    assert directory(ContainerSpec("app", working_dir="/not/here"), what) == tmp_path


def test_only_the_container_that_takes_requests_has_a_port():
    assert made().env["PORT"] == "4321"
    assert "PORT" not in made(ContainerSpec("side", port=0)).env
    assert made(ContainerSpec("side", port=0)).env["K_SERVICE"] == "backend"


def test_the_revisions_environment_is_stronger_than_the_images_and_the_contract_than_both():
    container = ContainerSpec("app", env=(("A", "revision"), ("PORT", "1")))
    env = made(container, image("serve", env={"A": "image", "B": "image"})).env
    assert (env["A"], env["B"], env["PORT"]) == ("revision", "image", "4321")


def test_a_secret_is_read_at_the_start_and_one_that_is_gone_is_no_empty_text():
    container = ContainerSpec("app", env=(("KEY", SecretRef("key")),))
    assert made(container, secrets={"key": "open"}).env["KEY"] == "open"
    with pytest.raises(SecretMissingError, match="'key'"):
        made(container)


def test_secrets_and_environments_are_not_shown():
    container = ContainerSpec("app", env=(("KEY", SecretRef("key")),))
    assert "open sesame" not in repr(made(container, secrets={"key": "open sesame"}))
    assert "open sesame" not in repr(Surroundings(LEASE, {"key": "open sesame"}, {}))


MOUNTS = (MountedAt("keys", "/etc/keys", Path("/private/keys")),)


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("/etc/keys", "/private/keys"),
        ("/etc/keys/tls.pem", "/private/keys/tls.pem"),
        ("--key=/etc/keys/a", "--key=/private/keys/a"),
        ("/etc/keys/a:/etc/keys/b", "/private/keys/a:/private/keys/b"),
        ("/etc/keyset", "/etc/keyset"),
        ("/opt/etc/keys", "/opt/etc/keys"),
        ("../etc/keys", "../etc/keys"),
    ],
)
def test_paths_below_a_mount_become_those_of_its_directory(text, becomes):
    container = ContainerSpec("app", env=(("PLACE", text),), args=("serve", text))
    command = made(container, mounts=MOUNTS)
    assert command.env["PLACE"] == becomes
    assert command.program == ("serve", becomes)


def test_a_variable_tells_where_a_volume_is():
    assert mount_variable("tls-keys") == "GATE_LOCAL_MOUNT_TLS_KEYS"
    assert made(mounts=MOUNTS).env["GATE_LOCAL_MOUNT_KEYS"] == "/private/keys"


def test_each_container_of_an_instance_has_a_marker_that_names_the_instance():
    assert [marker_of("abc", number) for number in (0, 1)] == ["abc", "abc.1"]
    assert [instance_of(f"M={marker_of('abc', number)}") for number in (0, 1)] == ["abc", "abc"]
