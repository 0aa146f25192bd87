import pytest

from gate.local.admin.defaults import cpus, fill_service, project_number
from gate.local.admin.messages import LATEST, Container, Service, seconds
from tests.fakes.local_messages import complete, template


def test_a_bare_service_gets_what_the_real_server_fills_in():
    made = complete()
    container = made.template.containers[0]
    assert (made.ingress, made.launch_stage) == (1, 4)
    assert [(target.type_, target.percent) for target in made.traffic] == [(LATEST, 100)]
    assert seconds(made.template.timeout) == 300
    assert made.template.scaling.max_instance_count == 100
    assert made.template.max_instance_request_concurrency == 80
    assert made.template.service_account.endswith("-compute@developer.gserviceaccount.com")
    assert dict(container.resources.limits) == {"cpu": "1000m", "memory": "512Mi"}
    assert (container.resources.cpu_idle, container.resources.startup_cpu_boost) == (True, False)
    assert (container.ports[0].name, container.ports[0].container_port) == ("http1", 8080)
    probe = container.startup_probe
    assert (probe.timeout_seconds, probe.period_seconds, probe.failure_threshold) == (240, 240, 1)
    assert probe.tcp_socket.port == 8080


def test_filling_in_twice_changes_nothing():
    made = complete()
    again = Service(made)
    fill_service(again, "demo")
    assert again == made


def test_what_a_caller_set_stays():
    wanted = Service(template=template())
    wanted.template.max_instance_request_concurrency = 3
    wanted.template.containers[0].ports = [{"container_port": 9000}]
    fill_service(wanted, "demo")
    assert wanted.template.max_instance_request_concurrency == 3
    assert wanted.template.containers[0].startup_probe.tcp_socket.port == 9000


@pytest.mark.parametrize(("limit", "expected"), [("1000m", 1), ("2", 2), ("500m", 0.5), ("x", 0)])
def test_cpu_limits_are_read(limit, expected):
    assert cpus(Container(resources={"limits": {"cpu": limit}})) == expected


def test_less_than_one_cpu_takes_one_request_at_a_time():
    wanted = Service(template=template())
    wanted.template.containers[0].resources = {"limits": {"cpu": "500m"}}
    fill_service(wanted, "demo")
    assert wanted.template.max_instance_request_concurrency == 1


def test_a_project_has_a_stable_number_of_twelve_digits():
    assert project_number("demo") == project_number("demo")
    assert len(project_number("demo")) == 12
    assert project_number("123") == "123"
