"""Services and revisions over v1 (serving.knative.dev/v1), by hand."""

import json

import pytest
from google.cloud import run_v2

from tests.contract.local_admin import HTTP, Api, short, template, to, who
from tests.fakes.local_everything import everything
from tests.local_cloud_run import APP, finish

pytestmark = pytest.mark.xdist_group("local_admin_v1")
RUN = "run.googleapis.com"
LOCATION = "cloud.googleapis.com/location"


@pytest.fixture(scope="module")
def api(local_cloud_run):
    return Api("grpc", local_cloud_run)


@pytest.fixture(scope="module")
def still(api):
    """A pair that no test changes in a way that another one would see."""
    return two_revisions(api)


@pytest.fixture
def pair(api):
    """A service with two revisions; the second one has all traffic."""
    return two_revisions(api)


def two_revisions(api):
    service = api.create()
    old = short(service.latest_ready_revision)
    updated = api.update(run_v2.Service(name=service.name, template=template()), "template")
    return updated, old, short(updated.latest_ready_revision)


def waited(api, body):
    """The answer of a write's operation, when it is done."""
    operation = body["metadata"]["annotations"][f"{RUN}/operation-id"]
    url = f"{api.running.rest}/v1/projects/demo/locations/us-central1/operations/{operation}:wait"
    answer = HTTP.post(url, json={"timeout": "30s"}, timeout=40).json()
    assert answer["done"] is True
    return answer


def revisions(api, service):
    return {item.name for item in api.revisions.list_revisions(parent=service.name)}


def v1(api, path):
    return f"{api.running.rest}/apis/serving.knative.dev/v1/namespaces/demo/{path}"


def test_a_put_with_other_traffic_moves_it(api, pair):
    service, old, _ = pair
    url = v1(api, f"services/{short(service.name)}")
    body = HTTP.get(url).json()
    body["spec"]["traffic"] = [{"revisionName": old, "percent": 100}]
    answer = waited(api, HTTP.put(url, json=body).json())
    assert answer["response"]["@type"] == "type.googleapis.com/google.cloud.run.v1.Service"
    assert answer["response"]["metadata"]["generation"] == 3
    assert who(service.uri) == old


def test_the_namespace_may_be_the_projects_number(api, still):
    service, _, _ = still
    body = HTTP.get(v1(api, f"services/{short(service.name)}")).json()
    number = body["metadata"]["namespace"]
    assert number.isdigit()
    url = v1(api, f"services/{short(service.name)}").replace("/demo/", f"/{number}/")
    assert HTTP.get(url).json()["metadata"]["uid"] == service.uid


def test_a_project_tells_its_number(api, still):
    service, _, _ = still
    body = HTTP.get(v1(api, f"services/{short(service.name)}")).json()
    number = HTTP.get(f"{api.running.rest}/v1/projects/demo").json()["projectNumber"]
    assert number == body["metadata"]["namespace"]


def test_the_region_is_the_prefix_of_the_host(api, still):
    service, _, _ = still
    url = v1(api, f"services/{short(service.name)}")
    port = api.running.rest.rpartition(":")[2]
    here, elsewhere = (f"{region}-127.0.0.1:{port}" for region in ("us-central1", "europe-west1"))
    assert HTTP.get(url, headers={"Host": here}).status_code == 200
    assert HTTP.get(url, headers={"Host": elsewhere}).status_code == 404


@pytest.mark.parametrize("kind", ["services", "revisions"])
def test_what_is_no_selector_is_refused_and_not_ignored(api, kind):
    answer = HTTP.get(v1(api, kind), params={"labelSelector": "team > x"})
    assert answer.status_code == 400


def test_revisions_are_selected_by_any_of_their_labels(api, pair):
    service, _, new = pair

    def change(body):
        metadata = body["spec"]["template"].setdefault("metadata", {})
        metadata["labels"] = {"client.knative.dev/nonce": "abcdefghij"}

    made = waited(api, put(api, service, change).json())["response"]["status"]
    asked = {"labelSelector": "client.knative.dev/nonce = abcdefghij"}
    found = HTTP.get(v1(api, "revisions"), params=asked).json()["items"]
    assert [each["metadata"]["name"] for each in found] == [made["latestCreatedRevisionName"]]
    assert made["latestCreatedRevisionName"] != new


