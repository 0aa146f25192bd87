from pathlib import Path

import pytest
import yaml

from examples.backend.releases import RELEASES, Release
from examples.backend.startup import StartupError, settings

IMAGES = Path(__file__).parents[3] / "examples" / "images.yaml"
GOOD = {"JWT_SECRET_KEY": "k" * 32}
CLOUD_RUN = {"K_SERVICE": "backend", "K_REVISION": "backend-00001-abc", "PORT": "1234"}


def test_what_cloud_run_sets_is_read():
    chosen = settings({**GOOD, **CLOUD_RUN, "GOOGLE_CLOUD_PROJECT": "demo"})
    assert chosen.backend.revision == "backend-00001-abc"
    assert (chosen.port, chosen.project) == (1234, "demo")
    assert chosen.backend.release == RELEASES["v1"]


def test_the_key_is_never_shown():
    assert GOOD["JWT_SECRET_KEY"] not in repr(settings(GOOD))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"JWT_SECRET_KEY": ""}, "JWT_SECRET_KEY must have"),
        ({"JWT_SECRET_KEY": "short"}, "JWT_SECRET_KEY must have"),
        ({"BACKEND_RELEASE": "v9"}, "BACKEND_RELEASE must be one of v1"),
        ({"PORT": "http"}, "PORT must be a number"),
        ({"BACKEND_HEARTBEAT_S": "nan"}, "BACKEND_HEARTBEAT_S must be a number"),
        ({"BACKEND_RELEASE": "v3", **CLOUD_RUN}, "K_INSTANCE_ATTESTATION not set"),
    ],
)
def test_a_wrong_environment_is_refused(change, message):
    with pytest.raises(StartupError, match=message) as caught:
        settings({**GOOD, **change})
    assert "short" not in str(caught.value)


def test_the_first_and_the_last_release_are_the_good_one_and_the_others_are_not():
    good = Release()
    assert [name for name, release in RELEASES.items() if release == good] == ["v1", "v6"]


def test_there_is_an_image_for_each_release():
    images = yaml.safe_load(IMAGES.read_text())["images"]
    assert {name: image["env"]["BACKEND_RELEASE"] for name, image in images.items()} == {
        f"backend:{release}": release for release in RELEASES
    }
    assert all((IMAGES.parent / image["cwd"] / "examples").is_dir() for image in images.values())
