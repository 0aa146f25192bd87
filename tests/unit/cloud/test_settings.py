import pytest

from gate.cloud.settings import floating_names, read_settings, settings_of
from tests.unit.cloud.knative_documents import container, revision_of, template

ALIASES = {"run.googleapis.com/secrets": "alias-1:projects/acme/secrets/jwt"}


def told(made):
    return dict(settings_of(made, "shop"))


def env(*variables):
    return template(container(env=list(variables)))


def secret(name, key="latest"):
    return {"name": "JWT", "valueFrom": {"secretKeyRef": {"name": name, "key": key}}}


EVERYTHING = template(
    container(
        command=["python"],
        args=["-m", "shop"],
        workingDir="/srv",
        livenessProbe={"httpGet": {"path": "/live"}},
        volumeMounts=[{"name": "v", "mountPath": "/v"}, {"name": "s", "mountPath": "/s"}],
    ),
    {"name": "proxy", "image": "envoy:1", "env": [{"name": "MODE", "value": "x"}]},
    {"image": "helper:1"},
    annotations={
        "autoscaling.knative.dev/minScale": "1",
        "run.googleapis.com/execution-environment": "gen2",
        "run.googleapis.com/startup-cpu-boost": "true",
        "run.googleapis.com/sessionAffinity": "true",
        "run.googleapis.com/container-dependencies": '{"shop":["proxy"]}',
        "client.knative.dev/user-image": "shop:v1",
        "mine": "1",
    },
    labels={"client.knative.dev/nonce": "abcdefghij"},
    volumes=[
        {"name": "v", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
        {"name": "s", "secret": {"secretName": "tls", "items": [{"key": "2", "path": "k"}]}},
    ],
    nodeSelector={"run.googleapis.com/accelerator": "nvidia-l4"},
    runtimeClassName="x",
)


@pytest.mark.parametrize("made", [template(), EVERYTHING], ids=["plain", "everything"])
def test_a_template_and_the_revision_that_it_made_read_the_same(made):
    assert settings_of(made, "shop") == settings_of(revision_of(made), "shop")


def test_what_may_be_shown_is():
    found = told(EVERYTHING)
    digests = {name for name, text in found.items() if len(text) == 64}
    assert digests == {
        "env MODE", "env proxy/MODE", "command", "args", "startup_probe", "liveness_probe",
        "annotation mine", "runtimeClassName", "nodeSelector",
    }  # fmt: skip
    assert {name: text for name, text in found.items() if name not in digests} == {
        "secret JWT": "jwt:3",
        "mount /s": "tls k=2",
        "mount /v": "memory 1Gi",
        "working_dir": "/srv",
        "cpu": "1000m",
        "memory": "512Mi",
        "port": "8080",
        "protocol": "http1",
        "proxy/image": "envoy:1",
        "2/image": "helper:1",
        "service_account": "run@acme.example",
        "concurrency": "80",
        "timeout_s": "60",
        "min_instances": "1",
        "max_instances": "5",
        "execution_environment": "gen2",
        "startup_cpu_boost": "on",
        "session_affinity": "on",
        "cpu_idle": "on",
        "accelerator": "nvidia-l4",
        "label team": "pay",
        "annotation run.googleapis.com/container-dependencies": '{"shop":["proxy"]}',
    }


def test_the_image_is_not_among_them():
    assert told(template(container("a:1"))) == told(template(container("b:2")))


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        (env({"name": "MODE", "value": "y"}, secret("jwt", "3")), "env MODE"),
        (env({"name": "MODE", "value": "hunter2-hunter2"}, secret("jwt", "4")), "secret JWT"),
        (template(containerConcurrency=1), "concurrency"),
        (template(timeoutSeconds=61), "timeout_s"),
        (template(container(args=["-x"])), "args"),
        (template(annotations={"run.googleapis.com/cpu-throttling": "false"}), "cpu_idle"),
        (template(labels={"team": "ops"}), "label team"),
        (template(annotations={"mine": "1"}), "annotation mine"),
        (template(annotations={"run.googleapis.com/x": "1"}), "annotation run.googleapis.com/x"),
        (template(container(securityContext={"runAsUser": 1})), "securityContext"),
        (template(dnsPolicy="x"), "dnsPolicy"),
    ],
)
def test_one_difference_is_one_setting(changed, name):
    before, after = told(template()), told(changed)
    assert {one for one in before | after if before.get(one) != after.get(one)} == {name}


def test_values_never_leave():
    made = template(
        container(
            args=["--password=hunter3"],
            startupProbe={"httpGet": {"httpHeaders": [{"name": "X-Token", "value": "hunter4"}]}},
        ),
        annotations={"mine": "hunter5"},
    )
    assert "hunter" not in repr(list(read_settings(made, "shop")))


def test_one_value_under_two_names_is_not_told_to_be_the_same():
    found = told(env({"name": "A", "value": "x"}, {"name": "B", "value": "x"}))
    assert found["env A"] != found["env B"]


def test_parts_of_a_command_are_not_told_from_one_another_by_joining():
    assert told(template(container(args=["a b"]))) != told(template(container(args=["a", "b"])))


def test_a_whole_number_of_cores_is_told_in_thousandths():
    limits = {"limits": {"cpu": "2", "memory": "1Gi"}}
    assert told(template(container(resources=limits)))["cpu"] == "2000m"


def test_a_secret_of_another_project_is_told_by_its_own_name_not_by_its_alias():
    made = env(secret("alias-1"))
    made["metadata"]["annotations"] |= ALIASES
    assert told(made)["secret JWT"] == "projects/acme/secrets/jwt:latest"
    other = env(secret("alias-2"))
    renamed = {"run.googleapis.com/secrets": "alias-2:projects/acme/secrets/jwt"}
    other["metadata"]["annotations"] |= renamed
    assert told(made) == told(other)


def test_floating_names():
    mounted = container(
        env=[secret("jwt"), {"name": "MODE", "value": "latest"}],
        volumeMounts=[{"name": "s", "mountPath": "/s"}],
    )
    volumes = [{"name": "s", "secret": {"secretName": "tls"}}]
    assert floating_names(template(mounted, volumes=volumes), "shop") == ("secret JWT", "mount /s")
    assert floating_names(template(), "shop") == ()


@pytest.mark.parametrize("strange", [{}, {"spec": 7}, {"spec": {"containers": [1, {"env": "x"}]}}])
def test_what_has_another_form_reads_as_nothing(strange):
    assert dict(settings_of(strange, "shop")).keys() <= {
        "cpu_idle", "min_instances", "session_affinity", "startup_cpu_boost",
    }  # fmt: skip
