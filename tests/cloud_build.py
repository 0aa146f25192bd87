"""cloudbuild.yaml as Cloud Build reads it: substituted, and parsed into its own message."""

import re
from pathlib import Path

import yaml
from google.cloud.devtools import cloudbuild_v1
from google.protobuf import json_format

FILE = Path(__file__).parents[1] / "cloudbuild.yaml"
FROM_A_TRIGGER = ("COMMIT_SHA", "SHORT_SHA", "BRANCH_NAME", "TAG_NAME", "REPO_NAME")
"""Empty where a build was started by hand."""
_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")
_OPTION = re.compile(r"^( *)#(?=\S)", re.MULTILINE)


def read(*, options=False):
    """The file's text, with the lines that are commented out as options or without."""
    text = FILE.read_text(encoding="utf-8")
    return _OPTION.sub(r"\1", text) if options else text


def parsed(text):
    """The message; fields that it does not have are refused."""
    build = cloudbuild_v1.Build()
    json_format.ParseDict(yaml.safe_load(text), cloudbuild_v1.Build.pb(build))
    return build


def substituted(build, **given):
    """The message as it is run: the project's, the user's and the file's own variables put in.

    Args:
        build: as parsed.
        given: of the build, by name; what only triggers give is empty where it is not given.
    """
    values = {**dict.fromkeys(FROM_A_TRIGGER, ""), **dict(build.substitutions), **given}

    def put(text):
        return _VARIABLE.sub(lambda match: values[match[1] or match[2]], text)

    values = {name: put(value) for name, value in values.items()}  # dynamicSubstitutions
    return cloudbuild_v1.Build.from_json(put(cloudbuild_v1.Build.to_json(build)))


def step(build, name):
    return next(one for one in build.steps if one.id == name)
