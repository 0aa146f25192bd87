from gate.cloud.configurations import configuration_value
from tests.unit.cloud.knative_documents import container, template


def test_the_groups_of_a_configuration():
    made = template(
        container(
            command=["x"],
            volumeMounts=[{"name": "s", "mountPath": "/s"}, {"name": "v", "mountPath": "/v"}],
        ),
        {"name": "proxy", "image": "envoy:1", "env": [{"name": "MODE", "value": "x"}]},
        volumes=[
            {"name": "s", "secret": {"secretName": "tls", "items": [{"key": "2", "path": "k"}]}},
            {"name": "v", "emptyDir": {}},
        ],
        annotations={"mine": "1"},
    )
    found = configuration_value(made, "shop")
    assert set(found.env) == {"MODE", "proxy/MODE"}
    assert found.secrets == {"JWT": "jwt:3", "mount /s": "tls k=2"}
    assert set(found.hidden) == {"command", "startup_probe"}
    assert found.fields["image"].endswith("shop:v1")
    assert (found.fields["proxy/image"], found.fields["mount /v"]) == ("envoy:1", "memory")
    assert not any("team" in name or "mine" in name for name in found.fields)


def test_everything_that_may_be_shown():
    assert configuration_value(template(container("a:1")), "shop").fields == {
        "image": "a:1",
        "working_dir": "none",
        "cpu": "1000m",
        "memory": "512Mi",
        "cpu_idle": "on",
        "startup_cpu_boost": "off",
        "port": "8080",
        "protocol": "http1",
        "service_account": "run@acme.example",
        "concurrency": "80",
        "timeout_s": "60",
        "min_instances": "0",
        "max_instances": "5",
        "session_affinity": "off",
        "execution_environment": "none",
        "vpc_connector": "none",
        "vpc_egress": "none",
        "vpc_networks": "none",
        "accelerator": "none",
        "encryption_key": "none",
    }
