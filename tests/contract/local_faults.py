"""The faults face of a local Cloud Run, and a service to be struck: shared by its suites."""

import httpx
import pytest

from tests.contract.local_admin import Api, short, to

WITHIN_S = 60


class Faults:
    """The faults face of a running local Cloud Run."""

    def __init__(self, running):
        base = f"{running.rest}/local"
        self.http = httpx.Client(base_url=base, timeout=2 * WITHIN_S, verify=False, trust_env=False)

    def on(self, *rules, about="", name="test"):
        answer = self.http.put(f"/faults/{name}", json={"about": about, "rules": list(rules)})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def off(self):
        assert self.http.delete("/faults").status_code == 200

    def get(self, name="test", **query):
        return self.http.get(f"/faults/{name}", params=query).json()

    def holding(self, name="test"):
        assert self.get(name, wait=WITHIN_S)["holding"] == 1

    def release(self, name="test", **body):
        return self.http.post(f"/faults/{name}:release", json=body).json()

    def history(self, service, what):
        moments = self.http.get(f"/history/{service}").json()["moments"]
        return [moment for moment in moments if moment["what"] == what]


@pytest.fixture
def faults(local_cloud_run):
    face = Faults(local_cloud_run)
    yield face
    face.off()


@pytest.fixture(scope="module")
def api(local_cloud_run):
    return Api("grpc", local_cloud_run)


@pytest.fixture(scope="module")
def made(api):
    """The service that every test of a module strikes."""
    service = api.create()
    name = short(service.latest_ready_revision)
    return api.deploy(service.name, to(name, 100), revision=second(service))


@pytest.fixture
def service(api, made):
    """A service with two revisions; the first has all traffic, whatever was done to it before."""
    return api.move(made.name, to(first(made), 100))


def first(service):
    """The revision that is asked to serve."""
    return short(service.traffic[0].revision)


def second(service):
    """The other revision."""
    return f"{short(service.name)}-two"