def test_services_are_selected_by_their_labels(api, pair):
    service, _, _ = pair
    put(api, service, lambda body: body["metadata"]["labels"].update(team="selected"))
    found = HTTP.get(v1(api, "services"), params={"labelSelector": "team in (selected)"}).json()
    assert [each["metadata"]["name"] for each in found["items"]] == [short(service.name)]


def test_an_operation_can_be_asked_for_without_waiting(api, pair):
    service, _, _ = pair
    body = put(api, service, lambda body: body["metadata"]["labels"].update(a="b")).json()
    done = waited(api, body)
    name = f"{api.running.rest}/v1/{done['name']}"
    assert HTTP.get(name).json() == done
    assert HTTP.get(f"{name}x").status_code == 404


def test_what_is_not_imitated_is_refused_by_name_and_never_asked_for_again(api):
    base = f"{api.running.rest}/apis/run.googleapis.com/v1/namespaces/demo"
    answer = HTTP.get(f"{base}/jobs/x")
    assert answer.status_code == 400
    assert "jobs are not imitated" in answer.json()["error"]["message"]
    assert HTTP.post(f"{api.running.rest}/nothing").status_code == 404


def test_zero_percent_is_left_out_and_urls_are_annotated(api, pair):
    service, old, new = pair
    api.move(service.name, to(new, 100), to(old, 0, "old"))
    body = HTTP.get(v1(api, f"services/{short(service.name)}")).json()
    assert body["spec"]["traffic"][1] == {"revisionName": old, "tag": "old"}
    assert body["status"]["traffic"][1]["url"].startswith("http://127.0.0.1:")
    urls = body["metadata"]["annotations"]["run.googleapis.com/urls"]
    assert json.loads(urls) == [service.uri]


# --- replacing


def put(api, service, change):
    """Reads, changes and writes a service; the answer."""
    url = v1(api, f"services/{short(service.name)}")
    body = HTTP.get(url).json()
    change(body)
    return HTTP.put(url, json=body)


def container(body):
    return body["spec"]["template"]["spec"]["containers"][0]


def test_a_service_with_every_field_keeps_all_but_its_traffic(api):
    name = f"{api.new_id()}-all"
    before = finish(api.start_create(_runnable(everything(f"{name}-one")), name))
    made = revisions(api, before)

    def change(body):
        body["spec"]["traffic"] = [{"revisionName": f"{name}-one", "percent": 100, "tag": "t"}]

    answer = put(api, before, change)
    assert answer.status_code == 200, answer.text
    waited(api, answer.json())
    after = api.get(before.name)
    assert list(after.traffic) == [to(f"{name}-one", 100, "t")]
    assert after.generation == before.generation + 1
    assert revisions(api, after) == made
    for field in run_v2.Service.pb(before).DESCRIPTOR.fields:
        if field.name not in OBSERVED:
            assert getattr(after, field.name) == getattr(before, field.name), field.name


def _runnable(service):
    """The service with a program that there is, asked what it can answer."""
    main, side = service.template.containers
    main.command, main.args = ["python"], ["-ISu", str(APP)]
    main.startup_probe = run_v2.Probe(tcp_socket=run_v2.TCPSocketAction(port=9000))
    side.image = "demo/deaf"
    return service


OBSERVED = {
    *("traffic", "generation", "update_time", "etag", "last_modifier", "observed_generation"),
    *("terminal_condition", "conditions", "reconciling", "traffic_statuses"),
}


def test_another_image_makes_a_revision_that_the_server_names(api, pair):
    service, _, new = pair
    answer = put(api, service, lambda body: container(body).update(image="demo/app:v1"))
    assert "name" not in answer.json()["spec"]["template"].get("metadata", {})
    waited(api, answer.json())
    after = api.get(service.name)
    assert after.template.revision == ""
    assert short(after.latest_ready_revision) != new
    assert api.revision(after.latest_ready_revision).containers[0].image == "demo/app:v1"


def test_a_client_may_name_the_revision_and_pin_its_traffic_in_the_same_write(api, pair):
    service, _, new = pair
    name = f"{short(service.name)}-mine"

    def change(body):
        container(body)["env"] = [{"name": "A", "value": "b"}]
        body["spec"]["template"].setdefault("metadata", {})["name"] = name
        body["spec"]["traffic"] = [
            {"revisionName": new, "percent": 100},
            {"revisionName": name, "tag": "candidate"},
        ]

    waited(api, put(api, service, change).json())
    after = api.get(service.name)
    assert after.template.revision == short(after.latest_ready_revision) == name
    assert who(after.uri) == new
    assert who(after.traffic_statuses[1].uri) == name


