"""Where reports go: which URLs are buckets, and what is asked of the API."""

import pytest

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.http import Answer
from gate.cloud.storage import Folder, folder_of, put
from gate.cloud.wire import Media, Wire
from gate.errors import UsageError
from tests.unit.cloud.answers import ways_over


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("gs://reports", Folder("reports")),
        ("gs://reports/", Folder("reports")),
        ("gs://my.reports-1/gate//builds/", Folder("my.reports-1", "gate/builds")),
    ],
)
def test_a_bucket_and_what_names_begin_with(url, folder):
    assert folder_of(url) == folder
    assert folder.url_of("id", "gate.json").startswith(f"gs://{folder.bucket}/")
    assert "//" not in folder.name_of("id", "gate.json")


@pytest.mark.parametrize(
    "url",
    [
        *("gs://", "gs:///x", "s3://reports/x", "gs://Reports", "gs://a", "gs://reports/a\nb", "x"),
        *("gs://reports/" + "x" * 2000, "gs://user@host/x"),
    ],
)
def test_what_is_no_bucket(url):
    with pytest.raises(UsageError, match="expected gs://BUCKET/PREFIX"):
        folder_of(url)


class Bucket:
    def __init__(self):
        self.asked = []

    async def ask(self, method, target, headers, body, *, timeout_s):
        self.asked.append((method, target, dict(headers), body))
        return Answer(200, b"{}")

    def close(self):
        pass


async def test_a_file_is_sent_as_it_is_under_a_quoted_name():
    bucket = Bucket()
    async with Wire(Place(Api.STORAGE, Endpoint()), ways=ways_over(bucket)) as wire:
        media = Media("# é\n".encode(), "text/markdown; charset=utf-8")
        await put(wire, Folder("reports", "a b/c"), ("id", "gate.md"), media)
    ((method, target, headers, body),) = bucket.asked
    assert (method, body) == ("POST", media.content)
    assert target == "/upload/storage/v1/b/reports/o?uploadType=media&name=a%20b%2Fc%2Fid%2Fgate.md"
    assert headers["Host"] == "storage.googleapis.com"
    assert headers["Content-Type"] == media.type
    assert headers["Content-Length"] == "5"
    assert headers["Authorization"] == "Bearer t"
