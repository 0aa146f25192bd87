"""The gcloud commands of docs/pipeline.md are ones that the real gcloud takes."""

import json
import re
import shlex
import subprocess

import pytest

from tests.contract.local_gcloud import needs_gcloud
from tests.dockerfile import ROOT

pytestmark = [needs_gcloud, pytest.mark.timeout(300)]
PAGE = (ROOT / "docs" / "pipeline.md").read_text(encoding="utf-8")


def documented():
    """Each command as one line, without what the shell does with its output."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    joined = re.sub(r"\\\n\s*", "", "".join(blocks)).splitlines()
    lines = [shlex.split(line.split(" > ")[0], comments=True) for line in joined]
    found = [shlex.join(words) for words in lines if words[:1] == ["gcloud"]]
    return [line.replace("PROJECT", "my-project") for line in found]  # ids have no capitals


def judged(commands, folder):
    file = folder / "commands.json"
    file.write_text(json.dumps([{"command_string": line} for line in commands]))
    told = subprocess.run(
        ["gcloud", "meta", "lint-gcloud-commands", f"--commands-file={file}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return [one["error_message"] for one in json.loads(told.stdout)]


def test_gcloud_takes_each_of_them(tmp_path):
    commands = documented()
    assert len(commands) >= 10
    *told, wrong = judged([*commands, "gcloud builds submit --no-such-flag"], tmp_path)
    assert "unrecognized arguments" in wrong
    assert told == [None] * len(commands)
