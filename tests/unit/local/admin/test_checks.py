import pytest

from gate.local.admin.checks import check_service
from gate.local.api.errors import ApiError, Code
from tests.fakes.local_messages import complete, latest


def refusal(made):
    with pytest.raises(ApiError) as caught:
        check_service("UpdateServiceRequest", made, "backend")
    return caught.value


def test_a_service_with_its_defaults_is_let_in():
    check_service("UpdateServiceRequest", complete(), "backend")


@pytest.mark.parametrize(
    "namespace",
    [
        "run.googleapis.com",
        "cloud.googleapis.com",
        "serving.knative.dev",
        "autoscaling.knative.dev",
    ],
)
@pytest.mark.parametrize("where", ["labels", "annotations"])
@pytest.mark.parametrize("whose", ["service", "template"])
def test_labels_and_annotations_in_reserved_namespaces_are_refused(namespace, where, whose):
    made = complete()
    holder = made if whose == "service" else made.template
    getattr(holder, where)[f"{namespace}/x"] = "y"
    error = refusal(made)
    assert error.code is Code.INVALID_ARGUMENT
    assert namespace in error.message


def test_other_namespaces_are_fine():
    made = complete()
    made.labels["team.example.com/x"] = "y"
    made.template.annotations["client.knative.dev/nonce"] = "abc"
    check_service("UpdateServiceRequest", made, "backend")


def test_a_request_lasts_an_hour_at_most():
    made = complete()
    made.template.timeout = {"seconds": 3601}
    assert refusal(made).message == (
        "Violation in UpdateServiceRequest.service.template.timeout: "
        "maximum allowed time is one hour."
    )


def test_an_image_has_the_form_of_an_image_path():
    error = refusal(complete(image="not an image"))
    assert error.message == (
        "Violation in UpdateServiceRequest.service.template.containers[0].image: must be a "
        "container image path in the form [hostname/]repo-path[:tag and/or @digest]"
    )
    assert error.violations[0].field.endswith("containers[0].image")


@pytest.mark.parametrize(
    "image",
    [
        "backend",
        "demo/backend:v1",
        "us-docker.pkg.dev/cloudrun/container/hello",
        "localhost:5000/a/b:c@sha256:" + "0" * 64,
    ],
)
def test_usual_images_are_let_in(image):
    check_service("UpdateServiceRequest", complete(image=image), "backend")


def change(path, value):
    def apply(made):
        holder = made
        *parents, last = path.split(".")
        for part in parents:
            holder = getattr(holder, part) if not part.isdigit() else holder[int(part)]
        setattr(holder, last, value)

    return apply


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (change("description", "x" * 513), "description"),
        (change("template.containers", []), "template.containers"),
        (change("template.revision", "Nope"), "template.revision"),
        (change("template.max_instance_request_concurrency", 1001), "concurrency"),
        (change("template.scaling.min_instance_count", -1), "scaling"),
        (change("template.scaling.min_instance_count", 101), "scaling"),
        (change("scaling.max_instance_count", -1), "scaling"),
        (change("traffic", [latest(99)]), "traffic"),
        (change("template.containers.0.image", ""), "image"),
        (change("template.containers.0.ports.0.container_port", 70_000), "container_port"),
        (change("template.containers.0.ports.0.name", "x"), "ports[0].name"),
        (change("template.containers.0.startup_probe.period_seconds", 241), "startup_probe"),
        (change("template.containers.0.startup_probe.failure_threshold", 2), "startup_probe"),
        (change("template.containers.0.startup_probe.timeout_seconds", -1), "startup_probe"),
        (change("template.containers.0.env", [{"name": "PORT", "value": "1"}]), "env[0]"),
        (change("template.containers.0.env", [{"name": "1 x", "value": "1"}]), "env[0]"),
        (change("template.containers.0.env", [{"name": "A"}, {"name": "A"}]), "env[1]"),
        (change("template.containers.0.env", [{"name": "A", "value": "\0"}]), "env[0].value"),
        (change("template.containers.0.env", [{"name": f"A{n}"} for n in range(1001)]), "env"),
        (change("labels", {"a": "x" * 64}), "labels"),
        (change("template.containers.0.depends_on", ["x"]), "containers"),
        (change("template.containers.0.volume_mounts", [{"name": "x"}]), "containers"),
        (change("template.containers", [{"image": "a"}, {"image": "b"}]), "containers"),
        (
            change("template.containers", [{"name": "a", "image": "a"}, {"name": "b"}]),
            "containers",
        ),
        (change("labels", {"": "x"}), "labels"),
        (change("annotations", {"a": "x" * 300_000}), "annotations"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_field(broken, field):
    made = complete()
    broken(made)
    error = refusal(made)
    assert error.code is Code.INVALID_ARGUMENT
    assert field in error.violations[0].field


@pytest.mark.parametrize("name", ["h2c", "http1"])
def test_a_port_may_be_of_either_protocol(name):
    made = complete()
    change("template.containers.0.ports.0.name", name)(made)
    check_service("UpdateServiceRequest", made, "backend")


@pytest.mark.parametrize(
    ("unknown", "field"),
    [
        (change("ingress", 99), "service.ingress"),
        (change("template.execution_environment", -7), "template.execution_environment"),
        (change("scaling.scaling_mode", 12), "scaling.scaling_mode"),
    ],
)
@pytest.mark.filterwarnings("ignore:Unrecognized")
def test_a_number_that_is_no_value_of_its_enum_is_refused(unknown, field):
    made = complete()
    unknown(made)
    assert refusal(made).violations[0].field.endswith(field)


def test_a_revision_is_named_after_its_service():
    assert refusal(complete(revision="new")).message == (
        "Violation in UpdateServiceRequest.service.template.revision: The revision name must be "
        "prefixed by the name of the enclosing Service or Configuration with a trailing -"
    )
    check_service("UpdateServiceRequest", complete(revision="backend-new"), "backend")


def test_cpu_and_memory_are_looked_at():
    made = complete()
    made.template.containers[0].resources.limits["cpu"] = "16"
    assert "Total millicpu may not exceed 8000." in refusal(made).message


@pytest.mark.parametrize("field", ["command", "args"])
def test_a_word_that_no_process_can_be_given_is_refused_at_once(field):
    made = complete()
    getattr(made.template.containers[0], field).append("a\0b")
    assert refusal(made).message.endswith(f"containers[0].{field}: not text (got 'a\\x00b')")


def test_a_working_directory_that_no_system_has_is_refused_at_once():
    made = complete()
    made.template.containers[0].working_dir = "/a\0b"
    assert refusal(made).message.endswith("containers[0].working_dir: not text (got '/a\\x00b')")


@pytest.mark.parametrize("field", ["startup_probe", "liveness_probe"])
@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({"path": "no-slash"}, "path: not a path (got 'no-slash')"),
        ({"path": "/a\r\nb: c"}, "path: not a path (got '/a\\r\\nb: c')"),
        ({"path": "/", "http_headers": [{"name": "a b"}]}, "not the name of a header (got 'a b')"),
        (
            {"path": "/", "http_headers": [{"name": "a", "value": "b\r\nc: d"}]},
            "not the value of a header (got 'b\\r\\nc: d')",
        ),
    ],
)
def test_what_would_be_no_request_of_a_probe_is_refused(field, asked, what):
    made = complete()
    setattr(made.template.containers[0], field, {"http_get": asked})
    assert refusal(made).message.endswith(what)
