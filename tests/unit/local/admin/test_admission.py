from datetime import UTC, datetime, timedelta

import pytest

from gate.local.admin.admission import Admission, check_current, check_version
from gate.local.admin.conditions import Kind, State, condition
from gate.local.admin.etags import V2Etags, etag, micros, resource_version
from gate.local.admin.messages import Service
from gate.local.admin.tables import ServiceRecord, Tables
from gate.local.api.errors import ApiError, Code
from gate.local.ports import ServiceKey
from tests.fakes.local_control_plane import FakeSurroundings, MemoryJournal
from tests.fakes.local_messages import NAME, complete, to

AT = datetime(2026, 11, 22, 1, 2, 3, 4, tzinfo=UTC)
ENFORCED = V2Etags.ENFORCED
KEY = ServiceKey("demo", "us-central1", "backend")


def stored():
    return Service(name=NAME, update_time=AT, etag=etag(AT, NAME))


def test_no_etag_and_the_current_etag_are_let_in():
    check_current(stored(), "", ENFORCED)
    check_current(stored(), stored().etag, ENFORCED)


def test_a_stale_etag_is_a_conflict_that_names_both_versions():
    old = datetime(2026, 11, 21, tzinfo=UTC)
    with pytest.raises(ApiError) as caught:
        check_current(stored(), etag(old, NAME), ENFORCED)
    assert caught.value.code is Code.ABORTED
    assert caught.value.message == (
        f"Conflict for resource 'backend': version '{micros(old)}' was specified but current "
        f"version is '{micros(AT)}'."
    )


def test_an_etag_of_nobody_is_an_invalid_argument():
    with pytest.raises(ApiError) as caught:
        check_current(stored(), "abc", ENFORCED)
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_ignored_no_etag_is_even_read():
    check_current(stored(), etag(AT - timedelta(1), NAME), V2Etags.IGNORED)
    check_current(stored(), "abc", V2Etags.IGNORED)


def settled():
    made = stored()
    made.terminal_condition = condition(Kind.READY, State.SUCCEEDED, AT + timedelta(seconds=2))
    return made


@pytest.mark.parametrize("after_s", [0, 1, 2])
def test_a_version_since_the_last_write_is_current_whatever_the_status_did(after_s):
    check_version(settled(), resource_version(AT + timedelta(seconds=after_s)))


@pytest.mark.parametrize("after_s", [-1, 3])
def test_a_version_before_the_last_write_or_of_no_read_is_a_conflict(after_s):
    specified = AT + timedelta(seconds=after_s)
    with pytest.raises(ApiError) as caught:
        check_version(settled(), resource_version(specified))
    assert caught.value.code is Code.ABORTED
    assert caught.value.message == (
        f"Conflict for resource 'backend': version '{micros(specified)}' was specified but "
        f"current version is '{micros(AT)}'."
    )


def test_no_version_is_no_check():
    check_version(settled(), "")


def admission(max_tags=3):
    tables = Tables(MemoryJournal())
    other = ServiceKey("demo", "us-central1", "other")
    elsewhere = ServiceKey("demo", "europe-west1", "other")
    for key in (other, elsewhere):
        resource = complete(traffic=(to("r", 100, "x"),))
        tables.put(ServiceRecord(key, resource))
    record = ServiceRecord(KEY, complete(traffic=(to("r", 100, "live"), to("r", 0, "old"))))
    tables.put(record)
    return Admission(tables, FakeSurroundings().real, max_tags), record


def test_tags_within_a_regions_quota_stay():
    gate, record = admission()
    assert gate.within_quota(record, record.resource) == list(record.resource.traffic)


def test_a_tag_too_many_takes_the_oldest_idle_one_of_the_same_service():
    gate, record = admission()
    wanted = complete(traffic=(to("r", 100, "live"), to("r", 0, "old"), to("r", 0, "new")))
    kept = [target.tag for target in gate.within_quota(record, wanted)]
    assert kept == ["live", "new"]


def test_the_server_looks_for_a_name_that_nobody_holds():
    gate, record = admission()
    record.claims["backend-00001-bbc"] = record.resource.template
    wanted = complete(image="demo/new")
    record.resource.template.revision = "backend-old"
    assert gate.name_revision(KEY, record, wanted) == "backend-00001-bbd"
    assert wanted.template.revision == ""