def test_the_newest_revisions_name_on_an_unchanged_template_makes_no_revision(api, pair):
    service, old, new = pair
    before = revisions(api, service)

    def change(body):
        body["spec"]["template"].setdefault("metadata", {})["name"] = new
        body["spec"]["traffic"] = [{"revisionName": old, "percent": 100}]

    waited(api, put(api, service, change).json())
    assert revisions(api, service) == before
    assert who(service.uri) == old


def test_another_template_under_an_existing_name_is_refused(api, still):
    service, _, new = still

    def change(body):
        container(body)["image"] = "demo/app:v1"
        body["spec"]["template"].setdefault("metadata", {})["name"] = new

    answer = put(api, service, change)
    assert answer.status_code == 409
    assert answer.json()["error"] == {
        "code": 409,
        "message": f"Revision named '{new}' with different configuration already exists.",
        "status": "ALREADY_EXISTS",
    }


def test_labels_annotations_and_settings_are_applied(api, pair):
    service, _, _ = pair

    def change(body):
        body["metadata"]["labels"]["team"] = "x"
        body["metadata"]["annotations"].update(
            {f"{RUN}/ingress": "internal", f"{RUN}/minScale": "1", "example.com/mark": "1"}
        )

    assert put(api, service, change).status_code == 200
    after = api.get(service.name)
    assert dict(after.labels) == {"team": "x"}
    assert dict(after.annotations) == {"example.com/mark": "1"}
    assert after.ingress is run_v2.IngressTraffic.INGRESS_TRAFFIC_INTERNAL_ONLY
    assert after.scaling.min_instance_count == 1


def test_who_wrote_the_template_is_kept_where_v2_has_no_field_for_it(api, pair):
    service, _, _ = pair

    def change(body):
        metadata = body["spec"]["template"].setdefault("metadata", {})
        metadata.setdefault("annotations", {})[f"{RUN}/client-name"] = "gcloud"
        container(body)["image"] = "demo/app:v1"

    shown = waited(api, put(api, service, change).json())["response"]
    annotations = shown["spec"]["template"]["metadata"]["annotations"]
    assert annotations[f"{RUN}/client-name"] == "gcloud"
    made = shown["status"]["latestCreatedRevisionName"]
    revision = HTTP.get(v1(api, f"revisions/{made}")).json()
    assert revision["metadata"]["annotations"][f"{RUN}/client-name"] == "gcloud"
    api.update(
        run_v2.Service(name=service.name, template=template("demo/app:v2", A="1")), "template"
    )
    shown = HTTP.get(v1(api, f"services/{short(service.name)}")).json()
    annotations = shown["spec"]["template"]["metadata"]["annotations"]
    assert f"{RUN}/client-name" not in annotations


def test_what_is_not_imitated_is_a_400_that_nobody_repeats(api, still):
    service, _, _ = still
    answer = put(api, service, lambda body: container(body).update(lifecycle={"a": 1}))
    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert "lifecycle" in answer.json()["error"]["message"]


def test_a_dry_run_changes_nothing(api, still):
    service, old, _ = still
    url = v1(api, f"services/{short(service.name)}")
    body = HTTP.get(url).json()
    body["spec"]["traffic"] = [{"revisionName": old, "percent": 100}]
    answer = HTTP.put(url, params={"dryRun": "all"}, json=body).json()
    assert answer["spec"]["traffic"] == body["spec"]["traffic"]
    assert api.get(service.name).generation == 2


def test_a_secret_is_read_by_whoever_needs_it(api, pair):
    service, _, _ = pair
    source = {"secretKeyRef": {"name": "key", "key": "latest"}}
    variables = [{"name": "GREETING", "valueFrom": source}]
    waited(api, put(api, service, lambda body: container(body).update(env=variables)).json())
    assert HTTP.get(service.uri).json()["GREETING"] == "open sesame"


# --- creating and deleting


