import pytest

from gate.local.admin.messages import Container
from gate.local.admin.resources import check_resources
from gate.local.api.errors import ApiError, Code
from tests.fakes.local_messages import complete

SECOND_GENERATION = 2


def asking(cpu="1", memory="512Mi", concurrency=1, *, idle=True, environment=0):
    made = complete().template
    made.containers[0].resources = {"limits": {"cpu": cpu, "memory": memory}, "cpu_idle": idle}
    made.max_instance_request_concurrency = concurrency
    made.execution_environment = environment
    return made


def refusal(template):
    with pytest.raises(ApiError) as caught:
        check_resources(template)
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value.message


@pytest.mark.parametrize(
    ("cpu", "memory"),
    [
        ("0.08", "128Mi"),
        ("80m", "512Mi"),
        ("0.5", "1Gi"),
        ("1", "128Mi"),
        ("1000m", "4Gi"),
        ("2", "8Gi"),
        ("4", "2Gi"),
        ("6", "4Gi"),
        ("8", "32Gi"),
        ("1", "134217728"),
        ("1", "1G"),
    ],
)
def test_what_an_instance_can_have_is_let_in(cpu, memory):
    check_resources(asking(cpu, memory))


@pytest.mark.parametrize(
    ("cpu", "memory", "said"),
    [
        ("0.333", "1Gi", "For 0.333 CPU, memory must be between 128Mi and 512Mi inclusive."),
        ("0.5", "2Gi", "For 0.5 CPU, memory must be between 128Mi and 1Gi inclusive."),
        ("1", "64Mi", "For 1.0 CPU, memory must be between 128Mi and 4Gi inclusive."),
        ("2", "9Gi", "For 2.0 CPU, memory must be between 128Mi and 8Gi inclusive."),
        ("4", "1Gi", "For 4.0 CPU, memory must be between 2Gi and 16Gi inclusive."),
        ("6", "2Gi", "For 6.0 CPU, memory must be between 4Gi and 24Gi inclusive."),
        ("8", "64Gi", "For 8.0 CPU, memory must be between 4Gi and 32Gi inclusive."),
    ],
)
def test_memory_goes_with_the_cpus(cpu, memory, said):
    assert refusal(asking(cpu, memory)) == (
        f"template.containers.resources.limits.memory: Invalid value specified for memory. {said}"
    )


def test_less_than_a_cpu_takes_one_request_at_a_time():
    check_resources(asking("0.5", concurrency=1))
    assert refusal(asking("0.5", concurrency=2)) == (
        "template.containers.resources.limits.cpu: Invalid value specified for cpu. "
        "Total cpu < 1 is not supported with concurrency > 1."
    )


def test_less_than_a_cpu_is_for_requests_only():
    said = refusal(asking("0.5", idle=False))
    assert said.endswith("Total cpu < 1 is not supported with cpu always allocated (unthrottled).")


@pytest.mark.parametrize(
    "cpu", ["0.07", "1.5", "3", "5", "7", "much", "0", "-1", "1e3", "nan", "inf"]
)
def test_other_cpus_do_not_exist(cpu):
    assert "Invalid value specified for cpu." in refusal(asking(cpu))


@pytest.mark.parametrize("memory", ["", "much", "-1Gi", "1Ti Mi", "1e9"])
def test_memory_is_a_quantity(memory):
    assert "Invalid value specified for memory." in refusal(asking(memory=memory))


def test_the_second_generation_has_half_a_gibibyte_at_least():
    check_resources(asking(memory="256Mi"))
    said = refusal(asking(memory="256Mi", environment=SECOND_GENERATION))
    assert said.endswith("Total memory < 512 Mi is not supported with gen2 execution environment.")


def test_cpu_that_is_always_there_has_half_a_gibibyte_at_least():
    said = refusal(asking(memory="256Mi", idle=False))
    assert said.endswith(
        "Total memory < 512 Mi is not supported with cpu always allocated (unthrottled)."
    )


def test_containers_count_together():
    made = asking("0.5", "256Mi", 80)
    side = Container(name="side", resources={"limits": {"cpu": "0.5", "memory": "64Mi"}})
    side.resources.cpu_idle = True
    made.containers.append(side)
    check_resources(made)
    side.resources.limits["cpu"] = "7.6"
    made.containers[1] = side
    assert "Total millicpu may not exceed 8000." in refusal(made)
