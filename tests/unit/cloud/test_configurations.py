import pytest
from google.cloud.run_v2.types import k8s_min, revision, vendor_settings

from gate.cloud.configurations import configuration_value

SECRET_VALUES = ("hunter2-hunter2", "--password=hunter3", "X-Token", "hunter4")


def container(**changes):
    given = {
        "image": "a:1",
        "env": [
            k8s_min.EnvVar(name="MODE", value="hunter2-hunter2"),
            k8s_min.EnvVar(
                name="JWT",
                value_source=k8s_min.EnvVarSource(
                    secret_key_ref=k8s_min.SecretKeySelector(secret="jwt", version="3")
                ),
            ),
        ],
        "args": ["--password=hunter3"],
        "resources": k8s_min.ResourceRequirements(limits={"cpu": "1", "memory": "512Mi"}),
        "ports": [k8s_min.ContainerPort(name="http1", container_port=8080)],
        "startup_probe": k8s_min.Probe(
            http_get=k8s_min.HTTPGetAction(
                path="/", http_headers=[k8s_min.HTTPHeader(name="X-Token", value="hunter4")]
            )
        ),
        **changes,
    }
    return k8s_min.Container(**given)


def message(*containers, **changes):
    return revision.Revision(containers=containers or [container()], **changes)


def test_names_are_kept_and_values_are_not():
    found = configuration_value(message())
    assert set(found.env) == {"MODE"}
    assert found.secrets == {"JWT": "jwt:3"}
    assert set(found.hidden) == {"args", "startup_probe"}
    assert not any(value in repr(found) for value in SECRET_VALUES)


def test_equal_values_are_equal_and_other_ones_are_not():
    same, again = configuration_value(message()), configuration_value(message())
    assert same == again
    other = container(env=[k8s_min.EnvVar(name="MODE", value="hunter2-hunter3")], args=["-x"])
    changed = configuration_value(message(other))
    assert changed.env["MODE"] != same.env["MODE"]
    assert changed.hidden["args"] != same.hidden["args"]
    parts = container(args=["--password=", "hunter3"])
    assert configuration_value(message(parts)).hidden["args"] != same.hidden["args"]


def test_one_value_under_two_names_is_not_told_to_be_the_same():
    twice = [k8s_min.EnvVar(name=name, value="hunter2-hunter2") for name in ("A", "B")]
    found = configuration_value(message(container(env=twice)))
    assert found.env["A"] != found.env["B"]


def test_everything_that_may_be_shown():
    found = configuration_value(
        message(
            service_account="a@x",
            max_instance_request_concurrency=80,
            timeout={"seconds": 90},
            scaling=vendor_settings.RevisionScaling(max_instance_count=5),
            vpc_access=vendor_settings.VpcAccess(connector="c", egress=1),
            execution_environment=2,
        )
    )
    assert found.fields == {
        "image": "a:1",
        "working_dir": "none",
        "cpu": "1",
        "memory": "512Mi",
        "cpu_idle": "off",
        "startup_cpu_boost": "off",
        "port": "8080",
        "protocol": "http1",
        "service_account": "a@x",
        "concurrency": "80",
        "timeout_s": "90",
        "min_instances": "0",
        "max_instances": "5",
        "session_affinity": "off",
        "execution_environment": "2",
        "vpc_connector": "c",
        "vpc_egress": "1",
        "vpc_networks": "none",
        "accelerator": "none",
        "encryption_key": "none",
    }


@pytest.mark.parametrize(
    ("volume", "says"),
    [
        (
            {"cloud_sql_instance": k8s_min.CloudSqlInstance(instances=["p:r:b", "p:r:a"])},
            "Cloud SQL p:r:a, p:r:b",
        ),
        ({"nfs": k8s_min.NFSVolumeSource(server="s", path="/p")}, "NFS s:/p"),
        ({"gcs": k8s_min.GCSVolumeSource(bucket="b")}, "bucket b"),
        ({"empty_dir": k8s_min.EmptyDirVolumeSource(size_limit="1Gi")}, "memory 1Gi"),
        ({}, "unknown"),
    ],
)
def test_volumes_are_told_by_where_they_are_mounted(volume, says):
    mounted = container(volume_mounts=[k8s_min.VolumeMount(name="v", mount_path="/m")])
    found = configuration_value(message(mounted, volumes=[k8s_min.Volume(name="v", **volume)]))
    assert found.fields["mount /m"] == says


def test_a_mounted_secret_is_a_secret():
    mounted = container(volume_mounts=[k8s_min.VolumeMount(name="v", mount_path="/m")])
    items = [k8s_min.VersionToPath(path="tls.pem", version="2")]
    secret = k8s_min.SecretVolumeSource(secret="tls", items=items)
    found = configuration_value(message(mounted, volumes=[k8s_min.Volume(name="v", secret=secret)]))
    assert found.secrets["mount /m"] == "tls tls.pem=2"
    assert "mount /m" not in found.fields


def test_a_sidecar_has_its_name_before_its_own():
    proxy = k8s_min.Container(
        name="proxy", image="p:1", env=[k8s_min.EnvVar(name="MODE", value="x")]
    )
    found = configuration_value(message(container(), proxy))
    assert set(found.env) == {"MODE", "proxy/MODE"}
    assert found.fields["image"] == "a:1"
    assert found.fields["proxy/image"] == "p:1"
