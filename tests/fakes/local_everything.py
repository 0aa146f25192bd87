"""A v2 service with every field that v2 knows, also those that v1 cannot express."""

from datetime import timedelta

from google.cloud import run_v2 as v2

_REMOTE = "projects/other/secrets/key"


def _variables() -> list[v2.EnvVar]:
    def secret(name: str, version: str) -> v2.EnvVarSource:
        selector = v2.SecretKeySelector(secret=name, version=version)
        return v2.EnvVarSource(secret_key_ref=selector)

    return [
        v2.EnvVar(name="PLAIN", value="1"),
        v2.EnvVar(name="UNSET"),
        v2.EnvVar(name="EMPTY", value=""),
        v2.EnvVar(name="NEAR", value_source=secret("key", "2")),
        v2.EnvVar(name="FAR", value_source=secret(_REMOTE, "latest")),
    ]


def _main() -> v2.Container:
    header = v2.HTTPHeader(name="x-probe", value="yes")
    source = v2.SourceCode.CloudStorageSource(bucket="sources", object_="a.zip", generation=4)
    return v2.Container(
        name="main",
        image="demo/app:v1",
        command=["serve"],
        args=["--port", "9000"],
        working_dir="/srv",
        env=_variables(),
        resources=v2.ResourceRequirements(
            limits={"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": "1"}, startup_cpu_boost=True
        ),
        ports=[v2.ContainerPort(name="http1", container_port=9000)],
        volume_mounts=[
            v2.VolumeMount(name="keys", mount_path="/keys", sub_path="a"),
            v2.VolumeMount(name="cloudsql", mount_path="/cloudsql"),
        ],
        startup_probe=v2.Probe(grpc=v2.GRPCAction(port=9000, service="ready")),
        liveness_probe=v2.Probe(
            http_get=v2.HTTPGetAction(path="/live", port=9000, http_headers=[header]),
            initial_delay_seconds=3,
        ),
        readiness_probe=v2.Probe(tcp_socket=v2.TCPSocketAction(port=9000), period_seconds=5),
        depends_on=["side"],
        base_image_uri="base/image",
        source_code=v2.SourceCode(cloud_storage_source=source),
    )


def _volumes() -> list[v2.Volume]:
    def sql(name: str, *instances: str) -> v2.Volume:
        return v2.Volume(
            name=name, cloud_sql_instance=v2.CloudSqlInstance(instances=list(instances))
        )

    item = v2.VersionToPath(path="key", version="1", mode=256)
    return [
        v2.Volume(
            name="keys",
            secret=v2.SecretVolumeSource(secret=_REMOTE, items=[item], default_mode=292),
        ),
        v2.Volume(name="scratch", empty_dir=v2.EmptyDirVolumeSource(medium=1, size_limit="1Gi")),
        v2.Volume(name="share", nfs=v2.NFSVolumeSource(server="nfs", path="/x", read_only=True)),
        v2.Volume(
            name="files",
            gcs=v2.GCSVolumeSource(bucket="b", read_only=True, mount_options=["a=b", "c,d"]),
        ),
        sql("elsewhere", "p:r:i"),
        sql("cloudsql", "p:r:i", "p:r:j"),
    ]


def _template(revision: str) -> v2.RevisionTemplate:
    interface = v2.VpcAccess.NetworkInterface(network="n", subnetwork="s", tags=["t"])
    side = v2.Container(
        name="side", image="demo/app:v2", resources=v2.ResourceRequirements(cpu_idle=True)
    )
    return v2.RevisionTemplate(
        revision=revision,
        labels={"tier": "web"},
        annotations={"example.com/note": "template"},
        scaling=v2.RevisionScaling(min_instance_count=1, max_instance_count=3),
        vpc_access=v2.VpcAccess(connector="c", egress=2, network_interfaces=[interface]),
        timeout=timedelta(seconds=30, microseconds=5),
        service_account="app@example.com",
        containers=[_main(), side],
        volumes=_volumes(),
        execution_environment=2,
        encryption_key="projects/p/key",
        encryption_key_revocation_action=2,
        encryption_key_shutdown_duration=timedelta(hours=3, seconds=5),
        max_instance_request_concurrency=7,
        service_mesh=v2.ServiceMesh(mesh="mesh"),
        session_affinity=True,
        health_check_disabled=True,
        node_selector=v2.NodeSelector(accelerator="nvidia-l4"),
        gpu_zonal_redundancy_disabled=False,
    )


def everything(revision: str = "") -> v2.Service:
    """Makes one; its template names `revision`."""
    return v2.Service(
        description="everything",
        labels={"managed-by": "terraform"},
        annotations={"example.com/note": "service"},
        client="terraform",
        client_version="1.9",
        ingress=3,
        launch_stage=3,
        binary_authorization=v2.BinaryAuthorization(policy="p", breakglass_justification="burning"),
        custom_audiences=["one", "two"],
        invoker_iam_disabled=True,
        iap_enabled=True,
        default_uri_disabled=True,
        scaling=v2.ServiceScaling(
            min_instance_count=1, max_instance_count=5, scaling_mode=2, manual_instance_count=0
        ),
        multi_region_settings=v2.Service.MultiRegionSettings(
            regions=["us-central1", "europe-west1"], multi_region_id="both"
        ),
        build_config=v2.BuildConfig(
            name="build",
            source_location="gs://sources",
            function_target="main",
            image_uri="demo/app",
            base_image="base",
            enable_automatic_updates=True,
            worker_pool="pool",
            environment_variables={"B": "1", "A": "2"},
            service_account="builder@example.com",
        ),
        template=_template(revision),
    )
