import pytest

from gate.cloud.volumes import Volumes, secret_aliases


@pytest.mark.parametrize(
    ("volume", "told"),
    [
        ({"nfs": {"server": "s", "path": "/p"}}, ("NFS s:/p", None)),
        (
            {
                "csi": {
                    "driver": "gcsfuse.run.googleapis.com",
                    "volumeAttributes": {"bucketName": "b"},
                }
            },
            ("bucket b", None),
        ),
        ({"csi": {"driver": "other"}}, ("other", None)),
        ({"emptyDir": {"sizeLimit": "1Gi"}}, ("memory 1Gi", None)),
        ({"emptyDir": {}}, ("memory", None)),
        ({"novel": {}}, ("novel", None)),
        ({}, ("unknown", None)),
        ({"secret": {"secretName": "tls"}}, ("tls", True)),
        (
            {"secret": {"secretName": "tls", "items": [{"key": "2", "path": "k"}]}},
            ("tls k=2", False),
        ),
        (
            {"secret": {"secretName": "tls", "items": [{"key": "latest", "path": "k"}]}},
            ("tls k=latest", True),
        ),
    ],
)
def test_volumes_are_told_by_what_they_name(volume, told):
    assert Volumes([{"name": "v", **volume}], {}).told("v") == told


def test_a_volume_that_is_not_there_is_unknown():
    assert Volumes([], {}).told("v") == ("unknown", None)


def test_aliases():
    annotations = {"run.googleapis.com/secrets": "a:projects/p/secrets/x, b:projects/q/secrets/y,c"}
    assert secret_aliases(annotations) == {
        "a": "projects/p/secrets/x",
        "b": "projects/q/secrets/y",
    }
    assert secret_aliases({}) == {}
