from datetime import UTC, datetime

from gate.local.admin.containers import container_spec, missing_secret, volume_specs
from gate.local.admin.template import make_revision
from gate.local.ports import (
    Mount,
    ProbeKind,
    ProbeSpec,
    RevisionKey,
    SecretFile,
    SecretRef,
    ServiceKey,
    VolumeSpec,
)
from tests.fakes.local_everything import everything
from tests.fakes.local_messages import complete

KEY = RevisionKey(ServiceKey("demo", "us-central1", "backend"), "r1")


def revision(change=lambda container, template: None, made=None):
    made = made or complete()
    change(made.template.containers[0], made.template)
    return make_revision(KEY, made, "uid", "me", datetime(2026, 11, 22, tzinfo=UTC))


def spec_of(change):
    held = revision(change)
    return container_spec(held.containers[0], {}, volume_specs(held))


def test_a_container_with_everything_keeps_what_can_be_run():
    held = revision(made=everything())
    spec = container_spec(held.containers[0], {"demo/app:v1": "demo/app@sha256:1"}, ())
    assert (spec.image, spec.digest) == ("demo/app:v1", "demo/app@sha256:1")
    assert (spec.name, spec.port, spec.working_dir) == ("main", 9000, "/srv")
    assert (spec.command, spec.args, spec.depends_on) == (
        ("serve",),
        ("--port", "9000"),
        ("side",),
    )
    assert ("NEAR", SecretRef("key")) in spec.env
    assert ("FAR", SecretRef("key")) in spec.env
    side = container_spec(held.containers[1], {}, ())
    assert (side.port, side.startup, side.digest) == (0, None, "")


def test_each_kind_of_probe_is_what_it_says():
    def probes(container, _):
        container.startup_probe = {
            "http_get": {"path": "/up", "port": 9, "http_headers": [{"name": "A", "value": "b"}]},
            "initial_delay_seconds": 1,
            "timeout_seconds": 2,
            "period_seconds": 3,
            "failure_threshold": 4,
        }
        container.liveness_probe = {"grpc": {"port": 9, "service": "chat"}, "period_seconds": 5}

    spec = spec_of(probes)
    assert spec.startup == ProbeSpec(ProbeKind.HTTP, 9, "/up", (("A", "b"),), "", 1.0, 2.0, 3.0, 4)
    assert spec.liveness is not None
    assert (spec.liveness.kind, spec.liveness.service) == (ProbeKind.GRPC, "chat")


def test_a_probe_without_port_or_path_asks_the_containers_port_for_the_root():
    def probe(container, _):
        container.startup_probe = {"http_get": {}}

    startup = spec_of(probe).startup
    assert startup is not None
    assert (startup.port, startup.path) == (8080, "/")


def test_secret_volumes_have_files_with_modes_and_emptydir_has_none():
    def volumes(_, template):
        item = {"path": "tls/key", "version": "3", "mode": 0o400}
        template.volumes = [
            {"name": "plain", "secret": {"secret": "projects/p/secrets/key"}},
            {"name": "named", "secret": {"secret": "key", "items": [item], "default_mode": 0o440}},
            {"name": "scratch", "empty_dir": {}},
            {"name": "bucket", "gcs": {"bucket": "b"}},
        ]

    ref = SecretRef("key")
    assert volume_specs(revision(volumes)) == (
        VolumeSpec("plain", (SecretFile("key", ref, 0o444),)),
        VolumeSpec("named", (SecretFile("tls/key", ref, 0o400),)),
        VolumeSpec("scratch"),
    )


def test_mounts_of_volumes_that_are_not_imitated_are_left_out():
    def volumes(container, template):
        template.volumes = [
            {"name": "scratch", "empty_dir": {}},
            {"name": "bucket", "gcs": {"bucket": "b"}},
        ]
        container.volume_mounts = [
            {"name": "scratch", "mount_path": "/tmp/x", "sub_path": "a"},
            {"name": "bucket", "mount_path": "/files"},
        ]

    assert spec_of(volumes).mounts == (Mount("scratch", "/tmp/x", "a"),)


def with_secret(name):
    source = {"secret_key_ref": {"secret": name, "version": "1"}}

    def change(container, _):
        container.env = [{"name": "K", "value_source": source}]

    return change


def test_secrets_that_are_not_there_are_noticed():
    def mounted(_, template):
        template.volumes = [{"name": "v", "secret": {"secret": "file"}}]

    assert missing_secret(revision(), {}) == ""
    assert missing_secret(revision(with_secret("key")), {}) == "key"
    assert missing_secret(revision(with_secret("key")), {"key": "x"}) == ""
    assert missing_secret(revision(mounted), {"key": "x"}) == "file"


def test_a_secret_is_known_by_its_short_name_wherever_it_lives():
    for name in ("key", "projects/other/secrets/key"):
        assert spec_of(with_secret(name)).env == (("K", SecretRef("key")),)
