"""What people do beside the gate, with gcloud or in the console."""

from collections.abc import Callable
from dataclasses import replace

from gate.core.traffic import Split, Target
from tests.model.cloud_run import Cloud

OLD, STABLE, RIVAL, TAG = (
    "backend-00000-old",
    "backend-00001-stable",
    "backend-00009-rival",
    "candidate",
)
MOVES_OLD = "a person moves users to the old revision"
MOVES_BACK = "a person moves users to the stable revision"
TAGS = "a person adds a tag"
TAKES = "a person takes our tag"
DEPLOYS = "a person deploys"
FILES = "a person writes the service from a file"
TO_LATEST = "a deploy sends users to the newest"


def _move(revision: str) -> Callable[[Cloud], Cloud]:
    return lambda cloud: cloud.written(cloud.desired.moved_to(revision))


def _to_latest(cloud: Cloud) -> Cloud:
    """As Terraform does with `type = LATEST`, whatever the gate has pinned."""
    tags = tuple(Target(to, 0, tag) for tag, to in cloud.desired.tags.items())
    return cloud.written(Split.of([Target(None, 100), *tags]))


def _from_a_file(cloud: Cloud) -> Cloud:
    """Everything that the file does not hold is gone: our tag, and our annotation."""
    return replace(cloud.written(Split.all_to(STABLE, {"blue": OLD})), mark="")


PEOPLE: dict[str, Callable[[Cloud], Cloud]] = {
    MOVES_OLD: _move(OLD),
    MOVES_BACK: _move(STABLE),
    TAGS: lambda cloud: cloud.written(cloud.desired.with_tag("green", OLD)),
    TAKES: lambda cloud: cloud.written(cloud.desired.without_tag(TAG)),
    DEPLOYS: lambda cloud: cloud.written(cloud.desired, revision=RIVAL),
    FILES: _from_a_file,
    TO_LATEST: _to_latest,
}
