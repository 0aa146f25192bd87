from pathlib import Path

import pytest

from gate.local.image_store import ImageStore
from gate.local.images import Image

IMAGE = Image(("serve", "-v"), Path("/srv"), {"A": "b"}, ("run",))
DIGEST = IMAGE.digest()


def test_an_image_is_found_again_by_its_digest_and_repository(tmp_path):
    ImageStore(tmp_path / "images").keep("demo/app", IMAGE)
    again = ImageStore(tmp_path / "images")
    assert again.find("demo/app", DIGEST) == IMAGE
    assert again.find("demo/other", DIGEST) is None
    assert again.find("demo/app", "sha256:0") is None


def test_others_cannot_read_it(tmp_path):
    ImageStore(tmp_path / "images").keep("demo/app", IMAGE)
    assert (tmp_path / "images").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"command": 7}', "null"])
def test_a_file_that_is_not_what_was_kept_is_no_image(tmp_path, text):
    store = ImageStore(tmp_path / "images")
    store.keep("demo/app", IMAGE)
    (file,) = (tmp_path / "images").iterdir()
    file.write_text(text)
    assert store.find("demo/app", DIGEST) is None


def test_an_image_that_was_changed_in_the_store_is_no_image(tmp_path):
    store = ImageStore(tmp_path / "images")
    store.keep("demo/app", IMAGE)
    (file,) = (tmp_path / "images").iterdir()
    file.write_text(file.read_text().replace("serve", "other"))
    assert store.find("demo/app", DIGEST) is None


def test_what_cannot_be_written_is_not_kept(tmp_path):
    (tmp_path / "images").write_text("a file")
    store = ImageStore(tmp_path / "images")
    store.keep("demo/app", IMAGE)
    assert store.find("demo/app", DIGEST) is None


def test_without_a_directory_nothing_is_kept():
    store = ImageStore(None)
    store.keep("demo/app", IMAGE)
    assert store.find("demo/app", DIGEST) is None
