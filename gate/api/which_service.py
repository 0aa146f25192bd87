"""Which service is meant: by the command line, the policy, or what gcloud users have set."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gate.api.around import environment
from gate.api.gcloud import GcloudSettings
from gate.core.policy import ServiceName
from gate.core.service import ServiceRef
from gate.errors import UsageError

if TYPE_CHECKING:
    import argparse


def service_of(args: "argparse.Namespace", named: ServiceName | None = None) -> ServiceRef:
    """The service: from the command line, else the policy, else what gcloud users have set.

    Raises:
        UsageError: some part is nowhere to be found; names all that are missing.
    """
    return service_named(ServiceName(args.project, args.region, args.service), named, "--")


def service_named(given: ServiceName, named: ServiceName | None, dashes: str = "") -> ServiceRef:
    """The service by the parts that were given, as in `service_of`.

    Raises:
        UsageError: some part is nowhere to be found; names all that are missing.
    """
    project, region = _place(given, named)
    name = given.name or (named.name if named else "")
    parts = {"project": project, "region": region, "service": name}
    _require({dashes + part: value for part, value in parts.items()})
    return ServiceRef(project, region, name)


def place_of(args: "argparse.Namespace", named: ServiceName | None = None) -> tuple[str, str]:
    """Project and region alone, as in `service_of`.

    Raises:
        UsageError: one of them is nowhere to be found.
    """
    project, region = _place(ServiceName(args.project, args.region), named)
    _require({"--project": project, "--region": region})
    return project, region


def _place(given: ServiceName, named: ServiceName | None) -> tuple[str, str]:
    settings = GcloudSettings(environment())
    project = given.project or (named.project if named else "") or settings.project()
    region = given.region or (named.region if named else "") or settings.region()
    return project, region


def _require(parts: Mapping[str, str]) -> None:
    missing = [flag for flag, value in parts.items() if not value]
    if missing:
        raise UsageError(
            f"service: not fully named (got nothing for {', '.join(missing)})",
            "give them on the command line or in the policy under `service`; project and region "
            "may also come from CLOUDSDK_CORE_PROJECT and CLOUDSDK_RUN_REGION, or gcloud config",
        )
