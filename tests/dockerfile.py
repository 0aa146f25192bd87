"""The Dockerfile as it is built: its stages, what each copies and runs."""

import io
import re
from dataclasses import dataclass, field
from pathlib import Path

from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).parents[1]


@dataclass
class Stage:
    """One FROM with what follows it: (instruction, value) in their order."""

    base: str
    lines: list = field(default_factory=list)

    def values(self, instruction):
        return [value for name, value in self.lines if name == instruction]


def stages():
    """What comes before the first FROM, then each stage."""
    text = (ROOT / "Dockerfile").read_bytes()
    parser = DockerfileParser(fileobj=io.BytesIO(text), env_replace=False)
    found = [Stage("")]
    for one in parser.structure:
        if one["instruction"] == "FROM":
            found.append(Stage(one["value"]))
        elif one["instruction"] != "COMMENT":
            found[-1].lines.append((one["instruction"], one["value"]))
    return found


def copied(stage):
    """Names of our files that a stage copies."""
    values = (value.split() for value in stage.values("COPY"))
    return {name for words in values if not words[0].startswith("--from") for name in words[:-1]}


def assigned(text):
    """NAME=VALUE pairs of an ENV or ARG."""
    return dict(re.findall(r"(\w+)=(\S*)", text))
