import tomllib
from pathlib import Path

from gate.core.origin import RELEASE


def test_the_version_in_the_record_is_the_packages():
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    assert project["project"]["version"] == RELEASE
