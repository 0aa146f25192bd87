import pytest
from google.cloud.run_v2.types import k8s_min, revision_template, vendor_settings

from gate.cloud.template import next_template
from gate.errors import InfrastructureError

PORT = [k8s_min.ContainerPort(container_port=8080)]


def test_everything_a_user_set_stays():
    current = revision_template.RevisionTemplate(
        revision="backend-1",
        labels={"team": "a", "serving.knative.dev/service": "backend"},
        annotations={"mine": "1", "run.googleapis.com/client-name": "gcloud"},
        service_account="run@demo",
        scaling=vendor_settings.RevisionScaling(min_instance_count=1),
        volumes=[k8s_min.Volume(name="v", secret=k8s_min.SecretVolumeSource(secret="s"))],
        containers=[
            k8s_min.Container(
                image="old",
                ports=PORT,
                env=[k8s_min.EnvVar(name="A", value="1")],
                volume_mounts=[k8s_min.VolumeMount(name="v", mount_path="/v")],
                build_info=k8s_min.BuildInfo(function_target="f"),
                source_code=k8s_min.SourceCode(),
            ),
            k8s_min.Container(name="sidecar", image="side"),
        ],
    )
    before = revision_template.RevisionTemplate(current)
    expected = revision_template.RevisionTemplate(current)
    expected.revision = "backend-2"
    expected.labels = {"team": "a"}
    expected.annotations = {"mine": "1"}
    expected.containers[0].image = "new"
    expected.containers[0].build_info = None
    expected.containers[0].source_code = None
    assert next_template(current, "new", "backend-2", "service s") == expected
    assert current == before


def test_fields_of_a_newer_api_stay():
    unknown = b"\xfa\x3f\x03abc"  # field 1023, a string
    current = revision_template.RevisionTemplate.deserialize(
        revision_template.RevisionTemplate.serialize(
            revision_template.RevisionTemplate(containers=[k8s_min.Container(image="old")])
        )
        + unknown
    )
    template = next_template(current, "new", "r", "service s")
    assert unknown in revision_template.RevisionTemplate.serialize(template)


@pytest.mark.parametrize(
    "key",
    [
        "run.googleapis.com/x",
        "sub.run.googleapis.com/x",
        "cloud.googleapis.com/x",
        "serving.knative.dev/x",
        "autoscaling.knative.dev/x",
    ],
)
def test_what_the_server_put_there_is_not_sent_again(key):
    current = revision_template.RevisionTemplate(
        containers=[k8s_min.Container()], labels={key: ""}, annotations={key: ""}
    )
    template = next_template(current, "new", "r", "service s")
    assert not template.labels
    assert not template.annotations


@pytest.mark.parametrize("key", ["client.knative.dev/nonce", "notrun.googleapis.com/x", "plain"])
def test_other_labels_stay(key):
    current = revision_template.RevisionTemplate(containers=[k8s_min.Container()], labels={key: ""})
    assert key in next_template(current, "new", "r", "service s").labels


@pytest.mark.parametrize("containers", [[], [k8s_min.Container(), k8s_min.Container()]])
def test_a_template_that_does_not_say_which_container_serves_is_refused(containers):
    current = revision_template.RevisionTemplate(containers=containers)
    with pytest.raises(InfrastructureError, match=r"^service s: cannot tell which container"):
        next_template(current, "new", "r", "service s")
