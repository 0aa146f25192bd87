"""What the environment says of who asks, in which build and from which commit."""

from gate.api.around import environment
from gate.api.gcloud import GcloudSettings
from gate.core.origin import RELEASE, Origin


def actor() -> str:
    """Who asks: GATE_ACTOR, the Cloud Build, the gcloud account, or the login name."""
    told = environment()
    if named := told.get("GATE_ACTOR"):
        return named
    if build := told.get("BUILD_ID"):
        return f"cloud build {build}"
    account = told.get("CLOUDSDK_CORE_ACCOUNT") or GcloudSettings(told).configured(
        "core", "account"
    )
    return account or _login_name()


def _login_name() -> str:
    import getpass  # noqa: PLC0415 - only where nothing else says who it is

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no entry for this user id, as in many containers
        return "unknown"


BUILDS: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("github actions", "GITHUB_RUN_ID", ("GITHUB_WORKFLOW",), ("GITHUB_SHA",)),
    ("gitlab ci", "CI_PIPELINE_ID", ("CI_PIPELINE_SOURCE",), ("CI_COMMIT_SHA",)),
    ("cloud build", "BUILD_ID", ("TRIGGER_NAME", "TRIGGER_ID"), ("COMMIT_SHA", "REVISION_ID")),
)
"""What runs the gate, told by a variable that holds its id; then those of trigger and commit."""


def origin() -> Origin:
    """In which build, and from which commit, the gate is asked, by the environment."""
    for system, build, triggers, commits in BUILDS:
        if environment().get(build):
            told = (_first_of((build,)), _first_of(triggers), _first_of(commits))
            return Origin(system, *told, release=RELEASE)
    return Origin(commit=_first_of(("COMMIT_SHA", "GITHUB_SHA", "CI_COMMIT_SHA")), release=RELEASE)


def _first_of(names: tuple[str, ...]) -> str:
    return next((value for name in names if (value := environment().get(name))), "")
