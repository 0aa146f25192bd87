"""Names of resources: how they are written, and what Cloud Run allows in them."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from gate.local.api.errors import ApiError, Code, FieldViolation, invalid
from gate.local.ports import RevisionKey, ServiceKey

MAX_TAG_AND_SERVICE = 46  # firebase/firebase-tools#6137
_LABEL = re.compile(r"[a-z](?:[a-z0-9-]*[a-z0-9])?")
_SEGMENT = r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}|-"
_LOCATION = re.compile(rf"projects/({_SEGMENT})/locations/({_SEGMENT})")
_SERVICE = re.compile(rf"{_LOCATION.pattern}/services/({_SEGMENT})")
_REVISION = re.compile(rf"{_SERVICE.pattern}/revisions/({_SEGMENT})")
_OPERATION = re.compile(rf"{_LOCATION.pattern}/operations/({_SEGMENT})")
_MAX_NAME = 1_000


@dataclass(frozen=True, slots=True)
class Place:
    """A project and a region."""

    project: str
    location: str

    def __str__(self) -> str:
        """Gives projects/P/locations/L."""
        return f"projects/{self.project}/locations/{self.location}"


def place_of(key: ServiceKey) -> Place:
    """Gives the project and region of a service."""
    return Place(key.project, key.location)


def service_path(key: ServiceKey) -> str:
    """Gives a service's full name."""
    return f"{place_of(key)}/services/{key.service}"


def revision_path(key: RevisionKey) -> str:
    """Gives a revision's full name."""
    return f"{service_path(key.service)}/revisions/{key.revision}"


def log_url(key: RevisionKey) -> str:
    """Gives the console's address of a revision's logs, as revisions and error texts show it."""
    project, service, revision = key.service.project, key.service.service, key.revision
    wanted = (
        'resource.type="cloud_run_revision"\n'
        f'resource.labels.service_name="{service}"\n'
        f'resource.labels.revision_name="{revision}"'
    )
    place = f"cloud_run_revision/service_name/{service}/revision_name/{revision}"
    query = f"project={project}&resource={place}&advancedFilter={quote(wanted, safe='')}"
    return f"https://console.cloud.google.com/logs/viewer?{query}"


def short(name: str) -> str:
    """Gives the last segment of a name; a short name stays as it is."""
    return name.rpartition("/")[2]


def parse_place(name: str) -> Place:
    """Reads projects/P/locations/L.

    Raises:
        ApiError: INVALID_ARGUMENT, or the region is the wildcard `-`, which v2 does not take
            (google.cloud.run.v2.ListServicesRequest, parent).
    """
    place = Place(*_match(_LOCATION, name, "projects/PROJECT/locations/LOCATION"))
    if place.location == "-":
        raise invalid("parent", f"location must be one region (got {name}, expected no wildcard)")
    return place


def parse_service(name: str) -> ServiceKey:
    """Reads a service's full name.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    expected = "projects/PROJECT/locations/LOCATION/services/SERVICE"
    return ServiceKey(*_match(_SERVICE, name, expected))


def parse_revision(name: str) -> RevisionKey:
    """Reads a revision's full name.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    expected = "projects/PROJECT/locations/LOCATION/services/SERVICE/revisions/REVISION"
    project, location, service, revision = _match(_REVISION, name, expected)
    return RevisionKey(ServiceKey(project, location, service), revision)


def parse_operation(name: str) -> Place:
    """Checks an operation's full name and gives where it lives.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    expected = "projects/PROJECT/locations/LOCATION/operations/OPERATION"
    project, location, _ = _match(_OPERATION, name, expected)
    return Place(project, location)


def check_service_id(service_id: str) -> None:
    """Refuses ids that v2 refuses: fewer than 50 lowercase characters, digits and hyphens.

    Source: google.cloud.run.v2.CreateServiceRequest.service_id; wording pulumi/pulumi-gcp#3167.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    if not _LABEL.fullmatch(service_id) or len(service_id) >= 50:
        raise invalid(
            "CreateServiceRequest.service_id",
            "must begin with a letter, contain only lowercase letters, digits and hyphens, not "
            f"end with a hyphen, and have fewer than 50 characters (got {service_id[:80]!r})",
        )


def check_revision_id(field: str, revision: str) -> None:
    """Refuses revision names that Cloud Run refuses (pipe-cd/pipecd#5688).

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    if not _LABEL.fullmatch(revision) or len(revision) >= 64:
        raise invalid(
            field,
            "must contain only lowercase letters, digits and hyphens, begin with a letter, not "
            f"end with a hyphen, and have fewer than 64 characters (got {revision[:80]!r})",
        )


def check_prefix(field: str, revision: str, service: str) -> None:
    """Refuses names of new revisions that do not begin with their service's, in Cloud Run's words.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    if not revision.startswith(f"{service}-"):
        raise invalid(
            field,
            "The revision name must be prefixed by the name of the enclosing Service or "
            "Configuration with a trailing -",
        )


def check_target(field: str, revision: str, service: str) -> None:
    """Refuses what traffic cannot name: another service's revisions, and full resource names.

    Raises:
        ApiError: INVALID_ARGUMENT, with Cloud Run's text.
    """
    if not revision.startswith(f"{service}-"):
        text = f"Revision target '{revision[:200]}' invalid. Expected a revision prefixed with "
        text += f"'{service}-'"
        raise ApiError(Code.INVALID_ARGUMENT, text, (FieldViolation(field, text),))
    check_revision_id(field, revision)


def check_tag(field: str, tag: str, service: str) -> None:
    """Refuses tags that are no DNS label, or too long together with the service's name.

    Raises:
        ApiError: INVALID_ARGUMENT; the length rule has Cloud Run's own text and field.
    """
    if not _LABEL.fullmatch(tag) or len(tag) > 63:
        raise invalid(
            field,
            "must be a lowercase DNS label of at most 63 characters that begins with a letter "
            f"(got {tag[:80]!r})",
        )
    if len(tag) + len(service) > MAX_TAG_AND_SERVICE:
        text = (
            f"traffic tag '{tag}' and service name '{service}' together are too long. Combined "
            f"traffic tag and service name cannot exceed {MAX_TAG_AND_SERVICE} characters."
        )
        violation = invalid("spec.traffic.tag", text).violations
        raise ApiError(Code.INVALID_ARGUMENT, f"spec.traffic.tag: {text}", violation)


def revision_id(service: str, number: int, letters: str) -> str:
    """Names a revision as the server does: SERVICE-NNNNN-xyz, cut to 63 characters."""
    tail = f"-{number:05d}-{letters}"
    return service[: 63 - len(tail)] + tail


def _match(pattern: re.Pattern[str], name: str, expected: str) -> tuple[str, ...]:
    match = pattern.fullmatch(name) if len(name) <= _MAX_NAME else None
    if match is None:
        raise invalid("name", f"not a resource name (got {name[:200]!r}, expected {expected})")
    return tuple(match.groups())
