"""Short ways to write Cloud Run messages in tests of the control plane."""

from gate.local.admin.defaults import fill_service
from gate.local.admin.messages import (
    BY_NAME,
    LATEST,
    Container,
    CreateServiceRequest,
    RevisionTemplate,
    Service,
    TrafficTarget,
    UpdateServiceRequest,
)

PARENT = "projects/demo/locations/us-central1"
NAME = f"{PARENT}/services/backend"


def to(revision: str, percent: int = 0, tag: str = "") -> TrafficTarget:
    """A target that names a revision."""
    return TrafficTarget(type_=BY_NAME, revision=revision, percent=percent, tag=tag)


def latest(percent: int = 0, tag: str = "") -> TrafficTarget:
    """A target that follows the latest ready revision."""
    return TrafficTarget(type_=LATEST, percent=percent, tag=tag)


def template(image: str = "demo/good", revision: str = "") -> RevisionTemplate:
    """A template with one container."""
    return RevisionTemplate(revision=revision, containers=[Container(image=image)])


def service(
    image: str = "demo/good", revision: str = "", traffic: tuple[TrafficTarget, ...] = ()
) -> Service:
    """A service as a caller writes it."""
    return Service(name=NAME, template=template(image, revision), traffic=list(traffic))


def complete(**fields: object) -> Service:
    """A service with its defaults filled in."""
    made = service(**fields)  # type: ignore[arg-type]  # the same arguments
    fill_service(made, "demo")
    return made


def creation(made: Service | None = None, service_id: str = "backend") -> CreateServiceRequest:
    """A request to create a service."""
    wanted = made if made is not None else service()
    return CreateServiceRequest(parent=PARENT, service_id=service_id, service=wanted)


def update(made: Service, *paths: str) -> UpdateServiceRequest:
    """A request to update a service, with a mask when paths are given."""
    request = UpdateServiceRequest(service=made)
    UpdateServiceRequest.pb(request).update_mask.paths.extend(paths)
    return request