def fresh(name, **labels):
    spec = {"template": {"spec": {"containers": [{"image": "demo/app:v1"}]}}}
    metadata = {"name": name, "namespace": "demo", "labels": labels}
    kind = {"apiVersion": "serving.knative.dev/v1", "kind": "Service"}
    return {**kind, "metadata": metadata, "spec": spec}


def test_a_service_is_created_read_and_deleted(api):
    name = api.new_id()
    port = api.running.rest.rpartition(":")[2]
    here = {"Host": f"us-central1-127.0.0.1:{port}"}
    answer = HTTP.post(v1(api, "services"), headers=here, json=fresh(name))
    assert answer.status_code == 200, answer.text
    assert answer.json()["metadata"]["generation"] == 1
    shown = waited(api, answer.json())["response"]
    assert who(shown["status"]["url"]) == shown["status"]["latestReadyRevisionName"]
    again = HTTP.post(v1(api, "services"), headers=here, json=fresh(name))
    assert (again.status_code, again.json()["error"]["status"]) == (409, "ALREADY_EXISTS")
    gone = HTTP.delete(v1(api, f"services/{name}"))
    assert gone.json()["status"] == "Success"


def test_a_new_service_needs_a_region_from_its_host_or_its_label_or_its_path(api):
    name = api.new_id()
    answer = HTTP.post(v1(api, "services"), json=fresh(name))
    assert answer.status_code == 400
    assert "which region?" in answer.json()["error"]["message"]
    answer = HTTP.post(v1(api, "services"), json=fresh(name, **{LOCATION: "us-central1"}))
    assert answer.json()["metadata"]["labels"] == {LOCATION: "us-central1"}
    other = f"{api.running.rest}/v1/projects/demo/locations/europe-west1/services"
    answer = HTTP.post(other, json=fresh(name))
    assert answer.json()["metadata"]["labels"] == {LOCATION: "europe-west1"}
    ambiguous = HTTP.get(v1(api, f"services/{name}"))
    assert ambiguous.status_code == 400
    assert HTTP.get(f"{other}/{name}").status_code == 200
    assert HTTP.delete(f"{other}/{name}").status_code == 200


def test_services_of_every_region_are_listed_at_the_wildcard(api, still):
    service, _, _ = still
    url = f"{api.running.rest}/v1/projects/demo/locations/-/services"
    items = HTTP.get(url).json()["items"]
    assert short(service.name) in {item["metadata"]["name"] for item in items}


# --- revisions


def test_a_revision_is_shown_by_digest_with_what_it_was_made_of(api, still):
    _, _, new = still
    shown = HTTP.get(v1(api, f"revisions/{new}")).json()
    (only,) = shown["spec"]["containers"]
    assert only["image"].startswith("demo/app@sha256:")
    assert shown["status"]["imageDigest"] == only["image"]
    assert shown["spec"]["timeoutSeconds"] == 300
    assert only["startupProbe"]["tcpSocket"] == {"port": 8080}


def test_an_image_by_digest_runs_the_same_content(api, pair):
    service, _, new = pair
    shown = HTTP.get(v1(api, f"revisions/{new}")).json()
    image = shown["status"]["imageDigest"]
    waited(api, put(api, service, lambda body: container(body).update(image=image)).json())
    after = api.get(service.name)
    assert short(after.latest_ready_revision) != new
    shown = HTTP.get(v1(api, f"revisions/{short(after.latest_ready_revision)}")).json()
    assert shown["status"]["imageDigest"] == image


def test_revisions_are_listed_by_service_in_pages(api, still):
    service, old, new = still
    params = {"labelSelector": f"serving.knative.dev/service={short(service.name)}", "limit": "1"}
    url = v1(api, "revisions")
    first = HTTP.get(url, params=params).json()
    token = first["metadata"]["continue"]
    second = HTTP.get(url, params={**params, "continue": token}).json()
    names = [page["items"][0]["metadata"]["name"] for page in (first, second)]
    assert names == [new, old]
    assert second["metadata"] == {}


def test_a_revision_is_deleted_or_says_why_not(api, pair):
    service, old, new = pair
    refused = HTTP.delete(v1(api, f"revisions/{new}"))
    assert refused.status_code == 400
    assert HTTP.delete(v1(api, f"revisions/{old}")).json()["status"] == "Success"
    assert HTTP.delete(v1(api, "revisions/nope")).status_code == 404
    assert f"{service.name}/revisions/{new}" in revisions(api, service)
