import pytest

from gate.local.catalog import Catalog
from gate.local.image_store import ImageStore
from gate.local.images import ImagesError

SERVE = "images: {app: {command: [serve, %s]}}\nsecrets: {key: %s}\n"


class File:
    """An images file that is written anew, and what was complained of."""

    def __init__(self, path):
        self.path = path
        self.said = []
        self.write(SERVE % ("one", "old"))
        self.catalog = Catalog(path, self.said.append, ImageStore(None))

    def write(self, text):
        """As editors do it: a new file in the place of the old one."""
        draft = self.path.with_suffix(".draft")
        draft.write_text(text)
        draft.replace(self.path)

    def runs(self, name="app"):
        image = self.catalog.find(name)
        return image and image.command[1]


@pytest.fixture
def file(tmp_path):
    return File(tmp_path / "images.yaml")


def test_a_changed_file_is_read_at_the_next_question(file):
    assert (file.runs(), file.catalog.secrets["key"]) == ("one", "old")
    file.write(SERVE % ("two", "new"))
    assert (file.runs(), file.catalog.secrets["key"]) == ("two", "new")


def test_what_was_made_of_the_old_content_still_runs_by_its_digest(file):
    digest = file.catalog.by_digest("app")
    file.write(SERVE % ("two", "new"))
    assert file.runs(digest) == "one"
    assert file.catalog.by_digest(digest) == digest
    assert file.runs(file.catalog.by_digest("app")) == "two"
    assert file.runs(digest.replace("app", "other")) is None


def test_an_image_that_is_taken_out_is_missing_by_its_tag(file):
    file.write("images: {}\n")
    assert file.runs() is None
    assert file.catalog.by_digest("app") == ""


def test_a_broken_file_leaves_what_was_and_is_said_once(file):
    file.write("images: [")
    assert [file.runs(), file.runs()] == ["one", "one"]
    (said,) = file.said
    assert said.startswith(f"{file.path}: cannot be read as YAML")
    assert said.splitlines()[-1] == "hint: what the file said before is still used"
    file.write("images: {{")
    assert file.runs() == "one"
    assert len(file.said) == 2


def test_a_file_that_is_gone_leaves_what_was(file):
    file.path.unlink()
    assert file.runs() == "one"
    assert "No such file" in file.said[0]
    file.write(SERVE % ("two", "new"))
    assert file.runs() == "two"


def test_a_file_that_is_broken_at_the_start_is_refused(tmp_path):
    path = tmp_path / "images.yaml"
    path.write_text("images: [")
    with pytest.raises(ImagesError):
        Catalog(path, print, ImageStore(None))


def test_what_the_file_said_before_a_restart_still_runs_by_its_digest(tmp_path):
    path, store = tmp_path / "images.yaml", ImageStore(tmp_path / "store")
    path.write_text(SERVE % ("one", "old"))
    digest = Catalog(path, print, store).by_digest("app")
    path.write_text(SERVE % ("another", "old"))
    again = Catalog(path, print, store)
    image = again.find(digest)
    assert image is not None
    assert image.command == ("serve", "one")
    assert again.by_digest(digest) == digest
    assert again.find("app@sha256:0") is None
