"""The Logging API over REST: by the real client's HTTP form, and by hand."""

import itertools

import pytest
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import logging_v2

from tests.contract.local_admin import HTTP

pytestmark = pytest.mark.xdist_group("local_logging_rest")
GLOBAL = logging_v2.Resource(type="global", labels={})
_NUMBERS = itertools.count(1)


@pytest.fixture
def project():
    """A project of the test's own."""
    return f"demo-{next(_NUMBERS)}"


@pytest.fixture
def client(local_cloud_run, project):
    options = ClientOptions(api_endpoint=local_cloud_run.rest)
    credentials = AnonymousCredentials()
    return logging_v2.Client(
        project=project, credentials=credentials, client_options=options, _use_grpc=False
    )


def write(client, *texts, log="app", **more):
    for text in texts:
        client.logger(log, resource=GLOBAL).log_text(text, **more)


def payloads(client, **asked):
    found = [entry.payload for entry in client.list_entries(**asked)]
    return [text for text in found if isinstance(text, str)]  # the client adds one of its own


def logs(running, project, **asked):
    return HTTP.get(f"{running.rest}/v2/projects/{project}/logs", params=asked).json()


def test_what_is_written_is_listed_in_the_order_that_is_asked_for(client):
    write(client, "one", "two", "three")
    assert payloads(client, order_by="timestamp asc") == ["one", "two", "three"]
    assert payloads(client, order_by="timestamp desc") == ["three", "two", "one"]


def test_entries_come_page_by_page(client):
    write(client, *"abcde")
    assert payloads(client, page_size=2) == list("abcde")


def test_a_filter_selects_by_severity_and_log(client):
    write(client, "fine")
    write(client, "bad", severity="ERROR")
    write(client, "elsewhere", severity="ERROR", log="other")
    assert payloads(client, filter_='severity>=ERROR AND log_id("app")') == ["bad"]


def test_a_filter_that_is_none_is_refused(client):
    with pytest.raises(exceptions.BadRequest):
        payloads(client, filter_="severity>=")


def test_logs_are_listed_by_name_and_page_by_page(local_cloud_run, client, project):
    for name in ("b", "a", "run.googleapis.com%2Fstdout"):
        write(client, "x", log=name)
    first = logs(local_cloud_run, project, pageSize=2)
    rest = logs(local_cloud_run, project, pageSize=50, pageToken=first["nextPageToken"])
    names = first["logNames"] + rest["logNames"]
    assert "nextPageToken" not in rest
    assert names == sorted(names)
    wanted = {f"projects/{project}/logs/{name}" for name in ("a", "b")}
    assert wanted | {f"projects/{project}/logs/run.googleapis.com%2Fstdout"} <= set(names)


def test_logs_of_a_view_are_those_of_its_project(local_cloud_run, client, project):
    write(client, "x")
    view = f"{local_cloud_run.rest}/v2/projects/{project}/locations/global/buckets/b/views/v/logs"
    assert HTTP.get(view).json() == logs(local_cloud_run, project)


def test_a_log_can_be_deleted_whatever_its_name(client):
    for name in ("app", "run.googleapis.com%2Fstdout"):
        write(client, "x", log=name)
        client.logger(name).delete()
        log = name.replace("%2F", "/")
        assert payloads(client, filter_=f'log_id("{log}")') == []
    with pytest.raises(exceptions.NotFound):
        client.logger("never-was").delete()


def test_what_logging_has_and_the_local_one_has_not_is_refused_by_name(client):
    with pytest.raises(exceptions.BadRequest, match="sinks of Logging are not imitated"):
        list(client.list_sinks())
