import pytest

from gate.local.logging.names import LogName, parse_log_name, parse_parent


def test_a_log_name_percent_encodes_its_id_and_is_read_back():
    name = LogName("projects/demo", "run.googleapis.com/stdout")
    assert str(name) == "projects/demo/logs/run.googleapis.com%2Fstdout"
    assert parse_log_name(str(name)) == name


@pytest.mark.parametrize(
    "owner", ["projects/p", "organizations/1", "folders/2", "billingAccounts/3"]
)
def test_every_kind_of_owner_has_logs(owner):
    assert parse_log_name(f"{owner}/logs/x").parent == owner
    assert parse_parent(owner) == owner


@pytest.mark.parametrize(
    "name",
    ["", "x", "projects/demo", "projects//logs/x", "projects/demo/logs/", "projects/demo/logs/a/b",
     "projects/demo/logs/a%20b", "projects/demo/logs/" + "a" * 512, "teams/demo/logs/x"],
)  # fmt: skip
def test_what_is_not_the_name_of_a_log_is_refused(name):
    with pytest.raises(ValueError, match="log name: not"):
        parse_log_name(name)


def test_a_view_of_a_bucket_shows_the_whole_project():
    view = "projects/demo/locations/global/buckets/_Default/views/_AllLogs"
    assert parse_parent(view) == "projects/demo"


@pytest.mark.parametrize(
    "name", ["", "demo", "projects/", "projects/demo/", "projects/demo/logs/x"]
)
def test_what_owns_no_logs_is_refused(name):
    with pytest.raises(ValueError, match="resource name: not a resource that owns logs"):
        parse_parent(name)
